//! What follows from an attempt: one function of the schedule, the answer and the history. It says what becomes of the
//! run, of its destination's circuit breaker, and of the hold on its lane. All moves between states are written here.
//!
//! ```text
//!  available ──claim──► running ──done────────────────────► completed
//!      ▲                  │  │ └──discard, gone, last try──► dead
//!      │given back        │  └──record gone or off─────────► cancelled
//!      └──────────────────┤                                  skipped: a limit said so
//!                         └──retry, limit, lost worker─────► retryable ──claim──► running
//! ```

use crate::clock::{DAY, HOUR, MINUTE, Millis, Random, SECOND};
use crate::db::destinations::Failing;
use crate::db::holds::Hold;
use crate::db::runs::{State, Uses};

/// How long to wait after each failed attempt, the first of them first; later ones wait as the last. Eight attempts
/// take about 27 hours.
const WAITS: [Millis; 7] = [5 * SECOND, 5 * MINUTE, 30 * MINUTE, 2 * HOUR, 5 * HOUR, 10 * HOUR, 10 * HOUR];

/// How long a run may meet limits without an end: as long as the schedule. A receiver that answers 429 for ever must not
/// keep runs alive for ever.
const LIMITED_FOR: Millis = 27 * HOUR + 35 * MINUTE;

/// The longest wait that another service can ask for.
const LONGEST_WAIT: Millis = DAY;

/// How long a lane is held back at least by a limit, whatever the receiver says: as long as it has been already, from the
/// shortest to the longest of these. So the time doubles, and 27 hours cost a few hundred attempts.
const SHORTEST_HOLD: Millis = SECOND;
const LONGEST_HOLD: Millis = 5 * MINUTE;

/// How many limits a run may meet by chance, in a lane where others go through. For each one more its own wait doubles.
const LIMITS_BY_CHANCE: u32 = 8;

/// A run whose attempts vanished this many times is dead: its handler may be what brings the process down.
const MOST_LOST: u32 = 100;

/// How many failures in a row open a circuit breaker.
const OPENS_AT: i64 = 5;

/// The shortest and the longest time between two probes.
const SHORTEST: Millis = SECOND / 2;
const LONGEST: Millis = 5 * MINUTE;

/// Deferred runs come back within this much of the next hour, so that they do not come all at once.
const JITTER: Millis = 30 * SECOND;

/// The most runs that a lane is allowed to have out at once after a hold, whatever went through.
const MOST_CREDITS: i64 = 1024;

/// What an attempt met.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ending {
    /// It did what it was for.
    Done,
    /// It failed and may work later, but not before the other side's own time, in milliseconds from now.
    Failed(Option<Millis>),
    /// The receiver has enough, and says for how many milliseconds.
    Limit(Millis),
    /// An hourly limit of the record or its handler is used up until then; whether its runs are skipped.
    HourlyLimit(Millis, bool),
    /// It cannot work until a person changes something.
    Refused,
    /// Its record is gone or switched off.
    Nobody,
    /// Its worker vanished.
    Lost,
}

/// What an attempt says of the destination that it went to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Health {
    /// It answered, be it with a refusal.
    Healthy,
    /// It did not, or said that it cannot at the moment.
    Failing,
    /// Nothing: the attempt did not get so far.
    Unknown,
}

/// The answer: what an attempt met, where.
#[derive(Debug, Clone)]
pub struct Observation {
    /// What became of the attempt.
    pub ending: Ending,
    /// What it says of its destination.
    pub health: Health,
    /// The destination; see [`crate::handler::destination()`].
    pub destination: String,
    /// The lane; see [`crate::db::holds::shard_of`].
    pub shard: String,
}

/// The history: of the run, its destination and its lane. `None` is that the destination is well, the lane not held back.
#[derive(Debug, Clone, Default)]
pub struct Past {
    pub run: History,
    pub destination: Option<Failing>,
    pub shard: Option<Hold>,
}

/// What a run has behind it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct History {
    /// Attempts that count, this one among them.
    pub tries: u32,
    /// How many there can be.
    pub max_attempts: u32,
    /// Attempts that were lost before this one.
    pub lost: u32,
    /// Limits that it met before this attempt.
    pub limits: u32,
    /// When it first met a limit.
    pub limited_since: Option<Millis>,
    /// When it is due, if that is yet to come: the attempt is a probe ahead of it and uses up no try.
    pub ahead_of: Option<Millis>,
    /// Whether the attempt is a probe of its destination.
    pub is_probe: bool,
}

/// What follows: for the run, and how its destination and its lane stand then.
#[derive(Debug, Clone)]
pub struct Decision {
    pub run: Next,
    pub destination: Option<Failing>,
    pub shard: Option<Hold>,
}

/// What follows for a run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Next {
    /// The run's state.
    pub state: State,
    /// When it may run again; for one that has ended, now.
    pub due_at: Millis,
    /// What of the run's allowances the attempt used up.
    pub uses: Uses,
    /// Before when the other side asked not to be tried again.
    pub not_before: Option<Millis>,
    /// When the run first met a limit.
    pub limited_since: Option<Millis>,
    /// What is added to the reason for people.
    pub because: Option<&'static str>,
}

/// What is told of a run that met limits for too long.
const LIMITED_TOO_LONG: &str = "the receiver has answered so for 27 hours";

/// What follows from `observation`, with this past, at this moment. Chance alone keeps it from always being the same.
pub fn decide(observation: &Observation, past: Past, (now, random): (Millis, &dyn Random)) -> Decision {
    let held_since = past.shard.as_ref().map(|hold| hold.since);
    let run = run_after(observation.ending, &past.run, held_since, (now, random));
    let probe = (past.run.is_probe, run.not_before);
    let destination = destination_after((&observation.destination, past.destination), observation.health, probe, now);
    let shard = lane_after((&observation.shard, past.shard), observation.ending, run.due_at, now);
    Decision { run, destination, shard }
}

/// What follows for the run.
///
/// - A failure is tried again on the schedule, a tenth earlier or later, and never before the other side's own time, of
///   which a day counts at most.
/// - A limit is no failure: the run waits as long as the receiver says, and at least as long as its lane, held back since
///   `held_since`, has met limits, so that a receiver which says `0` is not asked in a circle. One that meets limits while
///   others go through waits longer each time as well.
/// - A probe ahead of its time that fails leaves the run's own time as it is.
fn run_after(
    ending: Ending,
    history: &History,
    held_since: Option<Millis>,
    (now, random): (Millis, &dyn Random),
) -> Next {
    let chance = |bound: Millis| i64::try_from(random.below(bound.max(0).unsigned_abs())).unwrap_or(0);
    let next = |state, due_at, uses| Next {
        state,
        due_at,
        uses,
        not_before: None,
        limited_since: history.limited_since,
        because: None,
    };
    match ending {
        Ending::Done => next(State::Completed, now, Uses::Try),
        Ending::Refused => next(State::Dead, now, Uses::Try),
        Ending::Nobody => next(State::Cancelled, now, Uses::Try),
        Ending::HourlyLimit(_, true) => next(State::Skipped, now, Uses::Nothing),
        Ending::HourlyLimit(until, false) => {
            let state = if history.tries > 1 { State::Retryable } else { State::Available };
            next(state, until + chance(JITTER), Uses::Nothing)
        }
        Ending::Lost if history.lost + 1 >= MOST_LOST => next(State::Dead, now, Uses::Lost),
        // At first not at all, since it is the receiver who has waited; then longer, so that a run which brings its
        // worker down leaves others the time to be done.
        Ending::Lost => next(State::Retryable, now + Millis::from(history.lost * history.lost) * 50, Uses::Lost),
        Ending::Limit(asked) => {
            let since = history.limited_since.unwrap_or(now);
            if now - since >= LIMITED_FOR {
                return Next { because: Some(LIMITED_TOO_LONG), ..next(State::Dead, now, Uses::Limit) };
            }
            let least = least_hold(now - held_since.unwrap_or(now)).max(least_wait(history.limits));
            let asked = asked.clamp(0, LONGEST_WAIT).max(least);
            let until = (now + asked + chance(asked / 50)).max(history.ahead_of.unwrap_or(0));
            Next { not_before: Some(until), limited_since: Some(since), ..next(State::Retryable, until, Uses::Limit) }
        }
        Ending::Failed(asked) => {
            let not_before =
                asked.map(|asked| asked.clamp(0, LONGEST_WAIT)).map(|asked| now + asked + chance(asked / 10));
            let (planned, uses) = match history.ahead_of {
                Some(due_at) => (due_at, Uses::Probe),
                None if history.tries >= history.max_attempts => return next(State::Dead, now, Uses::Try),
                None => {
                    let place = usize::try_from(history.tries.saturating_sub(1)).unwrap_or(usize::MAX);
                    let planned = WAITS[place.min(WAITS.len() - 1)];
                    // Chance keeps runs that failed together from coming back together.
                    (now + planned - planned / 10 + chance(planned / 5), Uses::Try)
                }
            };
            let due_at = planned.max(not_before.unwrap_or(planned));
            Next { not_before: not_before.map(|_| due_at), ..next(State::Retryable, due_at, uses) }
        }
    }
}

/// What follows for a destination, which has failed as `failing` says, or not lately: its breaker opens after
/// [`OPENS_AT`] failures in a row, and closes with the first answer. `None` is that it is well.
fn destination_after(
    (name, failing): (&str, Option<Failing>),
    health: Health,
    (is_probe, not_before): (bool, Option<Millis>),
    now: Millis,
) -> Option<Failing> {
    match health {
        Health::Healthy => None,
        // The next probe need not wait for what this one did not find out.
        Health::Unknown => failing.map(|one| if is_probe { Failing { next_probe_at: now, ..one } } else { one }),
        Health::Failing => {
            let new = || Failing { name: name.to_owned(), failures: 0, since: now, opened_at: None, next_probe_at: 0 };
            let mut failing = failing.unwrap_or_else(new);
            failing.failures += 1;
            let opens = failing.opened_at.is_none() && failing.failures >= OPENS_AT;
            if opens || is_probe && failing.opened_at.is_some() {
                failing.next_probe_at = now + interval(now - failing.since);
            }
            if opens {
                failing.opened_at = Some(now);
            }
            if failing.opened_at.is_some() {
                failing.next_probe_at = failing.next_probe_at.max(not_before.unwrap_or(0));
            }
            Some(failing)
        }
    }
}

/// What follows for a lane, which is held back as `hold` says, or not: a limit holds it until then. After that one run
/// goes out, and each that goes through lets two more follow, so that a limit is met again with few requests too many.
fn lane_after((shard, hold): (&str, Option<Hold>), ending: Ending, due_at: Millis, now: Millis) -> Option<Hold> {
    match (ending, hold) {
        (Ending::Limit(_), hold) => {
            let until = due_at.max(hold.as_ref().filter(|hold| !hold.is_out).map_or(0, |hold| hold.until));
            let since = hold.map_or(now, |hold| hold.since);
            Some(Hold { shard: shard.to_owned(), since, until, credits: 1, is_out: false })
        }
        (Ending::Done, Some(hold)) if hold.is_out => {
            Some(Hold { since: now, until: now, credits: (hold.credits + 2).min(MOST_CREDITS), ..hold })
        }
        (Ending::Done, Some(hold)) => Some(Hold { since: now, ..hold }),
        (_, Some(hold)) if hold.is_out => Some(Hold { until: now, credits: hold.credits + 1, ..hold }),
        (_, hold) => hold,
    }
}

/// How long a lane is held back at least that has met limits for `lease`.
fn least_hold(lease: Millis) -> Millis {
    lease.clamp(SHORTEST_HOLD, LONGEST_HOLD)
}

/// How long a run waits at least that met so many limits before, others of its lane going through or not.
fn least_wait(limits: u32) -> Millis {
    // Doubled more often, it is longer than the longest.
    let doubled = limits.saturating_sub(LIMITS_BY_CHANCE).min(16);
    (SHORTEST_HOLD << doubled).min(LONGEST_HOLD)
}

/// How long after a probe that failed the next one goes out, when a destination has failed for `failing`: an eighth of
/// it, so that a short outage is noticed at once and a long one costs little.
fn interval(failing: Millis) -> Millis {
    (failing / 8).clamp(SHORTEST, LONGEST)
}

#[cfg(test)]
mod tests;
