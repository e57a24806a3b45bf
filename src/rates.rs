//! How often something may be done: so many times in a period, all at once or spread over it, then as fast as the period
//! allows (the generic cell rate algorithm). Kept in memory: each process counts for itself.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use crate::clock::Millis;

/// How many names are counted at the same time. Whoever causes more gains one burst, and no memory.
const MOST: usize = 100_000;

/// So many times in a period.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rate {
    /// How often.
    pub times: u32,
    /// In how many milliseconds.
    pub period: Millis,
}

/// For each name, when all that was done under it will be paid for.
#[derive(Default)]
pub struct Rates(Mutex<HashMap<String, Millis>>);

impl Rates {
    /// Counts one more under `name`; or tells how many milliseconds are left until there can be one more, and counts
    /// nothing.
    pub fn take(&self, name: String, rate: Rate, now: Millis) -> Result<(), Millis> {
        let one = rate.period / Millis::from(rate.times.max(1));
        let mut paid = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let at = paid.get(&name).copied().unwrap_or(now).max(now);
        let wait = at + one - now - rate.period;
        if wait > 0 {
            return Err(wait);
        }
        if paid.len() >= MOST && !paid.contains_key(&name) {
            paid.retain(|_, at| *at > now);
            if paid.len() >= MOST {
                paid.clear();
            }
        }
        paid.insert(name, at + one);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_burst_is_taken_and_then_one_at_a_time() {
        let (rates, rate) = (Rates::default(), Rate { times: 3, period: 3000 });
        let take = |name: &str, now: Millis| rates.take(name.to_owned(), rate, now);
        assert_eq!([take("a", 0), take("a", 0), take("a", 0)], [Ok(()); 3]);
        assert_eq!(take("a", 0), Err(1000));
        assert_eq!(take("b", 0), Ok(()), "each name for itself");
        assert_eq!(take("a", 999), Err(1));
        assert_eq!([take("a", 1000), take("a", 1000)], [Ok(()), Err(1000)]);
        assert_eq!(
            [take("a", 9000), take("a", 9000), take("a", 9000), take("a", 9000)],
            [Ok(()), Ok(()), Ok(()), Err(1000)]
        );
    }

    #[test]
    fn names_that_are_paid_for_make_room() {
        let (rates, rate) = (Rates::default(), Rate { times: 1, period: 10 });
        for name in 0..MOST + 5 {
            assert_eq!(rates.take(name.to_string(), rate, i64::from(name > MOST / 2) * 20), Ok(()));
        }
        assert!(rates.0.lock().is_ok_and(|paid| paid.len() < MOST));
    }
}
