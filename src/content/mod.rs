//! What can be stored: content types and components as tables of facts, and the checks on values that follow from them.
//! Knows nothing of requests, queries or SQL.

mod components;
mod facts;
mod input;
mod links;
mod moment;
mod print;
mod references;
mod scalars;
mod sent;
mod set;
mod system;
mod types;
mod validate;

pub use components::{EXTENSION, PRICE, SEO, TAG, URL};
pub use facts::{Check, Component, ContentType, Field, Kind, Shape};
pub use input::{Input, Item, Links, Position, Reference, Value};
pub use links::{LinkSide, LinkTable, Relation};
pub use moment::parse_moment;
pub use sent::with_body;
pub use set::{TypeSet, place_of};
pub use system::{CREATED_AT, DOCUMENT_ID, ID, PUBLISHED_AT, UPDATED_AT, Version};
pub use types::{PRODUCT, STORE, SUBSCRIBER};
pub use validate::{Rules, check_item_keys, check_keys, object, problems, validate, validate_item, validate_stored};

/// Every content type, in the order in which documents show them.
pub static CONTENT_TYPES: [&ContentType; 3] = [&STORE, &PRODUCT, &SUBSCRIBER];

/// Every component.
pub static COMPONENTS: [&Component; 5] = [&EXTENSION, &PRICE, &SEO, &TAG, &URL];

/// A secret is sealed for its row, and only extension records have rows that are never copied from one version of a document
/// to the other. Anywhere else it would be stored in clear, or not open again: that does not compile.
const _: () = {
    let mut place = 0;
    while place < CONTENT_TYPES.len() {
        assert!(!facts::have_secret(CONTENT_TYPES[place].fields), "a content type cannot hold a secret");
        place += 1;
    }
    let mut place = 0;
    while place < COMPONENTS.len() {
        let component = COMPONENTS[place];
        assert!(
            !component.versioned || !facts::have_secret(component.fields),
            "a versioned component cannot hold a secret"
        );
        place += 1;
    }
};

/// The content type with this plural name, as it stands in paths.
pub fn find_by_plural(plural: &str) -> Option<&'static ContentType> {
    CONTENT_TYPES.into_iter().find(|content_type| content_type.plural == plural)
}

/// The content type with this singular name, as it stands in events.
pub fn find_by_singular(singular: &str) -> Option<&'static ContentType> {
    CONTENT_TYPES.into_iter().find(|content_type| content_type.singular == singular)
}
