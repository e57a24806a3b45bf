//! What requests and workers may use, built once and handed down.

use std::sync::Arc;

use crate::access::TokenUses;
use crate::cache::Cache;
use crate::clock::{Clock, Random};
use crate::config::Config;
use crate::content::Catalog;
use crate::db::Db;
use crate::handler::Registry;
use crate::key;
use crate::outbound;
use crate::queue::Queue;
use crate::queue::wake::Work;
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
    /// What requests and the runner hand to each other.
    pub queue: Queue,
    /// Whether the database can be written.
    pub readiness: Readiness,
    /// Finished answers.
    pub cache: Cache,
    /// How often visitors subscribe and unsubscribe.
    pub subscribe_rates: Rates,
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
        let (matchers, token_uses, queue, readiness, subscribe_rates) = Default::default();
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
            queue,
            readiness,
            cache,
            subscribe_rates,
        }))
    }

    /// Wakes the runner: there is work that was committed. The runners of other processes are notified only if the runner of
    /// this process has no free permit, or there is none: otherwise they would find the work taken.
    pub fn wake_runner(&self, work: Work) {
        self.queue.wake.notify(work);
        if !self.queue.liveness.is_running() || self.queue.wake.is_full() {
            self.db.notify_of_work();
        }
    }
}
