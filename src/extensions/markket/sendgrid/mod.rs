//! Handlers for SendGrid.

pub mod webhook;
