//! Discord (<https://discord.com/developers/docs/resources/webhook>).

pub mod webhook;
