//! `posthog:feature_flag`: evaluates feature flags and keeps what they are.

use serde::Deserialize;
use serde_json::{Map, Value, json};
use utoipa::ToSchema;

use crate::clock::iso;
use crate::handler::{Context, Descriptor, Done, Failure, Handler, Json, Outcome, SetupCheck};
use crate::services::posthog::{Credentials, Flags, PostHog, Who, anonymous_id, groups, told};

/// What `meta` keeps the flags under, with the distinct id behind it.
const MEMORY: &str = "flags";
/// How long the `meta` of a record may get by that, as JSON, in bytes.
const META: usize = 64 * 1024;

/// The handler.
pub struct FeatureFlag;

/// Which flags, and for whom.
#[derive(Deserialize, ToSchema)]
#[serde(default)]
#[derive(Default)]
pub struct Config {
    /// The keys of the flags to evaluate; all of the project's if empty. Only payloads of flags that stand here are kept.
    #[schema(example = json!(["new-checkout"]))]
    flags: Vec<String>,
    /// Where the event tells who it is about, such as payload.customer.id. If not set, the usual places are tried.
    #[schema(example = "payload.customer.id")]
    distinct_id: Option<String>,
    /// The group type that stores are in the project, such as store: flags may be set for some of them.
    #[schema(example = "store")]
    store_group: Option<String>,
}

impl Handler for FeatureFlag {
    type Config = Config;
    type Credentials = Credentials;

    fn descriptor(&self) -> Descriptor {
        Descriptor {
            key: "posthog:feature_flag",
            name: "PostHog feature flags",
            description: "Evaluates feature flags for the person or store of each event and keeps them in meta; the url is the project's host, the US cloud if empty.",
            category: "analytics",
            icon: ICON,
            default_triggers: &["trigger:new_subscriber", "trigger:store_updated"],
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
        let mut asked = json!({"distinct_id": who.id, "evaluation_runtime": "server"});
        if who.is_person {
            asked["person_properties"] = json!(told(event));
        }
        if let Some(anonymous) = anonymous_id(event, &who.id) {
            asked["$anon_distinct_id"] = json!(anonymous);
        }
        if let Some((groups, properties)) = groups(event, config.store_group.as_deref()) {
            (asked["groups"], asked["group_properties"]) = (groups, properties);
        }
        if !config.flags.is_empty() {
            asked["flag_keys_to_evaluate"] = json!(config.flags);
        }
        let flags = PostHog::of(&context)?.flags(asked).await?;
        let (values, missing) = values(&flags, &config.flags)?;
        let payload = |key: &String| Some((key.clone(), flags.flags.get(key)?.payload()?));
        let payloads: Map<_, _> = config.flags.iter().filter_map(payload).collect();
        let message = match missing.is_empty() {
            true => format!("{} flags evaluated for {}", values.len(), who.id),
            false => {
                format!("off for {}, since the project has no such flag switched on: {}", who.id, missing.join(", "))
            }
        };
        let kept = json!({"values": values, "payloads": payloads, "evaluatedAt": iso(context.clock.now())});
        let length = kept.to_string().len();
        if length > META {
            return Err(Failure::discard(format!(
                "the flags have {length} bytes, of which {META} can be kept: name those that are needed in config.flags, or shorten their payloads"
            )));
        }
        let done = Done::new(message).with_data(kept.clone());
        Ok(make_room(done.with_external_id(&context.meta, MEMORY, &who.id, kept), &context.meta))
    }

    async fn test(&self, context: Context<Self>) -> Outcome {
        PostHog::of(&context)?.prove().await
    }
}

/// Forgets the oldest flags that are `known` where the record's `meta` would get too long.
fn make_room(mut done: Done, known: &Json) -> Done {
    let mut all = known.as_object().cloned().unwrap_or_default();
    all.extend(done.meta.clone());
    all.retain(|_, value| !value.is_null());
    let mut length = Value::Object(all.clone()).to_string().len();
    for (name, value) in all.iter().filter(|(name, _)| name.starts_with("flags:")) {
        if length > META && !done.meta.contains_key(name) {
            length -= name.len() + value.to_string().len();
            done.meta.insert(name.clone(), Value::Null);
        }
    }
    done
}

/// What the flags are, and which of the `wanted` PostHog does not tell of: it leaves out those that are switched off or
/// not there, which are false. What it could not compute may be known later, and is a failure if it is wanted.
fn values(flags: &Flags, wanted: &[String]) -> Result<(Map<String, Value>, Vec<String>), Failure> {
    let mut values: Map<_, _> =
        flags.flags.iter().filter_map(|(key, flag)| Some((key.clone(), flag.value()?))).collect();
    let missing: Vec<_> = wanted.iter().filter(|key| !values.contains_key(*key)).cloned().collect();
    if flags.errors_while_computing_flags && (wanted.is_empty() || !missing.is_empty()) {
        let which = if missing.is_empty() { "all flags".to_owned() } else { missing.join(", ") };
        return Err(Failure::retry(format!("PostHog could not compute {which} (errorsWhileComputingFlags)")));
    }
    values.extend(missing.iter().map(|key| (key.clone(), json!(false))));
    Ok((values, missing))
}

const ICON: &str = r#"<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 24 24" fill="none" stroke="currentColor" stroke-width="2" stroke-linecap="round" stroke-linejoin="round"><path d="M5 21V4M5 5c5-3 8 3 14 0v9c-6 3-9-3-14 0"/></svg>"#;
