//! One test binary, a module for each feature.

#![allow(clippy::expect_used)] // All of it is a test; clippy only knows those that say so.

mod reads;
mod support;

mod access;
mod bodies;
mod breaker;
mod claims;
mod by_hand;
mod canaries;
mod client;
mod conditional;
mod consumers;
mod corpus;
mod defaults;
mod delivery;
mod demo;
mod directory;
mod documents;
mod drafts;
mod full_disk;
mod explain;
mod folding;
mod fuzz;
mod history;
mod hourly;
mod http;
mod idempotency;
mod kept;
mod inbound;
mod inventory;
mod kill;
mod layers;
mod limits;
mod moments;
mod openapi;
mod ordering;
mod operator;
mod prices;
mod readiness;
mod record_changes;
mod readme;
mod replays;
mod records;
mod retries;
mod schedules;
mod schemas;
mod services;
mod start;
mod stats;
mod storefront;
mod tls;
mod tokens;
mod triggers;
mod where_secrets_go;
