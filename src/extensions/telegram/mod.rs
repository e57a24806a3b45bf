//! Handlers for Telegram.

pub mod message;
