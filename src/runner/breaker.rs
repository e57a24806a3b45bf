//! Destinations that fail: after some failures in a row the breaker opens. Its runs are parked then, so that they neither
//! use up their tries nor stand in anyone's way, and one probe at a time goes out, until the first success releases all
//! of them at once; what limits their rate is how many attempts may be under way to one destination.

use std::collections::BTreeMap;

use super::record::Finished;
use crate::clock::{MINUTE, Millis, SECOND, iso};
use crate::db::destinations::{self, Failing};
use crate::db::{Conn, runs};
use crate::error::Result;

/// How many failures in a row open a breaker.
const OPENS_AT: i64 = 5;
/// The shortest and the longest time between two probes.
const SHORTEST: Millis = SECOND / 2;
const LONGEST: Millis = 5 * MINUTE;

/// What an attempt says of the destination that it went to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Health {
    /// It answered, be it with a refusal.
    Well,
    /// It did not, or said that it cannot at the moment.
    Failing,
    /// Nothing: the attempt did not get so far.
    Unknown,
}

/// What attempts say of a destination, in the order in which they ended.
#[derive(Debug, Default)]
struct Verdict {
    /// Whether one found it well.
    well: bool,
    /// How often it failed since then.
    failures: i64,
    /// Before when it asked not to be tried again.
    not_before: Option<Millis>,
    /// Whether the probe that was under way ended.
    probed: bool,
}

/// How long after a probe that failed the next one goes out, when a destination has failed for `failing`: an eighth of
/// it, so that a short outage is noticed at once and a long one costs little.
fn interval(failing: Millis) -> Millis {
    (failing / 8).clamp(SHORTEST, LONGEST)
}

/// Notes what `finished` says of its destinations. `troubled` is whether any has failed before, as far as is known.
/// Returns whether runs were released.
pub(super) fn judge(conn: &mut Conn, finished: &[&Finished], troubled: bool, now: Millis) -> Result<bool> {
    let verdicts = verdicts(finished);
    let well = verdicts.iter().filter(|(_, verdict)| verdict.well).map(|(name, _)| (*name).to_owned());
    // Most of the time nothing fails anywhere, and nothing has to be looked up.
    let well: Vec<String> = if troubled { well.collect() } else { Vec::new() };
    let recovered = if well.is_empty() { well } else { destinations::recover(conn, well)? };
    let mut released = 0;
    if !recovered.is_empty() {
        log::info!("well again: {}", recovered.join(", "));
        released = runs::release(conn, recovered, now)?;
    }
    for (name, verdict) in verdicts {
        if verdict.failures > 0 {
            if let Some(failing) = destinations::fail(conn, name, verdict.failures, now)? {
                note_failing(conn, &failing, &verdict, now)?;
            }
        } else if verdict.probed && !verdict.well {
            destinations::probe_at(conn, name, now)?;
        }
    }
    Ok(released > 0)
}

fn verdicts<'a>(finished: &[&'a Finished]) -> BTreeMap<&'a str, Verdict> {
    let mut verdicts: BTreeMap<&str, Verdict> = BTreeMap::new();
    for one in finished {
        if let Some(destination) = &one.probe {
            verdicts.entry(destination).or_default().probed = true;
        }
        let Some((destination, health)) = &one.health else { continue };
        match health {
            Health::Unknown => {}
            Health::Well => {
                let verdict = verdicts.entry(destination).or_default();
                (verdict.well, verdict.failures, verdict.not_before) = (true, 0, None);
            }
            Health::Failing => {
                let verdict = verdicts.entry(destination).or_default();
                verdict.failures += 1;
                verdict.not_before = verdict.not_before.max(one.step.not_before);
            }
        }
    }
    verdicts
}

fn note_failing(conn: &mut Conn, failing: &Failing, verdict: &Verdict, now: Millis) -> Result<()> {
    let next = now + interval(now - failing.since);
    match failing.opened_at {
        None if failing.failures < OPENS_AT => Ok(()),
        None => {
            log::warn!("{} has failed {} times in a row: its runs wait", failing.name, failing.failures);
            destinations::open(conn, &failing.name, now, next.max(verdict.not_before.unwrap_or(0)))?;
            runs::park(conn, &failing.name)
        }
        Some(opened_at) => {
            let next = if verdict.probed { next } else { failing.next_probe_at };
            let next = next.max(verdict.not_before.unwrap_or(0));
            if next == failing.next_probe_at {
                return Ok(());
            }
            if verdict.probed {
                log::debug!("{} fails since {}: next probe {}", failing.name, iso(failing.since), iso(next));
            }
            destinations::open(conn, &failing.name, opened_at, next)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::HOUR;

    #[test]
    fn probes_are_an_eighth_of_the_outage_apart() {
        for (failing, expected) in [
            (0, SECOND / 2),
            (4 * SECOND, SECOND / 2),
            (20 * SECOND, 2500),
            (MINUTE, 7500),
            (HOUR, LONGEST),
            (100 * HOUR, LONGEST),
        ] {
            assert_eq!(interval(failing), expected, "{failing}");
        }
    }
}
