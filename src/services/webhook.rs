//! Webhooks as we send them: the ids of the event and the run with every body, and signatures where there is a secret.

use reqwest::header::{AUTHORIZATION, HeaderName};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::clock::SECOND;
use crate::handler::signature::{StandardKey, base64_hmac, hex_hmac, is_algorithm};
use crate::handler::{Call, DEPTH_HEADER, ExtensionContext, Failure, SetupCheck};
use crate::services::form::{filled, optional};

/// The header of the body's HMAC when the credentials do not name one.
const HEADER: &str = "X-Webhook-Signature";
/// Headers whose receivers expect base64: Shopify's and WooCommerce's.
const BASE64_HEADERS: [&str; 2] = ["x-shopify-hmac-sha256", "x-wc-webhook-signature"];
/// The hashes of an HMAC, for people.
pub const ALGORITHMS: &str = "must be sha1, sha256, sha384 or sha512";
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
    /// Sends an HMAC of the body too: sha1, sha256, sha384 or sha512.
    pub algorithm: Option<String>,
    /// The header of that HMAC; X-Webhook-Signature if not set.
    #[serde(default, deserialize_with = "optional")]
    #[schema(value_type = Option<String>)]
    pub header_name: Option<SignatureHeader>,
    /// How that HMAC is written: hex or base64. If not set, base64 for X-Shopify-Hmac-Sha256 and X-WC-Webhook-Signature,
    /// hex for any other header.
    #[serde(default, deserialize_with = "optional")]
    #[schema(value_type = Option<String>)]
    pub encoding: Option<Encoding>,
}

/// How an HMAC is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Encoding {
    /// In hexadecimal digits.
    Hex,
    /// In base64.
    Base64,
}

impl TryFrom<String> for Encoding {
    type Error = String;

    fn try_from(name: String) -> Result<Self, String> {
        match name.trim().to_ascii_lowercase().as_str() {
            "hex" => Ok(Self::Hex),
            "base64" => Ok(Self::Base64),
            _ => Err("must be hex or base64".to_owned()),
        }
    }
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
    /// Names what keeps bodies from being signed as it is meant.
    pub fn check(&self, check: &mut SetupCheck<'_>) {
        let algorithm = filled(self.algorithm.as_deref());
        if algorithm.is_some_and(|name| !is_algorithm(name)) {
            check.credentials("algorithm", ALGORITHMS);
        }
        let asks = algorithm.is_some() || self.header_name.is_some() || self.encoding.is_some();
        match self.secret() {
            Some(secret) => drop(StandardKey::parse(secret).map_err(|why| check.credentials("secret", &why))),
            None if asks => {
                check.credentials(
                    "secret",
                    "is missing: nothing can be signed as algorithm, header_name and encoding ask",
                );
            }
            None => {}
        }
    }

    /// The secret; what a form sends for none is none, but a blank one is a mistake.
    fn secret(&self) -> Option<&str> {
        self.secret.as_deref().filter(|secret| !secret.is_empty())
    }

    /// The headers that sign `body`.
    fn signatures(&self, id: &str, seconds: i64, body: &[u8]) -> Result<Vec<(String, String)>, Failure> {
        let Some(secret) = self.secret() else { return Ok(Vec::new()) };
        let key = StandardKey::parse(secret).map_err(|why| Failure::discard(format!("credentials.secret {why}")))?;
        let algorithm = filled(self.algorithm.as_deref());
        let signs_body = algorithm.is_some() || self.header_name.is_some() || self.encoding.is_some();
        let mut headers = Vec::new();
        if StandardKey::is_marked(secret) || !signs_body {
            headers.push(("webhook-signature".to_owned(), key.sign(id, seconds, body)));
        }
        if signs_body {
            let header = self.header_name.as_ref().map_or(HEADER, |name| name.0.as_str());
            let is_base64 = BASE64_HEADERS.iter().any(|known| known.eq_ignore_ascii_case(header));
            let usual = if is_base64 { Encoding::Base64 } else { Encoding::Hex };
            let hmac = match self.encoding.unwrap_or(usual) {
                Encoding::Hex => hex_hmac,
                Encoding::Base64 => base64_hmac,
            };
            let signature = hmac(algorithm.unwrap_or("sha256"), secret, body);
            let signature = signature.ok_or_else(|| Failure::discard(format!("credentials.algorithm {ALGORITHMS}")))?;
            headers.push((header.to_owned(), signature));
        }
        Ok(headers)
    }
}
