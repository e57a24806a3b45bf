//! Which answers are still true: a count of commits for each content type, here and in the other processes.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use crate::content::{Catalog, TypeSet};

/// Counts, for each content type, the commits that changed documents of it. Whoever keeps an answer takes the
/// [`VersionStamp`] *before* reading; when the answer is asked for again, the stamp tells whether anything was committed since.
pub(super) struct TypeVersions {
    /// In the place of each type's number.
    counts: Box<[AtomicU64]>,
    /// Whether commits of other processes are heard of.
    complete: AtomicBool,
}

/// The moment at which an answer was read, as far as the content types that it depends on go.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VersionStamp {
    types: TypeSet,
    /// The sum of their counts. Counts only grow, so two sums are the same when all counts are.
    commits: u64,
}

impl TypeVersions {
    /// `complete` is whether every commit passes here by itself.
    pub fn new(catalog: &Catalog, complete: bool) -> Self {
        let counts = (0..catalog.numbers()).map(|_| AtomicU64::default()).collect();
        Self { counts, complete: AtomicBool::new(complete) }
    }

    /// Documents of these types were changed. It is called after the commit and before anyone is told of it.
    pub fn advance(&self, types: &TypeSet) {
        types.numbers().filter_map(|number| self.count(number)).for_each(advance);
    }

    /// Documents of any type may have been changed.
    pub fn advance_all(&self) {
        self.counts.iter().for_each(advance);
    }

    /// From here on commits of other processes are heard of, or not. What was missed until now may be anything.
    pub fn set_complete(&self, complete: bool) {
        self.advance_all();
        self.complete.store(complete, Ordering::Release);
    }

    /// Whether commits of other processes are heard of.
    pub fn is_complete(&self) -> bool {
        self.complete.load(Ordering::Acquire)
    }

    /// Whether a content type with this number is known here.
    pub fn knows(&self, number: u16) -> bool {
        self.count(number).is_some()
    }

    /// The moment before a read of documents of these types; `None` when nobody could tell that it has passed.
    pub fn stamp(&self, types: TypeSet) -> Option<VersionStamp> {
        let commits = self.commits(&types)?;
        self.is_complete().then_some(VersionStamp { types, commits })
    }

    /// Whether nothing was committed since `stamp` that could matter.
    pub fn is_current(&self, stamp: &VersionStamp) -> bool {
        self.commits(&stamp.types) == Some(stamp.commits) && self.is_complete()
    }

    /// How many commits changed documents of these types; `None` when one of them is not known here.
    fn commits(&self, types: &TypeSet) -> Option<u64> {
        types.numbers().map(|number| Some(self.count(number)?.load(Ordering::Acquire))).sum()
    }

    fn count(&self, number: u16) -> Option<&AtomicU64> {
        self.counts.get(usize::from(number))
    }
}

fn advance(count: &AtomicU64) {
    count.fetch_add(1, Ordering::AcqRel);
}
