//! Runs that someone starts or ends: run now, and cancel.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::Value;

use super::reason_text;
use crate::access::{Access, Right};
use crate::clock::Millis;
use crate::db::Conn;
use crate::db::attempts::{self, NewAttempt};
use crate::db::events::{self, NewEvent};
use crate::db::extensions::{self, CounterChange};
use crate::db::idempotency::REMEMBERED;
use crate::db::runs::{self, RunFilter, Standing, State};
use crate::documents::RecordPath;
use crate::error::{Error, Result};
use crate::handler::Registry;
use crate::ids;
use crate::queue::wake::Work;
use crate::runner::dispatch::emit::is_same;
use crate::runner::dispatch::owner_event::ManualEventContext;
use crate::runner::dispatch::single::{self, Cause, SingleTarget};
use crate::state::AppState;
use crate::triggers::{MANUAL, Name};

/// What a record is to be run, or tried, with.
#[derive(Debug, Clone, Default)]
pub struct RunNowRequest {
    /// The trigger, if one is named.
    pub trigger: Option<Name>,
    /// What is sent along.
    pub payload: Option<Value>,
    /// The name that the caller's key is kept under: the same within a day starts nothing new.
    pub idempotency_key: Option<String>,
}

/// A run that was started by hand.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Started {
    /// The event's id.
    pub event: String,
    /// The run's id.
    pub run: String,
    /// The trigger, in its long form.
    pub trigger: String,
    /// Whether it was there already, under the caller's key.
    pub repeated: bool,
}

/// Stores an event for the record at `path` alone, and its run: also when the record listens to nothing or is switched
/// off. It is executed after that, like any other.
///
/// Fails with [`Error::NotFound`] when the record is not there, with [`Error::Application`] when no handler answers to
/// its key, and with [`Error::Conflict`] when the caller's key was used for something else.
pub async fn run_now(
    state: &Arc<AppState>,
    actor: String,
    path: RecordPath,
    run_request: RunNowRequest,
) -> Result<Started> {
    let (shared, now) = (Arc::clone(state), state.clock.now());
    let start = move |conn: &mut Conn| {
        let context = ManualEventContext::find(conn, &path)?;
        let key = runnable_key(&shared.handlers, context.record.key.as_deref())?.to_owned();
        let mut event = event(&actor, &context, run_request.clone());
        event.uid = ids::sortable("evt", now, &*shared.random);
        event.occurred_at = now;
        if let Some(started) = repeated(conn, &event, context.record.id, now)? {
            return Ok(started);
        }
        let record = SingleTarget {
            id: context.record.id,
            key,
            owner: context.holder.owner,
            config: context.record.config,
            url: context.record.url,
        };
        let cause = Cause { pattern: None, reason: Some(reason_text("run by hand", &actor, None)) };
        let at_hand = (&*shared.handlers, &*shared.random);
        let run = single::store(conn, at_hand, &event, (record, cause), now)?;
        let started = Started { event: event.uid, run, trigger: event.trigger, repeated: false };
        Ok(started)
    };
    let started = state.db.write(start).await?;
    state.wake_runner(Work::Runs);
    Ok(started)
}

fn runnable_key<'a>(handlers: &Registry, key: Option<&'a str>) -> Result<&'a str> {
    let key = key.ok_or_else(|| Error::Application("the extension record has no key".into()))?;
    if handlers.find(key).is_some() { Ok(key) } else { Err(Error::Application(handlers.unknown(key))) }
}

/// The event of a run by hand, still without id and time. It reaches nobody but the record it is made for.
fn event(actor: &str, context: &ManualEventContext, run_request: RunNowRequest) -> NewEvent {
    NewEvent {
        trigger: run_request.trigger.map_or_else(|| MANUAL.to_owned(), |name| name.as_str().to_owned()),
        store: context.store.clone(),
        data: Some(context.data.clone()),
        payload: run_request.payload,
        actor: actor.to_owned(),
        idempotency_key: run_request.idempotency_key,
        ..NewEvent::about(context.target.clone())
    }
}

/// What was started before under the key of `event`, if that is still remembered.
fn repeated(conn: &mut Conn, event: &NewEvent, extension: i64, now: Millis) -> Result<Option<Started>> {
    let Some(key) = &event.idempotency_key else { return Ok(None) };
    let Some(first) = events::find_by_keys(conn, vec![key.clone()])?.pop() else { return Ok(None) };
    if first.occurred_at + REMEMBERED <= now {
        events::forget_keys(conn, vec![first.id])?;
        return Ok(None);
    }
    let filter = RunFilter { event: Some(first.uid.clone()), extension: Some(extension), ..RunFilter::default() };
    // The last of the page is the one that was started; the others are replays of it.
    match runs::find_page(conn, &filter, 0, i64::from(u16::MAX))?.pop() {
        Some(run) if is_same(&first, event) => {
            let trigger = event.trigger.clone();
            Ok(Some(Started { event: first.uid, run: run.id, trigger, repeated: true }))
        }
        _ => Err(Error::Conflict(format!("the idempotency key was used for another event, {}", first.uid))),
    }
}

/// Cancels a run that has not ended. An attempt that is under way is broken off if it is in this process, and recorded
/// nowhere but here: it may have reached its receiver.
///
/// Fails with [`Error::NotFound`] when there is no such run, with [`Error::Forbidden`] when it is not for this caller,
/// and with [`Error::Conflict`] when it has ended.
pub async fn cancel(
    operator: &crate::runner::Operator<'_>,
    access: Access,
    id: String,
    reason: Option<&str>,
) -> Result<Standing> {
    let (now, because) = (operator.clock.now(), reason_text("cancelled", &operator.actor, reason));
    let cancel = move |conn: &mut Conn| {
        let run = runs::lock(conn, &id)?.ok_or(Error::NotFound)?;
        access.require_at(Right::Run, conn.catalog(), &run.owner_field)?;
        if run.state.is_end() {
            return Err(Error::Conflict(format!("the run is {} already", run.state.as_str())));
        }
        runs::cancel(conn, run.lease.0, &because, now)?;
        // Without waiting: a line that is not free now is looked after by the runner.
        let free = runs::lock_ordering_keys(conn, run.ordering_key.iter().cloned().collect(), false)?;
        runs::unblock_next(conn, free)?;
        if run.state == State::Running {
            let attempt = broken_off(&run, format!("{because}; it may have reached its receiver"), now);
            attempts::insert(conn, [attempt])?;
            extensions::count(
                conn,
                &BTreeMap::from([(run.extension_id, CounterChange { runs: 1, ..CounterChange::default() })]),
            )?;
        }
        Ok(run)
    };
    operator.db.write(cancel).await
}

/// What is left of an attempt that was under way.
fn broken_off(run: &Standing, message: String, now: Millis) -> NewAttempt {
    NewAttempt {
        run: run.lease.0,
        number: run.lease.1,
        started_at: now,
        duration_ms: 0,
        outcome: "cancelled",
        message,
        data: None,
        exchanges: "[]".to_owned(),
    }
}
