//! `posthog:track`: captures each event.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::{Map, Value, json};
use utoipa::ToSchema;

use crate::commerce::Sale;
use crate::handler::{Context, Descriptor, Done, Event, Failure, Handler, Outcome, SetupCheck};
use crate::nesting;
use crate::services::posthog::{Captured, Credentials, PostHog, Who, groups};

/// Names that mean something to PostHog about a person or a group: a payload does not bring them.
const MEANT: [&str; 13] = [
    "distinct_id",
    "alias",
    "$set",
    "$set_once",
    "$unset",
    "$groups",
    "$group_type",
    "$group_key",
    "$group_set",
    "$anon_distinct_id",
    "$process_person_profile",
    "$feature_flag",
    "$feature_flag_response",
];

/// The handler.
pub struct Track;

/// How events are named and whom they are about.
#[derive(Deserialize, ToSchema)]
#[serde(default)]
#[derive(Default)]
pub struct Config {
    /// Names of events by trigger, such as post_sale: Order Completed. A trigger without one keeps its own name.
    mapping: BTreeMap<String, String>,
    /// Where the event tells who it is about, such as payload.customer.id. If not set, the usual places are tried.
    #[schema(example = "payload.customer.id")]
    distinct_id: Option<String>,
    /// Properties added to every event.
    #[serde(deserialize_with = "nesting::read_members")]
    #[schema(value_type = Object)]
    properties: Map<String, Value>,
    /// The group type that stores are in the project, such as store. If not set, events belong to no group.
    #[schema(example = "store")]
    store_group: Option<String>,
}

impl Handler for Track {
    type Config = Config;
    type Credentials = Credentials;

    fn descriptor(&self) -> Descriptor {
        Descriptor {
            key: "posthog:track",
            name: "PostHog events",
            description: "Captures each event in a PostHog project; the url is its host, the US cloud if empty.",
            category: "analytics",
            icon: ICON,
            default_triggers: &["trigger:post_sale", "trigger:new_subscriber"],
            has_test: true,
            never_blocks: true,
            ..Descriptor::default()
        }
    }

    fn check(&self, config: &Config, credentials: &Credentials, check: &mut SetupCheck<'_>) {
        credentials.check(check);
        for (trigger, name) in &config.mapping {
            if name.trim().is_empty() {
                check.config(&format!("mapping.{trigger}"), "is empty, and an event needs a name");
            }
        }
    }

    async fn run(&self, context: Context<Self>) -> Outcome {
        let (event, config) = (&*context.event, &context.config);
        let name = name(event, &config.mapping)?;
        let who = Who::of(event, config.distinct_id.as_deref());
        let properties = properties(event, config, &who);
        let captured = Captured { name, distinct_id: &who.id, properties };
        PostHog::of(&context)?.capture(event, captured).await?;
        Ok(Done::new(format!("captured {name}")))
    }

    async fn test(&self, context: Context<Self>) -> Outcome {
        PostHog::of(&context)?.prove().await
    }
}

/// The event's name there.
fn name<'a>(event: &'a Event, mapping: &'a BTreeMap<String, String>) -> Result<&'a str, Failure> {
    let short = event.trigger.trim_start_matches("trigger:");
    let named = mapping.get(short).or_else(|| mapping.get(&event.trigger));
    match named.map(|name| name.trim()) {
        Some("") => Err(Failure::discard(format!("config.mapping.{short} is empty, and an event needs a name"))),
        Some(name) => Ok(name),
        None => Ok(short),
    }
}

/// The caller's payload and what it means for a sale, then what is set for the record, then what identifies the event.
fn properties(event: &Event, config: &Config, who: &Who) -> Map<String, Value> {
    let payload = event.payload.as_ref().and_then(|payload| payload.as_object());
    let mut properties = payload.cloned().unwrap_or_default();
    properties.retain(|name, _| !MEANT.contains(&name.as_str()));
    for (name, value) in sale(event) {
        properties.entry(name).or_insert(value);
    }
    properties.extend(config.properties.clone());
    properties.insert("target".to_owned(), json!(event.target));
    properties.insert("store".to_owned(), json!(event.store));
    if let Some((groups, _)) = groups(event, config.store_group.as_deref()) {
        properties.insert("$groups".to_owned(), groups);
    }
    if !who.is_person {
        // A store or a product is nobody: PostHog would make a person of it.
        properties.insert("$process_person_profile".to_owned(), json!(false));
    }
    properties
}

/// What reports of revenue look for. A sale that cannot be read is captured as it came.
fn sale(event: &Event) -> Vec<(&'static str, Value)> {
    let Some(sale) = Sale::of(event).ok().filter(|sale| sale.total.is_some()) else { return Vec::new() };
    let id = Some(&sale.id).filter(|id| **id != event.id);
    let told = [("revenue", json!(sale.total)), ("currency", json!(sale.currency)), ("order_id", json!(id))];
    told.into_iter().filter(|(_, value)| !value.is_null()).collect()
}

const ICON: &str = r#"<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 24 24" fill="none" stroke="currentColor" stroke-width="2" stroke-linecap="round" stroke-linejoin="round"><path d="M4 20V10M10 20V4M16 20v-7M22 20H2"/></svg>"#;
