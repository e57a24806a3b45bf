//! Values that differ from one server to the next, by name: documentIds, numbers and times.

use std::collections::BTreeMap;

use serde_json::Value;

/// Values by name: `ref:store:acme`, `var:uc`, `token:full`.
#[derive(Default)]
pub struct Names(BTreeMap<String, Value>);

impl Names {
    pub fn set(&mut self, name: String, value: Value) {
        self.0.insert(name, value);
    }

    pub fn forget(&mut self, name: &str) {
        self.0.remove(name);
    }

    /// `node` with each `$ref:…`, `$var:…` and `$token:…` replaced; a text that is nothing else takes the value's type.
    pub fn fill(&self, node: &Value) -> Result<Value, String> {
        Ok(match node {
            Value::String(text) => match text.strip_prefix('$').and_then(|name| self.0.get(name)) {
                Some(value) => value.clone(),
                None => Value::String(self.fill_text(text)?),
            },
            Value::Array(items) => items.iter().map(|item| self.fill(item)).collect::<Result<_, _>>()?,
            Value::Object(members) => {
                let filled = members.iter().map(|(name, value)| Ok((name.clone(), self.fill(value)?)));
                filled.collect::<Result<_, String>>()?
            }
            other => other.clone(),
        })
    }

    /// `text` with each name in it replaced by its value.
    pub fn fill_text(&self, text: &str) -> Result<String, String> {
        let (mut filled, mut rest) = (String::new(), text);
        while let Some(place) = ["$ref:", "$var:", "$token:"].iter().filter_map(|mark| rest.find(mark)).min() {
            let name: &str = &rest[place + 1..];
            let end = name.find(|letter: char| !letter.is_ascii_alphanumeric() && !"_:-".contains(letter));
            let name = &name[..end.unwrap_or(name.len())];
            let value = self.0.get(name).ok_or_else(|| format!("no value for {name}: an earlier case failed"))?;
            filled.push_str(&rest[..place]);
            filled.push_str(&value.as_str().map_or_else(|| value.to_string(), str::to_owned));
            rest = &rest[place + 1 + name.len()..];
        }
        Ok(filled + rest)
    }

    /// The documentIds among the values, with their names.
    pub fn document_ids(&self) -> BTreeMap<String, String> {
        let ids = self.0.iter().filter(|(name, _)| !name.starts_with("token:"));
        ids.filter_map(|(name, value)| Some((value.as_str().filter(|id| is_document_id(id))?.to_owned(), name.clone())))
            .collect()
    }
}

/// `node` with what differs between servers replaced by what it is.
pub fn normal(node: &Value, key: &str, known: &BTreeMap<String, String>, raw: &[&str]) -> Value {
    match node {
        Value::Object(members) => {
            members.iter().map(|(name, value)| (name.clone(), normal(value, name, known, raw))).collect()
        }
        Value::Array(items) => items.iter().map(|item| normal(item, key, known, raw)).collect(),
        Value::Number(number) if key == "id" && number.is_i64() => Value::from("<id>"),
        Value::String(text) if is_time(key, text) && !raw.contains(&key) => Value::from("<timestamp>"),
        Value::String(text) => match named(text, known) {
            same if same == *text && key == "documentId" && is_document_id(text) => Value::from("<documentId>"),
            named => Value::String(named),
        },
        other => other.clone(),
    }
}

/// `text` with the names of the documentIds in it.
pub fn named(text: &str, known: &BTreeMap<String, String>) -> String {
    let mut named = text.to_owned();
    for (id, name) in known {
        if named.contains(id.as_str()) {
            named = named.replace(id.as_str(), &format!("<{name}>"));
        }
    }
    named
}

fn is_document_id(text: &str) -> bool {
    text.len() == 24 && text.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit())
}

fn is_time(key: &str, text: &str) -> bool {
    ["createdAt", "updatedAt", "publishedAt"].contains(&key) && text.len() == 24 && text.ends_with('Z')
}
