//! The name of a trigger.

use std::fmt;

use super::catalogue;

/// What every name begins with in the form that is stored and matched.
pub(super) const PREFIX: &str = "trigger:";

/// The most bytes that a name may have, without its prefix.
pub(super) const MAX_LENGTH: usize = 128;

/// The name of a trigger in its long form, `trigger:product_created`; an alias is read as the name it stands for.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Name(String);

impl Name {
    /// Reads a name with or without the prefix `trigger:`.
    ///
    /// Fails, saying what is wrong, when it is empty, longer than 128 bytes, or has anything but letters, digits, `_`,
    /// `-`, `.` and `:`. Names that the catalogue does not have are allowed.
    pub fn parse(text: &str) -> Result<Self, String> {
        let short = text.strip_prefix(PREFIX).unwrap_or(text);
        if short.is_empty() {
            return Err("a trigger needs a name, such as post_sale".into());
        }
        if short.len() > MAX_LENGTH {
            return Err(format!("a trigger's name has at most {MAX_LENGTH} bytes, this one has {}", short.len()));
        }
        if let Some(other) = short.chars().find(|letter| !is_name_letter(*letter)) {
            return Err(format!("a trigger's name has letters, digits, _, -, . and :, but not {other:?}"));
        }
        let name = catalogue::find(short).map_or(short, |entry| entry.name);
        Ok(Self(format!("{PREFIX}{name}")))
    }

    /// The long form: `trigger:product_created`.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The name without its prefix: `product_created`.
    pub fn short(&self) -> &str {
        &self.0[PREFIX.len()..]
    }
}

impl fmt::Display for Name {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.0)
    }
}

/// Whether a name may have this letter.
pub(super) fn is_name_letter(letter: char) -> bool {
    letter.is_ascii_alphanumeric() || matches!(letter, '_' | '-' | '.' | ':')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_kept_in_the_long_form() {
        for (given, kept) in [
            ("post_sale", "trigger:post_sale"),
            ("trigger:post_sale", "trigger:post_sale"),
            ("order.paid", "trigger:order.paid"),
            ("acme:Door-2", "trigger:acme:Door-2"),
            ("subscriber_created", "trigger:new_subscriber"),
            ("trigger:price_changed", "trigger:price_updated"),
        ] {
            assert_eq!(Name::parse(given).as_ref().map(Name::as_str), Ok(kept), "{given}");
        }
    }

    #[test]
    fn a_name_that_is_not_well_formed_is_refused_with_the_reason() {
        let long = "a".repeat(129);
        for (given, part) in
            [("", "needs a name"), ("trigger:", "needs a name"), ("a b", "' '"), ("sale*", "'*'"), (&long, "128 bytes")]
        {
            let refused = Name::parse(given);
            assert!(refused.as_ref().is_err_and(|reason| reason.contains(part)), "{given}: {refused:?}");
        }
    }
}
