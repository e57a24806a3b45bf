//! The OpenAPI document, made from the code: ordinary routes from what stands beside their handlers, the documents of
//! content types from the facts about them, webhooks from the catalogue of triggers.
//!
//! `openapi/openapi.json` is this document as it was last written; a test compares the two.

mod documents;
mod examples;
mod finish;
mod headers;
pub(super) mod names;
mod parameters;
mod prices;
mod record_paths;
mod records;
mod rights;
mod schemas;
mod shared;
mod webhooks;

use serde_json::{Map, Value, json};
use utoipa::OpenApi;

use super::answer::Problems;
use super::prices::InventoryInput;
use super::records::ToggleInput;
use super::{
    content_schema, docs, events, explain, handlers, health, inbound, record_runs, replays, run_now, runs, storefront,
    subscriptions, tokens, triggers,
};
use crate::content::{Catalog, ContentType};
use crate::error::Result;

/// The routes whose description stands beside their handlers.
#[derive(OpenApi)]
#[openapi(
    info(
        title = "Tenon",
        description = "A headless content API for commerce whose triggers are delivered. Content follows Strapi 5's REST \
            conventions.",
        license(name = "MIT", identifier = "MIT")
    ),
    paths(
        handlers::list, handlers::find, handlers::activate, explain::explain, inbound::take, inbound::address, inbound::rotate, inbound::deliveries,
        record_runs::list_runs, record_runs::stats,
        triggers::list, triggers::find, triggers::emit, triggers::emit_batch, runs::list, runs::find, run_now::run,
        run_now::test, replays::cancel, replays::replay, replays::replay_many, events::list, events::find,
        storefront::info, storefront::visibility, subscriptions::subscribe, subscriptions::unsubscribe,
        subscriptions::confirm, subscriptions::ask_to_leave, subscriptions::leave, content_schema::schema,
        tokens::list, tokens::create, tokens::delete, health::alive, health::ready, health::alive_for_strapi,
        docs::document, docs::entrance, docs::docs, docs::page
    ),
    components(schemas(InventoryInput, ToggleInput)),
    tags(
        (name = "stores", description = "Stores and their documents"),
        (name = "products", description = "Products with their prices"),
        (name = "subscribers", description = "Subscribers"),
        (name = "extensions", description = "The handlers that extension records name"),
        (name = "inbound", description = "What services send, signed, and the addresses that they send it to"),
        (name = "triggers", description = "Emitting triggers, and those there are"),
        (name = "runs", description = "What was executed, sent and answered"),
        (name = "events", description = "What happened"),
        (name = "tokens", description = "API tokens"),
        (name = "webhooks", description = "What receivers are sent when a trigger fires"),
        (name = "operation", description = "Whether the server lives and can work")
    )
)]
struct Ordinary;

/// The OpenAPI document of this program with these content types.
pub fn document(catalog: &Catalog) -> Result<Value> {
    let mut document = serde_json::to_value(Ordinary::openapi())?;
    document["security"] = json!([{}, {"token": []}]);
    document["webhooks"] = Value::Object(webhooks::all());
    for content_type in catalog.types() {
        add_tag(&mut document["tags"], content_type);
        add(&mut document["paths"], documents::paths(content_type)?);
    }
    add(&mut document["paths"], prices::paths()?);
    add(&mut document["paths"], records::paths()?);
    let of_prices = record_paths::of_prices(&document["paths"]);
    add(&mut document["paths"], of_prices);
    add(&mut document["components"]["schemas"], schemas::all(catalog)?);
    add(&mut document["components"]["schemas"], webhooks::schemas()?);
    document["components"]["pathItems"] = Value::Object(webhooks::path_items());
    document["components"]["parameters"] = parameters::all();
    document["components"]["headers"] = headers::answered();
    document["components"]["responses"] = Value::Object(problems());
    document["components"]["securitySchemes"] = json!({"token": {
        "type": "http",
        "scheme": "bearer",
        "description": "An API token: `tenon token create`. A valid token alone decides; without one the caller is the \
            public, who may read published stores and products and subscribe to stores unless TENON_PUBLIC_ACCESS says otherwise."
    }});
    document["servers"] = json!([
        {"url": "/", "description": "The server that this document comes from"},
        {"url": "http://localhost:1337", "description": "A server that listens where it does by default"}
    ]);
    finish::finish(&mut document, catalog)?;
    Ok(document)
}

/// The OpenAPI document as it is written.
pub fn print(catalog: &Catalog) -> Result<String> {
    Ok(format!("{}\n", serde_json::to_string_pretty(&document(catalog)?)?))
}

/// Adds the tag of a type's documents, unless it has a description already.
fn add_tag(tags: &mut Value, content_type: &ContentType) {
    let Some(tags) = tags.as_array_mut() else { return };
    if tags.iter().all(|tag| tag["name"] != content_type.plural) {
        tags.push(json!({"name": content_type.plural, "description": content_type.description}));
    }
}

fn add(to: &mut Value, members: impl IntoIterator<Item = (String, Value)>) {
    if let Some(object) = to.as_object_mut() {
        object.extend(members);
    }
}

fn problems() -> Map<String, Value> {
    let response = |(status, name, description): &(&str, &str, &str)| {
        let mut content = json!({"schema": {"$ref": "#/components/schemas/Problem"}});
        if let Some(example) = examples::problem(status) {
            content["example"] = example;
        }
        ((*name).to_owned(), json!({"description": description, "content": {"application/json": content}}))
    };
    Problems::ALL.iter().map(response).collect()
}
