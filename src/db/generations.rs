//! Which answers are still true: a count of commits for each content type, here and in the other processes.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use crate::content::{CONTENT_TYPES, TypeSet};

/// Counts, for each content type, the commits that changed documents of it. Whoever keeps an answer takes the
/// [`Stamp`] *before* reading; when the answer is asked for again, the stamp tells whether anything was committed since.
pub(super) struct Generations {
    counts: [AtomicU64; CONTENT_TYPES.len()],
    /// Whether commits of other processes are heard of.
    complete: AtomicBool,
}

/// The moment at which an answer was read, as far as the content types that it depends on go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stamp {
    types: TypeSet,
    counts: [u64; CONTENT_TYPES.len()],
}

impl Generations {
    /// `complete` is whether every commit passes here by itself.
    pub fn new(complete: bool) -> Self {
        Self { counts: Default::default(), complete: AtomicBool::new(complete) }
    }

    /// Documents of these types were changed. It is called after the commit and before anyone is told of it.
    pub fn advance(&self, types: TypeSet) {
        for place in types.places() {
            self.counts[place].fetch_add(1, Ordering::AcqRel);
        }
    }

    /// From here on commits of other processes are heard of, or not. What was missed until now may be anything.
    pub fn set_complete(&self, complete: bool) {
        self.advance(TypeSet::ALL);
        self.complete.store(complete, Ordering::Release);
    }

    /// Whether commits of other processes are heard of.
    pub fn is_complete(&self) -> bool {
        self.complete.load(Ordering::Acquire)
    }

    /// The moment before a read of documents of these types; `None` when nobody could tell that it has passed.
    pub fn stamp(&self, types: TypeSet) -> Option<Stamp> {
        let mut stamp = Stamp { types, counts: Default::default() };
        for place in types.places() {
            stamp.counts[place] = self.counts[place].load(Ordering::Acquire);
        }
        self.is_complete().then_some(stamp)
    }

    /// Whether nothing was committed since `stamp` that could matter.
    pub fn is_current(&self, stamp: &Stamp) -> bool {
        self.stamp(stamp.types) == Some(*stamp)
    }
}
