use super::EXTENSION;
use crate::content::{Component, Field};

/// What a product costs, one of its ways.
pub static PRICE: Component = Component {
    uid: "common.prices",
    table: "prices",
    key: "price",
    priced: true,
    stock: "inventory",
    fields: &[
        Field::string("Name", "name"),
        Field::decimal("Price", "price").indexed(),
        Field::string("STRIPE_ID", "stripe_id"),
        Field::string("Currency", "currency"),
        Field::text("Description", "description"),
        Field::boolean("hidden", "hidden").default("false"),
        Field::json("extra", "extra").default("{}"),
        Field::integer("inventory", "inventory"),
        Field::components("extensions", &EXTENSION),
        Field::enumeration("billing_type", "billing_type", &["one_time", "recurring"]).default(r#""one_time""#),
        Field::enumeration("billing_interval", "billing_interval", &["day", "week", "month", "year"]),
        Field::integer("billing_interval_count", "billing_interval_count").default("0"),
        Field::json("ships_to", "ships_to").default("[]"),
    ],
    ..Component::USUAL
};
