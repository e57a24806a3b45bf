//! Handlers for Stripe.

pub mod invoice;
pub mod subscription;
pub mod webhook;
