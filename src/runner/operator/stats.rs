//! How a record does: what it was asked for and what came of it.

use crate::clock::{DAY, Millis};
use crate::db::Conn;
use crate::db::extension_hours::{self, HourCounts, hour_of};
use crate::db::runs::{self, LatestAttempt, LatestRun, State};
use crate::error::Result;

/// How many runs are looked at, the latest first: enough for percentiles, and few however many there are.
pub const LOOKED_AT: i64 = 1_000;
/// The hours of a week.
const WEEK: i64 = 7 * 24;

/// How a record does.
#[derive(Debug)]
pub struct Stats {
    /// When it was triggered last.
    pub last_triggered: Option<Millis>,
    /// Its last attempt that failed, among those of the runs that were looked at.
    pub last_failure: Option<LastFailure>,
    /// Attempts since midnight in UTC.
    pub sent_today: i64,
    /// The hour under way and the 23 before it.
    pub day: HourCounts,
    /// The hour under way and the 167 before it.
    pub week: HourCounts,
    /// The latest runs, at most [`LOOKED_AT`].
    pub latest: Latest,
    /// How long their attempts took; none when there are none.
    pub latency: Option<Latency>,
}

/// A failure.
#[derive(Debug)]
pub struct LastFailure {
    /// When the attempt began.
    pub at: Millis,
    /// The run's id.
    pub run: String,
    /// Why, for people.
    pub reason: Option<String>,
}

/// Where the latest runs stand.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Latest {
    /// How many they are.
    pub runs: usize,
    /// Those that wait, for the first attempt or the next.
    pub waiting: usize,
    /// Those under way.
    pub running: usize,
    /// Those that are done.
    pub completed: usize,
    /// Those that are not tried again by themselves.
    pub dead: usize,
    /// Those that were cancelled.
    pub cancelled: usize,
    /// Those that a limit kept from being executed.
    pub skipped: usize,
    /// When the next of them is due.
    pub next_due: Option<Millis>,
}

/// How long attempts took, in milliseconds.
#[derive(Debug, PartialEq, Eq)]
pub struct Latency {
    /// How many.
    pub attempts: usize,
    /// On average.
    pub mean: i64,
    /// Half of them at most.
    pub p50: i64,
    /// 95 of 100 at most.
    pub p95: i64,
    /// 99 of 100 at most.
    pub p99: i64,
}

/// How the record with this id does at `now`.
///
/// Costs the same however much it did: its hours, and its latest runs with their attempts.
pub fn stats(conn: &mut Conn, extension: i64, now: Millis) -> Result<Stats> {
    let hour = hour_of(now);
    let hours = extension_hours::find_since(conn, extension, hour - WEEK + 1)?;
    let since = |first: i64| sum(hours.iter().filter(|(hour, _)| *hour >= first).map(|(_, tally)| tally));
    let runs = runs::find_latest(conn, extension, LOOKED_AT)?;
    let attempts = runs::find_attempts(conn, runs.iter().map(|run| run.row).collect())?;
    Ok(Stats {
        last_triggered: runs.first().map(|run| run.created_at),
        last_failure: last_failure(conn, &attempts)?,
        sent_today: since(hour_of(now.div_euclid(DAY) * DAY)).attempts,
        day: since(hour - 23),
        week: since(hour - WEEK + 1),
        latest: Latest::of(&runs),
        latency: Latency::of(attempts.iter().filter(|attempt| !attempt.is_lost()).map(|attempt| attempt.duration_ms)),
    })
}

fn sum<'a>(tallies: impl Iterator<Item = &'a HourCounts>) -> HourCounts {
    tallies.fold(HourCounts::default(), |sum, tally| HourCounts {
        attempts: sum.attempts + tally.attempts,
        completed: sum.completed + tally.completed,
        dead: sum.dead + tally.dead,
    })
}

fn last_failure(conn: &mut Conn, attempts: &[LatestAttempt]) -> Result<Option<LastFailure>> {
    let failed = attempts.iter().filter(|attempt| !attempt.is_done());
    let Some(last) = failed.max_by_key(|attempt| (attempt.started_at, attempt.at)) else { return Ok(None) };
    let told = runs::find_told(conn, last.at)?;
    Ok(told.map(|(run, reason)| LastFailure { at: last.started_at, run, reason }))
}

impl Latest {
    fn of(runs: &[LatestRun]) -> Self {
        let mut latest = Self { runs: runs.len(), ..Self::default() };
        for run in runs {
            match run.state {
                State::Available | State::Retryable => {
                    latest.waiting += 1;
                    latest.next_due = latest.next_due.into_iter().chain([run.due_at]).min();
                }
                State::Running => latest.running += 1,
                State::Completed => latest.completed += 1,
                State::Dead => latest.dead += 1,
                State::Cancelled => latest.cancelled += 1,
                State::Skipped => latest.skipped += 1,
            }
        }
        latest
    }
}

impl Latency {
    fn of(durations: impl Iterator<Item = i64>) -> Option<Self> {
        let mut durations: Vec<i64> = durations.collect();
        durations.sort_unstable();
        let count = durations.len();
        // The least of them that as many in a hundred do not exceed.
        let at = |hundredths: usize| durations.get((count * hundredths).div_ceil(100).saturating_sub(1)).copied();
        let mean = durations.iter().sum::<i64>() / i64::try_from(count.max(1)).unwrap_or(i64::MAX);
        Some(Self { attempts: count, mean, p50: at(50)?, p95: at(95)?, p99: at(99)? })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_values_that_were_measured() {
        let of = |durations: &[i64]| Latency::of(durations.iter().copied());
        assert_eq!(of(&[]), None);
        assert_eq!(of(&[7]), Some(Latency { attempts: 1, mean: 7, p50: 7, p95: 7, p99: 7 }));
        let hundred: Vec<i64> = (1..=100).rev().collect();
        assert_eq!(of(&hundred), Some(Latency { attempts: 100, mean: 50, p50: 50, p95: 95, p99: 99 }));
        assert_eq!(of(&[1, 2, 3, 1000]), Some(Latency { attempts: 4, mean: 251, p50: 2, p95: 1000, p99: 1000 }));
    }
}
