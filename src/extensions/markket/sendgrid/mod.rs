//! Handlers for SendGrid.

pub mod inventory_alert;
pub mod newsletter;
pub mod order_confirm;
pub mod webhook;
pub mod welcome;
