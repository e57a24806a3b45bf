use super::{PRODUCT, SUBSCRIBER, product, subscriber};
use crate::content::components::{EXTENSION, SEO, URL};
use crate::content::{ContentType, Field, LinkSide, Relation, StoreLink};

/// A shop.
pub static STORE: ContentType = ContentType {
    number: 1,
    key: "store",
    singular: "store",
    plural: "stores",
    uid: "api::store.store",
    table: "stores",
    description: "A shop: what it is called, what it looks like, and what it sells to whom.",
    fields: &[
        Field::string("title", "title").required().indexed(),
        Field::string("slug", "slug").required().unique().indexed(),
        Field::boolean("active", "active").default("false"),
        Field::rich_text("Description", "description"),
        Field::components("URLS", &URL),
        Field::component("SEO", &SEO),
        Field::json("settings", "settings"),
        Field::string("STRIPE_CUSTOMER_ID", "stripe_customer_id"),
        Field::media("Logo"),
        Field::media("Cover"),
        Field::media("Favicon"),
        Field::media_list("Slides"),
        Field::components("extensions", &EXTENSION),
        Field::relation(
            "products",
            Relation { target: &PRODUCT, inverse: "stores", table: &product::STORES, side: LinkSide::Inverse },
        ),
        Field::relation(
            "subscribers",
            Relation { target: &SUBSCRIBER, inverse: "stores", table: &subscriber::STORES, side: LinkSide::Inverse },
        ),
    ],
    unsupported_relations: &["users"],
    public: true,
    store: StoreLink::Itself,
    ..ContentType::USUAL
};
