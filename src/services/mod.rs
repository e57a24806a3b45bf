//! How the outside services are spoken to, for the handlers that share one: where their requests go, how callers say who
//! they are, and what their answers mean.

pub mod form;
pub mod message;
pub mod oauth;
pub mod odoo;
pub mod open;
pub mod posthog;
pub mod sendgrid;
pub mod stripe;
pub mod webhook;
