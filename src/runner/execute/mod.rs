//! One attempt: whether limits allow it, the handler and what it may use, and what follows from its outcome.

pub(super) mod finished;
pub(super) mod host;
pub(super) mod rate_limit;
pub(super) mod retry;
pub(super) mod worker;
pub(super) mod write_back;
