//! Handlers of ACME: the example of what a customer adds for itself.

pub mod erp;
