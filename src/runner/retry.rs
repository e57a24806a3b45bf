//! What an outcome makes of a run, and when it is tried again. All moves between states are written here.
//!
//! ```text
//!  available ──claim──► running ──done────────────────────► completed
//!      ▲                  │  │ └──discard, gone, last try──► dead
//!      │given back        │  └──record gone or off─────────► cancelled
//!      └──────────────────┤                                  skipped: a limit said so
//!                         └──retry, or its worker vanished─► retryable ──claim──► running
//! ```

use std::time::Duration;

use crate::clock::{DAY, HOUR, MINUTE, Millis, Random, SECOND};
use crate::db::runs::State;
use crate::handler::{Failure, Outcome};

/// How long to wait after each failed attempt, the first of them first; later ones wait as the last. Eight attempts
/// take about 27 hours.
const WAITS: [Millis; 7] = [5 * SECOND, 5 * MINUTE, 30 * MINUTE, 2 * HOUR, 5 * HOUR, 10 * HOUR, 10 * HOUR];

/// The longest wait that another service can ask for.
const LONGEST_WAIT: Millis = DAY;

/// A run whose attempts vanished this many times is dead: its handler may be what brings the process down.
const MOST_LOST: u32 = 100;

/// The state of a run after its `tries`th attempt, of at most `max_attempts`. Attempts that were lost are no tries.
pub fn after(outcome: &Outcome, tries: u32, max_attempts: u32) -> State {
    match outcome {
        Ok(_) => State::Completed,
        Err(Failure::Retry { .. }) if tries < max_attempts => State::Retryable,
        Err(_) => State::Dead,
    }
}

/// The state of a run that lost an attempt with its worker, as it did `lost` times before, and how long it waits: at
/// first not at all, since it is the receiver who has waited; then longer, so that a run which brings its worker down
/// leaves others the time to be done.
pub fn after_loss(lost: u32) -> (State, Millis) {
    let state = if lost + 1 < MOST_LOST { State::Retryable } else { State::Dead };
    (state, Millis::from(lost * lost) * 50)
}

/// How long to wait after the `tries`th attempt failed: what the other side asked for, up to a day, or what the
/// schedule says, a tenth shorter or longer. Chance keeps runs that failed together from coming back together.
pub fn wait(tries: u32, asked: Option<Duration>, random: &dyn Random) -> Millis {
    let chance = |bound: Millis| i64::try_from(random.below(bound.unsigned_abs())).unwrap_or(0);
    match asked {
        Some(asked) => {
            let asked = i64::try_from(asked.as_millis()).unwrap_or(LONGEST_WAIT).min(LONGEST_WAIT);
            asked + chance(asked / 10)
        }
        None => {
            let place = usize::try_from(tries.saturating_sub(1)).unwrap_or(usize::MAX);
            let planned = WAITS[place.min(WAITS.len() - 1)];
            planned - planned / 10 + chance(planned / 5)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::handler::Done;

    /// Chance that always comes out the same.
    struct Always(u64);

    impl Random for Always {
        fn fill(&self, bytes: &mut [u8]) {
            bytes.copy_from_slice(&self.0.to_le_bytes()[..bytes.len()]);
        }
    }

    #[test]
    fn every_outcome_moves_a_run_on() {
        let discard = || Err(Failure::discard("no"));
        for (outcome, attempt, state) in [
            (Ok(Done::new("ok")), 1, State::Completed),
            (Ok(Done::new("ok")), 8, State::Completed),
            (Err(Failure::retry("later")), 1, State::Retryable),
            (Err(Failure::retry("later")), 7, State::Retryable),
            (Err(Failure::retry("later")), 8, State::Dead),
            (Err(Failure::retry("later")), 9, State::Dead),
            (discard(), 1, State::Dead),
            (Err(Failure::Gone { reason: "gone".into() }), 1, State::Dead),
        ] {
            assert_eq!(after(&outcome, attempt, 8), state, "{outcome:?} {attempt}");
        }
    }

    #[test]
    fn a_run_that_loses_its_workers_waits_longer_and_is_dead_at_last() {
        assert_eq!(after_loss(0), (State::Retryable, 0));
        assert_eq!(after_loss(10), (State::Retryable, 5 * SECOND));
        assert_eq!(after_loss(99).0, State::Dead);
    }

    #[test]
    fn eight_attempts_are_spread_over_about_27_hours() {
        let middle = |attempt| wait(attempt, None, &Always(WAITS[attempt as usize - 1].unsigned_abs() / 10));
        assert_eq!((1..=7).map(middle).collect::<Vec<_>>(), WAITS);
        let all: Millis = WAITS.iter().sum();
        assert!((27 * HOUR..28 * HOUR).contains(&all), "{all}");
        for attempt in 1..=20 {
            let planned = WAITS[(attempt as usize - 1).min(6)];
            for chance in [0, 1, u64::MAX] {
                let waited = wait(attempt, None, &Always(chance));
                assert!((planned * 9 / 10..=planned * 11 / 10).contains(&waited), "{attempt}: {waited}");
            }
        }
    }

    #[test]
    fn what_the_other_side_asks_for_is_never_undercut() {
        for (asked, most) in [(0, 0), (7, 7_700), (120, 132_000), (1_000_000, DAY / 10 * 11)] {
            for chance in [0, u64::MAX] {
                let waited = wait(1, Some(Duration::from_secs(asked)), &Always(chance));
                let least = Millis::try_from(asked * 1000).unwrap_or(DAY).min(DAY);
                assert!((least..=most.max(least)).contains(&waited), "{asked}: {waited}");
            }
        }
    }
}
