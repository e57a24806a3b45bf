//! Webhooks as we send them: the ids of the event and the run with every body, and signatures where there is a secret.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::clock::SECOND;
use crate::handler::signature::{hex_hmac, standard_webhook};
use crate::handler::{Call, DEPTH_HEADER, ExtensionContext, Failure};

/// The header of the hexadecimal signature when the credentials do not name one.
const HEADER: &str = "X-Webhook-Signature";

/// How the receiver can tell that it was us. Without a secret nothing is signed.
#[derive(Debug, Clone, Default, Deserialize, ToSchema)]
pub struct Signing {
    /// What bodies are signed with: whsec_ and base64 for Standard Webhooks, or any text.
    #[schema(format = Password)]
    pub secret: Option<String>,
    /// Sends a hexadecimal HMAC of the body too: sha1, sha256, sha384 or sha512.
    pub algorithm: Option<String>,
    /// The header of the hexadecimal HMAC; X-Webhook-Signature if not set.
    pub header_name: Option<String>,
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
        call = call.header(&name, value);
    }
    Ok(call.body("application/json", body))
}

impl Signing {
    /// The headers that sign `body`.
    fn signatures(&self, id: &str, seconds: i64, body: &[u8]) -> Result<Vec<(String, String)>, Failure> {
        let Self { secret, algorithm, header_name } = self;
        let Some(secret) = secret.as_deref().filter(|secret| !secret.is_empty()) else { return Ok(Vec::new()) };
        let hexadecimal = algorithm.is_some() || header_name.is_some();
        let mut headers = Vec::new();
        if secret.starts_with("whsec_") || !hexadecimal {
            headers.push(("webhook-signature".to_owned(), standard_webhook(secret, id, seconds, body)));
        }
        if hexadecimal {
            let algorithm = algorithm.as_deref().unwrap_or("sha256");
            let signature = hex_hmac(algorithm, secret, body)
                .ok_or_else(|| Failure::discard("credentials.algorithm is none of sha1, sha256, sha384 and sha512"))?;
            headers.push((header_name.as_deref().unwrap_or(HEADER).to_owned(), signature));
        }
        Ok(headers)
    }
}
