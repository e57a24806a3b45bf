//! Bodies: JSON or a form, within their limits. Whatever else is sent counts as no body, as Strapi has it.

use std::time::Duration;

use actix_web::error::PayloadError;
use actix_web::http::header::{CONTENT_ENCODING, CONTENT_TYPE, HeaderValue};
use actix_web::rt::time::timeout;
use actix_web::{FromRequest, HttpRequest, dev::Payload, web};
use futures_util::future::LocalBoxFuture;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use super::extract;
use crate::access::Caller;
use crate::error::{Error, Problem, Result};
use crate::nearest::nearest;
use crate::nesting::{self, Unkept};
use crate::query::{self, QueryValue};

/// Strapi's limit for forms, in bytes; JSON has the one of the configuration.
const FORM_LIMIT: usize = 56 * 1024;
/// What some editors put in front of UTF-8.
const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";
/// How long a body may take to come.
const TIMEOUT: Duration = Duration::from_secs(60);

/// What a request that changes something brings: who sent it, and its body.
///
/// The body is read first: malformed JSON is told before a missing permission is, as Strapi does.
pub struct Submission {
    /// Who sent it.
    pub caller: Caller,
    /// What was sent; `None` for no body, or one of a type that is not read.
    pub body: Option<Value>,
    /// Whether something was sent that is not read.
    is_unread: bool,
}

impl Submission {
    /// The member `data`, an object or a list, with nothing beside it.
    pub fn into_data(self) -> Result<(Caller, Value)> {
        let (caller, data, beside) = self.into_document()?;
        match beside.first() {
            Some(name) => Err(unknown(vec![name.clone()], name, ["data"])),
            None => Ok((caller, data)),
        }
    }

    /// The member `data`, an object or a list, and the names of what stands beside it, which Strapi ignores.
    pub fn into_document(self) -> Result<(Caller, Value, Vec<String>)> {
        let (data, beside) = match self.body {
            Some(Value::Object(mut members)) => (members.shift_remove("data"), members),
            _ => (None, Map::new()),
        };
        match data {
            Some(data @ (Value::Object(_) | Value::Array(_))) => {
                Ok((self.caller, data, beside.into_iter().map(|(name, _)| name).collect()))
            }
            _ => Err(Error::Validation("Missing \"data\" payload in the request body".to_owned())),
        }
    }

    /// The body as `T`, or [`Error::Invalid`] with the path of what does not fit. Its members may stand in `data`, too.
    pub fn parse<T: DeserializeOwned>(self) -> Result<(Caller, T)> {
        let body = self.body.ok_or_else(|| Error::Validation("Missing JSON body".to_owned()))?;
        Ok((self.caller, fit(object(unwrapped(body))?)?))
    }

    /// The body as `T` as [`Self::parse`] has it, or what is meant without one.
    ///
    /// Fails with [`Error::UnsupportedMediaType`] for a body that is not read: without it something else would be done.
    pub fn parse_optional<T: DeserializeOwned + Default>(self) -> Result<(Caller, T)> {
        match self.body {
            Some(_) => self.parse(),
            None if self.is_unread => {
                Err(Error::UnsupportedMediaType("a body of this Content-Type is not read; send JSON".to_owned()))
            }
            None => Ok((self.caller, T::default())),
        }
    }

    /// Who sent it, to a route that takes no body. Fails with the first member of one that says something.
    pub fn without_members(self) -> Result<Caller> {
        self.parse_optional().map(|(caller, NoMembers {})| caller)
    }

    /// The member `data` as `T`, or [`Error::Invalid`] with the path of what does not fit.
    pub fn parse_data<T: DeserializeOwned>(self) -> Result<(Caller, T)> {
        let (caller, data) = self.into_data()?;
        Ok((caller, fit(object(data)?)?))
    }

    /// The member `data` as a list.
    pub fn parse_list<T: DeserializeOwned>(self) -> Result<(Caller, Vec<T>)> {
        let (caller, data) = self.into_data()?;
        Ok((caller, fit(data)?))
    }
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct NoMembers {}

/// `{"data": {…}}` without the outer object, as other routes take it.
fn unwrapped(body: Value) -> Value {
    match body {
        Value::Object(mut members) if members.len() == 1 => match members.shift_remove("data") {
            Some(data) if data.is_object() => data,
            Some(data) => Value::Object(Map::from_iter([("data".to_owned(), data)])),
            None => Value::Object(members),
        },
        body => body,
    }
}

/// Refuses a list where an object belongs: its items would be taken for the members in their order.
fn object(value: Value) -> Result<Value> {
    if value.is_object() { Ok(value) } else { Err(refused(Vec::new(), "must be an object".to_owned())) }
}

fn fit<T: DeserializeOwned>(value: Value) -> Result<T> {
    serde_path_to_error::deserialize(value).map_err(|error| {
        let path: Vec<String> = error.path().iter().map(ToString::to_string).collect();
        let message = error.into_inner().to_string();
        match unknown_field(&message) {
            Some((field, known)) => unknown(path, field, known),
            None => refused(path, message),
        }
    })
}

/// The field that serde does not know, and those that it knows, from its words: ``unknown field `x`, expected `y` or `z` ``.
fn unknown_field(message: &str) -> Option<(&str, Vec<&str>)> {
    let (field, known) = message.strip_prefix("unknown field `")?.split_once("`, ")?;
    Some((field, known.split('`').skip(1).step_by(2).collect()))
}

fn unknown<'a>(path: Vec<String>, field: &str, known: impl IntoIterator<Item = &'a str>) -> Error {
    let known: Vec<_> = known.into_iter().collect();
    let taken = match known.as_slice() {
        [] => "no members are taken here".to_owned(),
        known => format!("what is taken here: {}", known.join(", ")),
    };
    let meant = nearest(field, known).first().map(|near| format!(" (did you mean {near}?)")).unwrap_or_default();
    refused(path, format!("{field} is not known{meant}; {taken}"))
}

fn refused(path: Vec<String>, message: String) -> Error {
    Error::Invalid(vec![Problem { path, message, value: None }])
}

impl FromRequest for Submission {
    type Error = Error;
    type Future = LocalBoxFuture<'static, Result<Self>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let (request, mut payload) = (request.clone(), payload.take());
        Box::pin(async move {
            let Read { body, is_unread } = read(&request, &mut payload).await?;
            Ok(Self { body, is_unread, caller: extract::caller(&request).await? })
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

/// What came of reading a body.
#[derive(Default)]
struct Read {
    body: Option<Value>,
    is_unread: bool,
}

/// Fails for a body that no route could read.
pub(super) async fn check_readable(request: &HttpRequest, payload: &mut Payload) -> Result<()> {
    read(request, payload).await.map(drop)
}

async fn read(request: &HttpRequest, payload: &mut Payload) -> Result<Read> {
    let form = form(request.headers().get(CONTENT_TYPE));
    if form == Form::Multipart {
        return Err(Error::UnsupportedMediaType("multipart/form-data is not read; send JSON".to_owned()));
    }
    let bytes = bytes(request, payload).await?;
    if bytes.is_empty() {
        return Ok(Read::default());
    }
    let body = match form {
        Form::Json => json(bytes.strip_prefix(BYTE_ORDER_MARK).unwrap_or(&bytes))?,
        Form::UrlEncoded if bytes.len() > FORM_LIMIT => return Err(Error::TooLarge),
        Form::UrlEncoded => urlencoded(&bytes)?,
        Form::Multipart | Form::Other => return Ok(Read { body: None, is_unread: true }),
    };
    Ok(Read { body: Some(body), is_unread: false })
}

async fn bytes(request: &HttpRequest, payload: &mut Payload) -> Result<web::Bytes> {
    check_encoding(request)?;
    let bytes = timeout(TIMEOUT, web::Bytes::from_request(request, payload)).await;
    let bytes = bytes.map_err(|_| Error::Validation("the body did not come in time".to_owned()))?;
    bytes.map_err(unreadable)
}

/// Refuses a body that is packed as nothing here unpacks: read as it is, it would be called broken.
fn check_encoding(request: &HttpRequest) -> Result<()> {
    let sent = request.headers().get_all(CONTENT_ENCODING).map(|sent| String::from_utf8_lossy(sent.as_bytes()));
    let sent = sent.collect::<Vec<_>>().join(", ");
    match sent.trim().to_ascii_lowercase().as_str() {
        "" | "identity" | "gzip" | "deflate" => Ok(()),
        _ => Err(Error::UnsupportedMediaType(format!(
            "Unsupported Content-Encoding: {sent}; gzip, deflate and identity are read"
        ))),
    }
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

/// Refuses what could not be kept.
fn check(bytes: &[u8]) -> Result<()> {
    nesting::check(bytes).map_err(|unkept| match unkept {
        Unkept::Nul => Error::Validation(unkept.to_string()),
        Unkept::TooDeep => Error::Syntax(unkept.to_string()),
    })
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
        assert!(json(nested(nesting::LEVELS).as_bytes()).is_ok());
        assert!(
            json(nested(nesting::LEVELS + 1).as_bytes()).is_err_and(|error| error.to_string().contains("100 levels"))
        );
        assert!(json(br#"{"a":"\u0000"}"#).is_err_and(|error| error.to_string().contains("U+0000")));
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
