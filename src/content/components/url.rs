use crate::content::{Component, Field};

/// A link with its text.
pub static URL: Component = Component {
    uid: "common.urls",
    table: "urls",
    key: "url",
    versioned: true,
    fields: &[Field::string("Label", "label"), Field::string("URL", "url")],
};
