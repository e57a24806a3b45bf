//! Keeps credentials out of what is recorded, in every form in which they could stand there.

use base64::engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD};
use serde_json::Value;
use url::Url;

use super::{Done, Outcome};
use crate::secrets::MASK;

/// Values shorter than this are too common in other text to be looked for.
const SHORTEST: usize = 4;

/// The same for what a schema knows as no password: a name of a database or an algorithm, which reasons tell people.
const SHORTEST_NAME: usize = 8;

/// A part of a secret url that is at least this long is taken for a secret of its own, as the token is that services put
/// into the path of their webhooks.
const SHORTEST_PART: usize = 12;

/// Replaces credentials wherever they stand in a text: plain, as JSON, URL-encoded, hexadecimal, and base64 alone or
/// within a longer value.
#[derive(Debug, Clone, Default)]
pub struct Masker {
    /// Longest first, so that a form which holds another is replaced whole.
    forms: Vec<String>,
}

impl Masker {
    /// A masker for every value in `credentials`.
    pub fn new(credentials: &Value) -> Self {
        let mut masker = Self::default();
        masker.add(credentials);
        masker
    }

    /// A masker for `credentials` of which `schema` is known: a choice among words that the schema gives away is no
    /// secret, and masked it would take the sense out of every reason that names it.
    pub fn of(credentials: &Value, schema: &Value) -> Self {
        let Some(members) = credentials.as_object() else { return Self::new(credentials) };
        let mut masker = Self::default();
        for (name, value) in members {
            let known = &schema["properties"][name.as_str()];
            let is_name = known.is_object() && known["format"] != "password";
            let is_short = value.as_str().is_some_and(|text| text.len() < SHORTEST_NAME);
            if is_choice(known) || is_name && is_short {
                continue;
            }
            collect(value, &mut masker.forms);
        }
        masker.sort();
        masker
    }

    /// Masks every value in `secrets` as well.
    pub fn add(&mut self, secrets: &Value) {
        collect(secrets, &mut self.forms);
        self.sort();
    }

    /// Masks what may be secret in a url, and leaves the rest of it to be read.
    pub fn add_url(&mut self, url: &str) {
        parts_of_url(url).iter().for_each(|part| add_forms(part, &mut self.forms));
        self.sort();
    }

    fn sort(&mut self) {
        self.forms.sort_by(|left, right| right.len().cmp(&left.len()).then_with(|| left.cmp(right)));
        self.forms.dedup();
    }

    /// `text` without secrets.
    pub fn text(&self, text: &str) -> String {
        let mut masked = text.to_owned();
        for form in self.forms.iter().filter(|form| text.contains(form.as_str())) {
            masked = masked.replace(form, MASK);
        }
        masked
    }

    /// `value` without secrets.
    pub fn value(&self, value: Value) -> Value {
        match value {
            Value::String(text) => Value::String(self.text(&text)),
            Value::Number(number) => {
                let text = number.to_string();
                if self.forms.contains(&text) { Value::from(MASK) } else { Value::Number(number) }
            }
            Value::Array(items) => items.into_iter().map(|item| self.value(item)).collect(),
            Value::Object(members) => {
                members.into_iter().map(|(name, value)| (self.text(&name), self.value(value))).collect()
            }
            other => other,
        }
    }

    /// What an attempt came to, without secrets.
    pub fn outcome(&self, outcome: Outcome) -> Outcome {
        outcome.map_err(|failure| failure.map_reason(|reason| self.text(reason))).map(|done| Done {
            message: self.text(&done.message),
            data: done.data.map(|data| self.value(data)),
            meta: done.meta.into_iter().map(|(name, value)| (name, self.value(value))).collect(),
            ..done
        })
    }

    /// How much of a text must be looked at beyond a cut, so that no secret is cut in two and left.
    pub(super) fn longest(&self) -> usize {
        self.forms.first().map_or(0, String::len)
    }
}

/// Whether a schema gives the words that a value is one of.
fn is_choice(schema: &Value) -> bool {
    match schema {
        Value::Object(members) => members.contains_key("enum") || members.values().any(is_choice),
        Value::Array(items) => items.iter().any(is_choice),
        _ => false,
    }
}

fn collect(value: &Value, forms: &mut Vec<String>) {
    match value {
        Value::String(text) if text.len() >= SHORTEST => {
            add_forms(text, forms);
            parts_of_url(text).iter().for_each(|part| add_forms(part, forms));
        }
        Value::Number(number) if number.to_string().len() >= SHORTEST => add_forms(&number.to_string(), forms),
        Value::Array(items) => items.iter().for_each(|item| collect(item, forms)),
        Value::Object(members) => members.values().for_each(|member| collect(member, forms)),
        _ => {}
    }
}

/// What may be secret by itself in a text that is a url; nothing in any other.
fn parts_of_url(text: &str) -> Vec<String> {
    let Some(url) = Url::parse(text).ok().filter(Url::has_host) else { return Vec::new() };
    let in_path = url.path_segments().into_iter().flatten().map(str::to_owned);
    let in_query = url.query_pairs().map(|(_, value)| value.into_owned());
    let long = in_path.chain(in_query).filter(|part| part.len() >= SHORTEST_PART);
    long.chain(url.password().map(str::to_owned).filter(|password| password.len() >= SHORTEST)).collect()
}

fn add_forms(secret: &str, forms: &mut Vec<String>) {
    let hex: String = secret.bytes().map(|byte| format!("{byte:02x}")).collect();
    let encoded: String = url::form_urlencoded::byte_serialize(secret.as_bytes()).collect();
    forms.extend([secret.to_owned(), hex.to_uppercase(), hex, encoded.replace('+', "%20"), encoded]);
    let json = Value::from(secret).to_string();
    forms.push(json[1..json.len() - 1].to_owned());
    for offset in 0..3 {
        let encoded = [within(&STANDARD_NO_PAD, secret, offset), within(&URL_SAFE_NO_PAD, secret, offset)];
        forms.extend(encoded.into_iter().filter(|digits| digits.len() >= SHORTEST));
    }
}

/// The digits of base64 that `secret` alone decides when it stands `offset` bytes (mod 3) into what is encoded, as the
/// password does in `user:password`.
fn within(engine: &impl base64::Engine, secret: &str, offset: usize) -> String {
    let padded = [&b"\0\0\0"[..offset], secret.as_bytes()].concat();
    let digits = engine.encode(&padded);
    let (first, last) = ((offset * 8).div_ceil(6), padded.len() * 8 / 6);
    digits[first..last].to_owned()
}

#[cfg(test)]
mod tests {
    use base64::Engine as _;
    use base64::engine::general_purpose::{STANDARD, URL_SAFE};
    use serde_json::json;

    use super::*;

    #[test]
    fn no_form_of_a_secret_is_left() {
        let secret = "s3cr\"t kéy/+=:42";
        let masker = Masker::new(&json!({"nested": [{"token": secret}], "pin": 90210, "mode": "no"}));
        let hex: String = secret.bytes().map(|byte| format!("{byte:02x}")).collect();
        let mut texts = vec![
            secret.to_owned(),
            json!(secret).to_string(),
            hex.to_uppercase(),
            hex,
            STANDARD.encode(secret),
            url::form_urlencoded::byte_serialize(secret.as_bytes()).collect(),
        ];
        for user in ["", "a", "ab", "abc"] {
            texts.push(STANDARD.encode(format!("{user}:{secret}")));
            texts.push(URL_SAFE.encode(format!("{user}:{secret}:x")));
        }
        for text in texts {
            let masked = masker.text(&format!("before {text} after"));
            assert!(masked.contains(MASK) && masked.starts_with("before ") && masked.ends_with(" after"), "{masked}");
            let left = masked.len() - "before  after".len() - MASK.len();
            assert!(left <= 12, "{text} became {masked}");
        }
        assert_eq!(masker.value(json!({"a": [90210, 1], "mode": "no"})), json!({"a": [MASK, 1], "mode": "no"}));
    }

    #[test]
    fn what_is_secret_in_a_url_is_a_secret_alone() {
        let masker = Masker::new(&json!("https://me:pass5@hooks.example/v1/AbCdEfGhIjKl?token=0123456789ab&wait=true"));
        let told = "v1 hooks.example AbCdEfGhIjKl pass5 0123456789ab wait=true";
        assert_eq!(masker.text(told), format!("v1 hooks.example {MASK} {MASK} {MASK} wait=true"));
    }

    #[test]
    fn without_credentials_nothing_changes() {
        let schema = json!({"properties": {
            "mode": {"oneOf": [{"type": "null"}, {"enum": ["test", "live"]}]},
            "database": {"type": ["string", "null"]},
            "key": {"type": "string", "format": "password"},
        }});
        let credentials = json!({"mode": "live", "database": "odoo", "key": "k-12", "more": "abcd"});
        let told = Masker::of(&credentials, &schema).text("live_key k-12 of odoo, abcd");
        assert_eq!(told, "live_key ******** of odoo, ********", "what the schema gives away is no secret");
        assert_eq!(Masker::new(&Value::Null).text("null and void"), "null and void");
    }
}
