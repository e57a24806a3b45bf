//! The runner: events become runs, runs become attempts, attempts are recorded.
//!
//! ```text
//!  change or call ──► event (outbox) ──► dispatch: one run for each (event, record)
//!                                             │
//!            ┌────────────────────────────────▼──────────────────┐
//!            │ turn, one transaction: record what ended,         │
//!            │ dispatch what was emitted, claim what is due      │
//!            └──▲────────────────────────────────┬───────────────┘
//!         record│                                │claimed, with a lease
//!            attempts ◄── handler ◄── worker ◄───┘   no transaction is open here
//! ```
//!
//! A caller's event skips the turn: it is dispatched with the commit that stores it. While the loop waits it lends its
//! room, on which the runs are claimed with that commit too. See `at_once`.
//!
//! A run is held by whoever has its attempt number. A worker that lost its lease cannot record over its successor.
//! Knows nothing of HTTP.

mod execute;
mod dispatch;
mod cycle;
mod operator;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use tokio::sync::watch;
use tokio::task::JoinHandle;

use crate::state::AppState;

pub use cycle::prune::prune;
pub use dispatch::emit::{emit, emit_all};
pub use dispatch::inbound;
pub use operator::Operator;
pub use operator::delays::{Delay, DelayCause};
pub use operator::emit::emit_alone;
pub use operator::explain::{Because, Explained, Explanation, Question, Reason, explain};
pub use operator::replay::{MOST_IDS, OwnerFields, Replayed, Selection, dry_run, replay, replay_one};
pub use operator::run_now::{RunNowRequest, Started, cancel, run_now};
pub use operator::stats::{LastFailure, Latency, Latest, Stats, stats};
pub use operator::test_run::{TestMode, TestRun, test_run};

use cycle::{main_loop, prune as pruning};
use dispatch::cron;

/// The running loops. [`Runner::stop`] waits for their end; dropped, they end as well, unwaited for.
pub struct Runner {
    stop: watch::Sender<bool>,
    tasks: [JoinHandle<()>; 3],
}

impl Runner {
    /// Starts the loops on the current runtime, which must have several threads: handlers are executed on it.
    pub fn start(state: Arc<AppState>) -> Self {
        let (stop, stopped) = watch::channel(false);
        let pump = main_loop::RunnerLoop::new(Arc::clone(&state), stopped.clone());
        let shared = Arc::clone(&state);
        let pump = tokio::spawn(async move { shared.queue.liveness.during(pump.run()).await });
        let ticking = tokio::spawn(cron::keep_ticking(Arc::clone(&state), stopped.clone()));
        let pruning = tokio::spawn(pruning::keep_pruning(state, stopped));
        Self { stop, tasks: [pump, ticking, pruning] }
    }

    /// Claims nothing more, lets attempts under way finish for the configured grace, and gives the rest back.
    pub async fn stop(self) {
        // Nobody listens any more when the loops have ended by themselves.
        let _ = self.stop.send(true);
        for task in self.tasks {
            if let Err(error) = task.await {
                log::error!("a loop of the runner ended badly: {error}");
            }
        }
    }
}
