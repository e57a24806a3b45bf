//! Values of scalar fields: what is taken for each kind, what is cast to it, and what is refused in which words.

use serde::de::IgnoredAny;
use serde_json::Value as Json;

use super::input::Value;
use super::print::print;
use super::{Check, Field, Kind, parse_moment};
use crate::decimal;
use crate::handler::ExtensionKey;
use crate::limits::{CHARACTERS, RECORD};
use crate::nesting;
use crate::outbound::{check_storable, holds_password};
use crate::triggers::{MOST_PATTERNS, check_pattern};

/// What is wrong with a value.
pub(super) enum ValueError {
    /// It is not acceptable: the end of a message that begins with the field's path, and the value to show.
    Refused(String, Json),
    /// It is no moment. Strapi's own answer to this has no path.
    NoMoment,
}

/// Reads a value that is not null. `publishing` also applies the rules that drafts are spared.
pub(super) fn read(field: &Field, json: &Json, publishing: bool) -> Result<Value, ValueError> {
    match field.kind {
        Kind::String | Kind::Text | Kind::RichText => text(field, json, publishing),
        Kind::Email => match json {
            Json::String(text) if publishing && text.is_empty() => refuse("cannot be empty", json),
            Json::String(text) if publishing && !is_email(text) => refuse("must be a valid email", json),
            _ => text(field, json, publishing),
        },
        Kind::Integer => integer(json),
        Kind::Decimal => Ok(Value::Decimal(number(json)?)),
        Kind::Boolean => boolean(json),
        Kind::DateTime => moment(json),
        Kind::Json => Ok(Value::Json(patterns(field, parsed(json)?)?)),
        Kind::Enumeration(words) => match json.as_str().filter(|word| words.contains(word)) {
            Some(word) => Ok(Value::Text(word.to_owned())),
            // Null is one of the values that Strapi lists, and prints as nothing.
            None => refuse(format!("must be one of the following values: {}, ", words.join(", ")), json),
        },
        Kind::Secret | Kind::Media { .. } | Kind::Component { .. } | Kind::Relation(_) => {
            refuse("is not a plain value", json)
        }
    }
}

/// Refuses what is longer than a field of its kind may be, before it is looked at any closer: a text than Strapi keeps it, a
/// url than any is, more patterns than a record may have, what sets an extension record up than any handler needs; and a url
/// that holds a password, which must not come back either.
pub(super) fn check_length(field: &Field, json: &Json) -> Result<(), ValueError> {
    match (field.check, json) {
        (Check::HttpUrl, Json::String(text)) => {
            check_storable(text.trim()).map_err(|problem| ValueError::Refused(problem, Json::Null))
        }
        (Check::Patterns, json) => {
            let count = parsed(json)?.as_array().map_or(0, Vec::len);
            let problem = || format!("must have at most {MOST_PATTERNS} trigger patterns, not {count}");
            if count > MOST_PATTERNS { refuse(problem(), &Json::Null) } else { Ok(()) }
        }
        (_, Json::String(text)) if field.longest().is_some_and(|longest| text.chars().nth(longest).is_some()) => {
            refuse(format!("must be at most {} {}", CHARACTERS.most, CHARACTERS.unit), json)
        }
        (_, json) if is_wiring(field) && json.to_string().len() > RECORD.most << 10 => {
            refuse(RECORD.words("has"), &Json::Null)
        }
        (Check::Config, json) => match find_password(&parsed(json)?) {
            Some(place) => {
                refuse(format!("must not hold a password, which readers would see, as its {place} does"), &Json::Null)
            }
            None => Ok(()),
        },
        _ => Ok(()),
    }
}

/// Where, below a config, a url holds a password: `store_url`, `links.0`.
fn find_password(json: &Json) -> Option<String> {
    let below = |name: String, value: &Json| {
        let rest = find_password(value)?;
        Some(if rest.is_empty() { name } else { format!("{name}.{rest}") })
    };
    match json {
        Json::String(text) => holds_password(text).then(String::new),
        Json::Array(items) => items.iter().enumerate().find_map(|(place, item)| below(place.to_string(), item)),
        Json::Object(members) => members.iter().find_map(|(name, value)| below(name.clone(), value)),
        _ => None,
    }
}

/// Whether it is what sets an extension record up for its handler.
fn is_wiring(field: &Field) -> bool {
    matches!(field.kind, Kind::Secret) || field.check == Check::Config
}

/// The fault of a value that is null where the field must have one.
pub(super) fn missing() -> ValueError {
    ValueError::Refused(wrong_type("string", &Json::Null), Json::Null)
}

/// ``must be a `string` type, but the final value was: `5`.``
pub(super) fn wrong_type(wanted: &str, value: &Json) -> String {
    format!("must be a `{wanted}` type, but the final value was: `{}`.", print(value))
}

fn refuse<T>(message: impl Into<String>, value: &Json) -> Result<T, ValueError> {
    Err(ValueError::Refused(message.into(), value.clone()))
}

fn text(field: &Field, json: &Json, publishing: bool) -> Result<Value, ValueError> {
    let Json::String(text) = json else {
        return refuse(wrong_type("string", json), json);
    };
    if text.contains('\0') {
        return refuse("must not contain the character U+0000", json);
    }
    match field.check {
        Check::ExtensionKey if publishing && ExtensionKey::parse(text).is_err() => {
            refuse(r#"must match the following: "/^[a-z0-9]+:[a-z0-9-_]+(?::[a-z0-9-_]+)?$/""#, json)
        }
        Check::HttpUrl if has_other_scheme(text) => refuse("must be an http or https URL", json),
        _ => Ok(Value::Text(text.clone())),
    }
}

/// Whether `text` is an absolute URL that is neither http nor https. What is no URL at all is for the handler to refuse:
/// content is not lost for it.
fn has_other_scheme(text: &str) -> bool {
    url::Url::parse(text).is_ok_and(|url| !["http", "https"].contains(&url.scheme()))
}

/// The common core of RFC 5321 addresses: a local part, `@`, and a host with a dot in it.
pub(super) fn is_email(text: &str) -> bool {
    let Some((local, host)) = text.rsplit_once('@') else { return false };
    let is_clean = |part: &str| {
        !part.is_empty()
            && !part.starts_with('.')
            && !part.ends_with('.')
            && !part.contains("..")
            && !part.contains(|letter: char| {
                letter.is_whitespace() || letter.is_control() || "@<>()[],;:\\\"".contains(letter)
            })
    };
    is_clean(local) && is_clean(host) && host.contains('.') && text.len() <= 320
}

fn integer(json: &Json) -> Result<Value, ValueError> {
    let text = number(json)?;
    if text.contains('.') {
        return refuse("must be an integer", json);
    }
    text.parse().map(Value::Int).or_else(|_| refuse("must be an integer of 64 bits", json))
}

/// The canonical text of a number, or of a text that is one.
fn number(json: &Json) -> Result<String, ValueError> {
    let text = match json {
        Json::Number(number) => Some(number.to_string()),
        Json::String(text) => Some(text.chars().filter(|letter| !letter.is_whitespace()).collect()),
        _ => None,
    };
    text.and_then(|text| decimal::canonical(text.strip_prefix('+').unwrap_or(&text))).ok_or_else(|| {
        let shown = print(json);
        let message =
            format!("must be a `number` type, but the final value was: `NaN` (cast from the value `{shown}`).");
        ValueError::Refused(message, Json::Null)
    })
}

fn boolean(json: &Json) -> Result<Value, ValueError> {
    match json {
        Json::Bool(value) => Ok(Value::Bool(*value)),
        Json::String(text) if text.eq_ignore_ascii_case("true") || text == "1" => Ok(Value::Bool(true)),
        Json::String(text) if text.eq_ignore_ascii_case("false") || text == "0" => Ok(Value::Bool(false)),
        Json::Number(number) if number.as_i64() == Some(1) => Ok(Value::Bool(true)),
        Json::Number(number) if number.as_i64() == Some(0) => Ok(Value::Bool(false)),
        _ => refuse(wrong_type("boolean", json), json),
    }
}

fn moment(json: &Json) -> Result<Value, ValueError> {
    let read = match json {
        Json::String(text) => parse_moment(text),
        // Like Strapi, which reads the text of a number: 2026 is a year here too.
        Json::Number(number) => decimal::canonical(&number.to_string()).and_then(|text| parse_moment(&text)),
        _ => None,
    };
    read.map(Value::Time).ok_or(ValueError::NoMoment)
}

/// A text that is JSON stands for that JSON, as in Strapi; it is held to the limits of the body that it came in.
pub(super) fn parsed(json: &Json) -> Result<Json, ValueError> {
    let is_json = |text: &&str| serde_json::from_str::<IgnoredAny>(text).is_ok();
    let Some(text) = json.as_str().filter(is_json) else { return Ok(json.clone()) };
    nesting::check(text.as_bytes()).map_err(|unstorable| {
        ValueError::Refused(format!("holds JSON as a text that cannot be stored: {unstorable}"), Json::Null)
    })?;
    Ok(nesting::read(text).unwrap_or_else(|_| json.clone()))
}

fn patterns(field: &Field, json: Json) -> Result<Json, ValueError> {
    if field.check != Check::Patterns {
        return Ok(json);
    }
    let Json::Array(items) = &json else {
        return refuse(wrong_type("array", &json), &json);
    };
    for item in items {
        let checked = item.as_str().ok_or_else(|| wrong_type("string", item)).and_then(check_pattern);
        if let Err(problem) = checked {
            return refuse(format!("holds {}, which is no trigger pattern: {problem}", print(item)), &json);
        }
    }
    Ok(json)
}
