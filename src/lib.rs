//! Tenon: a headless content API for commerce whose triggers are delivered.
//!
//! The modules in the order of their arrows: each uses those above it and none below.

pub mod clock; // time and randomness
pub mod suggest; // which known name is meant by a misspelt one
pub mod error; // what can go wrong
pub mod limits; // how much one request may ask for and bring
pub mod ids; // documentIds, event and run ids, tokens
pub mod decimal; // exact numbers
pub mod fold; // letters whose case does not count
pub mod json_schema; // the form of JSON Schemas
pub mod nesting; // how JSON from outside is read: how deep it may nest, and what it may not hold
pub mod secrets; // sealing and masking of credentials
pub mod links; // links that mails carry, signed
pub mod triggers; // trigger names and pattern matching
pub mod outbound; // the one way out to the network
pub mod handler; // keys and handlers: what they are given and report
pub mod commerce; // what events mean to a shop: who bought what
pub mod services; // how outside services are spoken to
pub mod extensions; // the handlers that come with it, and their table
pub mod content; // what can be stored: facts about content types
pub mod access; // who calls and what they may do
pub mod query; // what can be asked: query string to checked plan
pub mod db; // everything that speaks SQL
pub mod origins; // whose scripts may read answers
pub mod config; // the only reader of the environment
pub mod key; // the key that seals credentials
pub mod queue; // what requests and the runner hand to each other
pub mod readiness; // whether the database can be written
pub mod cache; // finished answers, until a commit makes them old
pub mod rates; // how often something may be done
pub mod state; // what requests and workers may use
pub mod documents; // what can be done with documents
pub mod runner; // events become runs, runs are executed and recorded
pub mod http; // the server: who asks, what is answered
pub mod demo; // a sample shop to try
pub mod cli; // the command line

#[cfg(test)]
extern crate self as tenon; // The tests' support is one for these and for those under tests/.

/// Builds the examples in Rust that the documents show.
#[cfg(doctest)]
#[doc = include_str!("../docs/writing-a-handler.md")]
struct WritingAHandler;
