//! What events mean to a shop: who bought what for how much. Handlers read an event through this, so that all of them
//! understand the same payloads.

mod address;
mod amount;
mod customer;
mod money;
mod sale;
mod shop;
mod subscriber;
mod summary;

pub use address::Address;
pub use amount::Amount;
pub use customer::Customer;
pub use money::{minor_digits, money};
pub use sale::{Line, Sale};
pub use shop::{Shop, is_page};
pub use subscriber::{former_address, is_subscribed};
pub use summary::Summary;
