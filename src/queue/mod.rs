//! What requests and the runner hand to each other: events that wait to be stored, the permits that attempts need, the
//! handoff of permits to those who commit events, wake-ups, cancellations, and counts of what was refused.

pub mod cancel;
pub mod handoff;
pub mod ingest;
pub mod lock_queues;
pub mod permits;
pub mod refusals;
pub mod wake;

use std::sync::Arc;

use cancel::CancellationRegistry;
use handoff::PermitHandoff;
use lock_queues::LockQueues;
use refusals::Refusals;
use wake::{Liveness, Wake};

/// The parts of it, one of each in a process.
#[derive(Default)]
pub struct Queue {
    /// Events of callers that wait to be stored.
    pub ingest: Arc<ingest::EmitQueue>,
    /// Deliveries to inbound addresses that were refused and not reported yet.
    pub refusals: Refusals,
    /// Wakes the runner when something was committed for it.
    pub wake: Wake,
    /// Whether the runner runs in this process.
    pub liveness: Liveness,
    /// The permits that the idle runner leaves to those who commit events.
    pub handoff: PermitHandoff,
    /// Cancels attempts under way.
    pub cancellations: CancellationRegistry,
    /// Attempts of this process that wait for the same external lock.
    pub lock_queues: LockQueues,
}
