//! Events become runs: which records an event makes a run for, in one batch, with the commit that stores the event, or
//! for one record alone.

pub(in crate::runner) mod batch;
pub(in crate::runner) mod cron;
pub(in crate::runner) mod emit;
pub mod inbound;
pub(in crate::runner) mod inline;
pub(in crate::runner) mod manual_event;
pub(in crate::runner) mod matching;
pub(in crate::runner) mod owner_event;
pub(in crate::runner) mod single;
pub(in crate::runner) mod slices;
pub(in crate::runner) mod targets;
