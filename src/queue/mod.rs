//! What requests and the runner hand to each other: events that wait to be stored, the permits that attempts need, the
//! handoff of permits to those who commit events, and counts of what was refused.

pub mod handoff;
pub mod ingest;
pub mod lock_queues;
pub mod permits;
pub mod refusals;
