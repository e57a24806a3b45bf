//! Who does by hand what the runner does by itself, and with what: the server for a caller, or the command line.

pub(super) mod delays;
pub(super) mod emit;
pub(super) mod explain;
pub(super) mod replay;
pub(super) mod run_now;
pub(super) mod stats;
pub(super) mod test_run;

use std::sync::Arc;

use crate::clock::{Clock, Random};
use crate::db::Db;
use crate::handler::Registry;
use crate::state::AppState;

/// What is at hand for work by hand.
#[derive(Clone)]
pub struct Operator<'a> {
    /// Where the runs are.
    pub db: &'a Db,
    /// Which handlers there are.
    pub handlers: Arc<Registry>,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// Randomness, for ids.
    pub random: Arc<dyn Random>,
    /// Who asks, such as `token:shop` or `command line`.
    pub actor: String,
}

impl<'a> Operator<'a> {
    /// A caller of this server.
    pub fn new(state: &'a AppState, actor: String) -> Self {
        let (handlers, clock) = (Arc::clone(&state.handlers), Arc::clone(&state.clock));
        Self { db: &state.db, handlers, clock, random: Arc::clone(&state.random), actor }
    }
}

/// `cancelled by token:shop: no longer needed`, or without a reason up to the second colon.
pub fn reason_text(done: &str, actor: &str, reason: Option<&str>) -> String {
    match reason.map(str::trim).filter(|reason| !reason.is_empty()) {
        Some(reason) => format!("{done} by {actor}: {reason}"),
        None => format!("{done} by {actor}"),
    }
}
