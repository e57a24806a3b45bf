//! The key that names a handler.

use std::fmt;

/// The most bytes that a key may have.
const MAX_LENGTH: usize = 128;

/// `namespace:class[:method]`: which handler an extension record is for.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ExtensionKey(String);

impl ExtensionKey {
    /// Reads a key: two or three parts of `a-z`, `0-9`, `_` and `-`, with `:` between them, at most 128 bytes.
    ///
    /// Fails with what is wrong.
    pub fn parse(text: &str) -> Result<Self, String> {
        let parts: Vec<&str> = text.split(':').collect();
        let is_part = |part: &&str| {
            let is_letter = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"_-".contains(&byte);
            !part.is_empty() && part.bytes().all(is_letter)
        };
        if text.len() > MAX_LENGTH {
            return Err(format!("a key has at most {MAX_LENGTH} bytes"));
        }
        if !(2..=3).contains(&parts.len()) || !parts.iter().all(is_part) {
            return Err(format!(
                "{text:?} is not a key: expected namespace:class or namespace:class:method, each of a-z, 0-9, _ and -"
            ));
        }
        Ok(Self(text.to_owned()))
    }

    /// The key's text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The first part: `markket` in `markket:odoo:newsletter`.
    pub fn namespace(&self) -> &str {
        self.0.split(':').next().unwrap_or_default()
    }
}

impl fmt::Display for ExtensionKey {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_has_two_or_three_parts() {
        for text in ["custom:webhook", "markket:odoo:newsletter", "a:b", "x_1:y-2:3"] {
            assert_eq!(ExtensionKey::parse(text).as_ref().map(ExtensionKey::as_str), Ok(text));
        }
        let long = format!("a:{}", "b".repeat(130));
        for text in ["", "webhook", ":", "a:", ":a", "a:b:c:d", "A:b", "a b:c", "a:b:", "a:é", &long] {
            assert!(ExtensionKey::parse(text).is_err(), "{text}");
        }
    }
}
