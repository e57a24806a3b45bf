//! The document service: what can be done with documents, whoever asks and however. Knows nothing of HTTP.

mod answer;
mod change;
mod diff;
mod etag;
mod lifecycle;
mod misfits;
mod once;
mod read;
mod storefront;
mod subscriptions;
mod write;

pub use etag::{Answer, IfMatch};
pub use once::Once;
pub use read::{Find, find_many, find_one};
pub use storefront::{Signals, info, signals};
pub use subscriptions::{Subscription, Wish, subscribe};
pub use write::{Action, Request, act, create, delete, update};
