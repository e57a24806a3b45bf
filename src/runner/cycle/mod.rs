//! The main loop and what each of its ticks does: record attempts that ended, dispatch events, claim runs that are due.

pub(in crate::runner) mod auto_disable;
pub(in crate::runner) mod circuit_breaker;
pub(in crate::runner) mod claim;
pub(in crate::runner) mod complete;
pub(in crate::runner) mod isolate;
pub(in crate::runner) mod main_loop;
pub(in crate::runner) mod prune;
pub(in crate::runner) mod rescue;
pub(in crate::runner) mod tick;
