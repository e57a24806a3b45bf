//! `discord:webhook`: a message with an embed for each event.

use std::time::Duration;

use serde::Deserialize;
use serde_json::{Value, json};
use url::Url;
use utoipa::ToSchema;

use crate::clock::iso;
use crate::handler::{Answer, Context, Descriptor, Done, Event, Failure, Handler, Outcome};
use crate::triggers::find_in_catalogue;

/// Discord's limits, in characters.
const TITLE: usize = 256;
const DESCRIPTION: usize = 4096;
const FIELD_NAME: usize = 256;
const FIELD_VALUE: usize = 1024;
const FIELDS: usize = 25;
const ALL: usize = 6000;
/// The error code for a webhook that was deleted there.
const UNKNOWN_WEBHOOK: i64 = 10015;
/// The bar beside the embed, when the config names no colour.
const COLOR: u32 = 0x58_65_f2;

/// The handler.
pub struct Webhook;

/// What messages look like.
#[derive(Deserialize, ToSchema)]
#[serde(default)]
#[derive(Default)]
pub struct Config {
    /// The name messages are sent under; the webhook's own if not set.
    #[schema(min_length = 1, max_length = 80)]
    username: Option<String>,
    /// The picture messages are sent under.
    avatar_url: Option<String>,
    /// The title of every message; the trigger's description if not set.
    #[schema(max_length = 256)]
    title: Option<String>,
    /// The colour of the bar beside the message, as a number: 5793266 is #5865f2.
    #[schema(minimum = 0, maximum = 16777215)]
    color: Option<u32>,
    /// The thread that messages go to.
    thread_id: Option<String>,
}

/// The webhook's url holds its secret; it may stand here in place of the record's url.
#[derive(Deserialize, ToSchema)]
pub struct Credentials {
    /// The webhook's url as Discord shows it.
    #[schema(format = Password)]
    webhook_url: Option<String>,
}

impl Handler for Webhook {
    type Config = Config;
    type Credentials = Credentials;

    fn descriptor(&self) -> Descriptor {
        Descriptor {
            key: "discord:webhook",
            name: "Discord",
            description: "Posts a message about each event to a Discord channel.",
            category: "messaging",
            icon: ICON,
            default_triggers: &["trigger:post_sale"],
            has_test: true,
            never_blocks: true,
            ..Descriptor::default()
        }
    }

    async fn run(&self, context: Context<Self>) -> Outcome {
        let mut url = url(&context)?;
        url.query_pairs_mut().append_pair("wait", "true");
        if let Some(thread) = &context.config.thread_id {
            url.query_pairs_mut().append_pair("thread_id", thread);
        }
        let answer = understood(context.http.post(url).json(&message(&context)).send().await?)?;
        let sent = answer.json::<Value>().unwrap_or_default();
        Ok(Done::new("message sent").with_data(json!({"messageId": sent["id"]})))
    }

    /// Discord tells about a webhook whoever has its url.
    async fn test(&self, context: Context<Self>) -> Outcome {
        let answer = understood(context.http.get(url(&context)?).send().await?)?;
        let webhook: Value = answer.json()?;
        let name = webhook["name"].as_str().unwrap_or_default();
        Ok(Done::new(format!("the webhook {name} is there")).with_data(json!({"channelId": webhook["channel_id"]})))
    }
}

/// The webhook's url: that of the credentials, else the record's.
fn url(context: &Context<Webhook>) -> Result<Url, Failure> {
    let url = match &context.credentials.webhook_url {
        Some(url) if !url.is_empty() => url,
        _ => context.url()?,
    };
    Url::parse(url).map_err(|error| Failure::discard(format!("the webhook's url: {error}")))
}

/// The rule for answers, with Discord's own additions: how long to wait stands in the body, to the millisecond, and a
/// deleted webhook is told by a code.
fn understood(answer: Answer) -> Result<Answer, Failure> {
    match answer.status() {
        404 if answer.json::<Value>().is_ok_and(|body| body["code"].as_i64() == Some(UNKNOWN_WEBHOOK)) => {
            Err(Failure::Gone { reason: "the webhook was deleted on Discord".into() })
        }
        429 => {
            let seconds = answer.json::<Value>().ok().and_then(|body| body["retry_after"].as_f64());
            let told = seconds.and_then(|seconds| Duration::try_from_secs_f64(seconds).ok());
            Err(Failure::Retry { reason: answer.line(), after: told.or(answer.retry_after()) })
        }
        _ => answer.ok(),
    }
}

fn message(context: &Context<Webhook>) -> Value {
    let (event, config) = (&*context.event, &context.config);
    let mut message = json!({"embeds": [embed(event, config)], "allowed_mentions": {"parse": []}});
    if let Some(username) = &config.username {
        message["username"] = json!(cut(username, 80));
    }
    if let Some(avatar) = &config.avatar_url {
        message["avatar_url"] = json!(avatar);
    }
    message
}

fn embed(event: &Event, config: &Config) -> Value {
    let short = event.trigger.trim_start_matches("trigger:");
    let known = find_in_catalogue(short).map_or(short, |entry| entry.description);
    let title = config.title.as_deref().unwrap_or(known);
    let title = cut(&if event.test { format!("Test: {title}") } else { title.to_owned() }, TITLE);
    let data = event.data.value();
    let name = ["title", "Name", "Email"].iter().find_map(|field| data[*field].as_str()).unwrap_or_default();
    let description = cut(name, DESCRIPTION);
    let footer = format!("{} · {}", event.trigger, event.id);
    let left = ALL.saturating_sub([&title, &description, &footer].iter().map(|text| text.chars().count()).sum());
    json!({
        "title": title,
        "description": description,
        "color": config.color.unwrap_or(COLOR),
        "timestamp": iso(event.occurred_at),
        "footer": {"text": footer},
        "fields": fields(event, left),
    })
}

/// The store and what the caller sent, a field for each, as many as there is room for.
fn fields(event: &Event, mut left: usize) -> Vec<Value> {
    let store = event.store.as_ref().map(|store| store.slug.clone().unwrap_or_else(|| store.document_id.clone()));
    let mut told: Vec<(String, String)> = store.into_iter().map(|store| ("Store".to_owned(), store)).collect();
    if let Some(payload) = event.payload.as_ref().and_then(|payload| payload.as_object()) {
        told.extend(payload.iter().map(|(name, value)| (name.clone(), text(value))));
    }
    let mut fields = Vec::new();
    for (name, value) in told.into_iter().take(FIELDS) {
        let (name, value) = (cut(&name, FIELD_NAME), cut(&value, FIELD_VALUE));
        let taken = name.chars().count() + value.chars().count();
        // Discord refuses a field without a name or a value.
        if name.is_empty() || value.is_empty() || taken > left {
            continue;
        }
        left -= taken;
        fields.push(json!({"name": name, "value": value, "inline": taken < 60}));
    }
    fields
}

fn text(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

/// At most `most` characters, with a mark where something is missing.
fn cut(text: &str, most: usize) -> String {
    match text.chars().count() > most {
        true => text.chars().take(most - 1).chain(['…']).collect(),
        false => text.to_owned(),
    }
}

const ICON: &str = r#"<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 24 24" fill="none" stroke="currentColor" stroke-width="2" stroke-linecap="round" stroke-linejoin="round"><path d="M4 5h16v11H9l-5 4z"/><path d="M9 10h.01M15 10h.01"/></svg>"#;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::handler::testing::{Receiver, attempt_with, sale};

    fn answering(status: &str, body: &str) -> Receiver {
        Receiver::answering(&format!("HTTP/1.1 {status}\r\nContent-Length: {}\r\n\r\n{body}", body.len()))
    }

    #[tokio::test]
    async fn a_message_is_posted_with_an_embed() {
        let receiver = answering("200 OK", r#"{"id": "131"}"#);
        let config = json!({"username": "Shop", "thread_id": "9"});
        let credentials = json!({"webhook_url": receiver.url("/webhooks/1/token")});
        let (outcome, exchanges) = attempt_with(Webhook, config, credentials, "").await;
        assert_eq!(outcome, Ok(Done::new("message sent").with_data(json!({"messageId": "131"}))));
        let asked = receiver.request();
        assert!(asked.head.starts_with("POST /webhooks/1/token?wait=true&thread_id=9 "), "{}", asked.head);
        let body: Value = serde_json::from_str(&asked.body).expect("JSON");
        assert_eq!((&body["username"], &body["embeds"][0]["title"]), (&json!("Shop"), &json!("A sale is done.")));
        assert_eq!(body["embeds"][0]["fields"][0], json!({"name": "Store", "value": "north", "inline": true}));
        assert!(!serde_json::to_string(&exchanges).expect("JSON").contains("/webhooks/1/token"), "the url is a secret");
    }

    #[tokio::test]
    async fn discords_own_answers_are_understood() {
        let url = |receiver: &Receiver| receiver.url("/webhooks/1/token");
        let limited =
            answering("429 Too Many Requests", r#"{"message": "slow", "retry_after": 0.65, "global": false}"#);
        let (outcome, _) = attempt_with(Webhook, json!({}), json!({}), &url(&limited)).await;
        let wait = Some(Duration::from_millis(650));
        assert!(matches!(&outcome, Err(Failure::Retry { after, .. }) if *after == wait), "{outcome:?}");
        let deleted = answering("404 Not Found", r#"{"message": "Unknown Webhook", "code": 10015}"#);
        let (outcome, _) = attempt_with(Webhook, json!({}), json!({}), &url(&deleted)).await;
        assert!(matches!(outcome, Err(Failure::Gone { .. })), "{outcome:?}");
    }

    #[test]
    fn an_embed_stays_within_discords_limits() {
        let mut event = sale();
        let payload: Value = (0..40).map(|number| (format!("field {number}"), json!("é".repeat(2000)))).collect();
        event.payload = crate::handler::Json::parse(payload.to_string()).ok();
        let config = Config { title: Some("t".repeat(300)), ..Config::default() };
        let embed = embed(&event, &config);
        let count = |text: &Value| text.as_str().map_or(0, |text| text.chars().count());
        let fields = embed["fields"].as_array().expect("fields");
        let all = fields.iter().map(|field| count(&field["name"]) + count(&field["value"])).sum::<usize>();
        let all = all + count(&embed["title"]) + count(&embed["description"]) + count(&embed["footer"]["text"]);
        assert!(all <= ALL && fields.len() <= FIELDS && count(&embed["title"]) == TITLE, "{all}");
        assert!(fields.iter().all(|field| count(&field["value"]) <= FIELD_VALUE));
    }
}
