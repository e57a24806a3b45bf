//! Webhooks as we send them: the ids of the event and the run with every body, and signatures where there is a secret.

use reqwest::header::{AUTHORIZATION, HeaderName};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::clock::SECOND;
use crate::handler::signature::{hex_hmac, standard_webhook};
use crate::handler::{Call, DEPTH_HEADER, ExtensionContext, Failure};
use crate::services::form::{filled, optional};

/// The header of the hexadecimal signature when the credentials do not name one.
const HEADER: &str = "X-Webhook-Signature";
/// Headers that a request has for other reasons: what ends loops, what tells a delivery from its second attempt, what is
/// signed, and what HTTP itself needs.
const TAKEN: [&str; 14] = [
    DEPTH_HEADER,
    "connection",
    "content-encoding",
    "content-length",
    "content-type",
    "expect",
    "host",
    "idempotency-key",
    "te",
    "transfer-encoding",
    "upgrade",
    "webhook-id",
    "webhook-signature",
    "webhook-timestamp",
];

/// How the receiver can tell that it was us. Without a secret nothing is signed.
#[derive(Debug, Clone, Default, Deserialize, ToSchema)]
pub struct Signing {
    /// What bodies are signed with: whsec_ and base64 for Standard Webhooks, or any text.
    #[schema(format = Password)]
    pub secret: Option<String>,
    /// Sends a hexadecimal HMAC of the body too: sha1, sha256, sha384 or sha512.
    pub algorithm: Option<String>,
    /// The header of the hexadecimal HMAC; X-Webhook-Signature if not set.
    #[serde(default, deserialize_with = "optional")]
    #[schema(value_type = Option<String>)]
    pub header_name: Option<SignatureHeader>,
}

/// The header of a signature: one that a request has for no other reason.
#[derive(Debug, Clone)]
pub struct SignatureHeader(HeaderName);

impl TryFrom<String> for SignatureHeader {
    type Error = String;

    fn try_from(name: String) -> Result<Self, String> {
        let header = free_header(&name)?;
        if header == AUTHORIZATION {
            return Err("cannot be set: it says who we are".to_owned());
        }
        Ok(Self(header))
    }
}

/// The header with this name, or why credentials must not set it. The reason leaves the name to the path that stands before
/// it: what is one of the credentials is masked.
pub fn free_header(name: &str) -> Result<HeaderName, String> {
    let refused = |why: &str| format!("cannot be set: {why}");
    let header = HeaderName::from_bytes(name.trim().as_bytes()).map_err(|_| refused("it is no name of a header"))?;
    let is_taken = TAKEN.iter().any(|taken| taken.eq_ignore_ascii_case(header.as_str()));
    if is_taken { Err(refused("requests have it for another reason")) } else { Ok(header) }
}

/// A POST of `body` as JSON to the record's url, with the ids of event and run, signed.
///
/// Fails when the record has no url, and when the signature is asked for in a way that is not known.
pub fn post<Config, Credentials>(
    context: &ExtensionContext<Config, Credentials>,
    signing: &Signing,
    body: &impl Serialize,
) -> Result<Call, Failure> {
    let body = serde_json::to_vec(body).map_err(|error| Failure::discard(format!("the event is not JSON: {error}")))?;
    let seconds = context.clock.now() / SECOND;
    let mut call = context.http.post(context.url()?).header("Idempotency-Key", context.run.idempotency_key());
    call = call.header(DEPTH_HEADER, (context.event.depth + 1).to_string());
    call = call.header("webhook-id", &context.event.id).header("webhook-timestamp", seconds.to_string());
    for (name, value) in signing.signatures(&context.event.id, seconds, &body)? {
        // Within minutes, whoever has the signature can send the body once more.
        context.http.hide(&value);
        call = call.secret_header(&name, value);
    }
    Ok(call.body("application/json", body))
}

impl Signing {
    /// The headers that sign `body`.
    fn signatures(&self, id: &str, seconds: i64, body: &[u8]) -> Result<Vec<(String, String)>, Failure> {
        let Self { secret, algorithm, header_name } = self;
        let Some(secret) = secret.as_deref().filter(|secret| !secret.is_empty()) else { return Ok(Vec::new()) };
        let algorithm = filled(algorithm.as_deref());
        let hexadecimal = algorithm.is_some() || header_name.is_some();
        let mut headers = Vec::new();
        if secret.starts_with("whsec_") || !hexadecimal {
            headers.push(("webhook-signature".to_owned(), standard_webhook(secret, id, seconds, body)));
        }
        if hexadecimal {
            let signature = hex_hmac(algorithm.unwrap_or("sha256"), secret, body)
                .ok_or_else(|| Failure::discard("credentials.algorithm is none of sha1, sha256, sha384 and sha512"))?;
            headers.push((header_name.as_ref().map_or(HEADER, |name| name.0.as_str()).to_owned(), signature));
        }
        Ok(headers)
    }
}
