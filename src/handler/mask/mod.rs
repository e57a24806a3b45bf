//! Keeps credentials out of what is recorded, in every form in which they could stand there.

mod bytes;
mod escape;
mod search;
#[cfg(test)]
mod tests;
mod view;

use std::fmt;
use std::sync::{Arc, OnceLock};

use base64::Engine as _;
use serde_json::Value;
use url::Url;

use self::search::{SHORTEST, Search};
use super::shown::is_shown;
use super::signature::{LENIENT, from_hex};
use super::{Done, Outcome};
use crate::secrets::MASK;

/// A part of a secret url that is at least this long is taken for a secret of its own, as the token is that services put
/// into the path of their webhooks.
const SHORTEST_PART: usize = 12;
/// The same for a word of a secret that has several, and for the bytes that it encodes.
const SHORTEST_PIECE: usize = 8;
/// What stands before a key that is given as base64.
const PREFIXES: [&str; 3] = ["whsec_", "whsk_", "whpk_"];
/// How many times as long as itself a secret can become by two encodings: `\u0061` in `\u0061` for each letter.
const LONGEST_FORM: usize = 40;
/// More than this is not looked at beyond a cut, however long the secrets are.
const LONGEST_REACH: usize = 256 * 1024;

/// Replaces credentials wherever they stand in a text: in any letter case, with the escapes of urls, JSON, HTML and
/// programming languages, as base64 and hexadecimal digits, as a list of bytes, in a quoted-printable mail, alone or within a longer value, and in all of these around
/// each other. Trimmed, in pieces and as the key that they encode they are the same secrets.
#[derive(Clone, Default)]
pub struct Masker {
    secrets: Vec<Secret>,
    /// Made when it is first needed: most attempts of most handlers record nothing before all secrets are known.
    search: OnceLock<Arc<Option<Search>>>,
}

/// One of the values that are looked for.
#[derive(Clone)]
struct Secret {
    bytes: Vec<u8>,
    /// Whether its beginning gives it away: that of a url is the beginning of any other.
    has_beginning: bool,
}

impl Masker {
    /// A masker for every value in `credentials`.
    pub fn new(credentials: &Value) -> Self {
        let mut masker = Self::default();
        masker.add(credentials);
        masker
    }

    /// A masker for `credentials` of which `schema` is known: what it does not call a secret stays readable, since a reason
    /// that names it would make no sense without it.
    pub fn of(credentials: &Value, schema: &Value) -> Self {
        let Some(members) = credentials.as_object() else { return Self::new(credentials) };
        let mut masker = Self::default();
        let secret = members.iter().filter(|(name, value)| !is_shown(schema, name, value));
        secret.for_each(|(_, value)| collect(value, &mut masker.secrets));
        masker
    }

    /// Masks every value in `secrets` as well.
    pub fn add(&mut self, secrets: &Value) {
        collect(secrets, &mut self.secrets);
        self.search = OnceLock::new();
    }

    /// Masks what may be secret in a url, and leaves the rest of it to be read.
    pub fn add_url(&mut self, url: &str) {
        parts_of_url(url).iter().for_each(|part| add_forms(part, &mut self.secrets));
        self.search = OnceLock::new();
    }

    /// A url without what may be secret in it: no more than where it leads.
    pub fn url(url: &str) -> String {
        let mut masker = Self::default();
        masker.add_url(url);
        masker.text(url)
    }

    /// `text` without secrets.
    pub fn text(&self, text: &str) -> String {
        self.bytes(text.as_bytes())
    }

    /// The text in `bytes` without secrets; what is no UTF-8 is replaced.
    pub fn bytes(&self, bytes: &[u8]) -> String {
        if self.secrets.is_empty() {
            return String::from_utf8_lossy(bytes).into_owned();
        }
        let Some(search) = self.search() else { return MASK.to_owned() };
        let (mut masked, mut from) = (String::with_capacity(bytes.len()), 0);
        for span in search.find(bytes) {
            masked.push_str(&String::from_utf8_lossy(&bytes[from..span.start]));
            masked.push_str(MASK);
            from = span.end;
        }
        masked.push_str(&String::from_utf8_lossy(&bytes[from..]));
        masked
    }

    /// `value` without secrets.
    pub fn value(&self, value: Value) -> Value {
        match value {
            Value::String(text) => Value::String(self.text(&text)),
            Value::Number(number) if self.is_secret(&number.to_string()) => Value::from(MASK),
            Value::Array(items) => items.into_iter().map(|item| self.value(item)).collect(),
            Value::Object(members) => {
                members.into_iter().map(|(name, value)| (self.text(&name), self.value(value))).collect()
            }
            other => other,
        }
    }

    /// What an attempt came to, without secrets.
    pub fn outcome(&self, outcome: Outcome) -> Outcome {
        let members = |members: serde_json::Map<String, Value>| {
            members.into_iter().map(|(name, value)| (name, self.value(value))).collect()
        };
        outcome.map_err(|failure| failure.map_reason(|reason| self.text(reason))).map(|done| Done {
            message: self.text(&done.message),
            data: done.data.map(|data| self.value(data)),
            meta: members(done.meta),
            changes: members(done.changes),
            price_changes: done.price_changes.into_iter().map(|(price, values)| (price, members(values))).collect(),
        })
    }

    /// How many bytes of a text must be looked at beyond a cut, so that no secret is cut in two and left.
    pub(super) fn reach(&self) -> usize {
        let longest = self.secrets.iter().map(|secret| secret.bytes.len()).max().unwrap_or_default();
        longest.saturating_mul(LONGEST_FORM).min(LONGEST_REACH)
    }

    fn is_secret(&self, text: &str) -> bool {
        !self.secrets.is_empty() && self.search().is_none_or(|search| search.is_secret(text))
    }

    /// `None` when there are more secrets than can be looked for: then nothing may be shown.
    fn search(&self) -> Option<&Search> {
        let make = || {
            let search = Search::new(&self.secrets);
            Arc::new(search.inspect_err(|error| log::error!("nothing is recorded of an attempt: {error}")).ok())
        };
        self.search.get_or_init(make).as_ref().as_ref()
    }
}

impl fmt::Debug for Masker {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Masker({} [hidden])", self.secrets.len())
    }
}

fn collect(value: &Value, secrets: &mut Vec<Secret>) {
    match value {
        Value::String(text) => {
            add_forms(text, secrets);
            parts_of_url(text).iter().for_each(|part| add_forms(part, secrets));
        }
        Value::Number(number) => add(&number.to_string(), secrets),
        Value::Array(items) => items.iter().for_each(|item| collect(item, secrets)),
        Value::Object(members) => members.values().for_each(|member| collect(member, secrets)),
        _ => {}
    }
}

/// What may be secret by itself in a text that is a url; nothing in any other.
fn parts_of_url(text: &str) -> Vec<String> {
    let Some(url) = Url::parse(text.trim()).ok().filter(Url::has_host) else { return Vec::new() };
    let in_path = url.path_segments().into_iter().flatten().map(str::to_owned);
    let in_query = url.query_pairs().map(|(_, value)| value.into_owned());
    let user = std::iter::once(url.username().to_owned());
    let long = in_path.chain(in_query).chain(user).filter(|part| part.len() >= SHORTEST_PART);
    long.chain(url.password().map(str::to_owned)).collect()
}

/// A secret as it was given, and in the parts and forms in which handlers use it.
fn add_forms(secret: &str, secrets: &mut Vec<Secret>) {
    add(secret, secrets);
    add(secret.trim(), secrets);
    for piece in secret.split(|letter: char| letter.is_whitespace() || letter == ',') {
        let key = PREFIXES.iter().find_map(|prefix| piece.strip_prefix(prefix));
        if piece.len() >= SHORTEST_PIECE && piece.len() < secret.len() {
            add(piece, secrets);
        }
        key.into_iter().for_each(|key| add(key, secrets));
        let key = key.unwrap_or(piece);
        let from_base64 = LENIENT.decode(key.replace('-', "+").replace('_', "/")).ok();
        for decoded in [from_base64, from_hex(key)].into_iter().flatten().filter(|key| key.len() >= SHORTEST_PIECE) {
            secrets.push(Secret { bytes: decoded, has_beginning: true });
        }
    }
}

fn add(secret: &str, secrets: &mut Vec<Secret>) {
    if secret.len() >= SHORTEST && secrets.iter().all(|known| known.bytes != secret.as_bytes()) {
        let is_common = secret.contains("://") || secret.starts_with(['{', '[', '-']);
        secrets.push(Secret { bytes: secret.as_bytes().to_vec(), has_beginning: !is_common });
    }
}
