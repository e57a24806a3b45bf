//! Tokens in exchange for a client's credentials: the OAuth 2.0 client credentials grant (RFC 6749, section 4.4).
//!
//! A token is kept in memory alone, for all runs that ask with the same credentials, until shortly before it expires.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use quick_cache::sync::Cache;
use ring::digest::{SHA256, digest};
use serde_json::Value;
use tokio::sync::Mutex;
use url::form_urlencoded::byte_serialize;

use crate::clock::{Clock, MINUTE, Millis, SECOND};
use crate::handler::{Answer, Call, Failure, Http};

/// How many clients' tokens are kept.
const KEPT: usize = 1000;
/// How long before its end a token is not used any more, so that it does not expire on its way; a tenth of its life where
/// that is shorter.
const MARGIN: Millis = MINUTE;
/// How long a token is used whose life is not told.
const UNTOLD: Millis = 5 * MINUTE;
/// The longest life that is believed.
const LONGEST: Millis = 24 * 60 * MINUTE;
/// What of an answer is secret.
const SECRETS: &[&str] = &["access_token", "refresh_token", "id_token"];
/// How much is told of what the token endpoint says, in characters.
const TOLD: usize = 200;

/// Who asks for a token, and where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Client {
    /// The token endpoint.
    pub token_url: String,
    /// The client's id.
    pub id: String,
    /// The client's secret.
    pub secret: String,
    /// Whether id and secret go in the body and not in the header `Authorization`.
    pub in_body: bool,
    /// The scopes that are asked for.
    pub scope: Option<String>,
    /// Whom the token is for, where the endpoint wants to know.
    pub audience: Option<String>,
}

/// The tokens of all clients.
pub struct Tokens(Cache<[u8; 32], Arc<Slot>>);

/// A token, and whoever asks for it: one at a time.
#[derive(Default)]
struct Slot {
    /// How often the endpoint was asked.
    asked: AtomicU64,
    held: Mutex<Held>,
}

#[derive(Default)]
struct Held {
    token: Option<Token>,
    /// Why there is none, for those who waited while it was asked for.
    failure: Option<Failure>,
}

/// A token that was handed out.
#[derive(Debug, Clone)]
pub struct Token {
    value: String,
    /// Until when it is used.
    until: Millis,
    /// How long it is valid, in seconds, as the endpoint says.
    pub expires_in: Option<i64>,
}

impl Default for Tokens {
    fn default() -> Self {
        Self(Cache::new(KEPT))
    }
}

impl Tokens {
    /// The token of this client: the one that is kept, or a new one. Of all who need it at once, one asks.
    ///
    /// Fails as the endpoint does: with [`Failure::Discard`] when it refuses the client or what it asks for.
    pub async fn get(&self, client: &Client, http: &Http, clock: &dyn Clock) -> Result<Token, Failure> {
        let slot = self.slot(client);
        let seen = slot.asked.load(Ordering::Acquire);
        let mut held = slot.held.lock().await;
        if let Some(token) = held.token.as_ref().filter(|token| clock.now() < token.until) {
            http.hide(&token.value);
            return Ok(token.clone());
        }
        // Whoever was in front has asked just now, and there is no other answer.
        if let Some(failure) = held.failure.as_ref().filter(|_| slot.asked.load(Ordering::Acquire) != seen) {
            return Err(failure.clone());
        }
        let asked = client.ask(http, clock).await;
        // A rehearsal has asked nobody, which is no answer for the others.
        if http.is_rehearsal() {
            return asked;
        }
        slot.asked.fetch_add(1, Ordering::Release);
        *held = Held { token: asked.as_ref().ok().cloned(), failure: asked.as_ref().err().cloned() };
        asked
    }

    /// Forgets a token that was refused, unless another has come since.
    pub async fn forget(&self, client: &Client, refused: &Token) {
        let slot = self.slot(client);
        let mut held = slot.held.lock().await;
        if held.token.as_ref().is_some_and(|token| token.value == refused.value) {
            held.token = None;
        }
    }

    fn slot(&self, client: &Client) -> Arc<Slot> {
        let made = self.0.get_or_insert_with(&client.place(), || Ok::<_, ()>(Arc::default()));
        made.unwrap_or_default()
    }
}

impl Token {
    /// Sets the header that shows the token.
    pub fn put_on(&self, call: Call) -> Call {
        call.secret_header("Authorization", format!("Bearer {}", self.value))
    }
}

impl Client {
    /// Asks the endpoint for a token, whatever is kept.
    pub async fn ask(&self, http: &Http, clock: &dyn Clock) -> Result<Token, Failure> {
        let mut fields = vec![("grant_type", "client_credentials")];
        fields.extend(self.scope.as_deref().map(|scope| ("scope", scope)));
        fields.extend(self.audience.as_deref().map(|audience| ("audience", audience)));
        let mut call = http.post(&self.token_url).header("Accept", "application/json");
        if self.in_body {
            fields.extend([("client_id", self.id.as_str()), ("client_secret", self.secret.as_str())]);
        } else {
            call = call.secret_header("Authorization", self.basic());
        }
        let answer = call.form(&fields).answers_with_secrets(SECRETS).send().await?;
        let token = self.read(&answer, clock.now())?;
        http.hide(&token.value);
        Ok(token)
    }

    /// Id and secret are encoded as in a form before they are joined (RFC 6749, section 2.3.1).
    fn basic(&self) -> String {
        let [id, secret] = [&self.id, &self.secret].map(|text| byte_serialize(text.as_bytes()).collect::<String>());
        format!("Basic {}", STANDARD.encode(format!("{id}:{secret}")))
    }

    /// The token that was handed out (RFC 6749, section 5.1), or why there is none.
    fn read(&self, answer: &Answer, now: Millis) -> Result<Token, Failure> {
        let asked = self.endpoint();
        if !(200..300).contains(&answer.status()) {
            return Err(refused(&asked, answer));
        }
        let told: Value =
            answer.json().map_err(|failure| failure.map_reason(|why| format!("{asked} answered {why}")))?;
        // Some endpoints tell of a refusal with 200.
        if told["error"].is_string() {
            return Err(refused(&asked, answer));
        }
        let unusable = |what: &str| Failure::discard(format!("{asked} answered {}, but {what}", answer.line()));
        let token = told["access_token"].as_str().filter(|token| !token.is_empty());
        let value = token.ok_or_else(|| unusable("without an access_token"))?.to_owned();
        match told["token_type"].as_str() {
            Some(other) if !other.eq_ignore_ascii_case("bearer") => {
                return Err(unusable(&format!("with a token of the type {other:?}: bearer is the one that is known")));
            }
            _ => {}
        }
        // Some write the number as a text.
        let expires_in = told["expires_in"].as_i64().or_else(|| told["expires_in"].as_str()?.parse().ok());
        let life = expires_in.map(|seconds| seconds.saturating_mul(SECOND).clamp(0, LONGEST));
        let used = life.map_or(UNTOLD, |life| life - MARGIN.min(life / 10));
        Ok(Token { value, until: now + used, expires_in })
    }

    /// How people are told of the endpoint. Its url is one of the credentials and masked as a whole.
    fn endpoint(&self) -> String {
        let url = url::Url::parse(&self.token_url).ok();
        let host = url.as_ref().and_then(url::Url::host_str).map(|host| format!(" at {host}")).unwrap_or_default();
        format!("the token endpoint{host}")
    }

    /// Where the token of this client is kept. Nothing of the secret can be read from it.
    fn place(&self) -> [u8; 32] {
        let parts =
            [Some(&self.token_url), Some(&self.id), Some(&self.secret), self.scope.as_ref(), self.audience.as_ref()];
        let text = serde_json::json!([parts, self.in_body]).to_string();
        let mut place = [0; 32];
        place.copy_from_slice(digest(&SHA256, text.as_bytes()).as_ref());
        place
    }
}

/// What an answer without a token means (RFC 6749, section 5.2).
fn refused(asked: &str, answer: &Answer) -> Failure {
    let told = answer.json().unwrap_or_default();
    let said = |member: &str| told[member].as_str().map(|text| text.chars().take(TOLD).collect::<String>());
    let error = said("error").unwrap_or_default();
    let mut reason = format!("{asked} answered {}", answer.line());
    if !error.is_empty() {
        reason = format!("{reason}: {error}");
    }
    if let Some(description) = said("error_description") {
        reason = format!("{reason} ({description})");
    }
    let mend = match (&*error, answer.status()) {
        ("invalid_client", _) | ("", 401) => "credentials.client_id or credentials.client_secret was refused",
        ("unauthorized_client" | "unsupported_grant_type", _) => "allow this client the grant client_credentials",
        ("invalid_scope", _) => "credentials.scope names what this client may not have",
        ("invalid_target" | "access_denied", _) => "credentials.audience, or what this client may have, is wrong",
        ("invalid_request", _) => "the endpoint wants something else: see credentials.client_auth and audience",
        ("", 404 | 405) => "is credentials.token_url the token endpoint?",
        _ => "",
    };
    if !mend.is_empty() {
        reason = format!("{mend}: {reason}");
    }
    let after = answer.retry_after();
    match (&*error, answer.status()) {
        ("temporarily_unavailable" | "server_error" | "slow_down", _) => Failure::Retry { reason, after },
        (_, 429) => Failure::limit(reason, after),
        (_, 408 | 500..=599) => Failure::Retry { reason, after: after.map(|wait| wait.min(DAY)) },
        _ => Failure::Discard { reason },
    }
}

/// The longest that an endpoint is waited for.
const DAY: Duration = Duration::from_secs(24 * 60 * 60);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn id_and_secret_are_encoded_before_they_are_joined() {
        let client = Client {
            token_url: String::new(),
            id: "a b".into(),
            secret: "p:ö&".into(),
            in_body: false,
            scope: None,
            audience: None,
        };
        assert_eq!(client.basic(), format!("Basic {}", STANDARD.encode("a+b:p%3A%C3%B6%26")));
        let other = Client { scope: Some("p".into()), ..client.clone() };
        assert_ne!(client.place(), other.place());
        assert_ne!(client.place(), Client { in_body: true, ..client.clone() }.place());
    }
}
