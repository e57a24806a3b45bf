//! What requests and workers may use, built once and handed down.

use std::sync::Arc;

use tokio::sync::Notify;

use crate::clock::{Clock, Random};
use crate::config::Config;
use crate::db::Db;
use crate::secrets::Sealer;

/// The parts of the running program.
pub struct AppState {
    /// What it was told.
    pub config: Config,
    /// The database.
    pub db: Db,
    /// Seals and opens credentials.
    pub sealer: Sealer,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// Randomness.
    pub random: Arc<dyn Random>,
    /// Wakes the runner when something was committed for it.
    pub wake: Wake,
}

/// Wakes the runner's loops before their next turn by the clock.
#[derive(Default)]
pub struct Wake {
    /// An event was committed.
    pub events: Notify,
    /// A run may be due.
    pub runs: Notify,
}
