//! Choices that random numbers make. When they run out, the first is always taken, so that what is built ends.

use std::slice::Iter;

use proptest::collection::vec;
use proptest::prelude::*;

pub struct Choices<'a>(Iter<'a, u16>);

impl<'a> Choices<'a> {
    pub fn new(numbers: &'a [u16]) -> Self {
        Self(numbers.iter())
    }

    /// Whether all numbers are used up.
    pub fn is_over(&self) -> bool {
        self.0.len() == 0
    }

    /// A number below `end`.
    pub fn below(&mut self, end: usize) -> usize {
        self.0.next().map_or(0, |number| usize::from(*number) % end)
    }

    pub fn of<T: Copy>(&mut self, list: &[T]) -> T {
        list[self.below(list.len())]
    }

    /// True once in `times`.
    pub fn one_in(&mut self, times: usize) -> bool {
        self.below(times) == times - 1
    }
}

/// The numbers for one input.
pub fn numbers() -> impl Strategy<Value = Vec<u16>> {
    vec(any::<u16>(), 0..80)
}
