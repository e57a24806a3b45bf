//! The content types, one file each.

mod product;
mod store;
mod subscriber;

pub use product::PRODUCT;
pub use store::STORE;
pub use subscriber::SUBSCRIBER;
