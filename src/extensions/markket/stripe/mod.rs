//! Handlers for Stripe.

pub mod webhook;
