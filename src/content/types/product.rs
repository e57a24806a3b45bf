use super::STORE;
use crate::content::components::{EXTENSION, PRICE, SEO, TAG};
use crate::content::{ContentType, Field, LinkSide, LinkTable, Relation, StoreLink};

/// Something that stores sell.
pub static PRODUCT: ContentType = ContentType {
    number: 2,
    key: "product",
    singular: "product",
    plural: "products",
    uid: "api::product.product",
    table: "products",
    description: "Something that stores sell, with its prices.",
    fields: &[
        Field::string("Name", "name").required().indexed(),
        Field::string("slug", "slug").indexed(),
        Field::string("SKU", "sku"),
        Field::rich_text("Description", "description"),
        Field::rich_text("attributes", "attributes"),
        Field::decimal("usd_price", "usd_price").default("0").indexed(),
        Field::integer("quantity", "quantity"),
        Field::integer("amountSold", "amount_sold"),
        Field::boolean("active", "active"),
        Field::component("SEO", &SEO),
        Field::components("Tag", &TAG),
        Field::components("PRICES", &PRICE),
        Field::media("Thumbnail"),
        Field::media_list("Slides"),
        Field::components("extensions", &EXTENSION),
        Field::relation(
            "stores",
            Relation { target: &STORE, inverse: "products", table: &STORES, side: LinkSide::Owner },
        ),
    ],
    unsupported_relations: &["extras"],
    public: true,
    store: StoreLink::Through("stores"),
    stock: "quantity",
    ..ContentType::USUAL
};

pub(super) static STORES: LinkTable = LinkTable { name: "product_stores", owner: "product_id", target: "store_id" };
