//! The instance's own credentials, which a record may use in place of its own: `{"use_default": true}`.
//!
//! Whoever may write a record so spends the instance's account; what nobody must be able to do is to send its credentials
//! where he likes. So it is the instance alone that says where they go: a record brings nothing of its own that decides it,
//! as `binding` finds it between the instance's account and what the record makes of it.

use std::collections::BTreeMap;

use serde_json::Value;

use super::binding::{Wiring, is_switch, redirects};
use super::reading::MISSING;
use super::{Descriptor, Entry, ExtensionKey, Registry, SetupError, SetupErrorKind};
use crate::nesting::Members;
use crate::outbound::parse_url;
use crate::secrets::USE_DEFAULT;
use crate::suggest::suggest;

/// The variable that they come from.
const VARIABLE: &str = "TENON_DEFAULT_CREDENTIALS";

/// The instance's own accounts with services, by class: the first two parts of a key.
#[derive(Clone, Default)]
pub struct Defaults(BTreeMap<String, Account>);

/// An account with a service: what is secret of it, and where it is.
#[derive(Clone, Default)]
pub struct Account {
    /// The credentials.
    pub credentials: Value,
    /// The base url of the service, where it is not the usual one.
    pub url: Option<String>,
}

/// What a record has of an account.
pub struct Given<'a> {
    /// The record's key.
    pub key: &'a str,
    /// The handler that answers to it.
    pub entry: &'a Entry,
    /// The record's config.
    pub config: &'a Value,
    /// The record's credentials, opened.
    pub credentials: Value,
    /// The record's url.
    pub url: Option<String>,
}

impl Defaults {
    /// Reads `{"markket:sendgrid": {"credentials": {…}, "url": "https://…"}}`; nothing at all is none.
    ///
    /// The error names the class and holds nothing of the credentials.
    pub fn parse(text: &str) -> Result<Self, String> {
        if text.trim().is_empty() {
            return Ok(Self::default());
        }
        let Members(classes) = serde_json::from_str(text).map_err(|error: serde_json::Error| {
            format!("expected a JSON object by class; it is none at line {}, column {}", error.line(), error.column())
        })?;
        let account = |(class, value): (String, Value)| match account(&class, value) {
            Ok(account) => Ok((class, account)),
            Err(problem) => Err(format!("{class}: {problem}")),
        };
        Ok(Self(classes.into_iter().map(account).collect::<Result<_, _>>()?))
    }

    /// Whether there is a default for records of this handler.
    pub fn has(&self, key: &str, descriptor: &Descriptor) -> bool {
        self.0.contains_key(class_of(key, descriptor))
    }

    /// Fails, naming the class, when a default is for no handler of `registry`, or for none that could use it.
    pub fn check(&self, registry: &Registry) -> Result<(), String> {
        for (class, account) in &self.0 {
            let of_class = |entry: &&Entry| {
                let key = entry.descriptor().key;
                class_of(class, entry.descriptor()) == class && (key == class || key.starts_with(&format!("{class}:")))
            };
            let mut entries: Vec<&Entry> = registry.entries().filter(of_class).collect();
            entries.extend(registry.find(class).map(|entry| &**entry));
            if entries.is_empty() {
                let known = registry.entries().map(|entry| class_of(entry.descriptor().key, entry.descriptor()));
                let near = suggest(class, known);
                let near =
                    if near.is_empty() { String::new() } else { format!("; did you mean {}?", near.join(" or ")) };
                return Err(format!("{VARIABLE}: {class}: no handler is of this class{near}"));
            }
            // What is missing may be added by records. One handler of the class that can use it is enough.
            let unusable = |entry: &&Entry| {
                let config_errors = entry.check_credentials(&account.credentials).into_iter();
                config_errors.filter(|config_error| !config_error.message.starts_with(MISSING)).collect::<Vec<_>>()
            };
            let config_errors: Vec<Vec<_>> = entries.iter().map(unusable).collect();
            let is_usable = config_errors.iter().any(Vec::is_empty);
            if let Some(config_error) = config_errors.into_iter().flatten().next().filter(|_| !is_usable) {
                return Err(format!(
                    "{VARIABLE}: {class}: credentials.{}: {}",
                    config_error.path, config_error.message
                ));
            }
        }
        Ok(())
    }

    /// The account that a record uses: its own, or the instance's with what the record has in place of single values.
    ///
    /// Fails when there is no default for the record's class, and when the record would lead the instance's credentials
    /// somewhere else.
    pub fn resolve(&self, given: Given<'_>) -> Result<Account, SetupError> {
        let Given { key, entry, config, mut credentials, url } = given;
        let asked = credentials.as_object_mut().and_then(|members| members.shift_remove(USE_DEFAULT));
        match asked {
            None | Some(Value::Null | Value::Bool(false)) => return Ok(Account { credentials, url }),
            Some(Value::Bool(true)) => {}
            Some(_) => return Err(bad(USE_DEFAULT, "must be true or false")),
        }
        let class = class_of(key, entry.descriptor());
        let Some(own) = self.0.get(class) else {
            let message = format!("this instance has no credentials of its own for {class}: {VARIABLE} names none");
            return Err(bad(USE_DEFAULT, message));
        };
        if url.is_some_and(|url| !url.is_empty()) {
            let message = "must be empty with credentials.use_default: the instance's own credentials go where the \
                           instance says, and nowhere else";
            return Err(SetupError::new(SetupErrorKind::BadCredentials, "url", "", message));
        }
        if entry.descriptor().needs_url && own.url.is_none() {
            let message = format!("{key} needs a url, and the instance's default for {class} has none ({VARIABLE})");
            return Err(SetupError::new(SetupErrorKind::MissingUrl, "url", "", message));
        }
        let mut account = own.clone();
        for (name, value) in credentials.as_object().into_iter().flatten() {
            merge(&mut account.credentials[name.as_str()], value);
        }
        let before = Wiring { key, url: None, config: &Value::Null, credentials: &own.credentials };
        let after = Wiring { key, url: None, config, credentials: &account.credentials };
        let found = redirects((Some(entry), before), (Some(entry), after));
        // Whether credentials go along is the record's to say; they go where the instance says.
        let switches = &entry.description().config_schema["properties"];
        let is_own = |path: &Vec<String>| matches!(&path[..], [of, name] if of == "config" && is_switch(&switches[name.as_str()]));
        match found.into_iter().find(|path| !is_own(path)) {
            None => Ok(account),
            Some(path) => Err(decides(&path)),
        }
    }
}

/// The member at `path` of a record decides where the instance's own credentials go.
fn decides(path: &[String]) -> SetupError {
    let (of, below) = path.split_first().map_or(("credentials", &[][..]), |(of, below)| (of.as_str(), below));
    let kind = if of == "config" { SetupErrorKind::BadConfig } else { SetupErrorKind::BadCredentials };
    let message = "decides where credentials go, which is the instance's to say with credentials.use_default";
    SetupError::new(kind, of, &below.join("."), message)
}

/// The class of a record's key, which may be an alias of its handler's.
fn class_of<'a>(key: &'a str, descriptor: &Descriptor) -> &'a str {
    let key = if descriptor.namespace().is_some() { key } else { descriptor.key };
    let end = key.match_indices(':').nth(1).map_or(key.len(), |(end, _)| end);
    &key[..end]
}

fn account(class: &str, value: Value) -> Result<Account, String> {
    let is_class = ExtensionKey::parse(class).is_ok() && class.matches(':').count() == 1;
    if !is_class {
        return Err("is no class: expected namespace:class, such as markket:sendgrid".into());
    }
    let wanted = r#"expected {"credentials": {…}} and, if need be, "url""#;
    let Value::Object(mut members) = value else { return Err(wanted.into()) };
    let credentials = members.shift_remove("credentials").filter(Value::is_object).ok_or(wanted)?;
    if credentials.get(USE_DEFAULT).is_some() {
        return Err(format!("credentials.{USE_DEFAULT}: a default cannot use a default"));
    }
    let url = match members.shift_remove("url") {
        None | Some(Value::Null) => None,
        Some(Value::String(url)) => match parse_url(&url) {
            Ok(_) => Some(url),
            Err(why) => return Err(format!("url must begin with http:// or https:// and name a host: it {why}")),
        },
        Some(_) => return Err("url must begin with http:// or https://".into()),
    };
    match members.keys().next() {
        Some(name) => Err(format!("{name} is not known; {wanted}")),
        None => Ok(Account { credentials, url }),
    }
}

fn bad(below: &str, message: impl Into<String>) -> SetupError {
    SetupError::new(SetupErrorKind::BadCredentials, "credentials", below, message)
}

/// Puts what a record has in place of what the instance has; a null leaves that as it is.
fn merge(own: &mut Value, given: &Value) {
    match (own, given) {
        (_, Value::Null) => {}
        (Value::Object(own), Value::Object(given)) => {
            for (name, value) in given {
                merge(own.entry(name.clone()).or_insert(Value::Null), value);
            }
        }
        (own, given) => *own = given.clone(),
    }
}
