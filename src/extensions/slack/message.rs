//! `slack:message`: a message for each event, by an incoming webhook or as an app.
//!
//! Slack knows no way to send a message only once, so one whose answer was lost may come twice.

use serde::Deserialize;
use serde_json::{Value, json};
use url::Url;
use utoipa::ToSchema;

use crate::commerce::Summary;
use crate::handler::{Answer, Context, Descriptor, Done, Failure, Handler, Outcome, SetupCheck};
use crate::services::form::filled;
use crate::services::message::{cut, entity, fit, is_of};

/// Where apps call.
const API: &str = "https://slack.com/api";
/// Slack's limits, in characters and in fields of a section.
const HEADER: usize = 150;
const SECTION: usize = 3000;
const FIELD: usize = 2000;
const FIELDS: usize = 10;
const URL: usize = 3000;
/// How long a field's name is at most, so that its value has room.
const NAME: usize = 200;
/// What shows in notifications.
const TEXT: usize = 300;
/// How much is told of each text of an answer that refuses.
const TOLD: usize = 200;

/// Why an app's message goes nowhere.
const NO_CHANNEL: &str = "config.channel is missing: with a token Slack wants to know where to post";

/// Why a url of Slack's is not taken.
const NO_WEBHOOK: &str =
    "is no incoming webhook's url: Slack shows it as https://hooks.slack.com/services/ with three parts behind";

/// The handler.
pub struct Message;

/// What messages look like and where they go.
#[derive(Default, Deserialize, ToSchema)]
#[serde(default)]
pub struct Config {
    /// With a token: the channel, by its id (C0123456789) or its name (#orders). An incoming webhook has its own.
    #[schema(example = "C0123456789")]
    channel: Option<String>,
    /// The title of every message; the trigger's description if not set.
    #[schema(max_length = 150)]
    title: Option<String>,
    /// With a token: the name messages are sent under; the app's own if not set. The app needs the scope
    /// chat:write.customize.
    username: Option<String>,
    /// With a token: the emoji that stands for the sender, such as :tea:. The same scope is needed.
    #[schema(example = ":tea:")]
    icon_emoji: Option<String>,
    /// The timestamp of a message (1795290000.000100), whose thread messages go to.
    thread_ts: Option<String>,
}

/// An incoming webhook, or an app's token.
#[derive(Deserialize, ToSchema)]
pub struct Credentials {
    /// The incoming webhook's url as Slack shows it, at hooks.slack.com.
    #[schema(format = Password, extensions(("x-destination" = json!(true))))]
    webhook_url: Option<String>,
    /// The app's bot token, which begins with xoxb-. It needs the scope chat:write, and config.channel.
    #[schema(format = Password)]
    token: Option<String>,
}

/// How a message goes to Slack.
enum Way<'a> {
    Webhook(&'a str),
    App(&'a str),
}

impl Handler for Message {
    type Config = Config;
    type Credentials = Credentials;

    fn descriptor(&self) -> Descriptor {
        Descriptor {
            key: "slack:message",
            name: "Slack",
            description: "Posts a message about each event to a Slack channel.",
            category: "messaging",
            icon: ICON,
            default_triggers: &["trigger:post_sale"],
            has_test: true,
            never_blocks: true,
            ..Descriptor::default()
        }
    }

    fn check(&self, config: &Config, credentials: &Credentials, check: &mut SetupCheck<'_>) {
        check.credentials_url("webhook_url", credentials.webhook_url.as_deref());
        match way(credentials) {
            Ok(Way::Webhook(url)) if !may_be_webhook(url) => check.credentials("webhook_url", NO_WEBHOOK),
            Err(failure) => check.credentials("", failure.reason()),
            Ok(Way::App(_)) if filled(config.channel.as_deref()).is_none() => check.config("channel", NO_CHANNEL),
            Ok(_) => {}
        }
    }

    async fn run(&self, context: Context<Self>) -> Outcome {
        let mut message = message(&Summary::of(&context.event, context.config.title.as_deref()));
        if let Some(thread) = filled(context.config.thread_ts.as_deref()) {
            message["thread_ts"] = json!(thread);
        }
        match way(&context.credentials)? {
            Way::Webhook(url) => {
                accepted(context.http.post(url).json(&message).send().await?)?;
                Ok(Done::new("message sent"))
            }
            Way::App(token) => {
                let config = &context.config;
                let channel = filled(config.channel.as_deref());
                message["channel"] = json!(channel.ok_or_else(|| Failure::discard(NO_CHANNEL))?);
                for (name, value) in [("username", &config.username), ("icon_emoji", &config.icon_emoji)] {
                    if let Some(value) = filled(value.as_deref()) {
                        message[name] = json!(value);
                    }
                }
                let sent = call(&context, token, "chat.postMessage", Some(&message)).await?;
                Ok(Done::new("message sent").with_data(json!({"channel": sent["channel"], "ts": sent["ts"]})))
            }
        }
    }

    /// Slack tells an app who it is. A webhook that is there says that a message without a text has none.
    async fn test(&self, context: Context<Self>) -> Outcome {
        match way(&context.credentials)? {
            Way::App(token) => {
                let told = call(&context, token, "auth.test", None).await?;
                let [team, user] = ["team", "user"].map(|name| told[name].as_str().unwrap_or_default().to_owned());
                Ok(Done::new(format!("Slack knows the token as {user} in {team}"))
                    .with_data(json!({"teamId": told["team_id"], "botId": told["bot_id"]})))
            }
            Way::Webhook(url) => {
                let answer = context.http.post(url).json(&json!({"text": ""})).send().await?;
                let is_there = answer.status() == 400 && matches!(answer.text().trim(), "no_text" | "invalid_payload");
                if !is_there {
                    accepted(answer)?;
                }
                Ok(Done::new("the webhook is there"))
            }
        }
    }
}

/// Whether a url may be an incoming webhook's: at Slack its host and path say so; what stands before Slack has its own.
fn may_be_webhook(url: &str) -> bool {
    let Ok(url) = Url::parse(url) else { return true };
    let host = url.host_str().unwrap_or_default();
    let parts: Vec<&str> = url.path().trim_matches('/').split('/').collect();
    let is_webhook = matches!(parts[..], ["services", team, hook, secret] if [team, hook, secret].iter().all(|part| !part.is_empty()));
    !is_of(host, "slack.com") || host == "hooks.slack.com" && is_webhook
}

fn way(credentials: &Credentials) -> Result<Way<'_>, Failure> {
    match (filled(credentials.webhook_url.as_deref()), filled(credentials.token.as_deref())) {
        (Some(url), _) => Ok(Way::Webhook(url)),
        (_, Some(token)) => Ok(Way::App(token)),
        _ => Err(Failure::discard("credentials.webhook_url or credentials.token is missing: Slack takes one of them")),
    }
}

/// Calls a method of the Web API. Its faults come with 200 and `ok: false`.
async fn call(context: &Context<Message>, token: &str, method: &str, body: Option<&Value>) -> Result<Value, Failure> {
    let base = context.url.as_deref().filter(|url| !url.is_empty()).unwrap_or(API).trim_end_matches('/');
    let mut call = context.http.post(format!("{base}/{method}"));
    if let Some(body) = body {
        // Slack wants to be told how the text is encoded.
        call = call.json(body).header("Content-Type", "application/json; charset=utf-8");
    }
    let answer = call.secret_header("Authorization", format!("Bearer {token}")).send().await?.ok()?;
    let told: Value = answer.json()?;
    match told["ok"].as_bool() {
        Some(true) => Ok(told),
        _ => Err(refused(&told, &context.config, &answer)),
    }
}

/// What an error of the Web API means.
fn refused(told: &Value, config: &Config, answer: &Answer) -> Failure {
    let error = &*cut(told["error"].as_str().unwrap_or("an answer without ok"), TOLD);
    let channel = config.channel.as_deref().unwrap_or_default();
    let reason = match error {
        "ratelimited" | "rate_limited" => {
            return Failure::limit(format!("Slack has enough for now ({error})"), answer.retry_after());
        }
        "internal_error" | "fatal_error" | "service_unavailable" | "request_timeout" | "team_added_to_org" => {
            return Failure::Retry {
                reason: format!("Slack cannot at the moment: {error}"),
                after: answer.retry_after(),
            };
        }
        "is_archived" => return Failure::Gone { reason: format!("the channel {channel} is archived: {error}") },
        "invalid_auth"
        | "not_authed"
        | "account_inactive"
        | "token_revoked"
        | "token_expired"
        | "not_allowed_token_type" => {
            format!("credentials.token was refused by Slack: {error}")
        }
        "missing_scope" => {
            let needed = cut(told["needed"].as_str().unwrap_or("chat:write"), TOLD);
            format!("the app lacks the scope {needed}: add it and install the app anew: {error}")
        }
        "channel_not_found" => {
            format!("config.channel: Slack has no channel {channel:?}, or does not show it to the app: {error}")
        }
        "not_in_channel" => format!("invite the app to the channel {channel}: {error}"),
        "restricted_action"
        | "restricted_action_read_only_channel"
        | "restricted_action_thread_only_channel"
        | "ekm_access_denied"
        | "org_login_required" => {
            format!("the workspace does not allow this app to post in {channel}: {error}")
        }
        "thread_not_found" | "invalid_thread_ts" => format!("config.thread_ts: Slack knows no such message: {error}"),
        other => {
            let messages = told["response_metadata"]["messages"].as_array().into_iter().flatten();
            let messages: Vec<_> = messages.filter_map(|it| Some(cut(it.as_str()?, TOLD))).take(3).collect();
            let more = if messages.is_empty() { String::new() } else { format!(" ({})", messages.join("; ")) };
            format!("Slack refused the message: {other}{more}")
        }
    };
    Failure::discard(reason)
}

/// What an incoming webhook answers: a status and a word.
fn accepted(answer: Answer) -> Result<Answer, Failure> {
    let word = cut(answer.text().trim(), 100);
    let gone = |why: &str| Err(Failure::Gone { reason: format!("{why} ({} {word})", answer.status()) });
    match (answer.status(), &*word) {
        (404, "no_service" | "no_team") => gone("the webhook was deleted on Slack, or its app removed"),
        (410, _) => gone("the webhook's channel is archived"),
        (403, "invalid_token") | (404, "no_active_hooks" | "user_not_found") => {
            Err(Failure::discard(format!("credentials.webhook_url was refused by Slack: {} {word}", answer.status())))
        }
        (403, _) => Err(Failure::discard(format!("the workspace does not allow this webhook to post: {word}"))),
        (404, "channel_not_found") => Err(Failure::discard(format!("the webhook's channel is not there: {word}"))),
        (400, _) => Err(Failure::discard(format!("Slack refused the message: {word}"))),
        _ => answer.ok(),
    }
}

/// The message: blocks for who looks at it, and a text for notifications.
fn message(summary: &Summary) -> Value {
    let escaped = |text: &str, most: usize| fit(text, most, entity);
    let mrkdwn = |text: String| json!({"type": "mrkdwn", "text": text, "verbatim": true});
    let mut blocks =
        vec![json!({"type": "header", "text": {"type": "plain_text", "text": cut(&summary.title, HEADER)}})];
    if let Some(subject) = &summary.subject {
        blocks.push(json!({"type": "section", "text": mrkdwn(escaped(subject, SECTION))}));
    }
    let fields = summary.facts.iter().take(FIELDS).map(|(name, value)| {
        let name = escaped(name, NAME);
        let room = FIELD - name.chars().count() - "**\n".len();
        mrkdwn(format!("*{name}*\n{}", escaped(value, room)))
    });
    let fields: Vec<Value> = fields.collect();
    if !fields.is_empty() {
        blocks.push(json!({"type": "section", "fields": fields}));
    }
    if !summary.lines.is_empty() {
        blocks.push(json!({"type": "section", "text": mrkdwn(escaped(&summary.lines.join("\n"), SECTION))}));
    }
    if let Some(link) = summary.link.as_ref().filter(|link| link.len() <= URL) {
        let button = json!({"type": "button", "text": {"type": "plain_text", "text": "Open"}, "url": link});
        blocks.push(json!({"type": "actions", "elements": [button]}));
    }
    blocks.push(json!({"type": "context", "elements": [mrkdwn(escaped(&summary.source, FIELD))]}));
    let told = match &summary.subject {
        Some(subject) => format!("{} {subject}", summary.title),
        None => summary.title.clone(),
    };
    json!({"text": escaped(&told, TEXT), "blocks": blocks, "unfurl_links": false})
}

const ICON: &str = r#"<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 24 24" fill="none" stroke="currentColor" stroke-width="2" stroke-linecap="round" stroke-linejoin="round"><path d="M4 4h16v12H12l-5 5v-5H4z"/><path d="M8 8h8M8 12h5"/></svg>"#;
