//! `posthog:track`: captures each event.

use std::collections::BTreeMap;

use ring::digest::{SHA256, digest};
use serde::Deserialize;
use serde_json::{Map, Value, json};
use utoipa::ToSchema;

use crate::clock::iso;
use crate::handler::{Context, Descriptor, Done, Event, Failure, Handler, Outcome};

/// Where events go when the record has no url.
const HOST: &str = "https://us.i.posthog.com";
/// The longest name and distinct id that PostHog takes.
const LONGEST: usize = 200;
/// Where an event may tell who it is about, the likeliest first.
const PERSON: [&str; 8] = [
    "payload.distinct_id",
    "payload.customer.email",
    "payload.customer.id",
    "payload.customerId",
    "payload.email",
    "data.Email",
    "data.documentId",
    "target.documentId",
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
    distinct_id: Option<String>,
    /// Properties added to every event.
    #[schema(value_type = Object)]
    properties: Map<String, Value>,
}

/// The project to capture for.
#[derive(Deserialize, ToSchema)]
pub struct Credentials {
    /// The project's API key, which begins with phc_.
    #[schema(format = Password)]
    api_key: String,
}

#[derive(Deserialize)]
struct Answered {
    #[serde(default)]
    quota_limited: Vec<String>,
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
            never_blocks: true,
            ..Descriptor::default()
        }
    }

    async fn run(&self, context: Context<Self>) -> Outcome {
        if context.credentials.api_key.starts_with("phx_") {
            return Err(Failure::discard(
                "credentials.api_key is a personal key (phx_); capturing takes the project's (phc_)",
            ));
        }
        let host = context.url.as_deref().filter(|url| !url.is_empty()).unwrap_or(HOST).trim_end_matches('/');
        let (name, captured) = capture(&context);
        let answer = context.http.post(format!("{host}/i/v0/e/")).json(&captured).send().await?.ok()?;
        let answered: Answered = answer.json()?;
        if answered.quota_limited.iter().any(|resource| resource == "events") {
            return Err(Failure::discard("the project is over its quota: PostHog answered well and dropped the event"));
        }
        Ok(Done::new(format!("captured {name}")))
    }
}

/// The event's name there, and the body of the request.
fn capture(context: &Context<Track>) -> (String, Value) {
    let (event, config) = (&*context.event, &context.config);
    let short = event.trigger.trim_start_matches("trigger:");
    let named = config.mapping.get(short).or_else(|| config.mapping.get(&event.trigger));
    let name = cut(named.map_or(short, String::as_str));
    let body = json!({
        "api_key": context.credentials.api_key,
        "event": name,
        "distinct_id": distinct_id(event, config.distinct_id.as_deref()),
        "uuid": uuid(&event.id),
        "timestamp": iso(event.occurred_at),
        "properties": properties(event, &config.properties),
    });
    (name, body)
}

/// The caller's payload, then what is set for the record, then what identifies the event.
fn properties(event: &Event, set: &Map<String, Value>) -> Map<String, Value> {
    let payload = event.payload.as_ref().and_then(|payload| payload.as_object());
    let mut properties = payload.cloned().unwrap_or_default();
    properties.extend(set.clone());
    let known = [
        ("trigger", json!(event.trigger)),
        ("event_id", json!(event.id)),
        ("target", json!(event.target)),
        ("store", json!(event.store)),
        ("$lib", json!("tenon")),
    ];
    properties.extend(known.map(|(name, value)| (name.to_owned(), value)));
    if event.test {
        properties.insert("test".to_owned(), json!(true));
    }
    properties
}

/// Whom the event is about: what stands at `path`, or at the first of the usual places where something stands.
fn distinct_id(event: &Event, path: Option<&str>) -> String {
    let found = path.into_iter().chain(PERSON).find_map(|path| at(event, path));
    cut(found.as_deref().unwrap_or("unknown"))
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
    text.filter(|text| !text.is_empty())
}

fn cut(text: &str) -> String {
    text.chars().take(LONGEST).collect()
}

/// A UUID (version 8, RFC 9562) that is always the same for an event, so that PostHog keeps one that comes twice once.
fn uuid(event_id: &str) -> String {
    let hash = digest(&SHA256, event_id.as_bytes());
    let mut hex: Vec<char> =
        hash.as_ref()[..16].iter().flat_map(|byte| format!("{byte:02x}").chars().collect::<Vec<_>>()).collect();
    (hex[12], hex[16]) = ('8', 'a');
    let part = |range: std::ops::Range<usize>| hex[range].iter().collect::<String>();
    [part(0..8), part(8..12), part(12..16), part(16..20), part(20..32)].join("-")
}

const ICON: &str = r#"<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 24 24" fill="none" stroke="currentColor" stroke-width="2" stroke-linecap="round" stroke-linejoin="round"><path d="M4 20V10M10 20V4M16 20v-7M22 20H2"/></svg>"#;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::handler::testing::{Receiver, attempt_with};

    const OK: &str = "HTTP/1.1 200 OK\r\nContent-Length: 15\r\n\r\n{\"status\":\"Ok\"}";

    #[tokio::test]
    async fn an_event_is_captured_under_its_mapped_name() {
        let receiver = Receiver::answering(OK);
        let config = json!({"mapping": {"post_sale": "Order Completed"}, "properties": {"site": "demo"}});
        let credentials = json!({"api_key": "phc_abcdef"});
        let (outcome, exchanges) = attempt_with(Track, config, credentials, &receiver.url("/")).await;
        assert_eq!(outcome, Ok(Done::new("captured Order Completed")));
        let asked = receiver.request();
        assert!(asked.head.starts_with("POST /i/v0/e/ "), "{}", asked.head);
        let body: Value = serde_json::from_str(&asked.body).expect("JSON");
        assert_eq!((&body["event"], &body["distinct_id"]), (&json!("Order Completed"), &json!("ada@example.com")));
        assert_eq!((&body["api_key"], &body["properties"]["site"]), (&json!("phc_abcdef"), &json!("demo")));
        assert_eq!(body["timestamp"], "2026-11-21T10:00:00.000Z");
        assert!(!serde_json::to_string(&exchanges).expect("JSON").contains("phc_abcdef"));
    }

    #[tokio::test]
    async fn an_event_dropped_for_the_quota_is_not_done() {
        let body = r#"{"status":"Ok","quota_limited":["events"]}"#;
        let receiver = Receiver::answering(&format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{body}", body.len()));
        let (outcome, _) = attempt_with(Track, json!({}), json!({"api_key": "phc_a"}), &receiver.url("")).await;
        assert!(matches!(outcome, Err(Failure::Discard { .. })), "{outcome:?}");
    }

    #[tokio::test]
    async fn a_personal_key_is_never_sent() {
        let (outcome, exchanges) =
            attempt_with(Track, json!({}), json!({"api_key": "phx_a"}), "http://127.0.0.1:9").await;
        assert!(matches!(outcome, Err(Failure::Discard { .. })) && exchanges.is_empty());
    }

    #[test]
    fn the_uuid_of_an_event_is_always_the_same() {
        let first = uuid("evt_1");
        assert_eq!(first, uuid("evt_1"));
        assert_ne!(first, uuid("evt_2"));
        assert_eq!(first.split('-').map(str::len).collect::<Vec<_>>(), [8, 4, 4, 4, 12]);
    }
}
