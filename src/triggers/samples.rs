//! What comes with a trigger when it is tried: a payload, and what changed, as the real one would bring them.

use super::catalogue::{self, Source};
use super::{CATALOGUE, Matchers, Name};

/// What comes with a sample event; JSON.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Sample {
    /// What the caller would send along.
    pub payload: Option<&'static str>,
    /// What would have changed.
    pub changes: Option<&'static str>,
}

/// The trigger of runs that someone starts by hand, and names no other.
pub const MANUAL: &str = "trigger:manual";

/// What comes with a sample of the trigger with this name. A trigger that the catalogue does not know has nothing.
pub fn sample(trigger: &Name) -> Sample {
    let Some(entry) = catalogue::find(trigger.short()) else { return Sample::default() };
    let changes = |changes| Sample { changes: Some(changes), ..Sample::default() };
    let payload = |payload| Sample { payload: Some(payload), ..Sample::default() };
    match (entry.source, entry.name) {
        (_, "store_updated") => changes(r#"{"title": {"from": "Tea Hous", "to": "Tea House"}}"#),
        (_, "product_updated") => changes(r#"{"Name": {"from": "Senche", "to": "Sencha"}}"#),
        (_, "price_updated") => changes(r#"{"Price": {"from": 12.9, "to": 13.9}}"#),
        (_, "subscriber_updated") => changes(r#"{"active": {"from": false, "to": true}}"#),
        (_, "subscriber_verified") => changes(r#"{"EmailVerified": {"from": null, "to": "2026-01-02T03:04:05.006Z"}}"#),
        (_, "subscriber_unsubscribed") => changes(
            r#"{"active": {"from": true, "to": false}, "unsubscribed_at": {"from": null, "to": "2026-01-02T03:04:05.006Z"}}"#,
        ),
        (_, "extension_created" | "extension_removed") => payload(RECORD),
        (_, "extension_updated") => Sample {
            payload: Some(RECORD),
            changes: Some(r#"{"url": {"from": "https://erp.example/old", "to": "https://erp.example/hook"}}"#),
        },
        (_, "inventory_low") => stock(r#"{"inventory": {"from": 6, "to": 5}}"#),
        (_, "inventory_zero") => changes(r#"{"inventory": {"from": 1, "to": 0}}"#),
        (_, "inventory_restocked") => stock(r#"{"inventory": {"from": 0, "to": 40}}"#),
        (Source::Caller, "subscription_upgraded") => payload(
            r#"{"customer": {"email": "ada@example.com", "name": "Ada Example"}, "from": "basic", "to": "plus"}"#,
        ),
        (Source::Caller, _) => payload(ORDER),
        (Source::Webhook, "sendgrid_event") => payload(SENDGRID),
        (Source::Webhook, _) => payload(STRIPE),
        (Source::Runner, "confirm_subscription") => payload(CONFIRMATION),
        (Source::Runner, "schedule") => payload(r#"{"scheduledFor": "2026-01-02T03:04:00.000Z"}"#),
        (Source::Runner, _) => payload(DISABLED),
        (Source::Change, _) => Sample::default(),
    }
}

const fn stock(changes: &'static str) -> Sample {
    Sample { payload: Some(r#"{"thresholds": [5]}"#), changes: Some(changes) }
}

/// The entity that a sample of the trigger with this name is about, with its type and its document's id, where what holds
/// the record is of another type (`holder`): an alert about a stock on a store's record. JSON.
pub fn sample_entity(trigger: &Name, holder: &str) -> Option<(&'static str, &'static str)> {
    let entry = catalogue::find(trigger.short()).filter(|entry| entry.source == Source::Change)?;
    // A change of a record is about whatever holds it.
    if entry.name.starts_with("extension_") {
        return None;
    }
    // A stock may be a product's as well as a price's.
    let is_holder = entry.target == holder || entry.target == "price" && holder == "product";
    let entity = match entry.target {
        _ if is_holder => return None,
        "store" => STORE,
        "product" => PRODUCT,
        "price" => PRICE,
        "subscriber" => SUBSCRIBER,
        _ => return None,
    };
    Some((entry.target, entity))
}

/// The documentId of samples.
pub const SAMPLE_DOCUMENT: &str = "sample000000000000000000";

const STORE: &str =
    r#"{"documentId": "sample000000000000000000", "title": "Tea House", "slug": "tea-house", "active": true}"#;

const PRODUCT: &str = r#"{
  "documentId": "sample000000000000000000", "Name": "Sencha, 100 g", "slug": "sencha", "SKU": "SAMPLE-1", "active": true,
  "usd_price": 12.9, "quantity": 5,
  "PRICES": [{"id": 1, "Name": "100 g", "Price": 12.9, "Currency": "EUR", "inventory": 5, "billing_type": "one_time"}]
}"#;

const PRICE: &str = r#"{
  "price": {"id": 1, "Name": "100 g", "Price": 12.9, "Currency": "EUR", "inventory": 5, "billing_type": "one_time"},
  "product": {"documentId": "sample000000000000000000", "Name": "Sencha, 100 g", "slug": "sencha", "SKU": "SAMPLE-1"}
}"#;

const SUBSCRIBER: &str = r#"{
  "documentId": "sample000000000000000000", "Email": "ada@example.com", "active": true,
  "newsletter_preferences": {"subscribed": true, "frequency": "weekly"}
}"#;

const ORDER: &str = r#"{
  "order": {
    "id": "sample-1001", "total": 25.8, "currency": "EUR",
    "Shipping_Address": {"name": "Ada Example", "street": "Via Roma 1", "city": "Turin", "zipcode": "10121", "country": "IT"}
  },
  "customer": {"email": "ada@example.com", "name": "Ada Example"},
  "items": [{"name": "Sencha, 100 g", "quantity": 2, "price": 12.9}]
}"#;

const RECORD: &str = r#"{"extension": {"id": 7, "key": "custom:webhook", "url": "https://erp.example/hook"}}"#;

const CONFIRMATION: &str = r#"{
  "email": "ada@example.com", "confirm_url": "https://api.shop.example/api/subscribers/confirm/sample",
  "expires_at": "2026-01-09T03:04:05.006Z",
  "unsubscribe_url": "https://api.shop.example/api/subscribers/unsubscribe/sample"
}"#;

const DISABLED: &str = r#"{
  "extension": {"id": 7, "key": "custom:webhook", "url": "https://erp.example/hook"},
  "reason": "it has failed for 5 days without a success", "failingSince": "2026-01-02T03:04:05.006Z"
}"#;

const STRIPE: &str = r#"{
  "id": "evt_sample", "object": "event", "livemode": false,
  "data": {"object": {"id": "sub_sample", "customer": "cus_sample", "status": "active"}}
}"#;

const SENDGRID: &str = r#"{"event": "delivered", "email": "ada@example.com", "sg_message_id": "sample"}"#;

/// The trigger that a record is tried with when nobody names one: the first that it or else its handler listens to by
/// name, then the first of the catalogue that one of its patterns matches, then [`MANUAL`].
pub fn usual_trigger(patterns: &[String], defaults: &[&str], matchers: &Matchers) -> String {
    let named = |pattern: &str| Name::parse(pattern).ok();
    let named =
        patterns.iter().find_map(|pattern| named(pattern)).or_else(|| defaults.iter().find_map(|one| named(one)));
    let matched = || {
        let names = CATALOGUE.iter().map(|entry| format!("trigger:{}", entry.name));
        names.into_iter().find(|name| matchers.matched(patterns, name).is_some())
    };
    named.map(|name| name.as_str().to_owned()).or_else(matched).unwrap_or_else(|| MANUAL.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_sample_is_json() {
        for entry in CATALOGUE {
            let Ok(name) = Name::parse(entry.name) else { panic!("{}", entry.name) };
            let Sample { payload, changes } = sample(&name);
            for text in payload.into_iter().chain(changes) {
                let read = serde_json::from_str::<serde_json::Map<String, serde_json::Value>>(text);
                assert!(read.is_ok(), "{name}: {read:?}");
            }
            assert!(payload.is_some() || entry.source == Source::Change, "{name} comes with something");
        }
    }

    #[test]
    fn a_record_is_tried_with_what_it_listens_to() {
        let matchers = Matchers::default();
        for (patterns, defaults, usual) in [
            (&["trigger:order_*", "post_sale"][..], &["trigger:new_subscriber"][..], "trigger:post_sale"),
            (&["trigger:order_*"], &["trigger:new_subscriber"], "trigger:new_subscriber"),
            (&["trigger:order_*"], &["trigger:*"], "trigger:order_created"),
            (&["acme:*"], &[], "trigger:manual"),
            (&[], &[], "trigger:manual"),
        ] {
            let patterns: Vec<String> = patterns.iter().map(|pattern| (*pattern).to_owned()).collect();
            assert_eq!(usual_trigger(&patterns, defaults, &matchers), usual, "{patterns:?}");
        }
    }
}
