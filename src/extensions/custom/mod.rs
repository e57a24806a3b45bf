//! Handlers for services that Tenon does not know.

pub mod webhook;
