//! The patterns that extension records listen with.

use globset::{GlobBuilder, GlobMatcher};

use super::catalogue::{self, EXTENSION_CREATED, EXTENSION_REMOVED, EXTENSION_UPDATED};
use super::name::{PREFIX, is_name_letter};

/// How a pattern must begin to match [`OF_RECORDS`].
const RECORDS: &str = "trigger:extension_";
/// What tells of changes to extension records. A record that wants all that happens to its document does not want these: a
/// program that changes its own record on whatever it hears would hear of that again, and so on.
const OF_RECORDS: [&str; 3] = [EXTENSION_CREATED, EXTENSION_UPDATED, EXTENSION_REMOVED];

/// The most bytes that a pattern may have: it bounds what a compiled one costs.
const MAX_LENGTH: usize = 256;

/// A compiled pattern: a glob (`*`, `?`, `[a-z]`, `{a,b}`) over the long form of a name. `*` also matches `:`.
///
/// Plain names and names that end in `*`, which is what most records have, need no glob.
#[derive(Debug)]
pub enum Pattern {
    /// Matches one name.
    Exact(String),
    /// Matches whatever begins with this.
    Prefix(String),
    /// Matches by glob.
    Glob(Box<GlobMatcher>),
}

/// Whether `pattern` can be used, or why it cannot.
pub fn check_pattern(pattern: &str) -> Result<(), String> {
    Pattern::compile(pattern).map(drop)
}

impl Pattern {
    /// Compiles a pattern, whose names may stand with or without the prefix `trigger:`.
    pub fn compile(pattern: &str) -> Result<Self, String> {
        match Self::simple(pattern) {
            Some(simple) => Ok(simple),
            None => Self::glob(pattern),
        }
    }

    /// The compiled form of a pattern that needs no glob.
    pub(super) fn simple(pattern: &str) -> Option<Self> {
        let short = pattern.strip_prefix(PREFIX).unwrap_or(pattern);
        let start = short.strip_suffix('*').unwrap_or(short);
        let is_plain = short.len() <= MAX_LENGTH && !short.is_empty() && start.chars().all(is_name_letter);
        is_plain.then(|| {
            let long = format!("{PREFIX}{start}");
            if start == short { Self::Exact(long) } else { Self::Prefix(long) }
        })
    }

    fn glob(pattern: &str) -> Result<Self, String> {
        if pattern.len() > MAX_LENGTH {
            return Err(format!("a trigger pattern has at most {MAX_LENGTH} bytes, this one has {}", pattern.len()));
        }
        let is_letter = |letter| is_name_letter(letter) || "*?[]{},!^".contains(letter);
        if let Some(other) = pattern.chars().find(|letter| !is_letter(*letter)) {
            return Err(format!("no trigger's name has {other:?}, so this pattern would never match"));
        }
        let long = long_form(pattern);
        if long == PREFIX {
            return Err("an empty pattern matches nothing; * matches every trigger".into());
        }
        // A name is not a path: `*` matches any of its letters.
        let glob = GlobBuilder::new(&long).literal_separator(false).backslash_escape(false).build();
        glob.map(|glob| Self::Glob(Box::new(glob.compile_matcher()))).map_err(|error| error.kind().to_string())
    }

    /// Whether the pattern matches `name`, in its long form, or an alias of it. What tells of changes to extension records it
    /// matches only when it begins with `extension_`.
    pub fn matches(&self, name: &str) -> bool {
        if OF_RECORDS.contains(&name) && !self.text().starts_with(RECORDS) {
            return false;
        }
        let aliases = name.strip_prefix(PREFIX).and_then(catalogue::find).map_or(&[][..], |entry| entry.aliases);
        self.matches_text(name) || aliases.iter().any(|alias| self.matches_text(&format!("{PREFIX}{alias}")))
    }

    fn text(&self) -> &str {
        match self {
            Self::Exact(text) | Self::Prefix(text) => text,
            Self::Glob(matcher) => matcher.glob().glob(),
        }
    }

    fn matches_text(&self, name: &str) -> bool {
        match self {
            Self::Exact(text) => text == name,
            Self::Prefix(text) => name.starts_with(text.as_str()),
            Self::Glob(matcher) => matcher.is_match(name),
        }
    }
}

/// `pattern` with one `trigger:` in front, wherever in its alternatives it stood: `{trigger:a,b}` is `trigger:{a,b}`.
fn long_form(pattern: &str) -> String {
    let mut short = pattern.strip_prefix(PREFIX).unwrap_or(pattern).to_owned();
    for mark in ["{", ","] {
        short = short.replace(&format!("{mark}{PREFIX}"), mark);
    }
    format!("{PREFIX}{short}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_match_as_globs_over_the_long_form() {
        for (pattern, matched, not_matched) in [
            ("trigger:post_sale", &["post_sale"][..], &["post_sale2", "pre_sale"][..]),
            ("post_sale", &["post_sale"], &["pre_sale"]),
            ("trigger:*", &["post_sale", "acme:door:open", "order.paid"], &[]),
            ("*", &["post_sale", "acme:door:open"], &[]),
            ("trigger:product_*", &["product_created", "product_"], &["price_created", "products"]),
            ("t*", &["test_sent"], &["post_sale"]),
            ("*_created", &["product_created", "store_created"], &["product_updated"]),
            ("p?e_sale", &["pre_sale"], &["post_sale"]),
            ("[p-s]*_deleted", &["product_deleted", "store_deleted"], &["acme_deleted"]),
            ("{post,pre}_sale", &["post_sale", "pre_sale"], &["sale"]),
            ("{trigger:post_sale,trigger:order_*}", &["post_sale", "order_created"], &["pre_sale"]),
            ("acme:*:open", &["acme:door:open", "acme:a:b:open"], &["acme:open"]),
            ("subscriber_create", &["new_subscriber"], &["subscriber_updated"]),
            ("trigger:email_verified", &["subscriber_verified"], &["subscriber_created"]),
            ("price_chang*", &["price_updated"], &["price_created"]),
            ("new_subscriber", &["new_subscriber"], &["subscriber_updated"]),
            ("*", &["extension_disabled"], &["extension_created", "extension_updated", "extension_removed"]),
            ("e*", &["extension_disabled"], &["extension_updated"]),
            ("*_created", &["store_created"], &["extension_created"]),
            ("{extension_*,x}", &["x"], &["extension_updated"]),
            ("extension_*", &["extension_disabled", "extension_created", "extension_updated"], &["store_created"]),
            ("trigger:extension_updated", &["extension_updated"], &["extension_removed"]),
            ("extension_{updated,removed}", &["extension_updated", "extension_removed"], &["extension_created"]),
        ] {
            let compiled = Pattern::compile(pattern);
            let Ok(compiled) = compiled else { panic!("{pattern}: {compiled:?}") };
            for name in matched {
                assert!(compiled.matches(&format!("trigger:{name}")), "{pattern} matches {name}");
            }
            for name in not_matched {
                assert!(!compiled.matches(&format!("trigger:{name}")), "{pattern} does not match {name}");
            }
        }
    }

    #[test]
    fn a_pattern_that_cannot_match_is_refused_with_the_reason() {
        let long = "*a".repeat(200);
        for pattern in ["", "trigger:", "a b", "[z-a]", "{a", "a}", "[a", "a\\b", "sale#", "é*x", &long] {
            let refused = check_pattern(pattern);
            assert!(refused.as_ref().is_err_and(|reason| !reason.is_empty()), "{pattern:?}: {refused:?}");
        }
    }
}
