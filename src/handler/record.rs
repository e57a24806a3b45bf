//! What was sent and what came back, as an attempt keeps it.

use reqwest::header::{AUTHORIZATION, COOKIE, HeaderMap, HeaderName, PROXY_AUTHORIZATION, SET_COOKIE};
use serde::Serialize;
use serde_json::{Map, Value};
use utoipa::ToSchema;

use super::Masker;
use crate::outbound::{Request, Response};
use crate::secrets::MASK;

/// How many bytes of a body are kept.
const BODY_LIMIT: usize = 16 * 1024;
/// How many bytes of headers are kept, names and values together.
const HEADER_LIMIT: usize = 16 * 1024;

/// Headers whose values are secrets, whoever sets them.
const SECRET_HEADERS: [HeaderName; 4] = [AUTHORIZATION, PROXY_AUTHORIZATION, COOKIE, SET_COOKIE];

/// One request and what came of it.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Exchange {
    /// What was sent.
    pub request: RequestRecord,
    /// What came back; none when nothing whole did.
    pub answer: Option<AnswerRecord>,
    /// Why nothing whole came back.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    /// Milliseconds from the start of connecting to the end of the answer.
    pub duration_ms: u64,
}

/// What was sent.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct RequestRecord {
    /// The method.
    pub method: String,
    /// Where to.
    pub url: String,
    /// The headers that the handler set, as far as they are within 16 KiB.
    #[schema(value_type = Object)]
    pub headers: Map<String, Value>,
    /// The first 16 KiB of the body.
    pub body: String,
}

/// What came back.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct AnswerRecord {
    /// The status.
    pub status: u16,
    /// The headers, as far as they are within 16 KiB.
    #[schema(value_type = Object)]
    pub headers: Map<String, Value>,
    /// The first 16 KiB of the body.
    pub body: String,
}

impl RequestRecord {
    pub(super) fn new(request: &Request, masker: &Masker) -> Self {
        Self {
            method: request.method.to_string(),
            url: masker.text(request.url.as_str()),
            headers: headers(&request.headers, masker),
            body: cut(&request.body, false, masker),
        }
    }
}

impl AnswerRecord {
    pub(super) fn new(response: &Response, masker: &Masker) -> Self {
        Self {
            status: response.status.as_u16(),
            headers: headers(&response.headers, masker),
            body: cut(&response.body, response.is_cut, masker),
        }
    }
}

fn headers(headers: &HeaderMap, masker: &Masker) -> Map<String, Value> {
    let (mut kept, mut left) = (Map::new(), HEADER_LIMIT);
    for (name, value) in headers {
        let Some(less) = left.checked_sub(name.as_str().len() + value.len()) else { break };
        left = less;
        let text = match SECRET_HEADERS.contains(name) || value.is_sensitive() {
            true => MASK.to_owned(),
            false => masker.bytes(value.as_bytes()),
        };
        match kept.get_mut(name.as_str()) {
            Some(Value::String(several)) => *several = format!("{several}, {text}"),
            _ => drop(kept.insert(name.as_str().to_owned(), Value::String(text))),
        }
    }
    kept
}

/// The start of a body, masked before it is cut: a secret on the edge would lose only its second half. `is_cut` says that
/// the body itself has more bytes than these.
fn cut(body: &[u8], is_cut: bool, masker: &Masker) -> String {
    let looked_at = &body[..body.len().min(BODY_LIMIT + masker.reach())];
    let mut text = masker.bytes(looked_at);
    if body.len() > BODY_LIMIT {
        let end = (0..=BODY_LIMIT.min(text.len())).rev().find(|end| text.is_char_boundary(*end));
        text.truncate(end.unwrap_or(0));
        let more = if is_cut { "more than " } else { "" };
        text.push_str(&format!("… ({more}{} bytes in all)", body.len()));
    }
    text
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_long_body_is_cut_and_no_half_of_a_secret_stays() {
        let masker = Masker::new(&json!({"key": "abcdefgh12345678"}));
        let body = format!("{}abcdefgh12345678{}", "x".repeat(BODY_LIMIT - 8), "y".repeat(100));
        let kept = cut(body.as_bytes(), false, &masker);
        assert!(!kept.contains("abcdefgh") && kept.ends_with(&format!("… ({} bytes in all)", body.len())), "{kept}");
        assert_eq!(cut(b"short \xff", false, &masker), "short \u{fffd}");
        assert!(cut(body.as_bytes(), true, &masker).ends_with(&format!("… (more than {} bytes in all)", body.len())));
    }
}
