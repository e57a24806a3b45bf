//! `external:*`: every key of this namespace is a program of the user's own, at the record's url. It is sent all that a
//! handler here is given, and answers what a handler here reports.

use std::time::Duration;

use serde::de::MapAccess;
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::{Map, Value, json};
use url::{Host, Url};
use utoipa::ToSchema;

use crate::handler::bounds::{check_data, check_meta};
use crate::handler::{Answer, Context, Descriptor, Done, Event, Failure, Handler, Outcome, SetupCheck};
use crate::nesting::{Members, read_member};
use crate::outbound::ANSWER_LIMIT;
use crate::services::form::Optional;
use crate::services::open::{Known, read_open};
use crate::services::webhook::{self, Encoding, SignatureHeader, Signing};

/// How many bytes the `data` of an attempt may have, as JSON.
const DATA: usize = 16 * 1024;
/// How much of a message is kept, in characters.
const MESSAGE: usize = 500;
/// The longest time that an answer may ask to wait, in seconds.
const LONGEST_WAIT: f64 = 86_400.0;
/// Why credentials are not sent along.
const NOT_PRIVATE: &str =
    "config.send_credentials needs a url that begins with https://: anyone on the way could read them";

/// The handler.
pub struct External;

/// What the program is told beside the event: whatever stands here.
#[derive(Default, ToSchema)]
pub struct Config {
    /// Whether the credentials are sent along, for a program that calls another service with them; only over https, and
    /// never the secret that bodies are signed with.
    #[schema(required = false, extensions(("x-destination" = json!(true))))]
    send_credentials: bool,
    #[schema(ignore)]
    more: Map<String, Value>,
}

/// What bodies are signed with, and whatever the program needs.
#[derive(Default, ToSchema)]
pub struct Credentials {
    /// What bodies are signed with: whsec_ and base64 for Standard Webhooks, or any text.
    #[schema(format = Password)]
    secret: Option<String>,
    /// Sends an HMAC of the body too: sha1, sha256, sha384 or sha512.
    algorithm: Option<String>,
    /// The header of that HMAC; X-Webhook-Signature if not set.
    #[schema(value_type = Option<String>)]
    header_name: Option<SignatureHeader>,
    /// How that HMAC is written: hex or base64. If not set, base64 for X-Shopify-Hmac-Sha256 and X-WC-Webhook-Signature,
    /// hex for any other header.
    #[schema(value_type = Option<String>)]
    encoding: Option<Encoding>,
    #[schema(ignore)]
    more: Map<String, Value>,
}

/// What the program is sent.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Told<'a> {
    key: &'a str,
    trigger: &'a str,
    event: &'a Event,
    entity: &'a Value,
    config: &'a Map<String, Value>,
    url: &'a str,
    meta: &'a Value,
    run: Value,
    #[serde(skip_serializing_if = "Option::is_none")]
    credentials: Option<&'a Map<String, Value>>,
}

/// What the program answers; all of it may be left out, and more is allowed.
#[derive(Default, Deserialize)]
struct Reported {
    #[serde(default)]
    outcome: Option<Word>,
    #[serde(default)]
    message: Option<String>,
    #[serde(default, deserialize_with = "read_member")]
    data: Option<Value>,
    #[serde(default)]
    meta: Option<Members>,
    #[serde(default)]
    retry_after: Option<f64>,
}

/// What the attempt came to.
#[derive(Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Word {
    Done,
    Retry,
    Discard,
    Gone,
}

impl Handler for External {
    type Config = Config;
    type Credentials = Credentials;

    fn descriptor(&self) -> Descriptor {
        Descriptor {
            key: "external:*",
            name: "External handler",
            description: "Sends each event with its record to a program of your own, which answers what came of it.",
            category: "webhooks",
            icon: ICON,
            needs_url: true,
            rate_limit_per_hour: None,
            never_blocks: true,
            ..Descriptor::default()
        }
    }

    fn check(&self, config: &Config, credentials: &Credentials, check: &mut SetupCheck<'_>) {
        credentials.signing().check(check);
        if config.send_credentials && check.url().is_some_and(|url| !is_private(url)) {
            check.config("send_credentials", NOT_PRIVATE);
        }
    }

    async fn run(&self, context: Context<Self>) -> Outcome {
        let (signing, more) = (context.credentials.signing(), &context.credentials.more);
        if context.config.send_credentials && !is_private(context.url()?) {
            return Err(Failure::discard(NOT_PRIVATE));
        }
        let run = &context.run;
        let told = Told {
            key: &context.key,
            trigger: context.trigger(),
            event: &context.event,
            entity: context.entity(),
            config: &context.config.more,
            url: context.url()?,
            meta: context.meta.value(),
            run: json!({
                "id": run.id,
                "attempt": run.attempt,
                "maxAttempts": run.max_attempts,
                "idempotencyKey": run.idempotency_key(),
            }),
            credentials: context.config.send_credentials.then_some(more),
        };
        let answer = webhook::post(&context, &signing, &told)?.send().await?;
        let said = message_of(&answer);
        let answer = answer.ok().map_err(|failure| match &said {
            Some(said) => failure.map_reason(|reason| format!("{reason}: {said}")),
            None => failure,
        })?;
        reported(&answer, context.meta.value())
    }
}

impl Known for Config {
    fn take<'de, A: MapAccess<'de>>(&mut self, name: &str, entries: &mut A) -> Result<bool, A::Error> {
        match name {
            "send_credentials" => self.send_credentials = entries.next_value()?,
            _ => return Ok(false),
        }
        Ok(true)
    }
}

impl<'de> Deserialize<'de> for Config {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        read_open(deserializer).map(|(known, more)| Self { more, ..known })
    }
}

impl Known for Credentials {
    fn take<'de, A: MapAccess<'de>>(&mut self, name: &str, entries: &mut A) -> Result<bool, A::Error> {
        match name {
            "secret" => self.secret = entries.next_value()?,
            "algorithm" => self.algorithm = entries.next_value()?,
            "header_name" => Optional(self.header_name) = entries.next_value()?,
            "encoding" => Optional(self.encoding) = entries.next_value()?,
            _ => return Ok(false),
        }
        Ok(true)
    }
}

impl<'de> Deserialize<'de> for Credentials {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        read_open(deserializer).map(|(known, more)| Self { more, ..known })
    }
}

impl Credentials {
    fn signing(&self) -> Signing {
        let Self { secret, algorithm, header_name, encoding, .. } = self;
        let (secret, algorithm) = (secret.clone(), algorithm.clone());
        Signing { secret, algorithm, header_name: header_name.clone(), encoding: *encoding }
    }
}

/// Whether nobody on the way can read what is sent there.
fn is_private(url: &str) -> bool {
    let Ok(url) = Url::parse(url) else { return false };
    url.scheme() == "https"
        || match url.host() {
            Some(Host::Ipv4(address)) => address.is_loopback(),
            Some(Host::Ipv6(address)) => address.is_loopback(),
            _ => false,
        }
}

/// What an answer says for people, whatever its status.
fn message_of(answer: &Answer) -> Option<String> {
    let told: Value = answer.json().ok()?;
    told["message"].as_str().map(shortened)
}

fn shortened(text: &str) -> String {
    text.chars().take(MESSAGE).collect()
}

/// The outcome that a 2xx tells of, for a record with this `meta`. One without a body says that it is done, and so does one
/// in plain words: what the program did must not be done again because of them.
fn reported(answer: &Answer, meta: &Value) -> Outcome {
    if answer.is_cut() {
        return Ok(Done::new(format!(
            "{}; the answer is longer than {ANSWER_LIMIT} bytes and was not read",
            answer.line()
        )));
    }
    let text = answer.text();
    let text = text.trim();
    if text.is_empty() {
        return Ok(Done::new(answer.line()));
    }
    let told = match answer.json() {
        Ok(told @ Value::Object(_)) => told,
        // A page is of something in front of the program, which has heard nothing then.
        Err(failure) if text.starts_with('<') => return Err(failure),
        _ if text.starts_with(['{', '[']) => return Err(unusable(answer, "is no JSON object")),
        _ => return Ok(Done::new(format!("{}; the answer should be a JSON object, or nothing", answer.line()))),
    };
    let read: Result<Reported, _> = serde_path_to_error::deserialize(told);
    let Reported { outcome, message, data, meta: more, retry_after } =
        read.map_err(|error| unusable(answer, &format!("cannot be used: {}: {}", error.path(), error.inner())))?;
    let message = message.as_deref().map(shortened);
    let wait = retry_after.map(|seconds| Duration::try_from_secs_f64(seconds.min(LONGEST_WAIT)));
    let after =
        wait.transpose().map_err(|_| unusable(answer, "cannot be used: retry_after is no number of seconds"))?;
    let usual = if after.is_some() { Word::Retry } else { Word::Done };
    let reason = || message.clone().unwrap_or_else(|| "the external handler does not say why".to_owned());
    match outcome.unwrap_or(usual) {
        Word::Done => {}
        Word::Retry => return Err(Failure::Retry { reason: reason(), after }),
        Word::Discard => return Err(Failure::Discard { reason: reason() }),
        Word::Gone => return Err(Failure::Gone { reason: reason() }),
    }
    let more = more.map(|Members(members)| members).unwrap_or_default();
    let data_problem = data.as_ref().map_or(Ok(()), |data| check_data(data, DATA));
    check_meta(meta, &more)
        .and(data_problem)
        .map_err(|problem| unusable(answer, &format!("cannot be used: {problem}")))?;
    Ok(Done { message: message.unwrap_or_else(|| answer.line()), data, meta: more, ..Done::default() })
}

fn unusable(answer: &Answer, what: &str) -> Failure {
    Failure::discard(format!("the external handler answered {}, but its answer {what}", answer.line()))
}

const ICON: &str = r#"<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 24 24" fill="none" stroke="currentColor" stroke-width="2" stroke-linecap="round" stroke-linejoin="round"><rect x="3" y="8" width="11" height="11" rx="2"/><path d="M14 4h6v6M20 4l-9 9"/></svg>"#;
