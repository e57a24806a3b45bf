//! What requests and workers may use, built once and handed down.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;

use crate::access::TokenUses;
use crate::cache::Cache;
use crate::clock::{Clock, Millis, Random, SECOND, iso};
use crate::config::Config;
use crate::content::Catalog;
use crate::db::Db;
use crate::handler::Registry;
use crate::key;
use crate::outbound;
use crate::queue::handoff::Standby;
use crate::queue::ingest;
use crate::queue::lock_queues::LockQueues;
use crate::queue::refusals::Refusals;
use crate::rates::Rates;
use crate::readiness::Readiness;
use crate::secrets::{Sealer, token_hash};
use crate::triggers::Matchers;

/// The parts of the running program.
pub struct AppState {
    /// What it was told.
    pub config: Config,
    /// The content types and components.
    pub catalog: &'static Catalog,
    /// The database.
    pub db: Db,
    /// Seals and opens credentials.
    pub sealer: Sealer,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// Randomness.
    pub random: Arc<dyn Random>,
    /// Which handler answers to which key.
    pub handlers: Arc<Registry>,
    /// The way out to the network.
    pub outbound: outbound::Client,
    /// Compiled trigger patterns.
    pub matchers: Matchers,
    /// The hash of the token that the configuration names.
    pub bootstrap_hash: Option<String>,
    /// When the use of each token was noted.
    pub token_uses: TokenUses,
    /// What callers emit, waiting to be stored.
    pub emissions: Arc<ingest::Queue>,
    /// Deliveries that were not taken, and not told of yet.
    pub refusals: Refusals,
    /// Whether the database can be written.
    pub readiness: Readiness,
    /// Finished answers.
    pub cache: Cache,
    /// Wakes the runner when something was committed for it.
    pub wake: Wake,
    /// What the runner lends while it waits.
    pub standby: Standby,
    /// Whether the runner runs in this process.
    pub pulse: Pulse,
    /// Breaks off attempts whose run is cancelled.
    pub stops: Stops,
    /// How often visitors subscribe and unsubscribe.
    pub subscribe_rates: Rates,
    /// Attempts that wait for an external lock.
    pub lock_queues: LockQueues,
}

impl AppState {
    /// Opens and migrates the database, finds the key, and puts the parts together.
    ///
    /// Fails, with a text for the person who starts the program, when one of them is not as it must be.
    pub async fn build(
        config: Config,
        (handlers, catalog): (Registry, &'static Catalog),
        clock: Arc<dyn Clock>,
        random: Arc<dyn Random>,
    ) -> Result<Arc<Self>, String> {
        config.defaults.check(&handlers)?;
        let outbound = outbound::Client::new(config.outbound_allow.clone())?;
        let migrations = Db::migrate(&config.database_url, catalog)?.len();
        if migrations > 0 {
            log::info!("{migrations} migrations of the database ran");
        }
        let db = Db::open(&config.database_url, catalog, config.db_connections)?;
        db.listen()?;
        let sealer = key::open(&config, &db, clock.now(), &*random).await?;
        let bootstrap_hash = config.bootstrap_token.as_deref().map(token_hash);
        let cache = Cache::new(config.cache_mib << 20);
        let (matchers, token_uses, emissions, refusals, readiness) = Default::default();
        let (wake, standby, pulse, stops, subscribe_rates, lock_queues) = Default::default();
        Ok(Arc::new(Self {
            config,
            catalog,
            db,
            sealer,
            clock,
            random,
            handlers: Arc::new(handlers),
            outbound,
            matchers,
            bootstrap_hash,
            token_uses,
            emissions,
            refusals,
            readiness,
            cache,
            wake,
            standby,
            pulse,
            stops,
            subscribe_rates,
            lock_queues,
        }))
    }

    /// Wakes the runner: an event was committed. Those of other processes are woken when this one's has its hands full,
    /// or there is none; else they would only come too late.
    pub fn wake_for_events(&self) {
        self.wake.events.notify_one();
        self.wake_others();
    }

    /// Wakes the runner: runs were committed. The rest is as with [`Self::wake_for_events`].
    pub fn wake_for_runs(&self) {
        self.wake.runs.notify_one();
        self.wake_others();
    }

    fn wake_others(&self) {
        if !self.pulse.beats() || self.wake.is_full.load(Ordering::Relaxed) {
            self.db.tell_of_work();
        }
    }
}

/// Wakes the runner's loops before their next turn by the clock.
#[derive(Default)]
pub struct Wake {
    /// An event was committed.
    pub events: Notify,
    /// A run may be due.
    pub runs: Notify,
    /// The time has moved by more than it does.
    pub ticks: Notify,
    /// Whether the runner has as many attempts under way as it may.
    pub is_full: AtomicBool,
}

/// Whether a loop runs, and whether it comes to an end with what it does.
#[derive(Default)]
pub struct Pulse {
    beats: AtomicBool,
    moves: Mutex<Moves>,
}

#[derive(Default)]
struct Moves {
    /// Since when it does not come to an end.
    stuck_since: Option<Millis>,
    /// Why not, as far as is known.
    reason: String,
}

/// How long a loop may not come to an end before that is told.
const PATIENCE: Millis = 30 * SECOND;

impl Pulse {
    /// Notes that all was done that was to be done.
    pub fn moved(&self) {
        *self.lock() = Moves::default();
    }

    /// Notes that something could not be done, at this moment.
    pub fn stumbled(&self, reason: impl Into<String>, now: Millis) {
        let mut moves = self.lock();
        moves.stuck_since.get_or_insert(now);
        moves.reason = reason.into();
    }

    /// Why it has not moved for [`PATIENCE`] or longer, if that is so.
    pub fn stuck(&self, now: Millis) -> Option<String> {
        let moves = self.lock();
        let since = moves.stuck_since.filter(|since| now - since >= PATIENCE)?;
        Some(format!("the runner has not moved since {}: {}", iso(since), moves.reason))
    }

    fn lock(&self) -> MutexGuard<'_, Moves> {
        self.moves.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Runs `work`; the pulse beats until it ends, or panics, or is dropped.
    pub async fn of<T>(&self, work: impl Future<Output = T>) -> T {
        struct Beat<'a>(&'a AtomicBool);
        impl Drop for Beat<'_> {
            fn drop(&mut self) {
                self.0.store(false, Ordering::Relaxed);
            }
        }
        self.beats.store(true, Ordering::Relaxed);
        let _beat = Beat(&self.beats);
        work.await
    }

    /// Whether it beats.
    pub fn beats(&self) -> bool {
        self.beats.load(Ordering::Relaxed)
    }
}

/// The attempts under way in this process, by run: one whose run is cancelled is broken off.
#[derive(Default)]
pub struct Stops(Mutex<HashMap<i64, Arc<Notify>>>);

/// An attempt that can be broken off, until this is dropped.
pub struct Stop<'a> {
    stops: &'a Stops,
    run: i64,
    asked: Arc<Notify>,
}

impl Stops {
    /// Makes an attempt of `run` one that can be broken off.
    pub fn watch(&self, run: i64) -> Stop<'_> {
        let asked = Arc::new(Notify::new());
        self.lock().insert(run, Arc::clone(&asked));
        Stop { stops: self, run, asked }
    }

    /// Breaks off the attempt of `run`, if this process has one under way.
    pub fn stop(&self, run: i64) {
        if let Some(asked) = self.lock().get(&run) {
            asked.notify_one();
        }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<i64, Arc<Notify>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Stop<'_> {
    /// Waits until the attempt shall be broken off.
    pub async fn asked(&self) {
        self.asked.notified().await;
    }
}

impl Drop for Stop<'_> {
    fn drop(&mut self) {
        let mut stops = self.stops.lock();
        // A later attempt of the same run has a stop of its own.
        if stops.get(&self.run).is_some_and(|asked| Arc::ptr_eq(asked, &self.asked)) {
            stops.remove(&self.run);
        }
    }
}
