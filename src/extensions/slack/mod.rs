//! Handlers for Slack.

pub mod events;
pub mod message;
