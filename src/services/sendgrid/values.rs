//! Values of a config that can be seen to be wrong when it is stored.

use serde::{Deserialize, Deserializer, Serialize};

/// An e-mail address.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String")]
pub struct Email(String);

/// The id of a list of contacts, a UUID.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String")]
pub struct ListId(String);

impl Email {
    /// The address.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// What stands behind the `@`.
    pub fn domain(&self) -> &str {
        self.0.rsplit_once('@').map_or("", |(_, domain)| domain)
    }
}

impl ListId {
    /// The id.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for Email {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let trimmed = text.trim();
        let is_right = trimmed.rsplit_once('@').is_some_and(|(local, domain)| {
            let is_odd = |letter: char| letter.is_whitespace() || letter.is_control() || "@<>,;".contains(letter);
            let inner = domain.trim_matches('.');
            !local.is_empty()
                && !local.contains(is_odd)
                && inner == domain
                && inner.contains('.')
                && !inner.contains(is_odd)
        });
        if is_right { Ok(Self(trimmed.to_owned())) } else { Err(format!("{text:?} is no e-mail address")) }
    }
}

impl TryFrom<String> for ListId {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let trimmed = text.trim().to_ascii_lowercase();
        let parts: Vec<_> = trimmed.split('-').map(str::len).collect();
        let is_hex = trimmed.bytes().all(|byte| byte == b'-' || byte.is_ascii_hexdigit());
        if is_hex && parts == [8, 4, 4, 4, 12] {
            return Ok(Self(trimmed));
        }
        Err(format!(
            "{text:?} is no id of a list: it has the form 199abb98-0af3-4a8d-b371-6811ff85d062, and stands in the address of the list's page"
        ))
    }
}

/// Reads a list that must not be empty.
pub fn at_least_one<'de, D: Deserializer<'de>, T: Deserialize<'de>>(deserializer: D) -> Result<Vec<T>, D::Error> {
    let list = Vec::deserialize(deserializer)?;
    if list.is_empty() { Err(serde::de::Error::custom("at least one is needed")) } else { Ok(list) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_address_or_id_is_refused() {
        for (text, taken) in [
            ("shop@north.example", true),
            (" 茶@north.example ", true),
            ("shop", false),
            ("@north.example", false),
            ("shop@north", false),
            ("shop@north.example.", false),
            ("a@b@north.example", false),
            ("Shop <shop@north.example>", false),
            ("shop@north.example\r\nBcc: all@north.example", false),
        ] {
            assert_eq!(Email::try_from(text.to_owned()).is_ok(), taken, "{text}");
        }
        assert!(ListId::try_from("199ABB98-0af3-4a8d-b371-6811ff85d062".to_owned()).is_ok());
        for text in ["my-list", "", "199abb98-0af3-4a8d-b371-6811ff85d06g", "199abb980af3-4a8d-b371-6811ff85d0621"] {
            assert!(ListId::try_from(text.to_owned()).is_err(), "{text}");
        }
    }
}
