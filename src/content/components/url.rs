use crate::content::facts::{Component, Field};

/// A link with its text.
pub static URL: Component = Component {
    uid: "common.urls",
    table: "urls",
    singular: "url",
    versioned: true,
    fields: &[Field::string("Label", "label"), Field::string("URL", "url")],
};
