//! Handlers for what a marketplace lives by.

pub mod sendgrid;
pub mod stripe;
