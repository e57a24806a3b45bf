//! What can be stored: content types and components as tables of facts, and the checks on values that follow from them.
//! Knows nothing of requests, queries or SQL.

mod catalog;
mod check;
mod components;
mod facts;
mod field;
mod input;
mod links;
mod migration;
mod moment;
mod print;
mod references;
mod scalars;
mod sent;
mod set;
mod system;
mod types;
mod validate;

pub use catalog::{Addition, Catalog, Holding};
pub use components::{EXTENSION, PRICE, SEO, TAG, URL};
pub use facts::{Component, ContentType, Lifecycle, Moment, Shape, StoreLink};
pub use field::{Check, Field, Kind};
pub use input::{Input, Item, Links, Position, Reference, Value};
pub use links::{LinkSide, LinkTable, Relation};
pub use migration::Migration;
pub use moment::parse_moment;
pub use sent::with_body;
pub use set::TypeSet;
pub use system::{CREATED_AT, DOCUMENT_ID, ID, PUBLISHED_AT, UPDATED_AT, Version};
pub use types::{PRODUCT, STORE, SUBSCRIBER};
pub use validate::{
    Rules, check_item_keys, check_keys, links, object, problems, validate, validate_item, validate_stored,
};

/// A catalogue of Tenon's own types, for tests.
#[cfg(test)]
pub(crate) fn test_catalog() -> &'static Catalog {
    static BUILT: std::sync::OnceLock<&'static Catalog> = std::sync::OnceLock::new();
    BUILT.get_or_init(|| Catalog::build(&[]).unwrap_or_else(|faults| panic!("{faults}")))
}
