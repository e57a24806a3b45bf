//! What happened, as handlers and receivers see it.

use serde::{Deserialize, Serialize, Serializer};
use utoipa::ToSchema;

use super::Json;
use crate::clock::{Millis, iso};

/// The envelope of an event: what a webhook's receiver is sent.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Event {
    /// The event's id, the same on every delivery and every replay.
    #[schema(example = "evt_01kah4h3t6x4c8n2w9z5q7r1ym")]
    pub id: String,
    /// The trigger, in its long form.
    #[schema(example = "trigger:post_sale")]
    pub trigger: String,
    /// When it happened.
    #[serde(serialize_with = "as_iso")]
    #[schema(value_type = String, format = DateTime)]
    pub occurred_at: Millis,
    /// The document, or the price of a product, that it is about.
    pub target: Target,
    /// The store through which the extension record is reached; for the records of a product or subscriber itself, the
    /// first of its stores.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub store: Option<StoreRef>,
    /// The entity as the API shows it, without credentials. Of a price it is `{price, product}`, the product with its
    /// documentId, Name, slug, SKU and publishedAt, which is null while it is a draft.
    #[schema(value_type = Object)]
    pub data: Json,
    /// What changed: `{path: {from, to}}`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Object>)]
    pub changes: Option<Json>,
    /// What the caller sent along.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Object>)]
    pub payload: Option<Json>,
    /// Who caused it: `token:shop`, `public`, or `extension:17` for what a service sent to that extension record.
    #[schema(example = "token:shop")]
    pub actor: String,
    /// How many events led to it, each through the run of an extension record.
    #[serde(skip)]
    pub depth: u32,
    /// Whether this is a sample, sent by hand to try a record: nothing has happened.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub test: bool,
}

/// How far events may lead to events. A record whose runs cause what it listens to would go on for ever.
pub const MOST_DEPTH: u32 = 8;

/// The header in which a delivery says how deep what it causes will be. A receiver that calls back and passes it on is
/// stopped where it goes in circles.
pub const DEPTH_HEADER: &str = "tenon-depth";

/// The document, or the price of a product, that an event is about.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Target {
    /// `store`, `product`, `subscriber` or `price`.
    #[serde(rename = "type")]
    pub type_name: String,
    /// The document's id; for a price that of its product.
    pub document_id: String,
    /// The price.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub price_id: Option<i64>,
}

/// A store, as events name it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct StoreRef {
    /// Its documentId.
    pub document_id: String,
    /// Its slug.
    pub slug: Option<String>,
}

fn as_iso<S: Serializer>(at: &Millis, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&iso(*at))
}
