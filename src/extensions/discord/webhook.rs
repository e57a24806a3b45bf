//! `discord:webhook`: a message with an embed for each event.
//!
//! Discord knows no way to execute a webhook only once, so a message whose answer was lost may come twice.

use std::time::Duration;

use serde::Deserialize;
use serde_json::{Value, json};
use url::Url;
use utoipa::ToSchema;

use crate::clock::iso;
use crate::commerce::Summary;
use crate::handler::{Answer, Context, Descriptor, Done, Failure, Handler, Outcome, SetupCheck};
use crate::services::form::filled;
use crate::services::message::{cut, fit, is_of, markdown};

/// Discord's limits, in characters.
const TITLE: usize = 256;
const DESCRIPTION: usize = 4096;
const FIELD_NAME: usize = 256;
const FIELD_VALUE: usize = 1024;
const FIELDS: usize = 25;
const FOOTER: usize = 2048;
const URL: usize = 2048;
const ALL: usize = 6000;
/// Discord's codes: a channel or thread that is not there, a webhook that was deleted, a token that is not its own.
const UNKNOWN_CHANNEL: i64 = 10003;
const UNKNOWN_WEBHOOK: i64 = 10015;
const INVALID_TOKEN: i64 = 50027;
/// The bar beside the embed, when the config names no colour.
const COLOR: u32 = 0x58_65_f2;

/// Why a url of Discord's is not taken.
const NO_WEBHOOK: &str =
    "is no webhook's url: Discord shows it as https://discord.com/api/webhooks/ with the webhook's id and token behind";

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
    /// The thread that messages go to, by its id.
    #[schema(pattern = "^[0-9]+$")]
    thread_id: Option<String>,
}

/// The webhook's url holds its secret; it may stand here in place of the record's url.
#[derive(Deserialize, ToSchema)]
pub struct Credentials {
    /// The webhook's url as Discord shows it.
    #[schema(format = Password, extensions(("x-destination" = json!(true))))]
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

    fn check(&self, _: &Config, credentials: &Credentials, check: &mut SetupCheck<'_>) {
        check.credentials_url("webhook_url", credentials.webhook_url.as_deref());
        if filled(credentials.webhook_url.as_deref()).is_none() && check.url().is_none() {
            check.missing_url("credentials.webhook_url is missing: the webhook's url, as Discord shows it");
        }
        match filled(credentials.webhook_url.as_deref()) {
            Some(url) if !may_be_webhook(url) => check.credentials("webhook_url", NO_WEBHOOK),
            None if check.url().is_some_and(|url| !may_be_webhook(url)) => check.bad_url(format!("url {NO_WEBHOOK}")),
            _ => {}
        }
    }

    async fn run(&self, context: Context<Self>) -> Outcome {
        let mut url = url(&context)?;
        url.query_pairs_mut().append_pair("wait", "true");
        if let Some(thread) = filled(context.config.thread_id.as_deref()) {
            url.query_pairs_mut().append_pair("thread_id", thread);
        }
        let answer = understood(context.http.post(url).json(&message(&context)).send().await?)?;
        // An answer without a body, or with too long a one, took the message as well: to send it again would say it twice.
        let says_nothing = answer.is_cut() || answer.text().trim().is_empty();
        let sent = if says_nothing { Value::Null } else { answer.json()? };
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

/// Whether a url may be a webhook's: at Discord its path says so; what stands before Discord has paths of its own.
fn may_be_webhook(url: &str) -> bool {
    let Ok(url) = Url::parse(url.trim()) else { return true };
    let host = url.host_str().unwrap_or_default();
    if !["discord.com", "discordapp.com"].into_iter().any(|domain| is_of(host, domain)) {
        return true;
    }
    let parts: Vec<&str> = url.path().trim_matches('/').split('/').collect();
    let is_version = |part: &str| part.strip_prefix('v').is_some_and(is_number);
    match parts[..] {
        ["api", "webhooks", id, token] => is_number(id) && !token.is_empty(),
        ["api", version, "webhooks", id, token] => is_version(version) && is_number(id) && !token.is_empty(),
        _ => false,
    }
}

fn is_number(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

/// The webhook's url: that of the credentials, else the record's.
fn url(context: &Context<Webhook>) -> Result<Url, Failure> {
    let url = filled(context.credentials.webhook_url.as_deref()).map_or_else(|| context.url(), Ok)?;
    Url::parse(url).map_err(|error| Failure::discard(format!("the webhook's url: {error}")))
}

/// The rule for answers, with what Discord adds to it: how long to wait stands in a header, to the millisecond, and codes
/// say what is wrong. That header is in seconds in every version of the API, while the body and `Retry-After` are in
/// milliseconds where the url names no version.
fn understood(answer: Answer) -> Result<Answer, Failure> {
    let told = answer.json().unwrap_or_default();
    let said = told["message"].as_str().map(|message| format!(": {}", cut(message, 200))).unwrap_or_default();
    let refused = |why: &str| Err(Failure::discard(format!("{why} ({}{said})", answer.line())));
    match (answer.status(), told["code"].as_i64()) {
        (404, Some(UNKNOWN_WEBHOOK)) => Err(Failure::Gone { reason: "the webhook was deleted on Discord".into() }),
        (_, Some(UNKNOWN_CHANNEL)) => refused("config.thread_id: Discord has no such thread in the webhook's channel"),
        (401 | 403, _) | (_, Some(INVALID_TOKEN)) => refused(
            "the webhook's url (credentials.webhook_url, else the record's url) was refused by Discord: copy it anew",
        ),
        (400, _) if told["errors"].is_object() => {
            let faults = cut(&told["errors"].to_string(), 300);
            refused(&format!("Discord refused the message, for {faults}"))
        }
        (429, _) => {
            let in_header = answer.header("x-ratelimit-reset-after").and_then(|seconds| seconds.parse().ok());
            let exact = |seconds: f64| Duration::try_from_secs_f64(seconds).ok();
            let (in_header, in_body) = (in_header.and_then(exact), told["retry_after"].as_f64().and_then(exact));
            let is_global = told["global"] == json!(true);
            let after = match (in_header, in_body) {
                // The header is about the webhook's own limit.
                (Some(own), Some(global)) if is_global => Some(own.min(global)),
                (in_header, in_body) => in_header.or(in_body).or(answer.retry_after()),
            };
            let whose = if is_global { " from this machine" } else { "" };
            Err(Failure::limit(format!("Discord has enough{whose} for now ({}{said})", answer.line()), after))
        }
        _ => answer.ok(),
    }
}

fn message(context: &Context<Webhook>) -> Value {
    let config = &context.config;
    let summary = Summary::of(&context.event, config.title.as_deref());
    let mut message = json!({"embeds": [embed(&summary, config)], "allowed_mentions": {"parse": []}});
    if let Some(username) = filled(config.username.as_deref()) {
        message["username"] = json!(cut(username, 80));
    }
    if let Some(avatar) = filled(config.avatar_url.as_deref()) {
        message["avatar_url"] = json!(avatar);
    }
    message
}

fn embed(summary: &Summary, config: &Config) -> Value {
    let title = cut(&summary.title, TITLE);
    let told = summary.subject.iter().chain(&summary.lines).map(String::as_str).collect::<Vec<_>>().join("\n");
    let description = fit(&told, DESCRIPTION, markdown);
    let footer = cut(&summary.source, FOOTER);
    let taken: usize = [&title, &description, &footer].iter().map(|text| text.chars().count()).sum();
    let mut embed = json!({
        "title": title,
        "description": description,
        "color": config.color.unwrap_or(COLOR),
        "timestamp": iso(summary.occurred_at),
        "footer": {"text": footer},
        "fields": fields(summary, ALL.saturating_sub(taken)),
    });
    if let Some(link) = summary.link.as_ref().filter(|link| link.len() <= URL) {
        embed["url"] = json!(link);
    }
    embed
}

/// A field for each fact, as many as there is room for.
fn fields(summary: &Summary, mut left: usize) -> Vec<Value> {
    let mut fields = Vec::new();
    for (name, value) in summary.facts.iter().take(FIELDS) {
        let (name, value) = (cut(name, FIELD_NAME), fit(value, FIELD_VALUE, markdown));
        let taken = name.chars().count() + value.chars().count();
        if taken > left {
            continue;
        }
        left -= taken;
        fields.push(json!({"name": name, "value": value, "inline": taken < 60}));
    }
    fields
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
        let wait = Duration::from_millis(650);
        assert!(matches!(&outcome, Err(Failure::Limit { after, .. }) if *after == wait), "{outcome:?}");
        let unversioned = "429 Too Many Requests\r\nRetry-After: 1500\r\nX-RateLimit-Reset-After: 1.5";
        let unversioned = answering(unversioned, r#"{"message": "slow", "retry_after": 1500, "global": false}"#);
        let (outcome, _) = attempt_with(Webhook, json!({}), json!({}), &url(&unversioned)).await;
        let wait = Duration::from_millis(1500);
        assert!(matches!(&outcome, Err(Failure::Limit { after, .. }) if *after == wait), "{outcome:?}");
        let deleted = answering("404 Not Found", r#"{"message": "Unknown Webhook", "code": 10015}"#);
        let (outcome, _) = attempt_with(Webhook, json!({}), json!({}), &url(&deleted)).await;
        assert!(matches!(outcome, Err(Failure::Gone { .. })), "{outcome:?}");
    }

    #[test]
    fn an_embed_stays_within_discords_limits() {
        let mut event = sale();
        let payload: Value = (0..40).map(|number| (format!("field {number}"), json!("é_".repeat(2000)))).collect();
        event.payload = crate::handler::Json::parse(payload.to_string()).ok();
        let config = Config { title: Some("t".repeat(300)), ..Config::default() };
        let embed = embed(&Summary::of(&event, config.title.as_deref()), &config);
        let count = |text: &Value| text.as_str().map_or(0, |text| text.chars().count());
        let fields = embed["fields"].as_array().expect("fields");
        let all = fields.iter().map(|field| count(&field["name"]) + count(&field["value"])).sum::<usize>();
        let all = all + count(&embed["title"]) + count(&embed["description"]) + count(&embed["footer"]["text"]);
        assert!(all <= ALL && fields.len() <= FIELDS && count(&embed["title"]) == TITLE, "{all}");
        assert!(fields.iter().all(|field| count(&field["value"]) <= FIELD_VALUE));
    }
}
