//! Store B: it saves, emits and receives deliveries, and must not notice what store A does.

use std::time::{Duration, Instant};

use reqwest::Method;
use serde_json::json;
use tokio::runtime::{Builder, Runtime};

use crate::Outcome;
use crate::receiver::Receiver;
use crate::target::Target;

/// How often it writes.
const PACE: Duration = Duration::from_millis(100);
/// How long its deliveries may take after the last of its events.
const PATIENCE: Duration = Duration::from_secs(10);

/// The store, and where its deliveries go. It trades on a thread of its own, so that what store A does there does not count.
pub struct Shop {
    trader: Trader,
    thread: Option<Runtime>,
}

#[derive(Clone)]
struct Trader {
    target: Target,
    store: String,
    receiver: Receiver,
}

/// What came of some time of trade.
#[derive(Debug, Default)]
pub struct Traded {
    /// How long each write took until it was answered, in ascending order.
    pub answered: Vec<Duration>,
    /// Events that were accepted and not delivered.
    pub lost: usize,
}

impl Shop {
    pub async fn open(target: Target) -> Outcome<Self> {
        let thread = Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
        let trader = thread.spawn(Trader::open(target)).await??;
        Ok(Self { trader, thread: Some(thread) })
    }

    /// Saves the store and emits a sale in turns while `busy`, and then waits for what is to be delivered. Numbers of events
    /// begin at `first`. Fails when a write is not done.
    pub async fn trade(&self, first: usize, busy: impl Fn() -> bool + Send + 'static) -> Outcome<Traded> {
        let (trader, thread) = (self.trader.clone(), self.thread.as_ref().ok_or("no thread")?);
        thread.spawn(async move { trader.trade(first, busy).await }).await?
    }
}

impl Drop for Shop {
    fn drop(&mut self) {
        // Without waiting, which must not be done where it is dropped.
        if let Some(thread) = self.thread.take() {
            thread.shutdown_background();
        }
    }
}

impl Trader {
    async fn open(target: Target) -> Outcome<Self> {
        let (receiver, url) = Receiver::start()?;
        let record = json!({ "key": "custom:webhook", "triggers": ["trigger:post_sale"], "url": url });
        let data = json!({ "data": { "title": "B", "slug": "b", "extensions": [record] } });
        let made = target.demand(Method::POST, "/api/stores", &data).await?;
        let store = made["data"]["documentId"].as_str().ok_or("no documentId")?.to_owned();
        Ok(Self { target, store, receiver })
    }

    async fn trade(&self, first: usize, busy: impl Fn() -> bool) -> Outcome<Traded> {
        let (mut traded, mut events) = (Traded::default(), Vec::new());
        let mut turns = tokio::time::interval(PACE);
        for number in first.. {
            if !busy() {
                break;
            }
            turns.tick().await;
            let (save, sale) =
                (json!({ "data": { "title": number.to_string() } }), json!({ "payload": { "number": number } }));
            let [store, trigger] = ["", "/triggers/post_sale"].map(|rest| format!("/api/stores/{}{rest}", self.store));
            for (method, path, body) in [(Method::PUT, store, save), (Method::POST, trigger, sale)] {
                let since = Instant::now();
                self.target.demand(method, &path, &body).await?;
                traded.answered.push(since.elapsed());
            }
            events.push(number as u64);
        }
        traded.answered.sort_unstable();
        traded.lost = self.missing(&events).await?;
        Ok(traded)
    }

    async fn missing(&self, events: &[u64]) -> Outcome<usize> {
        let since = Instant::now();
        loop {
            let arrived = self.receiver.arrivals()?;
            let missing = events.iter().filter(|number| !arrived.contains_key(number)).count();
            if missing == 0 || since.elapsed() > PATIENCE {
                return Ok(missing);
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }
}

impl Traded {
    pub fn median(&self) -> Duration {
        self.answered.get(self.answered.len() / 2).copied().unwrap_or_default()
    }

    pub fn longest(&self) -> Duration {
        self.answered.last().copied().unwrap_or_default()
    }
}
