//! Handlers for what a marketplace lives by.

pub mod odoo;
pub mod sendgrid;
pub mod stripe;
