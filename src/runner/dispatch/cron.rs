//! Records with a schedule: at each moment that it names there is an event for the record alone.
//!
//! Moments that passed while no runner was there, or while the record was switched off, are not made up for one by one:
//! of those that nobody saw, one is enough.

use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};
use tokio::sync::watch;

use super::isolate::is_own_fault;
use super::owner_event::owner_event;
use super::single::{self, Cause, SingleTarget};
use crate::clock::{Millis, iso};
use crate::db::Conn;
use crate::db::events::NewEvent;
use crate::db::schedules::{self, ScheduledExtension};
use crate::error::Result;
use crate::handler::Policy;
use crate::ids;
use crate::nesting;
use crate::queue::wake::Work;
use crate::state::AppState;
use crate::triggers::SCHEDULE;

/// How long at most until it is looked for schedules again: they may have been changed.
const LOOK: Duration = Duration::from_secs(1);
/// How many records one transaction covers at most.
const BATCH: i64 = 100;

/// Runs what is due until told to stop.
pub async fn keep_ticking(state: Arc<AppState>, mut stopped: watch::Receiver<bool>) {
    loop {
        let wait = tick(&state).await.unwrap_or_else(|error| {
            log::error!("schedules could not be kept: {error}");
            LOOK
        });
        tokio::select! {
            _ = stopped.wait_for(|stopped| *stopped) => return,
            () = state.queue.wake.notified(Work::Schedules) => {}
            () = tokio::time::sleep(wait) => {}
        }
    }
}

/// Makes the runs that are due. Returns how long to wait until it is to be looked again.
async fn tick(state: &Arc<AppState>) -> Result<Duration> {
    loop {
        let next = state.db.read(schedules::next_tick).await?;
        let wait = next.map_or(Millis::MAX, |next| next - state.clock.now());
        if wait > 0 {
            return Ok(LOOK.min(Duration::from_millis(wait.unsigned_abs())));
        }
        let shared = Arc::clone(state);
        if state.db.write(move |conn| run_due(conn, &shared)).await? == 0 {
            // Another process has them.
            return Ok(LOOK);
        }
        state.wake_runner(Work::Runs);
    }
}

/// Makes the runs of a batch in the caller's transaction, with which their records are due later. Returns how many
/// records that were.
fn run_due(conn: &mut Conn, state: &AppState) -> Result<usize> {
    let now = state.clock.now();
    let due = schedules::find_due(conn, now, BATCH)?;
    let count = due.len();
    for record in due {
        let config: Value = record.config.as_deref().and_then(|text| nesting::read(text).ok()).unwrap_or_default();
        let next = Policy::schedule_of(&config).and_then(|schedule| schedule.next_after(now));
        schedules::set_next_tick(conn, record.id, next)?;
        if record.active {
            let id = record.id;
            match conn.transaction(|conn| run(conn, state, record, now)) {
                // It must not keep the others from theirs.
                Err(error) if is_own_fault(&error) => {
                    log::error!("the run of extension record {id} by its schedule could not be made: {error}");
                }
                made => made?,
            }
        }
    }
    Ok(count)
}

fn run(conn: &mut Conn, state: &AppState, record: ScheduledExtension, now: Millis) -> Result<()> {
    let Some(key) = record.key else { return Ok(()) };
    let Some(about) = owner_event(conn, &record.owner, record.id)? else { return Ok(()) };
    let event = NewEvent {
        uid: ids::sortable("evt", now, &*state.random),
        trigger: SCHEDULE.to_owned(),
        occurred_at: now,
        owners: Vec::new(),
        payload: Some(json!({ "scheduledFor": iso(record.tick) })),
        actor: "schedule".to_owned(),
        ..about
    };
    let ScheduledExtension { id, owner, config, url, .. } = record;
    let cause = Cause { pattern: Some(SCHEDULE.to_owned()), reason: None };
    let target = SingleTarget { id, key, owner, config, url };
    single::store(conn, (&state.handlers, &*state.random), &event, (target, cause), now).map(drop)
}
