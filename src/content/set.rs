//! Sets of content types.

use super::{CONTENT_TYPES, ContentType};

/// Some of the content types.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct TypeSet(u32);

impl TypeSet {
    /// Every content type.
    pub const ALL: Self = Self((1 << CONTENT_TYPES.len()) - 1);

    /// Adds one.
    pub fn insert(&mut self, content_type: &ContentType) {
        let place = CONTENT_TYPES.iter().position(|one| one.uid == content_type.uid);
        self.0 |= place.map_or(0, |place| 1 << place);
    }

    /// Adds those of `other`.
    pub fn extend(&mut self, other: Self) {
        self.0 |= other.0;
    }

    /// Whether it has none.
    pub fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// The places in [`CONTENT_TYPES`] of those it has.
    pub fn places(self) -> impl Iterator<Item = usize> {
        (0..CONTENT_TYPES.len()).filter(move |place| self.0 & 1 << place != 0)
    }
}
