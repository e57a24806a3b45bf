//! Handlers of single customers: each a folder with its name.

pub mod acme;
