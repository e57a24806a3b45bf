//! Callers who write and trigger, whatever becomes of the server, and note what they were promised.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use reqwest::{Method, RequestBuilder};
use serde_json::{Value, json};
use tenon::clock::{OsRandom, Random as _};
use tokio::task::JoinHandle;

use crate::support::api::{Answered, Api, try_send};
use crate::support::receiver::Receiver;

/// Callers of each of four kinds.
const OF_A_KIND: usize = 2;
/// How many documents a caller changes at a time; older ones are left as they are.
const IN_HAND: usize = 6;
/// Triggers of a batch.
pub const BATCH: usize = 3;

/// What callers were told.
#[derive(Default)]
pub struct Told {
    /// Ids of events, each once for every answer that named it.
    pub events: Vec<String>,
    /// Names that products were given.
    pub names: Vec<String>,
    /// The number in the payload of a trigger that was sent with a key until it was answered, and the event's id.
    pub insisted: BTreeMap<String, String>,
    /// Numbers of batches.
    pub batches: Vec<String>,
}

/// The callers, seen together.
pub struct Load {
    api: Api,
    store: String,
    told: Mutex<Told>,
    random: OsRandom,
    /// Writes so far, answered or not.
    pub count: AtomicUsize,
    pub stop: AtomicBool,
}

impl Load {
    pub fn new(api: Api, store: String) -> Self {
        let (told, count, stop) = (Mutex::default(), AtomicUsize::new(0), AtomicBool::new(false));
        Self { api, store, told, random: OsRandom::new(), count, stop }
    }

    pub fn start(self: &Arc<Self>, receiver: &Arc<Receiver>) -> Vec<JoinHandle<()>> {
        let mut callers = Vec::new();
        for _ in 0..OF_A_KIND {
            callers.push(tokio::spawn(self.clone().emit()));
            callers.push(tokio::spawn(self.clone().insist()));
            callers.push(tokio::spawn(self.clone().edit()));
            callers.push(tokio::spawn(self.clone().edit()));
        }
        callers.push(tokio::spawn(self.clone().answer_deliveries(receiver.clone())));
        callers
    }

    /// What was promised so far.
    pub fn told(&self) -> Told {
        std::mem::take(&mut self.told.lock().expect("no panic"))
    }

    /// A number that no other write has; none when it is time to stop.
    async fn next(&self) -> Option<String> {
        tokio::time::sleep(Duration::from_millis(5)).await;
        let number = self.count.fetch_add(1, Ordering::Relaxed);
        (!self.stop.load(Ordering::Relaxed)).then(|| format!("n{number}"))
    }

    fn note(&self, note: impl FnOnce(&mut Told)) {
        note(&mut self.told.lock().expect("no panic"));
    }

    /// Triggers, one by one and in batches.
    async fn emit(self: Arc<Self>) {
        while let Some(number) = self.next().await {
            if self.random.below(4) == 0 {
                self.emit_batch(number).await;
            } else if let Some(answer) = answer_to(self.trigger(&number)).await {
                self.note(|told| told.events.push(event_of(&answer)));
            }
        }
    }

    async fn emit_batch(&self, number: String) {
        let target = json!({"type": "store", "documentId": self.store});
        let item = json!({"trigger": "batched", "target": target, "payload": {"batch": number}});
        let body = json!({"data": vec![item; BATCH]});
        if answer_to(self.api.request(Method::POST, "/api/triggers").json(&body)).await.is_some() {
            self.note(|told| told.batches.push(number));
        }
    }

    /// Sends the same with the same key until it is answered, as a careful caller does.
    async fn insist(self: Arc<Self>) {
        while let Some(number) = self.next().await {
            loop {
                if let Some(answer) = answer_to(self.trigger(&number).header("idempotency-key", &number)).await {
                    let event = event_of(&answer);
                    self.note(|told| drop(told.insisted.insert(number, event)));
                    break;
                }
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        }
    }

    /// Creates products, changes, publishes, unpublishes and deletes them; each has one caller.
    async fn edit(self: Arc<Self>) {
        let mut in_hand: Vec<String> = Vec::new();
        while let Some(number) = self.next().await {
            let place = self.random.below(IN_HAND as u64) as usize;
            match in_hand.get(place).cloned() {
                None => in_hand.extend(self.create(number).await),
                Some(product) => match self.random.below(10) {
                    0 => drop(answer_to(self.action(&product, "publish")).await),
                    1 => drop(answer_to(self.action(&product, "unpublish")).await),
                    2 => {
                        let path = format!("/api/products/{product}");
                        drop(answer_to(self.api.request(Method::DELETE, &path)).await);
                        in_hand.remove(place);
                    }
                    3 => drop(in_hand.remove(place)),
                    _ => self.rename(&product, number).await,
                },
            }
        }
    }

    async fn create(&self, number: String) -> Option<String> {
        // Every fifth belongs to the store whose records hear of it.
        let stores = if self.random.below(5) == 0 { json!([self.store]) } else { json!([]) };
        let product = json!({"data": {"Name": number, "stores": stores, "PRICES": [{"Name": "One", "Price": 1}]}});
        let status = if self.random.below(2) == 0 { "draft" } else { "published" };
        let path = format!("/api/products?status={status}");
        let answer = answer_to(self.api.request(Method::POST, &path).json(&product)).await?;
        self.note(|told| told.names.push(number));
        answer.json["data"]["documentId"].as_str().map(str::to_owned)
    }

    async fn rename(&self, product: &str, number: String) {
        let path = format!("/api/products/{product}");
        let body = json!({"data": {"Name": number}});
        let answer = answer_to(self.api.request(Method::PUT, &path).json(&body)).await;
        // A deletion that was not answered may have been done.
        if answer.is_some_and(|answer| answer.status == 200) {
            self.note(|told| told.names.push(number));
        }
    }

    /// Writes because of what was delivered, as handlers of other systems do: every new product is given a number.
    async fn answer_deliveries(self: Arc<Self>, receiver: Arc<Receiver>) {
        let (mut seen, mut known) = (0, BTreeSet::new());
        while !self.stop.load(Ordering::Relaxed) {
            tokio::time::sleep(Duration::from_millis(20)).await;
            let deliveries = receiver.received_after(seen);
            seen += deliveries.len();
            for delivery in deliveries.iter().filter(|delivery| delivery.path == "/products") {
                let event: Value = delivery.json();
                let is_new = event["trigger"] == "trigger:product_created" && known.insert(event["id"].to_string());
                if is_new {
                    let path = format!("/api/products/{}", event["target"]["documentId"].as_str().expect("an id"));
                    let body = json!({"data": {"SKU": event["id"]}});
                    drop(answer_to(self.api.request(Method::PUT, &path).json(&body)).await);
                    self.count.fetch_add(1, Ordering::Relaxed);
                }
            }
        }
    }

    fn action(&self, product: &str, action: &str) -> RequestBuilder {
        self.api.request(Method::POST, &format!("/api/products/{product}/actions/{action}"))
    }

    fn trigger(&self, number: &str) -> RequestBuilder {
        let path = format!("/api/stores/{}/triggers/post_sale", self.store);
        self.api.request(Method::POST, &path).json(&json!({ "payload": { "number": number } }))
    }
}

/// The answer, when there was one and it promised something.
async fn answer_to(request: RequestBuilder) -> Option<Answered> {
    let answer = try_send(request).await.ok()?;
    assert!([200, 201, 202, 204, 404, 503].contains(&answer.status), "{}: {}", answer.status, answer.text);
    (answer.status != 503).then_some(answer)
}

fn event_of(answer: &Answered) -> String {
    answer.json["data"]["id"].as_str().expect("an event id").to_owned()
}
