//! One turn of the runner's wheel: a single transaction that records what ended, dispatches what was emitted and claims
//! what is due. One commit for all of it is what makes an event travel fast and many events travel cheaply.

use std::collections::HashSet;
use std::sync::Arc;

use super::auto_disable;
use super::claim::{self, Claim, Looks, Round};
use super::complete::{self, Recorded};
use super::isolate;
use super::rescue;
use crate::clock::Millis;
use crate::db::extensions::DisabledExtension;
use crate::db::runs::{self, RunLease, Upcoming};
use crate::db::{Conn, destinations};
use crate::error::Result;
use crate::queue::permits::Permits;
use crate::runner::dispatch::batch;
use crate::runner::dispatch::isolate::{is_own_fault, store_each};
use crate::runner::dispatch::new_runs::{Dispatched, store_all};
use crate::runner::execute::finished::FinishedAttempt;
use crate::state::AppState;

/// What a turn is asked to do.
#[derive(Default)]
pub struct TickRequest {
    /// Attempts to record.
    pub finished: Arc<Vec<FinishedAttempt>>,
    /// Whether any destination has failed, as far as is known.
    pub any_failing: bool,
    /// Runs whose lease must go on.
    pub renew: Vec<RunLease>,
    /// Destinations whose probe must go on.
    pub probing: Vec<String>,
    /// The runs of this process, when those of vanished workers are to be given back.
    pub rescue: Option<HashSet<i64>>,
    /// Whether to look for events.
    pub dispatch: bool,
    /// Whether the turn before failed.
    pub careful: bool,
    /// Whether to look for runs even if no event made any.
    pub claim: bool,
    /// Whether to look for probes that are due, and lanes that are held back no longer.
    pub probes: bool,
    /// Whether runs are left to be let go that wait for nothing any more.
    pub orphans: bool,
    /// What can be taken.
    pub permits: Permits,
    /// Where the lanes are in taking turns, if they do.
    pub round: Option<Round>,
}

impl TickRequest {
    /// Whether there is nothing to do.
    pub fn is_empty(&self) -> bool {
        let looks = self.dispatch || self.claim || self.orphans || self.rescue.is_some();
        !looks && self.finished.is_empty() && self.renew.is_empty() && self.probing.is_empty()
    }
}

/// What a turn did.
#[derive(Default)]
pub struct TickResult {
    /// Runs of `renew` that were given to someone else meanwhile.
    pub lost: Vec<i64>,
    /// What was taken; `None` when it was not looked for runs.
    pub claim: Option<Claim>,
    /// Until when they are held.
    pub lease_until: Millis,
    /// Whether more events may be waiting.
    pub more_events: bool,
    /// Whether another process was at what this one wanted to do: it must be looked after soon.
    pub busy: bool,
    /// Whether events could not be dispatched, although the rest could be done.
    pub stuck: bool,
    /// Whether runs are left to be let go that wait for nothing any more.
    pub orphans: bool,
    /// What comes next; `None` when it was not looked for.
    pub upcoming: Option<Upcoming>,
    /// When the first of the recorded runs is due again.
    pub retry_at: Option<Millis>,
}

/// Does a turn in the caller's transaction.
pub fn tick(conn: &mut Conn, state: &AppState, asked: &TickRequest, now: Millis) -> Result<TickResult> {
    let lease_until = now + i64::try_from(state.config.runner.lease.as_millis()).unwrap_or(i64::MAX / 2);
    let record = if asked.careful { isolate::record_each } else { record_together };
    let recorded = record(conn, state, &asked.finished, asked.any_failing, now)?;
    report_disabled(conn, state, asked.careful, &recorded.disabled, now)?;
    let mut look = recorded.due || asked.claim;
    let mut done = TickResult { lease_until, more_events: !recorded.disabled.is_empty(), ..TickResult::default() };
    (done.orphans, done.retry_at) = (recorded.orphans, recorded.retry_at);
    if !asked.renew.is_empty() {
        let kept = runs::renew(conn, &asked.renew, lease_until)?;
        done.lost = asked.renew.iter().map(|lease| lease.0).filter(|id| !kept.contains(id)).collect();
    }
    if !asked.probing.is_empty() {
        destinations::hold_probes(conn, asked.probing.clone(), lease_until)?;
    }
    if let Some(lease) = &asked.rescue {
        look |= rescue(conn, state, lease, now)?;
    }
    if asked.orphans || asked.rescue.is_some() {
        let (released, more) = rescue::release(conn, now)?;
        look |= released > 0;
        done.orphans |= more;
    }
    let mut made = 0;
    if asked.dispatch {
        let dispatched = match asked.finished.is_empty() && !asked.careful {
            true => batch::dispatch(conn, state, store_all, now)?,
            false => try_dispatch(conn, state, now)?,
        };
        done.more_events |= dispatched.more;
        (done.busy, done.stuck) = (dispatched.busy, dispatched.stuck);
        made = dispatched.runs;
        look |= made > 0;
    }
    if look {
        let mut permits = (asked.permits.clone(), asked.round.clone());
        if let Some(round) = permits.1.as_mut().filter(|_| made > 0) {
            round.expect_more();
        }
        let any_failing = asked.any_failing || asked.finished.iter().any(FinishedAttempt::is_trouble);
        let looks = Looks { any_failing, probes: asked.probes || recorded.shards };
        let claim = claim::claim(conn, state, permits, looks, (now, lease_until))?;
        done.busy |= claim.busy;
        done.claim = Some(claim);
    }
    // A failure that opened a breaker has set the time of a probe.
    if look || asked.any_failing || asked.finished.iter().any(FinishedAttempt::is_trouble) {
        done.upcoming = Some(runs::upcoming(conn, now)?);
    }
    Ok(done)
}

/// Returns whether runs may be due now.
fn rescue(conn: &mut Conn, state: &AppState, lease: &HashSet<i64>, now: Millis) -> Result<bool> {
    let rescued = rescue::rescue(conn, &*state.random, lease, now)?;
    if rescued > 0 {
        log::warn!("{rescued} runs whose worker vanished are given back");
    }
    Ok(rescued > 0)
}

fn record_together(
    conn: &mut Conn,
    state: &AppState,
    finished: &[FinishedAttempt],
    any_failing: bool,
    now: Millis,
) -> Result<Recorded> {
    complete::record(conn, &*state.random, finished, any_failing, now)
}

/// Tells of records that were switched off. One that cannot be told of keeps a careful turn from nothing else.
fn report_disabled(
    conn: &mut Conn,
    state: &AppState,
    careful: bool,
    disabled: &[DisabledExtension],
    now: Millis,
) -> Result<()> {
    if !careful {
        return auto_disable::report(conn, state, disabled, now);
    }
    for record in disabled {
        match conn.transaction(|conn| auto_disable::report(conn, state, std::slice::from_ref(record), now)) {
            Err(error) if is_own_fault(&error) => {
                log::error!("that extension record {} is switched off cannot be told: {error}", record.id);
            }
            told => told?,
        }
    }
    Ok(())
}

/// In a savepoint: what ended must be recorded, and what is due be executed, even if events cannot be dispatched. When
/// their runs cannot be stored together, they are stored one by one.
fn try_dispatch(conn: &mut Conn, state: &AppState, now: Millis) -> Result<Dispatched> {
    for store in [store_all, store_each] {
        match conn.transaction(|conn| batch::dispatch(conn, state, store, now)) {
            Ok(dispatched) => return Ok(dispatched),
            Err(error) if is_own_fault(&error) => log::error!("events could not be dispatched: {error}"),
            Err(error) => return Err(error),
        }
    }
    Ok(Dispatched { stuck: true, ..Dispatched::default() })
}
