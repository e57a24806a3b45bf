//! Replays: ended runs are executed again, as new runs of the same event with the full policy of their record.
//!
//! What is replayed twice at once is not doubled: a run whose event and record have a run under way is skipped, and two
//! replays at the same moment would take the same place among the runs of that event and record, which one of them gets.

use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;

use crate::clock::{Millis, Random};
use crate::db::Conn;
use crate::db::runs::{self, NewRun, Replay, RunFilter, Selected, State};
use crate::error::{Error, Result};
use crate::handler::{Policy, Registry, destination};
use crate::ids;
use crate::runner::dispatch::new_runs::{max_attempts, ordering_key, read_target};
use crate::runner::operator::{Operator, reason_text};

/// How many runs one transaction looks at: few enough that nobody waits for it.
const BATCH: i64 = 500;
/// How many of the runs are named in the answer.
const NAMED: usize = 25;
/// The most runs that can be named in a request.
pub const MOST_IDS: usize = 1000;

/// Which runs are to be replayed.
#[derive(Debug, Clone)]
pub enum Selection {
    /// The ones with these ids, at most [`MOST_IDS`].
    Named(Vec<String>),
    /// All that a filter finds; dead ones when it names no state. Of the runs of one event and record only the last
    /// counts: what was replayed already is not sent once more.
    Window(Box<RunFilter>),
}

/// Where the records hang whose runs may be replayed, such as `store.extensions`; `None` for everywhere.
pub type OwnerFields = Option<Vec<String>>;

/// What a replay came to, or would.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Replayed {
    /// The runs that were looked at.
    pub selected: usize,
    /// Those that are replayed.
    pub replayed: usize,
    /// Those that were replayed before, or at the same time.
    pub skipped: usize,
    /// Those that cannot be replayed, by the reason.
    pub left_out: BTreeMap<String, usize>,
    /// The ids of the first runs: the new ones, or those that would be replayed.
    pub first: Vec<String>,
}

/// Why a run is not replayed.
#[derive(Debug, Clone, PartialEq, Eq)]
enum SetupError {
    /// It is on its way anyway.
    UnderWay,
    /// A later run of the same event and record tells.
    Repeated,
    /// A person must change something first.
    Reason(String),
}

/// Replays the runs of a selection, batch by batch, and calls `each` after every one. Broken off, it leaves whole
/// batches behind; asked for again, it goes on with the rest.
pub async fn replay(
    operator: &Operator<'_>,
    selection: (Selection, OwnerFields),
    reason: Option<&str>,
    mut each: impl FnMut(&Replayed),
) -> Result<Replayed> {
    let (work, mut so_far) = (Work::new(operator, selection, Some(reason)), Replayed::default());
    let last = operator.db.read(runs::find_last).await?;
    let mut after = 0;
    loop {
        let (work, now) = (work.clone(), operator.clock.now());
        let transition = move |conn: &mut Conn| work.transition(conn, (after, last), now);
        let (batch, next) = operator.db.write(transition).await?;
        so_far.add(batch);
        each(&so_far);
        match next {
            Some(row) => after = row,
            None => break,
        }
    }
    so_far.add_missing(&work.selection);
    Ok(so_far)
}

/// What [`replay`] would do; nothing is done.
pub async fn dry_run(operator: &Operator<'_>, selection: (Selection, OwnerFields)) -> Result<Replayed> {
    let (work, now) = (Work::new(operator, selection, None), operator.clock.now());
    let read = move |conn: &mut Conn| {
        let (last, mut so_far, mut after) = (runs::find_last(conn)?, Replayed::default(), Some(0));
        while let Some(row) = after {
            let (batch, next) = work.transition(conn, (row, last), now)?;
            so_far.add(batch);
            after = next;
        }
        so_far.add_missing(&work.selection);
        Ok(so_far)
    };
    operator.db.read(read).await
}

/// Replays one run and returns the id of the new one.
///
/// [`Error::NotFound`] when there is no such run, [`Error::Conflict`] when it cannot be replayed.
pub async fn replay_one(operator: &Operator<'_>, id: String, reason: Option<&str>) -> Result<String> {
    let (work, now) = (Work::new(operator, (Selection::Named(vec![id]), None), Some(reason)), operator.clock.now());
    operator
        .db
        .write(move |conn| {
            let filter = work.filter();
            let run = runs::find_selected(conn, &filter, (0, i64::MAX), 1)?.pop().ok_or(Error::NotFound)?;
            work.setup_error(&run).map_or(Ok(()), |setup_error| Err(Error::Conflict(setup_error.to_string())))?;
            let new = work.repeat(&run, now);
            let id = new.uid.clone();
            match store(conn, vec![new])? {
                0 => Err(Error::Conflict(SetupError::UnderWay.to_string())),
                _ => Ok(id),
            }
        })
        .await
}

/// Stores new runs, of which those that must not overtake others wait in their lines. Returns how many are new.
fn store(conn: &mut Conn, new: Vec<NewRun>) -> Result<usize> {
    let ordering_keys: Vec<String> = new.iter().filter_map(|run| run.ordering_key.clone()).collect();
    let count = runs::insert(conn, new)?;
    // Without waiting: what is not free now is let go by the runner.
    let free = runs::lock_ordering_keys(conn, ordering_keys, false)?;
    runs::unblock_next(conn, free)?;
    Ok(count)
}

/// What every batch of a replay needs.
#[derive(Clone)]
struct Work {
    selection: Arc<Selection>,
    owner_fields: OwnerFields,
    handlers: Arc<Registry>,
    random: Arc<dyn Random>,
    /// What is noted on the new runs; none when nothing is to be done.
    cause: Option<String>,
}

impl Work {
    fn new(
        operator: &Operator<'_>,
        (selection, owner_fields): (Selection, OwnerFields),
        reason: Option<Option<&str>>,
    ) -> Self {
        Self {
            selection: Arc::new(selection),
            owner_fields,
            handlers: Arc::clone(&operator.handlers),
            random: Arc::clone(&operator.random),
            cause: reason.map(|reason| reason_text("replayed", &operator.actor, reason)),
        }
    }

    fn filter(&self) -> RunFilter {
        let mut filter = match &*self.selection {
            Selection::Named(ids) => RunFilter { ids: Some(ids.clone()), ..RunFilter::default() },
            Selection::Window(filter) => RunFilter::clone(filter),
        };
        if filter.states.is_empty() && matches!(*self.selection, Selection::Window(_)) {
            filter.states.push(State::Dead);
        }
        RunFilter { owner_fields: self.owner_fields.clone(), ..filter }
    }

    /// Looks at the next batch between two rows, and replays it unless it is a rehearsal. Returns what came of it and
    /// the row to go on after.
    fn transition(&self, conn: &mut Conn, rows: (i64, i64), now: Millis) -> Result<(Replayed, Option<i64>)> {
        let selected = runs::find_selected(conn, &self.filter(), rows, BATCH)?;
        let next = selected.last().filter(|_| selected.len() == BATCH as usize).map(|run| run.row);
        let (mut done, mut seen, mut new) = (Replayed::default(), HashSet::new(), Vec::new());
        done.selected = selected.len();
        for run in &selected {
            // Two runs of one event and record, both named: the event goes out once.
            let twice = !seen.insert((run.event, run.extension));
            match self.setup_error(run).or(twice.then_some(SetupError::Repeated)) {
                None => {
                    done.first.push(run.id.clone());
                    new.push(self.repeat(run, now));
                }
                Some(SetupError::UnderWay | SetupError::Repeated) => done.skipped += 1,
                Some(SetupError::Reason(reason)) => *done.left_out.entry(reason).or_default() += 1,
            }
        }
        done.replayed = new.len();
        if self.cause.is_some() {
            done.first = new.iter().map(|run| run.uid.clone()).collect();
            done.replayed = store(conn, new)?;
            // The others were replayed by someone else at the same moment.
            done.skipped += done.first.len() - done.replayed;
        }
        Ok((done, next))
    }

    fn setup_error(&self, run: &Selected) -> Option<SetupError> {
        let reason = |text: &str| Some(SetupError::Reason(text.to_owned()));
        if run.is_under_way {
            return Some(SetupError::UnderWay);
        }
        if run.replay < run.last_replay && matches!(*self.selection, Selection::Window(_)) {
            return Some(SetupError::Repeated);
        }
        let Some(record) = &run.record else { return reason("the extension record is gone") };
        if !record.active {
            return reason("the extension record is switched off");
        }
        match record.key.as_deref() {
            None => reason("the extension record has no key"),
            Some(key) if self.handlers.find(key).is_none() => Some(SetupError::Reason(self.handlers.unknown(key))),
            Some(_) => None,
        }
    }

    fn repeat(&self, run: &Selected, now: Millis) -> NewRun {
        let record = run.record.as_ref();
        let key = record.and_then(|record| record.key.as_deref()).unwrap_or_default();
        let policy = record.and_then(|record| record.config.as_deref()).map(Policy::of).unwrap_or_default();
        NewRun {
            uid: ids::sortable("run", now, &*self.random),
            event: run.event,
            extension: run.extension,
            key: key.to_owned(),
            owner: run.owner.clone(),
            store: run.store.clone(),
            pattern: run.pattern.clone(),
            max_attempts: max_attempts(&self.handlers, key, &policy),
            due_at: now,
            destination: destination(key, record.and_then(|record| record.url.as_deref()), run.extension),
            ordering_key: ordering_key(
                &self.handlers,
                (run.extension, key),
                &policy,
                (&run.trigger, &read_target(&run.target)),
            ),
            replay: Some(Replay { number: run.last_replay + 1, of: run.id.clone() }),
            cause: self.cause.clone(),
        }
    }
}

impl Replayed {
    fn add(&mut self, batch: Self) {
        self.selected += batch.selected;
        self.replayed += batch.replayed;
        self.skipped += batch.skipped;
        for (reason, count) in batch.left_out {
            *self.left_out.entry(reason).or_default() += count;
        }
        let permits = NAMED.saturating_sub(self.first.len());
        self.first.extend(batch.first.into_iter().take(permits));
    }

    /// Counts the ids that no run has.
    fn add_missing(&mut self, selection: &Selection) {
        let Selection::Named(ids) = selection else { return };
        let missing = ids.iter().collect::<HashSet<_>>().len().saturating_sub(self.selected);
        if missing > 0 {
            self.left_out.insert("there is no such run".to_owned(), missing);
        }
    }
}

impl std::fmt::Display for SetupError {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::UnderWay => out.write_str("the event is on its way to this record already; cancel that run first"),
            Self::Repeated => out.write_str("it was replayed before"),
            Self::Reason(reason) => write!(out, "it cannot be replayed: {reason}"),
        }
    }
}
