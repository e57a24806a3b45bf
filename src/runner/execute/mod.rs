//! One attempt: whether limits allow it, the handler and what it may use, and what follows from its outcome.

pub(in crate::runner) mod host;
pub(in crate::runner) mod rate_limit;
pub(in crate::runner) mod retry;
pub(in crate::runner) mod worker;
pub(in crate::runner) mod write_back;
