//! Handlers for services that Tenon does not know.

pub mod inbound;
pub mod webhook;
pub mod webhook_authenticated;
