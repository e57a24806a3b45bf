//! The patterns that extension records listen with.

use super::catalogue::{self, CATALOGUE, EXTENSION_CREATED, EXTENSION_REMOVED, EXTENSION_UPDATED};
use super::glob::Glob;
use super::name::{PREFIX, is_name_letter};
use crate::suggest::suggest;

/// How a pattern must begin to match [`OF_RECORDS`].
const RECORDS: &str = "extension_";
/// What tells of changes to extension records. A record that wants all that happens to its document does not want these: a
/// program that changes its own record on whatever it hears would hear of that again, and so on.
const OF_RECORDS: [&str; 3] = [EXTENSION_CREATED, EXTENSION_UPDATED, EXTENSION_REMOVED];

/// The most bytes that a pattern may have: it bounds what a match costs.
const MAX_LENGTH: usize = 256;

/// The most patterns that a record may have. Of more, which older records may have, only the first are looked at.
pub const MOST_PATTERNS: usize = 100;

/// A pattern that was read: a glob (`*`, `?`, `[a-z]`, `{a,b}`) over the name. `*` also matches `:`.
///
/// Plain names and names that end in `*`, which is what most records have, need no glob.
#[derive(Debug)]
pub enum Pattern {
    /// Matches one name.
    Exact(String),
    /// Matches whatever begins with this.
    Prefix(String),
    /// Matches by glob over the name without its prefix.
    Glob(Glob),
}

/// Whether `pattern` can be used, or why it cannot.
pub fn check_pattern(pattern: &str) -> Result<(), String> {
    Pattern::compile(pattern).map(drop)
}

/// Why `pattern`, although it can be used, never matches a trigger; `None` when it may.
pub fn why_never(pattern: &str) -> Option<String> {
    match Pattern::compile(pattern).ok()? {
        Pattern::Glob(glob) => glob.why_never(),
        Pattern::Exact(text) | Pattern::Prefix(text) => Glob::parse(&text[PREFIX.len()..]).ok()?.why_never(),
    }
}

/// The names of the catalogue that may be meant by `pattern`, when it matches none of them and is much like some.
pub fn likely_names(pattern: &str) -> Vec<String> {
    let Ok(compiled) = Pattern::compile(pattern) else { return Vec::new() };
    if CATALOGUE.iter().any(|entry| compiled.matches(&format!("{PREFIX}{}", entry.name))) {
        return Vec::new();
    }
    let short = pattern.strip_prefix(PREFIX).unwrap_or(pattern);
    let (start, is_start) = short.strip_suffix('*').map_or((short, false), |start| (start, true));
    if !start.chars().all(is_name_letter) {
        return Vec::new();
    }
    let names = CATALOGUE.iter().flat_map(|entry| std::iter::once(&entry.name).chain(entry.aliases)).copied();
    if is_start {
        // Of names that begin so, it is the beginning that may be misspelt.
        let near = suggest(start, names.filter_map(|name| name.get(..start.len())));
        return near.into_iter().map(|start| format!("{start}*")).collect();
    }
    suggest(start, names).into_iter().map(str::to_owned).collect()
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
        let short = short_form(pattern);
        if short.is_empty() {
            return Err("an empty pattern matches nothing; * matches every trigger".into());
        }
        Glob::parse(&short).map(Self::Glob)
    }

    /// Whether the pattern matches `name`, in its long form, or an alias of it. What tells of changes to extension records it
    /// matches only when it begins with `extension_`.
    pub fn matches(&self, name: &str) -> bool {
        if OF_RECORDS.contains(&name) && !self.begins_with(RECORDS) {
            return false;
        }
        let aliases = name.strip_prefix(PREFIX).and_then(catalogue::find).map_or(&[][..], |entry| entry.aliases);
        self.matches_text(name) || aliases.iter().any(|alias| self.matches_text(&format!("{PREFIX}{alias}")))
    }

    fn begins_with(&self, start: &str) -> bool {
        match self {
            Self::Exact(text) | Self::Prefix(text) => {
                text.strip_prefix(PREFIX).is_some_and(|short| short.starts_with(start))
            }
            Self::Glob(glob) => glob.begins_with(start),
        }
    }

    fn matches_text(&self, name: &str) -> bool {
        match self {
            Self::Exact(text) => text == name,
            Self::Prefix(text) => name.starts_with(text.as_str()),
            Self::Glob(glob) => name.strip_prefix(PREFIX).is_some_and(|short| glob.matches(short)),
        }
    }
}

/// `pattern` without `trigger:`, wherever in its alternatives it stood: `{trigger:a,b}` is `{a,b}`.
fn short_form(pattern: &str) -> String {
    let mut short = pattern.strip_prefix(PREFIX).unwrap_or(pattern).to_owned();
    for mark in ["{", ","] {
        short = short.replace(&format!("{mark}{PREFIX}"), mark);
    }
    short
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

    #[test]
    fn a_pattern_that_never_matches_says_why() {
        let long = "a".repeat(129);
        for (pattern, part) in [
            ("post_*,pre_*", "comma"),
            ("trigger:post_*,trigger:pre_*", "comma"),
            ("!post_*", "'!'"),
            (&*long, "at most 128"),
            (&format!("{long}*"), "at most 128"),
        ] {
            assert_eq!(check_pattern(pattern), Ok(()), "older records have such");
            assert!(why_never(pattern).is_some_and(|why| why.contains(part)), "{pattern}");
        }
        for pattern in ["*", "post_sale", "{post,pre}_*", "trigger:acme:*", &long[..128]] {
            assert_eq!(why_never(pattern), None, "{pattern}");
        }
    }

    #[test]
    fn a_misspelt_name_is_told_with_the_nearest() {
        for (pattern, near) in [
            ("post_sail", Some("post_sale")),
            ("trigger:product_creatd", Some("product_created")),
            ("Post_Sale", Some("post_sale")),
            ("produkt_*", Some("product_*")),
            ("subscriber_creates", Some("subscriber_create")),
            ("post_sale", None),
            ("trigger:product_*", None),
            ("subscriber_created", None),
            ("acme:door_opened", None),
            ("acme_*", None),
            ("*", None),
        ] {
            let told = likely_names(pattern);
            assert_eq!(told.first().map(String::as_str), near, "{pattern}: {told:?}");
        }
    }
}
