//! Events become runs: which records an event makes a run for, in one batch, with the commit that stores the event, or
//! for one record alone.

pub(super) mod batch;
pub(super) mod cron;
pub(super) mod emit;
pub mod inbound;
pub(super) mod inline;
pub(super) mod isolate;
pub(super) mod matching;
pub(super) mod new_runs;
pub(super) mod owner_event;
pub(super) mod single;
pub(super) mod slices;
pub(super) mod targets;
