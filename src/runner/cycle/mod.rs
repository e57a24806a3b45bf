//! The main loop and what each of its ticks does: record attempts that ended, dispatch events, claim runs that are due.

pub(super) mod auto_disable;
pub(super) mod circuit_breaker;
pub(super) mod claim;
pub(super) mod complete;
pub(super) mod isolate;
pub(super) mod main_loop;
pub(super) mod prune;
pub(super) mod rescue;
pub(super) mod tick;
