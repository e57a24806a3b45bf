//! `posthog:identify`: tells PostHog who someone is.

use serde::Deserialize;
use serde_json::{Map, Value, json};
use utoipa::ToSchema;

use crate::clock::iso;
use crate::handler::{Context, Descriptor, Done, Failure, Handler, Outcome, SetupCheck};
use crate::nesting;
use crate::services::posthog::{Captured, Credentials, PostHog, Who, anonymous_id, groups, told};

/// The handler.
pub struct Identify;

/// What is known of people.
#[derive(Deserialize, ToSchema)]
#[serde(default)]
#[derive(Default)]
pub struct Config {
    /// Where the event tells who it is about, such as payload.customer.id. If not set, the usual places are tried.
    #[schema(example = "payload.customer.id")]
    distinct_id: Option<String>,
    /// Properties that every person gets.
    #[serde(deserialize_with = "nesting::read_members")]
    #[schema(value_type = Object)]
    properties: Map<String, Value>,
    /// The group type that stores are in the project, such as store. If not set, people belong to no group.
    #[schema(example = "store")]
    store_group: Option<String>,
}

impl Handler for Identify {
    type Config = Config;
    type Credentials = Credentials;

    fn descriptor(&self) -> Descriptor {
        Descriptor {
            key: "posthog:identify",
            name: "PostHog people",
            description: "Tells a PostHog project who subscribers and customers are; the url is its host, the US cloud if empty.",
            category: "analytics",
            icon: ICON,
            default_triggers: &["trigger:new_subscriber", "trigger:subscriber_verified", "trigger:post_sale"],
            has_test: true,
            never_blocks: true,
            ..Descriptor::default()
        }
    }

    fn check(&self, _: &Config, credentials: &Credentials, check: &mut SetupCheck<'_>) {
        credentials.check(check);
    }

    async fn run(&self, context: Context<Self>) -> Outcome {
        let (event, config) = (&*context.event, &context.config);
        let who = Who::of(event, config.distinct_id.as_deref());
        if !who.is_person {
            return Err(Failure::discard(
                "nobody to identify: the event names no person (payload.customer.email, or the subscriber's Email); trigger:new_subscriber, trigger:subscriber_* and trigger:post_sale make sense here",
            ));
        }
        let mut set = told(event);
        set.extend(config.properties.clone());
        let once = json!({"first_seen_at": iso(event.occurred_at), "first_trigger": event.trigger});
        let mut properties = Map::from_iter([("$set".to_owned(), json!(set)), ("$set_once".to_owned(), once)]);
        if let Some(anonymous) = anonymous_id(event, &who.id) {
            properties.insert("$anon_distinct_id".to_owned(), json!(anonymous));
        }
        if let Some((groups, _)) = groups(event, config.store_group.as_deref()) {
            properties.insert("$groups".to_owned(), groups);
        }
        let captured = Captured { name: "$identify", distinct_id: &who.id, properties };
        PostHog::of(&context)?.capture(event, captured).await?;
        Ok(Done::new(format!("identified {}", who.id)))
    }

    async fn test(&self, context: Context<Self>) -> Outcome {
        PostHog::of(&context)?.prove().await
    }
}

const ICON: &str = r#"<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 24 24" fill="none" stroke="currentColor" stroke-width="2" stroke-linecap="round" stroke-linejoin="round"><circle cx="10" cy="8" r="4"/><path d="M3 20a7 7 0 0 1 11-5.7M15 19l2 2 4-4"/></svg>"#;
