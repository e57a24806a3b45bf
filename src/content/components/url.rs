use crate::content::{Component, Field};

/// A link with its text.
pub static URL: Component = Component {
    uid: "common.urls",
    table: "urls",
    key: "url",
    fields: &[Field::string("Label", "label"), Field::string("URL", "url")],
    ..Component::USUAL
};
