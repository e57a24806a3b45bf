//! Handlers for Slack.

pub mod events;
