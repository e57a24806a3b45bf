//! Which version an Odoo has, remembered in memory: those before 19 tell it with an error page alone, and would be asked
//! with every run.

use std::sync::Arc;

use quick_cache::sync::Cache;

use crate::clock::{HOUR, Millis};

/// How many addresses are remembered.
const KEPT: usize = 1000;
/// How long a version is taken for granted. An upgrade is found out before when the old language is no longer understood.
const FOR: Millis = HOUR;

/// The versions of all Odoos, by their addresses; shared by the handlers.
#[derive(Clone)]
pub struct Versions(Arc<Cache<String, Known>>);

/// What an Odoo told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Known {
    /// The first part of its version; `None` of one that only shows that it is older than 19.
    pub major: Option<u32>,
    until: Millis,
}

impl Default for Versions {
    fn default() -> Self {
        Self(Arc::new(Cache::new(KEPT)))
    }
}

impl Versions {
    /// What is known of the Odoo at `base`.
    pub(super) fn find(&self, base: &str, now: Millis) -> Option<Known> {
        self.0.get(base).filter(|known| now < known.until)
    }

    /// Remembers what the Odoo at `base` told.
    pub(super) fn remember(&self, base: &str, major: Option<u32>, now: Millis) {
        self.0.insert(base.to_owned(), Known { major, until: now + FOR });
    }

    /// Forgets what was told at `base`.
    pub(super) fn forget(&self, base: &str) {
        self.0.remove(base);
    }
}
