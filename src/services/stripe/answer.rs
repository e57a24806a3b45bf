//! What Stripe's answers mean.
//!
//! Source: <https://docs.stripe.com/api/errors> and <https://docs.stripe.com/error-low-level>.

use serde_json::Value;

use crate::handler::{Answer, Failure};

/// The longest message that is passed on.
const MESSAGE: usize = 400;

/// Why a request was not done, with what a caller may act on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refused {
    /// Stripe's code for it, such as `resource_missing`; empty where it has none.
    pub code: String,
    /// Stripe's word for what kind of refusal it is.
    kind: String,
    /// The parameter it is about; empty where there is none.
    pub param: String,
    /// Whether it was so when the same was asked before, and Stripe has not tried again.
    pub is_replayed: bool,
    failure: Box<Failure>,
}

impl Refused {
    /// Whether what the request names is not there.
    pub fn is_missing(&self) -> bool {
        self.code == "resource_missing"
    }

    /// Whether its key was used for something else.
    pub fn is_of_another(&self) -> bool {
        self.kind == "idempotency_error"
    }

    /// Whether what was to be made is there already, or its name is taken.
    pub fn is_taken(&self) -> bool {
        self.code == "resource_already_exists" || self.param == "lookup_key"
    }
}

impl From<Failure> for Refused {
    fn from(failure: Failure) -> Self {
        Self {
            code: String::new(),
            kind: String::new(),
            param: String::new(),
            is_replayed: false,
            failure: Box::new(failure),
        }
    }
}

impl From<Refused> for Failure {
    fn from(refused: Refused) -> Self {
        *refused.failure
    }
}

/// What Stripe answered.
pub struct Told {
    /// The object.
    pub object: Value,
    /// Whether it is as it was when the same was asked before, with the same key.
    pub is_replayed: bool,
}

/// The object that `answer` to `asked` (`POST /v1/prices`) brings, or why there is none. `key` is where the key stands in
/// the credentials.
pub fn understood(answer: Answer, asked: &str, key: &str) -> Result<Told, Refused> {
    let body = answer.json().ok().filter(Value::is_object);
    match body {
        Some(body) if answer.status() < 300 => Ok(Told { object: body, is_replayed: is_replayed(&answer) }),
        Some(body) if body["error"].is_object() => Err(refused(&answer, &body["error"], asked, key)),
        _ => Err(foreign(answer, asked).into()),
    }
}

fn is_replayed(answer: &Answer) -> bool {
    answer.header("idempotent-replayed") == Some("true")
}

fn refused(answer: &Answer, error: &Value, asked: &str, key: &str) -> Refused {
    let text = |member: &str| error[member].as_str().unwrap_or_default();
    let (code, param) = (text("code"), text("param"));
    let told: String = text("message").chars().take(MESSAGE).collect();
    let status = answer.status();
    let named = |word: &str, value: &str| if value.is_empty() { String::new() } else { format!(", {word}{value}") };
    let decline = named("", text("decline_code"));
    let details = format!("{status}{}{decline}{}", named("", code), named("param ", param));
    let reason = match (status, text("type")) {
        (401, _) => format!("credentials.{key} was refused by Stripe ({details}): {told}"),
        (403, _) => format!("credentials.{key} may not {asked} at Stripe ({details}): {told}"),
        (402, _) => format!("Stripe: the payment failed at {asked} ({details}): {told}"),
        (400, "idempotency_error") => {
            format!(
                "Stripe knows this run with other values, which were changed since: replay it as a new run ({details}): {told}"
            )
        }
        _ => format!("Stripe did not take {asked} ({details}): {told}"),
    };
    let failure = match may_work_later(answer) {
        true if status == 429 => Failure::limit(reason, answer.retry_after()),
        true => Failure::Retry { reason, after: answer.retry_after() },
        false => Failure::Discard { reason },
    };
    Refused {
        code: code.to_owned(),
        kind: text("type").to_owned(),
        param: param.to_owned(),
        is_replayed: is_replayed(answer),
        failure: Box::new(failure),
    }
}

/// Stripe's own word decides. A request that it says not to repeat would be answered from memory, under the same
/// idempotency key; a new run has another.
fn may_work_later(answer: &Answer) -> bool {
    match answer.header("stripe-should-retry") {
        Some("true") => true,
        Some("false") => false,
        _ => matches!(answer.status(), 408 | 409 | 429 | 500..=599),
    }
}

/// What another than Stripe answered: a proxy, or whoever is at a wrong address.
fn foreign(answer: Answer, asked: &str) -> Failure {
    let line = answer.line();
    let told =
        format!("{asked} was answered with {line} and no JSON of Stripe's: does the record's url lead to Stripe?");
    match answer.ok() {
        Ok(_) => Failure::retry(told),
        Err(failure) => failure.map_reason(|_| told.clone()),
    }
}
