//! Refused deliveries, counted: a flood of them is a line in the log and a number in a row, once a minute for each record.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use crate::clock::{MINUTE, Millis};

/// The refusals of this process that were not told of yet, by extension record.
#[derive(Default)]
pub struct Refusals(Mutex<HashMap<i64, Untold>>);

struct Untold {
    count: i64,
    told_at: Option<Millis>,
}

impl Refusals {
    /// Counts a delivery to the record `extension_id` that was refused at `now`. Returns how many there were since they were
    /// last told of, when it is time to tell of them again; the caller then does so.
    pub fn add(&self, extension_id: i64, now: Millis) -> Option<i64> {
        let mut untold = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let untold = untold.entry(extension_id).or_insert(Untold { count: 0, told_at: None });
        untold.count += 1;
        if untold.told_at.is_some_and(|told_at| now - told_at < MINUTE) {
            return None;
        }
        untold.told_at = Some(now);
        Some(std::mem::take(&mut untold.count))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn they_are_told_of_once_a_minute() {
        let refusals = Refusals::default();
        assert_eq!(refusals.add(1, 0), Some(1));
        assert_eq!([refusals.add(1, 1), refusals.add(1, MINUTE - 1)], [None, None]);
        assert_eq!(refusals.add(2, 2), Some(1), "another record");
        assert_eq!(refusals.add(1, MINUTE), Some(3));
        assert_eq!(refusals.add(1, MINUTE + 1), None);
    }
}
