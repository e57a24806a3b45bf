//! Callers' events are stored: those who come at the same time are looked up and committed together.

use std::collections::HashMap;
use std::sync::Arc;

use serde_json::Value;
use tokio::sync::oneshot;

use super::inline;
use super::targets::{self, Found, Subjects};
use crate::access::Caller;
use crate::clock::Millis;
use crate::db::Conn;
use crate::db::events::{self, Keyed, NewEvent, Target};
use crate::db::idempotency::REMEMBERED;
use crate::error::{Error, Problem, Result};
use crate::ids;
use crate::nesting;
use crate::queue::ingest::{EmitBatch, EmitReceipt, EmitRequest, Flusher, PendingEmit};
use crate::state::AppState;

/// How often events are stored again when another process took a key at the same moment.
const TRIES: usize = 3;

/// Stores what a caller emits. Its runs are executed later, by the runner.
///
/// Fails with [`Error::NotFound`] or [`Error::Invalid`] when the document or a target is not there, and with
/// [`Error::Conflict`] when the key was used for something else.
pub async fn emit(state: &Arc<AppState>, caller: &Caller, emission: EmitRequest) -> Result<EmitReceipt> {
    let emitted = add(state, caller, vec![emission], false).await?;
    emitted.into_iter().next().ok_or_else(|| Error::internal("an event that was stored is not told of"))
}

/// Stores a list of what a caller emits: all of it or nothing.
///
/// Fails as [`emit`] does; the paths of problems begin with `data` and the place in the list.
pub async fn emit_all(state: &Arc<AppState>, caller: &Caller, emissions: Vec<EmitRequest>) -> Result<Vec<EmitReceipt>> {
    if emissions.is_empty() { Ok(Vec::new()) } else { add(state, caller, emissions, true).await }
}

async fn add(
    state: &Arc<AppState>,
    by: &Caller,
    emissions: Vec<EmitRequest>,
    is_list: bool,
) -> Result<Vec<EmitReceipt>> {
    let owner = by.key_owner();
    let list = emissions.into_iter().map(|emission| with_owner(emission, &owner)).collect();
    let emissions = Arc::new(EmitBatch { actor: by.actor.clone(), depth: by.depth, list, is_list });
    if !is_list && let Some(_guard) = state.queue.ingest.try_fast_path() {
        match store_directly(state, Arc::clone(&emissions)).await {
            // Another process took the key at the same moment, or the runs were in the way: there is another try for both.
            Err(error @ (Error::Conflict(_) | Error::Internal(_))) => {
                log::warn!("an event of a caller is stored with another try: {error:#}");
            }
            Err(error) => return Err(error),
            Ok(answer) => return answer,
        }
    }
    let (caller, answer) = oneshot::channel();
    let flushers = state.db.parallel_writes();
    let request = PendingEmit { emissions, caller };
    if let Some(flusher) = state.queue.ingest.add(request, flushers)? {
        // Apart from this request, which may be given up while others are on the flight.
        tokio::spawn(flush_loop(Arc::clone(state), flusher));
    }
    answer.await.map_err(|_| Error::Unavailable("the event was not stored"))?
}

/// The same emission, with the name in place of the key that `owner`'s key is kept under.
pub fn with_owner(emission: EmitRequest, owner: &str) -> EmitRequest {
    let key = emission.idempotency_key.map(|key| ids::caller_key(owner, ids::Purpose::Write, &key));
    EmitRequest { idempotency_key: key, ..emission }
}

async fn flush_loop(state: Arc<AppState>, mut flusher: Flusher) {
    while let Some(batch) = flusher.next_batch() {
        store_together(&state, batch).await;
    }
}

/// One request, looked up, prepared and stored in the same place: on the way from thread to thread it would spend more
/// time than with the work. Given up half-way it is stored all the same. Returns what it is answered.
async fn store_directly(state: &Arc<AppState>, emissions: Arc<EmitBatch>) -> Result<Result<Vec<EmitReceipt>>> {
    let (shared, now) = (Arc::clone(state), state.clock.now());
    let store = move |conn: &mut Conn| {
        let found = targets::find(conn, targets::lookup(&emissions.list))?;
        let events = match prepare(&shared, &emissions, &found, now) {
            Ok(events) => events,
            Err(error) => return Ok(Err(error)),
        };
        let answers = insert(conn, &[events], now, |conn, new| inline::store(conn, &shared, new, now))?;
        Ok(answers.into_iter().next().unwrap_or_else(|| Ok(Vec::new())))
    };
    state.db.write(store).await
}

/// Requests that came at the same time: looked up together, and those that can be stored committed together.
async fn store_together(state: &Arc<AppState>, batch: Vec<PendingEmit>) {
    let lookup = targets::lookup(batch.iter().flat_map(|request| &request.emissions.list));
    let found = match state.db.read(move |conn| targets::find(conn, lookup)).await {
        Ok(found) => found,
        Err(error) => return refuse(batch.into_iter().map(|request| request.caller), &error),
    };
    let now = state.clock.now();
    let (mut callers, mut requests) = (Vec::new(), Vec::new());
    for PendingEmit { emissions, caller } in batch {
        match prepare(state, &emissions, &found, now) {
            Ok(events) => {
                callers.push(caller);
                requests.push(events);
            }
            Err(error) => drop(caller.send(Err(error))),
        }
    }
    match commit(state, Arc::new(requests), now).await {
        Ok(answers) => {
            for (caller, answer) in callers.into_iter().zip(answers) {
                let _ = caller.send(answer);
            }
        }
        Err(error) => refuse(callers.into_iter(), &error),
    }
}

type Answering = oneshot::Sender<Result<Vec<EmitReceipt>>>;

/// Tells everyone of a batch that nothing was stored.
fn refuse(callers: impl Iterator<Item = Answering>, error: &Error) {
    log::error!("events of callers were not stored: {error}");
    for caller in callers {
        let _ = caller.send(Err(Error::Unavailable("the event could not be stored")));
    }
}

fn prepare(state: &AppState, emissions: &EmitBatch, found: &Subjects, now: Millis) -> Result<Vec<NewEvent>> {
    let EmitBatch { actor, depth, list, is_list } = emissions;
    let prepare = |(place, emission)| {
        let event = event(emission, actor, found);
        let event = event.map_err(|error| if *is_list { within(error, place) } else { error })?;
        Ok(NewEvent { uid: ids::sortable("evt", now, &*state.random), occurred_at: now, depth: *depth, ..event })
    };
    list.iter().enumerate().map(prepare).collect()
}

/// The event of `emission`, still without id and time.
pub fn event(emission: &EmitRequest, actor: &str, found: &Subjects) -> Result<NewEvent> {
    let EmitRequest { content_type, document_id, trigger, payload, idempotency_key } = emission;
    let Found { subject, recipients, data } = found.get(content_type, document_id).ok_or(Error::NotFound)?;
    let mut owners = recipients.owners.clone();
    owners.extend(found.targets(content_type, subject.draft, payload.as_ref())?);
    Ok(NewEvent {
        trigger: trigger.as_str().to_owned(),
        store: recipients.store.clone(),
        owners,
        data: data.clone(),
        payload: payload.clone(),
        actor: actor.to_owned(),
        idempotency_key: idempotency_key.clone(),
        ..NewEvent::about(Target {
            type_name: content_type.singular.to_owned(),
            document_id: document_id.clone(),
            price_id: None,
        })
    })
}

/// The same error, told of one of several.
fn within(error: Error, place: usize) -> Error {
    let below = |path: Vec<String>| [vec!["data".to_owned(), place.to_string()], path].concat();
    match error {
        Error::NotFound => Error::Invalid(vec![Problem {
            path: below(vec!["target".into(), "documentId".into()]),
            message: format!("data[{place}].target is not there"),
            value: None,
        }]),
        Error::Invalid(problems) => Error::Invalid(
            problems.into_iter().map(|problem| Problem { path: below(problem.path), ..problem }).collect(),
        ),
        other => other,
    }
}

async fn commit(
    state: &Arc<AppState>,
    requests: Arc<Vec<Vec<NewEvent>>>,
    now: Millis,
) -> Result<Vec<Result<Vec<EmitReceipt>>>> {
    let (mut tries, mut later) = (0, false);
    loop {
        tries += 1;
        let (requests, shared) = (Arc::clone(&requests), Arc::clone(state));
        let store = move |conn: &mut Conn| {
            insert(conn, &requests, now, |conn, new| match later {
                false => inline::store(conn, &shared, new, now),
                true => inline::store_for_later(conn, &shared, new),
            })
        };
        match state.db.write(store).await {
            // Another process took a key in between: now it can be seen.
            Err(Error::Conflict(_)) if tries < TRIES => {}
            Err(Error::Internal(error)) if !later => {
                log::error!(
                    "the runs of callers' events are left to the runner, since they could not be made: {error:#}"
                );
                later = true;
            }
            stored => return stored,
        }
    }
}

/// Gives the events that are new to `store`, and tells what each request is answered.
pub fn insert(
    conn: &mut Conn,
    requests: &[Vec<NewEvent>],
    now: Millis,
    store: impl FnOnce(&mut Conn, &[NewEvent]) -> Result<()>,
) -> Result<Vec<Result<Vec<EmitReceipt>>>> {
    let mut known = known(conn, requests, now)?;
    let (mut new, mut answers) = (Vec::new(), Vec::with_capacity(requests.len()));
    for events in requests {
        answers.push(answer(events, &mut known, &mut new));
    }
    store(conn, &new)?;
    Ok(answers)
}

/// The events that are stored under the keys of these requests. Keys whose time has passed are free again.
fn known(conn: &mut Conn, requests: &[Vec<NewEvent>], now: Millis) -> Result<HashMap<String, Keyed>> {
    let keys: Vec<String> = requests.iter().flatten().filter_map(|event| event.idempotency_key.clone()).collect();
    if keys.is_empty() {
        return Ok(HashMap::new());
    }
    let stored = events::find_by_keys(conn, keys)?;
    let (past, known): (Vec<_>, Vec<_>) = stored.into_iter().partition(|one| one.occurred_at + REMEMBERED <= now);
    if !past.is_empty() {
        events::forget_keys(conn, past.into_iter().map(|one| one.id).collect())?;
    }
    Ok(known.into_iter().map(|one| (one.key.clone(), one)).collect())
}

/// What one request is answered; its events go to `new`, unless one of them uses a key for something else than before.
fn answer(
    events: &[NewEvent],
    known: &mut HashMap<String, Keyed>,
    new: &mut Vec<NewEvent>,
) -> Result<Vec<EmitReceipt>> {
    let (mut emitted, mut added) = (Vec::with_capacity(events.len()), Vec::new());
    let mut used: HashMap<String, Keyed> = HashMap::new();
    for event in events {
        let Some(key) = &event.idempotency_key else {
            emitted.push(EmitReceipt { id: event.uid.clone(), trigger: event.trigger.clone(), repeated: false });
            added.push(event.clone());
            continue;
        };
        match known.get(key).or_else(|| used.get(key)) {
            Some(first) if is_same(first, event) => {
                emitted.push(EmitReceipt { id: first.uid.clone(), trigger: event.trigger.clone(), repeated: true });
            }
            Some(first) => {
                let message = format!("the idempotency key was used for another event, {}", first.uid);
                return Err(Error::Conflict(message));
            }
            None => {
                used.insert(key.clone(), keyed(key, event));
                emitted.push(EmitReceipt { id: event.uid.clone(), trigger: event.trigger.clone(), repeated: false });
                added.push(event.clone());
            }
        }
    }
    known.extend(used);
    new.extend(added);
    Ok(emitted)
}

fn keyed(key: &str, event: &NewEvent) -> Keyed {
    Keyed {
        id: 0,
        uid: event.uid.clone(),
        key: key.to_owned(),
        trigger: event.trigger.clone(),
        document_id: event.target.document_id.clone(),
        payload: event.payload.as_ref().map(Value::to_string),
        occurred_at: event.occurred_at,
    }
}

/// Whether a request that comes under a key says what the first did.
pub fn is_same(first: &Keyed, event: &NewEvent) -> bool {
    let payload = first.payload.as_deref().map(nesting::read).and_then(Result::ok);
    first.trigger == event.trigger && first.document_id == event.target.document_id && payload == event.payload
}
