//! Taking runs: which of those that are due, as far as there is room, and probes of destinations that are open.
//!
//! As long as a claim sees all that is due, it is one look at the oldest of them. When there is more, the lanes take
//! turns (a lane is all that goes to one destination for one store), so that whoever has much to do, or a receiver that
//! hangs, keeps nobody waiting.

use std::collections::{BTreeSet, HashMap};

use crate::clock::{Millis, SECOND};
use crate::db::holds::{self, Hold};
use crate::db::runs::{self, Due, RunTransition, State, Unreadable, Uses};
use crate::db::{Conn, destinations};
use crate::error::Result;
use crate::queue::permits::Permits;
use crate::runner::execute::finished::TakenRun;
use crate::runner::execute::rate_limit;
use crate::state::AppState;

/// Lanes that one look covers, and looks that a claim takes at most.
const SHARDS: i64 = 64;
const LOOKS: usize = 4;
/// How long a probe waits that was claimed and could not go out.
const PROBE_AGAIN: Millis = SECOND / 2;

/// Where the lanes are in taking turns.
#[derive(Debug, Clone, Default)]
pub struct Round {
    /// The last lane that was looked at.
    after: String,
    /// Whether the round took any run yet.
    took: bool,
    /// Whether it left any that was due.
    left: bool,
}

impl Round {
    /// Notes that runs were made, which may be in lanes that had their turn: another round must follow.
    pub fn expect_more(&mut self) {
        self.took = true;
    }
}

impl Claim {
    /// Sets those of `due` aside that wait for their destination, or for the end of a limit. Returns the others.
    fn set_aside(&mut self, conn: &mut Conn, due: Vec<Due>) -> Result<Vec<Due>> {
        if !self.any_failing || due.is_empty() {
            return Ok(due);
        }
        let count = due.len();
        let free = runs::set_aside(conn, due)?;
        // What stood behind them has not been seen.
        self.more |= free.len() < count;
        Ok(free)
    }
}

/// What a claim came to.
#[derive(Debug, Default)]
pub struct Claim {
    /// The runs to be executed.
    pub taken: Vec<TakenRun>,
    /// The lanes' round, if they take turns.
    pub round: Option<Round>,
    /// Whether there may be more that could be taken at once.
    pub more: bool,
    /// Whether runs are due for which there is no room.
    pub blocked: bool,
    /// Whether lines must be looked after, because another process was changing them.
    pub busy: bool,
    /// Whether what is due may have to wait for its destination or its lane.
    any_failing: bool,
}

/// What a claim looks for beside runs that are due.
#[derive(Debug, Clone, Copy)]
pub struct Looks {
    /// Whether any destination has failed or any lane is held back, as far as is known: what is due may have to wait.
    pub any_failing: bool,
    /// Whether probes of open destinations are due, or lanes held back no longer.
    pub probes: bool,
}

/// Takes runs that are due and holds them until `lease_until`, in the caller's transaction.
pub fn claim(
    conn: &mut Conn,
    state: &AppState,
    (mut permits, round): (Permits, Option<Round>),
    looks: Looks,
    (now, lease_until): (Millis, Millis),
) -> Result<Claim> {
    let mut claim = Claim { round, any_failing: looks.any_failing, ..Claim::default() };
    let (mut probes, mut out) = (HashMap::new(), HashMap::new());
    if looks.probes {
        probes = take_probes(conn, &mut permits, now, lease_until)?;
        out = take_held(conn, &mut permits, now, lease_until)?;
    }
    let mut ids: Vec<i64> = probes.keys().chain(out.keys()).copied().collect();
    match claim.round.take() {
        None => ids.extend(look_at_oldest(conn, &mut claim, &mut permits, now)?),
        Some(round) => ids.extend(look_at_lanes(conn, &mut claim, round, &mut permits, now)?),
    }
    let taken = runs::take(conn, ids, lease_until)?;
    claim.busy = bury(conn, taken.unreadable, now)?;
    let limited = rate_limit::apply(conn, state, taken.claimed, now)?;
    claim.busy |= limited.busy;
    claim.more |= limited.denied;
    for run in limited.allowed {
        out.remove(&run.id);
        claim.taken.push(TakenRun { probe: probes.remove(&run.id), run });
    }
    // What is left was denied by a limit, or taken by someone else.
    for destination in probes.into_values() {
        destinations::probe_at(conn, &destination, now + PROBE_AGAIN)?;
    }
    for hold in out.into_values().flatten() {
        holds::set(conn, &Hold { until: now + PROBE_AGAIN, ..hold })?;
    }
    Ok(claim)
}

/// Makes runs dead that cannot be read: they must not keep others from being taken. Returns whether another process was
/// changing their lines.
fn bury(conn: &mut Conn, unreadable: Vec<Unreadable>, now: Millis) -> Result<bool> {
    if unreadable.is_empty() {
        return Ok(false);
    }
    let ordering_keys: BTreeSet<String> = unreadable.iter().filter_map(|run| run.ordering_key.clone()).collect();
    let dead = unreadable.into_iter().map(|run| {
        log::error!("run {} is dead, since it cannot be read: {}", run.lease.0, run.error);
        RunTransition {
            lease: run.lease,
            state: State::Dead,
            due_at: now,
            reason: Some(format!("the run cannot be read: {}", run.error)),
            finished_at: Some(now),
            uses: Uses::Nothing,
            not_before: None,
            limited_since: None,
        }
    });
    runs::finish(conn, dead.collect::<Vec<_>>())?;
    let free = runs::lock_ordering_keys(conn, ordering_keys.iter().cloned().collect(), false)?;
    let busy = free.len() < ordering_keys.len();
    runs::unblock_next(conn, free)?;
    Ok(busy)
}

/// The oldest runs that are due, as many as there is room for at most.
fn look_at_oldest(conn: &mut Conn, claim: &mut Claim, permits: &mut Permits, now: Millis) -> Result<Vec<i64>> {
    let most = permits.free();
    if most == 0 {
        claim.blocked = true;
        return Ok(Vec::new());
    }
    let due = runs::find_due(conn, now, most)?;
    if due.len() == most {
        claim.round = Some(Round::default());
        claim.more = true;
    }
    let due = claim.set_aside(conn, due)?;
    let chosen = permits.select_fair(&due);
    claim.blocked = chosen.len() < due.len();
    Ok(chosen)
}

/// The next lanes, each with its oldest runs.
fn look_at_lanes(
    conn: &mut Conn,
    claim: &mut Claim,
    mut round: Round,
    permits: &mut Permits,
    now: Millis,
) -> Result<Vec<i64>> {
    let (mut ids, whole, mut admits_more) = (Vec::new(), round.after.is_empty(), false);
    for _ in 0..LOOKS {
        if permits.free() == 0 {
            break;
        }
        let each = permits.per_destination().min(permits.free());
        let found = runs::find_due_by_lanes(conn, now, &round.after, (SHARDS, i64::try_from(each).unwrap_or(SHARDS)))?;
        let due = claim.set_aside(conn, found.due)?;
        let chosen = permits.select_fair(&due);
        round.took |= !chosen.is_empty();
        round.left |= chosen.len() < due.len() || found.is_cut;
        admits_more |= found.is_cut && due.iter().any(|run| permits.would_allow(&run.destination, &run.store));
        ids.extend(chosen);
        match found.last {
            Some(last) => round.after = last,
            None => {
                // All of them had their turn. What is left waits for room, or for the next round; and what came into
                // lanes that had theirs in an earlier look has not been seen.
                claim.blocked = round.left;
                claim.more |= if whole { admits_more } else { round.took || !round.left };
                claim.round = round.left.then(Round::default);
                return Ok(ids);
            }
        }
    }
    claim.more |= permits.free() > 0;
    claim.blocked = true;
    claim.round = Some(round);
    Ok(ids)
}

/// The probes that go out now: which run is one of which destination. A destination that nobody waits for is forgotten.
fn take_probes(
    conn: &mut Conn,
    permits: &mut Permits,
    now: Millis,
    lease_until: Millis,
) -> Result<HashMap<i64, String>> {
    let mut probes = HashMap::new();
    for probe in destinations::take_probes(conn, now, lease_until, permits.free())? {
        match runs::find_to_probe(conn, &probe.name, probe.last)? {
            Some((run, extension)) => {
                destinations::note_probed(conn, &probe.name, extension)?;
                permits.add(&probe.name, "");
                probes.insert(run, probe.name);
            }
            None => drop(destinations::recover(conn, vec![probe.name])?),
        }
    }
    Ok(probes)
}

/// The runs that go out now of lanes whose time has come: as many as have credits, and at least one; each with its lane as
/// it stands. A lane of which fewer are due is held back no longer.
fn take_held(
    conn: &mut Conn,
    permits: &mut Permits,
    now: Millis,
    lease_until: Millis,
) -> Result<HashMap<i64, Option<Hold>>> {
    let mut out = HashMap::new();
    for hold in holds::take(conn, now, lease_until, permits.free())? {
        let credits = usize::try_from(hold.credits.max(1)).unwrap_or(usize::MAX);
        let wanted = credits.min(permits.free());
        let due = runs::find_held(conn, &hold.shard, now, wanted)?;
        let chosen = permits.select_fair(&due);

        if wanted > 0 && due.len() < wanted && chosen.len() == due.len() {
            holds::forget(conn, &hold.shard)?;
            runs::release_lanes(conn, vec![hold.shard])?;
            out.extend(chosen.into_iter().map(|id| (id, None)));
            continue;
        }

        let left = credits - chosen.len();
        // There was no room for what is left, and nobody may tell when there is.
        let until = if left > 0 { now + PROBE_AGAIN } else { lease_until };
        let hold = Hold { credits: i64::try_from(left).unwrap_or(i64::MAX), until, ..hold };
        holds::set(conn, &hold)?;
        out.extend(chosen.into_iter().map(|id| (id, Some(hold.clone()))));
    }
    Ok(out)
}
