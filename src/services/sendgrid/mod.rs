//! SendGrid: where requests go, the key that they carry, and what answers mean.
//!
//! <https://www.twilio.com/docs/sendgrid/api-reference>

mod contacts;
mod plain_email;
mod mail;
mod templates;
mod values;

use std::time::Duration;

use reqwest::Method;
use serde::Deserialize;
use serde_json::Value;
use utoipa::ToSchema;

pub use contacts::{Contact, Entry};
pub(crate) use mail::mail_config;
pub use mail::{Mail, Settings, data, recipient, send};
pub use plain_email::PlainEmail;
pub use templates::prove;
pub use values::{Email, ListId, at_least_one};

use crate::clock::{Millis, SECOND};
use crate::handler::{Answer, ExtensionContext, Failure, Http, SetupCheck};
use crate::nesting;
use crate::services::form::filled;
use crate::services::message::cut;

/// Where requests go when the record has no url.
const API: &str = "https://api.sendgrid.com";

/// How many of the errors in an answer are told, and how much of each of their texts, in characters.
const ERRORS: usize = 3;
const TOLD: usize = 200;

/// What SendGrid calls a value that stands in a record's config.
const FIELDS: [(&str, &str); 6] = [
    ("template_id", "config.template_id"),
    ("from", "config.from_email"),
    ("reply_to", "config.reply_to"),
    ("categories", "config.categories"),
    ("asm", "config.unsubscribe_group"),
    ("list_ids", "config.list_ids"),
];

/// What SendGrid knows the account by.
#[derive(Deserialize, ToSchema)]
pub struct Credentials {
    /// An API key of the account, which begins with SG. It needs the permission Mail Send for mail, Marketing for contacts.
    #[schema(format = Password)]
    api_key: String,
}

impl Credentials {
    /// Names what keeps the key from being used.
    pub fn check(&self, check: &mut SetupCheck<'_>) {
        if let Err(failure) = self.key() {
            check.credentials("api_key", failure.reason());
        }
    }

    fn key(&self) -> Result<&str, Failure> {
        let key = filled(Some(&self.api_key));
        let empty = "credentials.api_key is empty: SendGrid shows a key once, when it is made";
        key.ok_or_else(|| Failure::discard(empty))
    }
}

/// The way to SendGrid for one attempt.
pub struct SendGrid<'a> {
    http: &'a Http,
    base: &'a str,
    key: &'a str,
    now: Millis,
}

/// What a person should look at when a call is refused with one of these statuses.
type Advice = &'static [(u16, &'static str)];

impl<'a> SendGrid<'a> {
    /// The way for an attempt; a record without a key is discarded.
    pub fn of<Config>(context: &'a ExtensionContext<Config, Credentials>) -> Result<Self, Failure> {
        let key = context.credentials.key()?;
        let url = context.url.as_deref().filter(|url| !url.is_empty());
        let base = url.unwrap_or(API).trim_end_matches('/');
        Ok(Self { http: &context.http, base, key, now: context.clock.now() })
    }

    /// Asks for `path`, and returns the answer whatever it is.
    async fn ask(&self, method: Method, path: &str, body: Option<&Value>) -> Result<Answer, Failure> {
        let call = self.http.call(method, format!("{}{path}", self.base));
        let call = call.header("Authorization", format!("Bearer {}", self.key));
        match body {
            Some(body) => call.json(body).send().await,
            None => call.send().await,
        }
    }

    /// Asks for `path`, and returns an answer of success. Any other is a failure that tells what SendGrid said, and what
    /// `advice` has for its status.
    async fn done(&self, method: Method, path: &str, body: Option<&Value>, advice: Advice) -> Result<Answer, Failure> {
        let answer = self.ask(method, path, body).await?;
        self.understood(answer, advice)
    }

    /// An answer of success, or what another one means. SendGrid says when it will listen again in `X-RateLimit-Reset`, a
    /// moment in seconds; what is wrong stands in `errors`, with the field it is about.
    fn understood(&self, answer: Answer, advice: Advice) -> Result<Answer, Failure> {
        let status = answer.status();
        let told = told(&answer);
        let advice = advice.iter().find(|(known, _)| *known == status).map(|(_, advice)| format!(". {advice}"));
        let advice = advice.unwrap_or_default();
        match status {
            200..=299 => Ok(answer),
            401 => Err(Failure::discard(format!("credentials.api_key was refused by SendGrid (401): {told}{advice}"))),
            429 => {
                let after = self.reset(&answer).or(answer.retry_after());
                Err(Failure::limit(format!("too many requests for SendGrid (429): {told}"), after))
            }
            400..=499 if status != 408 => {
                Err(Failure::discard(format!("SendGrid refused the request ({status}): {told}{advice}")))
            }
            _ => answer.ok().map_err(|failure| failure.map_reason(|line| format!("SendGrid answers {line}: {told}"))),
        }
    }

    /// How long it is until the limit begins anew; a second at least, since their clock is not ours.
    fn reset(&self, answer: &Answer) -> Option<Duration> {
        let at: Millis = answer.header("x-ratelimit-reset")?.trim().parse().ok()?;
        let wait = at.checked_mul(SECOND)?.saturating_sub(self.now).max(SECOND);
        Some(Duration::from_millis(u64::try_from(wait).ok()?))
    }
}

/// `text` as one segment of a path, whatever stands in it.
fn segment(text: &str) -> String {
    url::form_urlencoded::byte_serialize(text.as_bytes()).collect::<String>().replace('+', "%20")
}

/// Whether SendGrid itself answers that it does not know what it is asked for. A page that says so is none of its own.
fn is_unknown(answer: &Answer) -> bool {
    answer.status() == 404 && is_json(answer)
}

fn is_json(answer: &Answer) -> bool {
    nesting::read(answer.text()).is_ok()
}

/// What an answer says is wrong: `config.template_id: The template_id must be … (help)`, for each error that it has.
fn told(answer: &Answer) -> String {
    let body: Value = nesting::read(answer.text()).unwrap_or_default();
    let errors = body["errors"].as_array().map_or(&[][..], Vec::as_slice);
    let lines: Vec<_> = errors.iter().filter_map(line).take(ERRORS).collect();
    if lines.is_empty() { "it does not say why".to_owned() } else { lines.join("; ") }
}

fn line(error: &Value) -> Option<String> {
    let text = |name: &str| error[name].as_str().filter(|text| !text.is_empty() && *text != "null");
    let message = cut(text("message")?, TOLD);
    let field =
        text("field").map(|field| match FIELDS.iter().find(|(theirs, _)| field.split('.').next() == Some(theirs)) {
            Some((_, ours)) => format!("{ours}: "),
            None => format!("{}: ", cut(field, TOLD)),
        });
    let help = text("help").map(|help| format!(" ({})", cut(help, TOLD)));
    Some(format!("{}{message}{}", field.unwrap_or_default(), help.unwrap_or_default()))
}
