//! Circuit breakers and holds, as the database knows them: read before it is decided what follows from attempts, and
//! written after it. What the rules are is said in `retry`.
//!
//! While a breaker is open its runs are parked, so that they neither use up their tries nor stand in anyone's way, and one
//! probe at a time goes out, until the first success lets all of them go; what limits their rate is how many attempts may
//! be under way to one destination. While a lane is held back its runs are parked as well.

use std::collections::BTreeMap;

use crate::clock::{Millis, Random, iso};
use crate::db::destinations::{self, Failing};
use crate::db::holds::{self, Hold};
use crate::db::{Conn, runs};
use crate::error::Result;
use crate::runner::execute::finished::FinishedAttempt;
use crate::runner::execute::retry::{self, Decision, Ending, Health, Next, Past};

/// How the destinations and lanes of some attempts stand.
#[derive(Default)]
pub struct Standings {
    destinations: BTreeMap<String, Standing>,
    /// Each with how it was found.
    shards: BTreeMap<String, (Option<Hold>, Option<Hold>)>,
    /// Destinations of probes that went elsewhere, since the record's url was changed.
    unprobed: Vec<String>,
}

#[derive(Default)]
struct Standing {
    found: Option<Failing>,
    now: Option<Failing>,
    /// Whether it answered meanwhile.
    was_well: bool,
}

/// What was changed.
#[derive(Default)]
pub struct Changed {
    /// Whether runs were let go.
    pub released: bool,
    /// Whether there may be more of them than one slice.
    pub more: bool,
    /// Whether a lane is held back no longer, or lets more go.
    pub shards: bool,
}

impl Standings {
    /// How those of `finished` stand. Most of the time nothing fails anywhere, and nothing is looked up: `any_failing` is
    /// whether any destination has failed before, or any lane is held back, as far as is known.
    pub fn find(conn: &mut Conn, finished: &[FinishedAttempt], any_failing: bool) -> Result<Self> {
        let mut standings = Self::default();
        if !any_failing && !finished.iter().any(FinishedAttempt::is_trouble) {
            return Ok(standings);
        }
        let answers = || finished.iter().map(|one| &one.observation);
        for found in destinations::find(conn, answers().map(|observation| observation.destination.clone()).collect())? {
            let standing = Standing { found: Some(found.clone()), now: Some(found.clone()), was_well: false };
            standings.destinations.insert(found.name, standing);
        }
        for hold in holds::find(conn, answers().map(|observation| observation.shard.clone()).collect())? {
            standings.shards.insert(hold.shard.clone(), (Some(hold.clone()), Some(hold)));
        }
        Ok(standings)
    }

    /// What follows from an attempt, after those that were decided before it.
    pub fn decide(&mut self, one: &FinishedAttempt, random: &dyn Random) -> Next {
        let observation = &one.observation;
        let standing = self.destinations.entry(observation.destination.clone()).or_default();
        let (_, hold) = self.shards.entry(observation.shard.clone()).or_default();
        let past = Past { run: one.history, destination: standing.now.take(), shard: hold.take() };
        let Decision { run, destination, shard } = retry::decide(observation, past, (one.ended_at, random));
        (standing.now, *hold) = (destination, shard);
        standing.was_well |= observation.health == Health::Healthy;
        if let Some(probed) = one.probe.as_ref().filter(|probed| **probed != observation.destination) {
            self.unprobed.push(probed.clone());
        }
        run
    }

    /// Writes how they stand now, and parks and releases their runs; `limited` are those that met a limit.
    pub fn store(self, conn: &mut Conn, limited: Vec<i64>, now: Millis) -> Result<Changed> {
        let mut changed = Changed::default();
        let well = self.destinations.iter().filter(|(_, one)| one.was_well && one.found.is_some());
        let well: Vec<String> = well.map(|(name, _)| name.clone()).collect();
        let closed = if well.is_empty() { well } else { destinations::recover(conn, well)? };
        if !closed.is_empty() {
            log::info!("the circuit breaker closes, since the destination answers again: {}", closed.join(", "));
            let released = runs::release(conn, closed, now)?;
            (changed.released, changed.more) = (released > 0, released >= runs::SLICE);
        }
        for standing in self.destinations.into_values() {
            standing.store(conn)?;
        }
        for name in self.unprobed {
            destinations::probe_at(conn, &name, now)?;
        }
        for (found, hold) in self.shards.into_values() {
            let Some(hold) = hold.filter(|hold| found.as_ref() != Some(hold)) else { continue };
            log::debug!("the lane {:?} is held back until {}", hold.shard, iso(hold.until));
            changed.shards |= hold.until <= now;
            holds::set(conn, &hold)?;
        }
        runs::park_as_they_wait(conn, limited)?;
        Ok(changed)
    }
}

impl Standing {
    fn store(self, conn: &mut Conn) -> Result<()> {
        // What was found is gone when it was well meanwhile.
        let before = self.found.filter(|_| !self.was_well);
        let Some(failing) = self.now.filter(|now| before.as_ref() != Some(now)) else { return Ok(()) };
        let more = failing.failures - before.as_ref().map_or(0, |before| before.failures);
        let opened_at = destinations::note(conn, &failing, more)?;
        if opened_at.is_none() || before.is_some_and(|before| before.opened_at.is_some()) {
            return Ok(());
        }
        // Else another process has opened it, and did not see these runs.
        if opened_at == failing.opened_at {
            log::warn!(
                "the circuit breaker of {} opens after {} failures in a row: its runs wait, and probes go out",
                failing.name,
                failing.failures
            );
        }
        runs::park(conn, &failing.name)
    }
}

impl FinishedAttempt {
    /// Whether its destination did not answer as it should, or told of a limit.
    pub fn is_trouble(&self) -> bool {
        self.observation.health == Health::Failing || matches!(self.observation.ending, Ending::Limit(_))
    }
}
