//! Bodies: JSON or a form, within their limits. Whatever else is sent counts as no body, as Strapi has it.

use std::time::Duration;

use actix_web::error::PayloadError;
use actix_web::http::header::CONTENT_TYPE;
use actix_web::http::header::HeaderValue;
use actix_web::rt::time::timeout;
use actix_web::{FromRequest, HttpRequest, dev::Payload, web};
use futures_util::future::LocalBoxFuture;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::extract;
use crate::access::Caller;
use crate::error::{Error, Problem, Result};
use crate::query::{self, QueryValue};

/// Strapi's limit for forms, in bytes; JSON has the one of the configuration.
const FORM_LIMIT: usize = 56 * 1024;
/// What some editors put in front of UTF-8.
const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";
/// How long a body may take to come.
const TIMEOUT: Duration = Duration::from_secs(60);
/// How deep JSON may nest. What is stored is read again inside of other JSON, by a parser that stops at 128.
const DEPTH_LIMIT: usize = 100;

/// What a request that changes something brings: who sent it, and its body.
///
/// The body is read first: malformed JSON is told before a missing permission is, as Strapi does.
pub struct Submission {
    /// Who sent it.
    pub caller: Caller,
    /// What was sent; `None` for no body, or one of a type that is not read.
    pub body: Option<Value>,
}

impl Submission {
    /// The member `data`, an object or a list.
    pub fn into_data(self) -> Result<(Caller, Value)> {
        let data = match self.body {
            Some(Value::Object(mut members)) => members.shift_remove("data"),
            _ => None,
        };
        match data {
            Some(data @ (Value::Object(_) | Value::Array(_))) => Ok((self.caller, data)),
            _ => Err(Error::Validation("Missing \"data\" payload in the request body".to_owned())),
        }
    }

    /// The body as `T`, or [`Error::Invalid`] with the path of what does not fit.
    pub fn parse<T: DeserializeOwned>(self) -> Result<(Caller, T)> {
        let body = self.body.ok_or_else(|| Error::Validation("Missing JSON body".to_owned()))?;
        Ok((self.caller, fit(body)?))
    }

    /// The member `data` as `T`, or [`Error::Invalid`] with the path of what does not fit.
    pub fn parse_data<T: DeserializeOwned>(self) -> Result<(Caller, T)> {
        let (caller, data) = self.into_data()?;
        Ok((caller, fit(data)?))
    }
}

fn fit<T: DeserializeOwned>(value: Value) -> Result<T> {
    serde_path_to_error::deserialize(value).map_err(|error| {
        let path = error.path().iter().map(ToString::to_string).collect();
        Error::Invalid(vec![Problem { path, message: error.into_inner().to_string(), value: None }])
    })
}

impl FromRequest for Submission {
    type Error = Error;
    type Future = LocalBoxFuture<'static, Result<Self>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let (request, mut payload) = (request.clone(), payload.take());
        Box::pin(async move {
            let body = read(&request, &mut payload).await?;
            Ok(Self { body, caller: extract::caller(&request).await? })
        })
    }
}

/// A body as it came, whatever its type.
pub struct Raw(pub web::Bytes);

impl FromRequest for Raw {
    type Error = Error;
    type Future = LocalBoxFuture<'static, Result<Self>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let (request, mut payload) = (request.clone(), payload.take());
        Box::pin(async move { bytes(&request, &mut payload).await.map(Self) })
    }
}

#[derive(Debug, PartialEq, Eq)]
enum Form {
    Json,
    UrlEncoded,
    Multipart,
    Other,
}

async fn read(request: &HttpRequest, payload: &mut Payload) -> Result<Option<Value>> {
    let form = form(request.headers().get(CONTENT_TYPE));
    if form == Form::Multipart {
        return Err(Error::UnsupportedMediaType("multipart/form-data is not read; send JSON".to_owned()));
    }
    let bytes = bytes(request, payload).await?;
    match form {
        Form::Json if !bytes.is_empty() => json(bytes.strip_prefix(BYTE_ORDER_MARK).unwrap_or(&bytes)).map(Some),
        Form::UrlEncoded if bytes.len() > FORM_LIMIT => Err(Error::TooLarge),
        Form::UrlEncoded => urlencoded(&bytes).map(Some),
        _ => Ok(None),
    }
}

async fn bytes(request: &HttpRequest, payload: &mut Payload) -> Result<web::Bytes> {
    let bytes = timeout(TIMEOUT, web::Bytes::from_request(request, payload)).await;
    let bytes = bytes.map_err(|_| Error::Validation("the body did not come in time".to_owned()))?;
    bytes.map_err(unreadable)
}

/// A form, whose names have brackets as those of a query string: `data[title]=x`.
fn urlencoded(bytes: &[u8]) -> Result<Value> {
    let text = std::str::from_utf8(bytes).map_err(|_| Error::Validation("the form is not UTF-8".to_owned()))?;
    query::parse(text).map(value)
}

fn value(asked: QueryValue) -> Value {
    match asked {
        QueryValue::Null => Value::Null,
        QueryValue::Text(text) => Value::String(text),
        QueryValue::List(items) => items.into_iter().map(value).collect(),
        QueryValue::Object(members) => members.into_iter().map(|(name, member)| (name, value(member))).collect(),
    }
}

/// The types that Strapi's body parser takes for JSON.
fn form(content_type: Option<&HeaderValue>) -> Form {
    let text = content_type.and_then(|value| value.to_str().ok()).unwrap_or_default();
    match text.split(';').next().unwrap_or_default().trim().to_ascii_lowercase().as_str() {
        "application/json" | "application/vnd.api+json" | "application/json-patch+json" | "application/csp-report" => {
            Form::Json
        }
        "application/x-www-form-urlencoded" => Form::UrlEncoded,
        "multipart/form-data" => Form::Multipart,
        _ => Form::Other,
    }
}

fn json(bytes: &[u8]) -> Result<Value> {
    check(bytes)?;
    let value = serde_json::from_slice(bytes).map_err(|error| Error::Syntax(error.to_string()))?;
    match value {
        Value::Object(_) | Value::Array(_) => Ok(value),
        _ => Err(Error::Syntax("invalid JSON, only supports object and array".to_owned())),
    }
}

/// Refuses what could not be kept: JSON that nests too deep, and U+0000, which PostgreSQL's texts cannot hold.
fn check(bytes: &[u8]) -> Result<()> {
    let (mut depth, mut in_string, mut escaped) = (0_usize, false, false);
    for (place, byte) in bytes.iter().enumerate() {
        match byte {
            b'u' if escaped && bytes[place + 1..].starts_with(b"0000") => {
                return Err(Error::Validation("the character U+0000 cannot be stored".to_owned()));
            }
            _ if escaped => escaped = false,
            b'\\' if in_string => escaped = true,
            b'"' => in_string = !in_string,
            _ if in_string => {}
            b'[' | b'{' => depth += 1,
            b']' | b'}' => depth = depth.saturating_sub(1),
            _ => {}
        }
        if depth > DEPTH_LIMIT {
            return Err(Error::Syntax(format!("JSON nested deeper than {DEPTH_LIMIT} levels")));
        }
    }
    Ok(())
}

fn unreadable(error: actix_web::Error) -> Error {
    match error.as_error::<PayloadError>() {
        Some(PayloadError::Overflow) => Error::TooLarge,
        _ => Error::Validation(format!("the body could not be read: {error}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_could_not_be_kept_is_refused() {
        let nested = |levels: usize| format!("{}{}", "[".repeat(levels), "]".repeat(levels));
        assert!(json(nested(DEPTH_LIMIT).as_bytes()).is_ok());
        assert!(json(nested(DEPTH_LIMIT + 1).as_bytes()).is_err());
        assert!(json(br#"{"a":"\u0000"}"#).is_err_and(|error| error.to_string().contains("U+0000")));
        assert!(json(br#"{"a":"\\u0000 [[[ \" ","b":"\u00001"}"#).is_err());
        assert!(json(br#"{"a":"\\u0000 [[[ \" "}"#).is_ok());
    }

    #[test]
    fn forms_are_read_by_the_brackets_in_their_names() {
        let form = urlencoded(b"data[title]=Tea+%26+more&data[active]=true&data[URLS][0][URL]=https%3A%2F%2Fx");
        let expected = serde_json::json!({"data": {
            "title": "Tea & more", "active": "true", "URLS": [{"URL": "https://x"}]
        }});
        assert!(form.is_ok_and(|form| form == expected));
        assert!(urlencoded(b"data=\xff").is_err());
    }

    #[test]
    fn only_objects_and_lists_are_bodies() {
        for text in ["", "5", "null", "\"x\"", "{", "{} x", "\u{feff}{}"] {
            assert!(matches!(json(text.as_bytes()), Err(Error::Syntax(_))), "{text}");
        }
        assert!(json(b" [1] ").is_ok());
    }
}
