//! Compiled patterns, kept between events.

use std::collections::HashMap;
use std::sync::{Arc, RwLock};

use super::pattern::{MOST_PATTERNS, Pattern};

/// How many globs one generation of the cache keeps, at a few KB each; there are two.
const GENERATION: usize = 512;

/// A bounded cache of compiled patterns. A pattern's text says all about it, so nothing ever has to be dropped for being
/// out of date; when a generation is full, what was not used since the last one is forgotten.
#[derive(Default)]
pub struct Matchers {
    generations: RwLock<Generations>,
}

#[derive(Default)]
struct Generations {
    young: HashMap<String, Arc<Pattern>>,
    old: HashMap<String, Arc<Pattern>>,
}

impl Matchers {
    /// The first of `patterns` that matches the name `trigger`, in its long form. A pattern that does not compile, which
    /// no write lets in, matches nothing, and only the first [`MOST_PATTERNS`] are looked at.
    pub fn matched<'a>(&self, patterns: &'a [String], trigger: &str) -> Option<&'a str> {
        patterns.iter().take(MOST_PATTERNS).find(|pattern| self.matches(pattern, trigger)).map(String::as_str)
    }

    fn matches(&self, pattern: &str, trigger: &str) -> bool {
        match Pattern::simple(pattern) {
            Some(simple) => simple.matches(trigger),
            None => self.glob(pattern).is_some_and(|glob| glob.matches(trigger)),
        }
    }

    fn glob(&self, pattern: &str) -> Option<Arc<Pattern>> {
        // A thread that panicked holding the lock left nothing half done: each change is one insertion.
        let read = self.generations.read().unwrap_or_else(std::sync::PoisonError::into_inner);
        if let Some(kept) = read.young.get(pattern) {
            return Some(Arc::clone(kept));
        }
        let kept = read.old.get(pattern).cloned();
        drop(read);
        let compiled = match kept {
            Some(kept) => kept,
            None => Arc::new(Pattern::compile(pattern).ok()?),
        };
        let mut write = self.generations.write().unwrap_or_else(std::sync::PoisonError::into_inner);
        if write.young.len() >= GENERATION {
            write.old = std::mem::take(&mut write.young);
        }
        write.young.insert(pattern.to_owned(), Arc::clone(&compiled));
        Some(compiled)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_pattern_that_matches_is_named() {
        let matchers = Matchers::default();
        let patterns = ["store_*", "{post,pre}_sale", "*"].map(str::to_owned);
        assert_eq!(matchers.matched(&patterns, "trigger:post_sale"), Some("{post,pre}_sale"));
        assert_eq!(matchers.matched(&patterns[..1], "trigger:post_sale"), None);
        assert_eq!(matchers.matched(&[], "trigger:post_sale"), None);
    }

    #[test]
    fn the_cache_stays_within_its_bounds_and_keeps_what_is_used() {
        let matchers = Matchers::default();
        for number in 0..GENERATION * 3 {
            assert!(matchers.matches(&format!("*_{number}"), &format!("trigger:a_{number}")));
            assert!(matchers.matches("*_sale", "trigger:post_sale"));
        }
        let Ok(kept) = matchers.generations.read() else { panic!("not poisoned") };
        assert!(kept.young.len() <= GENERATION && kept.old.len() <= GENERATION);
        assert!(kept.young.contains_key("*_sale") || kept.old.contains_key("*_sale"));
    }
}
