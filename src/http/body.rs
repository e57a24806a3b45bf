//! Bodies: JSON or a form, within their limits. Whatever else is sent counts as no body, as Strapi has it.
//!
//! A body is read when its handler asks for it, which is after the head of the request has shown that the caller may do what
//! is asked. Only a small one is read before, since Strapi tells of malformed JSON before it tells of missing rights.

use actix_web::http::header::{CONTENT_TYPE, HeaderValue};
use actix_web::{FromRequest, HttpRequest, dev::Payload};
use bytes::Bytes;
use futures_util::future::LocalBoxFuture;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use super::arrival::{bytes, intake, is_at_most, keep};
use super::extract;
use super::state::state;
use crate::access::{Access, Caller};
use crate::error::{Error, Problem, Result};
use crate::limits::MEMBERS;
use crate::nesting::{self, Unstorable};
use crate::query::{self, QueryValue};
use crate::suggest::suggest;

/// Strapi's limit for forms, in bytes; JSON has the one of the configuration.
const FORM_LIMIT: usize = 56 * 1024;
/// What some editors put in front of UTF-8.
const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";
/// The largest body that is read before it is known whether the caller may do what is asked, in bytes.
const SMALL: usize = 4096;
/// About what a member of an object and an item of a list take once they are parsed, in bytes.
const MEMBER: usize = 512;
const ITEM: usize = 104;

/// A request that changes something: who sent it, and its body, which may still have to be read.
pub struct Submission {
    /// Who sent it.
    pub caller: Caller,
    request: HttpRequest,
    body: Body,
    /// The largest body that is read, in bytes.
    limit: usize,
}

enum Body {
    Arrived(Read),
    Waiting(Payload),
}

impl Submission {
    /// The same, whose body is refused above `limit` bytes.
    pub fn at_most(self, limit: usize) -> Self {
        Self { limit: limit.min(self.limit), ..self }
    }

    /// Reads the body. Handlers ask for it once they know that the caller may do what the head of the request says.
    ///
    /// Fails with [`Error::TooLarge`], [`Error::Syntax`] and [`Error::UnsupportedMediaType`] when the body cannot be taken,
    /// with [`Error::Validation`] when it does not come in time, and with [`Error::Unavailable`] when too many come at once.
    pub async fn read(self) -> Result<Received> {
        let Read { body, is_unread } = match self.body {
            Body::Arrived(read) => read,
            Body::Waiting(payload) => {
                let sender = sender(&self.request, Some(&self.caller));
                read(&self.request, payload, (&sender, self.limit)).await?
            }
        };
        Ok(Received { caller: self.caller, body, is_unread })
    }
}

/// What a request that changes something brings.
pub struct Received {
    /// Who sent it.
    pub caller: Caller,
    /// What was sent; `None` for no body, or one of a type that is not read.
    pub body: Option<Value>,
    /// Whether something was sent that is not read.
    is_unread: bool,
}

impl Received {
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
    let meant = suggest(field, known).first().map(|near| format!(" (did you mean {near}?)")).unwrap_or_default();
    refused(path, format!("{field} is not known{meant}; {taken}"))
}

fn refused(path: Vec<String>, message: String) -> Error {
    Error::Invalid(vec![Problem { path, message, value: None }])
}

impl FromRequest for Submission {
    type Error = Error;
    type Future = LocalBoxFuture<'static, Result<Self>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let (request, payload) = (request.clone(), payload.take());
        Box::pin(async move {
            let limit = state(&request)?.config.body_limit;
            let caller = extract::caller(&request).await;
            let body = match is_at_most(&request, SMALL) {
                true => Body::Arrived(read(&request, payload, (&sender(&request, caller.as_ref().ok()), limit)).await?),
                false => Body::Waiting(payload),
            };
            Ok(Self { caller: caller?, request, body, limit })
        })
    }
}

/// Whose share a body is counted in: a caller without a token has that of the address it comes from.
fn sender(request: &HttpRequest, caller: Option<&Caller>) -> String {
    match caller {
        Some(Caller { actor, access, .. }) if !matches!(access, Access::Public(_)) => actor.clone(),
        _ => format!("public {}", request.connection_info().peer_addr().unwrap_or_default()),
    }
}

/// A body of any type, still to be read.
pub struct Raw {
    request: HttpRequest,
    payload: Payload,
}

impl Raw {
    /// The body, to the byte, in the share of `sender`. Fails as [`Submission::read`] does.
    pub async fn read(self, sender: &str) -> Result<Bytes> {
        let limit = state(&self.request)?.config.body_limit;
        bytes(&self.request, self.payload, (sender, limit)).await
    }
}

impl FromRequest for Raw {
    type Error = Error;
    type Future = std::future::Ready<Result<Self>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        std::future::ready(Ok(Self { request: request.clone(), payload: payload.take() }))
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

/// Fails for a small body that no route could read; a larger one is not looked at, since no route takes it.
pub(super) async fn check_readable(request: &HttpRequest, payload: Payload) -> Result<()> {
    if is_at_most(request, SMALL) {
        read(request, payload, (&sender(request, None), SMALL)).await?;
    }
    Ok(())
}

async fn read(request: &HttpRequest, payload: Payload, (sender, limit): (&str, usize)) -> Result<Read> {
    let form = form(request.headers().get(CONTENT_TYPE));
    if form == Form::Multipart {
        return Err(Error::UnsupportedMediaType("multipart/form-data is not read; send JSON".to_owned()));
    }
    let bytes = bytes(request, payload, (sender, limit)).await?;
    if bytes.is_empty() {
        return Ok(Read::default());
    }
    let body = match form {
        Form::Json => {
            let text = bytes.strip_prefix(BYTE_ORDER_MARK).unwrap_or(&bytes);
            keep(request, intake(request)?.parsed.take(sender, weight(text)?).await?);
            json(text)?
        }
        Form::UrlEncoded if bytes.len() > FORM_LIMIT => return Err(Error::TooLarge),
        Form::UrlEncoded => urlencoded(&bytes)?,
        Form::Multipart | Form::Other => return Ok(Read { body: None, is_unread: true }),
    };
    Ok(Read { body: Some(body), is_unread: false })
}

/// About how many bytes JSON takes once it is parsed. Refuses what would take too many.
fn weight(text: &[u8]) -> Result<usize> {
    let (mut in_string, mut escaped) = (false, false);
    let (mut members, mut items) = (0, 1);
    for byte in text {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if in_string => escaped = true,
            b'"' => in_string = !in_string,
            _ if in_string => {}
            b':' => members += 1,
            b',' => items += 1,
            _ => {}
        }
    }
    MEMBERS.check(members, "The body has")?;
    Ok(text.len() + members * MEMBER + items * ITEM)
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
    let value = nesting::read(bytes).map_err(|error| Error::Syntax(error.to_string()))?;
    match value {
        Value::Object(_) | Value::Array(_) => Ok(value),
        _ => Err(Error::Syntax("invalid JSON, only supports object and array".to_owned())),
    }
}

/// Refuses what could not be kept.
fn check(bytes: &[u8]) -> Result<()> {
    nesting::check(bytes).map_err(|unstorable| match unstorable {
        Unstorable::Nul => Error::Validation(unstorable.to_string()),
        Unstorable::TooDeep => Error::Syntax(unstorable.to_string()),
    })
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

    #[test]
    fn what_is_parsed_is_weighed_beforehand() {
        assert!(weight(br#"{"a":{"b":[1,2,":,:,"]}}"#).is_ok_and(|bytes| bytes == 24 + 2 * MEMBER + 3 * ITEM));
        let members = |count: usize| format!("{{{}}}", vec!["\"\":0"; count].join(","));
        assert!(weight(members(MEMBERS.most).as_bytes()).is_ok());
        let refused = weight(members(MEMBERS.most + 1).as_bytes());
        assert!(refused.is_err_and(|error| error.to_string() == "The body has more than 50000 members"));
    }
}
