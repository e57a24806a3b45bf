//! Sets of content types.

use super::{CONTENT_TYPES, ContentType};

/// Some of the content types.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct TypeSet([bool; CONTENT_TYPES.len()]);

impl TypeSet {
    /// Every content type.
    pub const ALL: Self = Self([true; CONTENT_TYPES.len()]);

    /// Adds one. What is none of [`CONTENT_TYPES`] is left out.
    pub fn insert(&mut self, content_type: &ContentType) {
        if let Some(place) = place_of(content_type) {
            self.0[place] = true;
        }
    }

    /// Adds those of `other`.
    pub fn extend(&mut self, other: Self) {
        for (has, more) in self.0.iter_mut().zip(other.0) {
            *has |= more;
        }
    }

    /// Whether it has none.
    pub fn is_empty(self) -> bool {
        self.places().next().is_none()
    }

    /// The places in [`CONTENT_TYPES`] of those it has.
    pub fn places(self) -> impl Iterator<Item = usize> {
        (0..CONTENT_TYPES.len()).filter(move |place| self.0[*place])
    }
}

/// The place of a content type in [`CONTENT_TYPES`]; `None` when it is none of them.
pub fn place_of(content_type: &ContentType) -> Option<usize> {
    CONTENT_TYPES.iter().position(|known| known.uid == content_type.uid)
}
