//! One test binary, a module for each feature.

#![allow(clippy::expect_used)] // All of it is a test; clippy only knows those that say so.

mod reads;
mod support;

mod access;
mod bodies;
mod breaker;
mod claims;
mod client;
mod conditional;
mod corpus;
mod delivery;
mod demo;
mod documents;
mod drafts;
mod fuzz;
mod history;
mod hourly;
mod http;
mod idempotency;
mod kept;
mod inventory;
mod kill;
mod layers;
mod limits;
mod openapi;
mod ordering;
mod prices;
mod readme;
mod retries;
mod start;
mod storefront;
mod tokens;
mod triggers;
