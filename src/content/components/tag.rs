use crate::content::{Component, Field};

/// A coloured word on a product.
pub static TAG: Component = Component {
    uid: "common.tag",
    table: "tags",
    key: "tag",
    fields: &[Field::string("Label", "label"), Field::enumeration("Color", "color", COLORS).default(r#""Magenta""#)],
    ..Component::USUAL
};

const COLORS: &[&str] = &[
    "Tangerine",
    "Royal Blue",
    "Magenta",
    "Sunset Orange",
    "Amber",
    "Sky Blue",
    "Fuchsia",
    "Burnt Sienna",
    "Gold",
    "Ocean Blue",
    "Hot Pink",
    "Teal",
    "Coral",
    "Purple",
    "Spring Green",
    "Goldenrod",
    "Indigo",
    "Pink",
    "Blue Violet",
    "Firebrick",
];
