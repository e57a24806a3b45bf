//! Whom an event is about, as PostHog knows people.

use serde_json::{Map, Value, json};

use crate::commerce::{Customer, Shop};
use crate::handler::Event;

/// Where an event may tell who it is about, the likeliest first.
const PERSON: [&str; 6] = [
    "payload.distinct_id",
    "payload.customer.email",
    "payload.customer.id",
    "payload.customerId",
    "payload.email",
    "data.Email",
];
/// Where a storefront may tell what it called the visitor before they were known.
const ANONYMOUS: [&str; 6] = [
    "payload.$anon_distinct_id",
    "payload.anon_distinct_id",
    "payload.anonymous_id",
    "payload.anonymousId",
    "payload.customer.anonymous_id",
    "payload.customer.anonymousId",
];
/// Ids that are the same for many, which PostHog never makes one person of.
const NOBODY: [&str; 17] = [
    "anonymous",
    "guest",
    "distinctid",
    "distinct_id",
    "id",
    "not_authenticated",
    "email",
    "undefined",
    "true",
    "false",
    "[object object]",
    "nan",
    "none",
    "null",
    "0",
    "unknown",
    "",
];

/// Whom an event is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Who {
    /// The distinct id.
    pub id: String,
    /// Whether it is a person, and not the document that stands in where the event names none.
    pub is_person: bool,
}

impl Who {
    /// What stands at `path` (such as `payload.customer.id`), or at the first of the usual places where something stands.
    pub fn of(event: &Event, path: Option<&str>) -> Self {
        let found = path.into_iter().chain(PERSON).find_map(|path| at(event, path).filter(|id| is_someone(id)));
        let is_person = found.is_some();
        Self { id: found.unwrap_or_else(|| event.target.document_id.clone()), is_person }
    }
}

/// What the storefront called the person before they were known, if that is another id than `known`.
pub fn anonymous_id(event: &Event, known: &str) -> Option<String> {
    let found = ANONYMOUS.iter().find_map(|path| at(event, path));
    found.filter(|id| is_someone(id) && id != known)
}

/// What the event tells of the person.
pub fn told(event: &Event) -> Map<String, Value> {
    let (person, entity) = (Customer::of(event), event.data.value());
    let mut told = Map::new();
    let texts = [
        ("email", person.email.as_deref()),
        ("name", person.name.as_deref()),
        ("phone", person.phone.as_deref()),
        ("customer_id", person.id.as_deref()),
    ];
    told.extend(texts.into_iter().filter_map(|(name, text)| Some((name.to_owned(), json!(text?)))));
    if event.target.type_name == "subscriber" {
        let gone = ["trigger:subscriber_unsubscribed", "trigger:subscriber_deleted"].contains(&event.trigger.as_str());
        let subscribed = !gone && entity["active"] != false && entity["unsubscribed_at"].is_null();
        told.insert("subscribed".to_owned(), json!(subscribed));
        told.insert("email_verified".to_owned(), json!(!entity["EmailVerified"].is_null()));
    }
    told
}

/// The store as a group of this type, by its documentId, and what is known of it; nothing without a type or a store.
pub fn groups(event: &Event, group_type: Option<&str>) -> Option<(Value, Value)> {
    let group_type = group_type.filter(|name| !name.trim().is_empty())?;
    let shop = Shop::of(event);
    let id = shop.document_id?;
    Some((json!({group_type: id}), json!({group_type: {"name": shop.title, "slug": shop.slug}})))
}

fn is_someone(id: &str) -> bool {
    !NOBODY.contains(&id.trim().to_lowercase().as_str())
}

fn at(event: &Event, path: &str) -> Option<String> {
    let (part, rest) = path.split_once('.').unwrap_or((path, ""));
    let target = json!(event.target);
    let part = match part {
        "payload" => event.payload.as_ref()?.value(),
        "data" => event.data.value(),
        "target" => &target,
        _ => return None,
    };
    let found = part.pointer(&format!("/{}", rest.replace('.', "/")))?;
    let text = found.as_str().map(str::to_owned).or_else(|| found.is_number().then(|| found.to_string()));
    text.map(|text| text.trim().to_owned()).filter(|text| !text.is_empty())
}
