//! Sets of content types.

use smallvec::SmallVec;

use super::ContentType;

/// Some of the content types, by their numbers in ascending order. Up to eight of them need no memory of their own.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct TypeSet(SmallVec<[u16; 8]>);

impl TypeSet {
    /// Adds one.
    pub fn insert(&mut self, content_type: &ContentType) {
        self.insert_number(content_type.number);
    }

    /// Adds the one with this number.
    pub fn insert_number(&mut self, number: u16) {
        if let Err(place) = self.0.binary_search(&number) {
            self.0.insert(place, number);
        }
    }

    /// Whether it has none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The numbers of those it has, in ascending order.
    pub fn numbers(&self) -> impl Iterator<Item = u16> {
        self.0.iter().copied()
    }
}
