//! `telegram:message`: a message of a bot for each event.
//!
//! Telegram knows no way to send a message only once, so one whose answer was lost may come twice.

use std::time::Duration;

use serde::Deserialize;
use serde_json::{Value, json};
use utoipa::ToSchema;

use crate::commerce::Summary;
use crate::handler::{Answer, Context, Descriptor, Done, Failure, Handler, Outcome, SetupCheck};
use crate::services::message::{cut, entity, fit};

/// Where bots call.
const API: &str = "https://api.telegram.org";
/// The longest text. Telegram counts what is left of it when its marks are read; this counts the marks too.
const TEXT: usize = 4096;
/// How long a single value is at most, so that others have room.
const VALUE: usize = 500;
/// The longest link that is made.
const LINK: usize = 1000;

/// Why nothing is called.
const NO_TOKEN: &str = "credentials.token is no bot's token: @BotFather tells it, as 123456789:AA…";

/// The handler.
pub struct Message;

/// Where messages go and what they look like.
#[derive(Deserialize, ToSchema)]
pub struct Config {
    /// The chat: its number (-1001234567890), or the name of a public channel (@orders). The bot must be in it.
    #[schema(value_type = String, example = "-1001234567890")]
    chat_id: ChatId,
    /// The topic of a forum that messages go to.
    #[schema(minimum = 1)]
    message_thread_id: Option<i64>,
    /// The title of every message; the trigger's description if not set.
    #[schema(max_length = 200)]
    title: Option<String>,
    /// Whether messages come without a sound.
    #[serde(default)]
    silent: bool,
}

/// A chat as Telegram takes it.
#[derive(Deserialize)]
#[serde(try_from = "Value")]
struct ChatId(Value);

impl TryFrom<Value> for ChatId {
    type Error = String;

    fn try_from(value: Value) -> Result<Self, String> {
        let text = value.as_str().map_or_else(|| value.to_string(), |text| text.trim().to_owned());
        match text.parse::<i64>() {
            Ok(number) => Ok(Self(number.into())),
            Err(_) if text.starts_with('@') && text.len() > 1 => Ok(Self(text.into())),
            Err(_) => Err(format!("{text} is no chat: expected its number, or @ and the name of a public channel")),
        }
    }
}

/// The bot.
#[derive(Deserialize, ToSchema)]
pub struct Credentials {
    /// The bot's token, as @BotFather tells it: 123456789:AA….
    #[schema(format = Password, min_length = 1)]
    token: String,
}

impl Handler for Message {
    type Config = Config;
    type Credentials = Credentials;

    fn descriptor(&self) -> Descriptor {
        Descriptor {
            key: "telegram:message",
            name: "Telegram",
            description: "Sends a message about each event to a Telegram chat.",
            category: "messaging",
            icon: ICON,
            default_triggers: &["trigger:post_sale"],
            has_test: true,
            never_blocks: true,
            ..Descriptor::default()
        }
    }

    fn check(&self, _: &Config, credentials: &Credentials, check: &mut SetupCheck<'_>) {
        if !is_token(&credentials.token) && !credentials.token.is_empty() {
            check.credentials("token", NO_TOKEN);
        }
    }

    /// A group that became a supergroup has another number from then on, which Telegram tells whoever uses the old one:
    /// it is remembered.
    async fn run(&self, context: Context<Self>) -> Outcome {
        let own = chat_name(&context.config.chat_id.0);
        let chat = context.external_id("chat", &own).unwrap_or(&context.config.chat_id.0).clone();
        let text = text_of(&Summary::of(&context.event, context.config.title.as_deref()));
        let answer = send(&context, &chat, &text).await?;
        match moved_to(&answer) {
            None => Ok(sent(&understood(answer, &context)?)),
            Some(new) => {
                let again = send(&context, &new, &text).await?;
                let done = sent(&understood(again, &context)?);
                Ok(done.with_external_id(&context.meta, "chat", &own, new))
            }
        }
    }

    /// Telegram tells a bot who it is, and what chat it is in.
    async fn test(&self, context: Context<Self>) -> Outcome {
        let bot = understood(call(&context, "getMe", None).await?, &context)?;
        let chat = json!({"chat_id": context.config.chat_id.0});
        let chat = understood(call(&context, "getChat", Some(&chat)).await?, &context)?;
        let name = bot["username"].as_str().unwrap_or("the bot");
        let title = chat["title"].as_str().or(chat["username"].as_str()).unwrap_or("the chat");
        Ok(Done::new(format!("{name} can see {title}")).with_data(json!({"botId": bot["id"], "chatId": chat["id"]})))
    }
}

async fn send(context: &Context<Message>, chat: &Value, text: &str) -> Result<Answer, Failure> {
    let mut message = json!({
        "chat_id": chat,
        "text": text,
        "parse_mode": "HTML",
        "link_preview_options": {"is_disabled": true},
    });
    if context.config.silent {
        message["disable_notification"] = json!(true);
    }
    if let Some(thread) = context.config.message_thread_id {
        message["message_thread_id"] = json!(thread);
    }
    call(context, "sendMessage", Some(&message)).await
}

/// Whether this has the form of a bot's token. It stands in the path of every call, so nothing else may be in it.
fn is_token(text: &str) -> bool {
    text.trim().split_once(':').is_some_and(|(id, rest)| {
        let plain = |letter: char| letter.is_ascii_alphanumeric() || matches!(letter, '_' | '-');
        !id.is_empty() && id.bytes().all(|digit| digit.is_ascii_digit()) && !rest.is_empty() && rest.chars().all(plain)
    })
}

/// Calls a method of the Bot API, in whose path the token stands.
async fn call(context: &Context<Message>, method: &str, body: Option<&Value>) -> Result<Answer, Failure> {
    let token = context.credentials.token.trim();
    if !is_token(token) {
        return Err(Failure::discard(NO_TOKEN));
    }
    let base = context.url.as_deref().filter(|url| !url.is_empty()).unwrap_or(API).trim_end_matches('/');
    let call = context.http.post(format!("{base}/bot{token}/{method}"));
    match body {
        Some(body) => call.json(body).send().await,
        None => call.send().await,
    }
}

/// The number that a group has now, if it became a supergroup.
fn moved_to(answer: &Answer) -> Option<Value> {
    let told: Value = answer.json().ok()?;
    let new = &told["parameters"]["migrate_to_chat_id"];
    new.as_i64().map(Value::from)
}

/// The result that an answer tells of, or what its error means.
fn understood(answer: Answer, context: &Context<Message>) -> Result<Value, Failure> {
    let Ok(told) = answer.json() else { return Err(no_answer_of_telegram(answer)) };
    if told["ok"] == json!(true) {
        return Ok(told["result"].clone());
    }
    let description = cut(told["description"].as_str().unwrap_or("an answer without ok"), 200);
    let code = told["error_code"].as_u64().unwrap_or_else(|| answer.status().into());
    let lower = description.to_lowercase();
    let says = |parts: &[&str]| parts.iter().any(|part| lower.contains(part));
    let chat = chat_name(&context.config.chat_id.0);
    let discard = |why: String| Err(Failure::discard(format!("{why}: {description} ({code})")));
    match code {
        429 => {
            let after = told["parameters"]["retry_after"].as_u64().map(Duration::from_secs).or(answer.retry_after());
            Err(Failure::limit(format!("Telegram has enough for now: {description}"), after))
        }
        500..=599 => Err(Failure::Retry { reason: format!("{description} ({code})"), after: answer.retry_after() }),
        401 | 404 => discard("credentials.token was refused by Telegram: ask @BotFather for the bot's token".into()),
        403 if says(&["blocked by the user", "was kicked", "user is deactivated", "group chat was deleted"]) => {
            Err(Failure::Gone { reason: format!("the chat {chat} wants no more of this: {description} ({code})") })
        }
        403 => {
            discard(format!("the bot may not write to {chat} (config.chat_id): add it there, or start a chat with it"))
        }
        400 if says(&["chat not found", "chat_id is empty", "peer_id_invalid", "username_not_occupied"]) => {
            discard(format!("config.chat_id: Telegram has no chat {chat}, or the bot is not in it"))
        }
        400 if says(&["thread not found", "topic_closed", "topic_deleted"]) => {
            discard("config.message_thread_id: messages cannot go to this topic".into())
        }
        400 if says(&["not enough rights", "need administrator rights", "chat_write_forbidden"]) => {
            discard(format!("the bot needs the right to post in {chat}"))
        }
        _ => discard("Telegram refused the message".into()),
    }
}

/// What it means when something else than Telegram answers, such as a proxy on the way.
fn no_answer_of_telegram(answer: Answer) -> Failure {
    let line = answer.line();
    match answer.ok() {
        Ok(_) => Failure::retry(format!("{line}, but the answer is none of Telegram's: is the url right?")),
        Err(failure) => failure,
    }
}

fn sent(result: &Value) -> Done {
    Done::new("message sent").with_data(json!({"messageId": result["message_id"], "chatId": result["chat"]["id"]}))
}

fn chat_name(chat: &Value) -> String {
    chat.as_str().map_or_else(|| chat.to_string(), str::to_owned)
}

/// The text, in Telegram's HTML: as many lines as there is room for.
fn text_of(summary: &Summary) -> String {
    let escaped = |text: &str| fit(text, VALUE, entity);
    let mut parts = vec![format!("<b>{}</b>", escaped(&summary.title))];
    parts.extend(summary.subject.as_ref().map(|subject| escaped(subject)));
    parts.extend(summary.facts.iter().map(|(name, value)| format!("<b>{}:</b> {}", escaped(name), escaped(value))));
    parts.extend(summary.lines.iter().map(|line| format!("• {}", escaped(line))));
    let link = summary.link.as_ref().map(|link| fit(link, usize::MAX, attribute)).filter(|link| link.len() <= LINK);
    let link = link.map(|link| format!("<a href=\"{link}\">Open</a>"));
    let end: Vec<String> = link.into_iter().chain([format!("<i>{}</i>", escaped(&summary.source))]).collect();
    let mut left = TEXT - end.iter().map(|part| length(part) + 1).sum::<usize>() - "\n…".len();
    let mut text = String::new();
    for part in parts {
        if length(&part) + 1 > left {
            text.push_str("…\n");
            break;
        }
        left -= length(&part) + 1;
        text.push_str(&part);
        text.push('\n');
    }
    text + &end.join("\n")
}

/// As Telegram counts: letters beyond the basic plane are two.
fn length(text: &str) -> usize {
    text.encode_utf16().count()
}

fn attribute(letter: char) -> String {
    if letter == '"' { "&quot;".to_owned() } else { entity(letter) }
}

const ICON: &str = r#"<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 24 24" fill="none" stroke="currentColor" stroke-width="2" stroke-linecap="round" stroke-linejoin="round"><path d="M3 11 21 4l-4 16-6-5z"/><path d="m11 15-1 5-2-7 13-9"/></svg>"#;
