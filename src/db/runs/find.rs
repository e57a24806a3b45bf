//! Runs as they are read: filtered, newest first.

use super::State;
use super::blocked::{DESTINATION, HOLD, LINE};
use crate::clock::{Millis, iso};
use crate::content::Catalog;
use crate::db::documents::document_id;
use crate::db::{Conn, Kind, Sql};
use crate::error::{Error, Result};
use crate::handler::Target;
use crate::ids;

/// Which runs are asked for; nothing is everything.
#[derive(Debug, Clone, Default)]
pub struct RunFilter {
    /// In one of these states; in any if there are none.
    pub states: Vec<State>,
    /// Of records with this key.
    pub key: Option<String>,
    /// Of events of this trigger, in its long form.
    pub trigger: Option<String>,
    /// Of records that belong to this store.
    pub store: Option<String>,
    /// Of events about this document.
    pub document: Option<String>,
    /// Of the event with this id.
    pub event: Option<String>,
    /// Of this extension record.
    pub extension: Option<i64>,
    /// Made at this moment or later.
    pub from: Option<Millis>,
    /// Made before this moment.
    pub to: Option<Millis>,
    /// With one of these ids.
    pub ids: Option<Vec<String>>,
    /// Of records that hang in one of these places, such as `store.extensions`.
    pub owner_fields: Option<Vec<String>>,
}

/// A run as it stands.
#[derive(Debug, Clone)]
pub struct FoundRun {
    /// Its row.
    pub row: i64,
    /// Its id.
    pub id: String,
    /// Where it stands.
    pub state: State,
    /// The key of its record.
    pub key: String,
    /// The pattern that matched; none when it was asked for by hand.
    pub pattern: Option<String>,
    /// The attempts so far.
    pub attempt: i64,
    /// How many of them were lost with their worker.
    pub lost: i64,
    /// How many of them were made ahead of its time, to see whether its destination is back.
    pub probes: i64,
    /// How many of them met a limit of the receiver's, which uses up no attempt.
    pub limits: i64,
    /// How many there can be, not counting the lost ones, those ahead of its time and those that met a limit.
    pub max_attempts: i64,
    /// 0 for the run that the event made, then counted up.
    pub replay: i64,
    /// Why it stands where it stands, unless it is completed; see [`FoundRun::told_reason`] for what it waits for.
    pub reason: Option<String>,
    /// What it waits for beside its time, if anything.
    pub blocked_by: Option<BlockedBy>,
    /// The id of the run that it repeats.
    pub replay_of: Option<String>,
    /// Why there is this run, if someone asked for it.
    pub cause: Option<String>,
    /// When it may run, or might.
    pub due_at: Millis,
    /// When it was made.
    pub created_at: Millis,
    /// When it ended.
    pub finished_at: Option<Millis>,
    /// The extension record.
    pub extension_id: i64,
    /// What holds the record; for a price the documentId is its product's, and none is told when it is gone.
    pub owner: (String, i64, Option<String>),
    /// The documentId of the store that the record belongs to.
    pub store: Option<String>,
    /// The event's id.
    pub event_id: String,
    /// The event's trigger.
    pub trigger: String,
    /// What the event is about.
    pub target: Target,
}

/// How many events a trigger has that is common.
const COMMON: i64 = 50_000;

/// What a parked run waits for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum BlockedBy {
    /// Its destination, which has failed each time since then; the next probe goes out then, or is under way until then.
    Destination {
        /// Its name.
        name: String,
        /// Since when.
        since: Millis,
        /// When the next probe may go out.
        next_probe_at: Millis,
    },
    /// An earlier run of the same record for the same target.
    Line,
    /// The end of a limit that its receiver told of; the next run of its lane goes out then, or is under way until then.
    Hold {
        /// Where the lane leads.
        destination: String,
        /// When that is.
        until: Millis,
    },
}

impl FoundRun {
    /// Why it stands where it stands, with what it waits for.
    pub fn told_reason(&self) -> Option<String> {
        let waits = match self.blocked_by.as_ref() {
            None => return self.reason.clone(),
            Some(BlockedBy::Line) => {
                "waits: an earlier run of this record for the same target has not ended".to_owned()
            }
            Some(BlockedBy::Hold { destination, until }) => {
                format!("waits: {destination} has enough for now; next run {}", iso(*until))
            }
            Some(BlockedBy::Destination { name, since, next_probe_at }) => {
                format!("waits: {name} has failed since {}; next probe {}", iso(*since), iso(*next_probe_at))
            }
        };
        Some(self.reason.as_ref().map_or(waits.clone(), |reason| format!("{waits}; before: {reason}")))
    }
}

const FROM: &str = " FROM runs r JOIN events e ON e.id = r.event_id \
    LEFT JOIN destinations d ON r.parked = 1 AND d.name = r.destination AND d.opened_at IS NOT NULL \
    LEFT JOIN holds h ON r.parked = 3 AND h.lane = (r.destination || ' ' || coalesce(r.store_document_id, '')) WHERE 1 = 1";

/// What is read of a run, before and after the documentId of what holds its record.
const COLUMNS: [&str; 2] = [
    "SELECT r.id, r.uid, r.state, r.key, r.pattern, r.attempt, r.lost, r.max_attempts, r.replay, r.reason, r.due_at, \
     r.created_at, r.finished_at, r.extension_id, r.owner_field, r.owner_id, ",
    ", r.store_document_id, e.uid, e.trigger, e.target, r.probes, \
     CASE WHEN r.state IN ('available', 'retryable') THEN r.parked END, d.name, d.failing_since, d.next_probe_at, \
     r.replay_of, r.cause, r.limits, h.until, r.destination",
];

fn columns(catalog: &Catalog) -> Sql {
    let [before, after] = COLUMNS;
    let mut sql = Sql::new(before);
    document_id(&mut sql, catalog, "r");
    sql.text(after);
    sql
}

/// The runs that `filter` asks for, newest first: at most `limit` of them, after the first `start`.
pub fn find_page(conn: &mut Conn, filter: &RunFilter, start: i64, limit: i64) -> Result<Vec<FoundRun>> {
    let walks = filter.has_window() || is_common(conn, filter)?;
    let mut sql = columns(conn.catalog());
    sql.text(FROM).append(filter.condition(walks));
    // The few that have not ended are found by their own indexes and sorted; those of a window are walked by their ids,
    // which begin with the time; the others are walked from the newest.
    let few = !filter.states.is_empty() && filter.states.iter().all(|state| !state.is_end());
    sql.text(match filter.has_window() {
        _ if few => " ORDER BY r.id + 0 DESC LIMIT ",
        true => " ORDER BY r.uid DESC LIMIT ",
        false => " ORDER BY r.id DESC LIMIT ",
    });
    sql.int(limit).text(" OFFSET ").int(start);
    conn.list(&sql, |row| read(&row))
}

/// Whether the trigger that `filter` names is so common that a page of its runs is found by walking all of them from the
/// newest, as SQLite cannot tell by itself.
fn is_common(conn: &mut Conn, filter: &RunFilter) -> Result<bool> {
    let Some(trigger) = filter.trigger.as_deref().filter(|_| conn.kind() == Kind::Sqlite) else { return Ok(false) };
    let mut sql = Sql::new("SELECT 1 FROM events WHERE trigger = ");
    sql.str(trigger).limit(1, COMMON);
    Ok(conn.first(&sql, |_| Ok(()))?.is_some())
}

/// How many runs `filter` asks for.
pub fn count(conn: &mut Conn, filter: &RunFilter) -> Result<i64> {
    let mut sql = Sql::new("SELECT count(*)");
    // Without it the count need not look at events at all.
    let needs_event = filter.trigger.is_some() || filter.document.is_some() || filter.event.is_some();
    sql.text(if needs_event { FROM } else { " FROM runs r WHERE 1 = 1" });
    sql.append(filter.condition(filter.has_window()));
    Ok(conn.first(&sql, |row| row.int(0))?.unwrap_or_default())
}

/// The run with this id.
pub fn find(conn: &mut Conn, id: &str) -> Result<Option<FoundRun>> {
    let mut sql = columns(conn.catalog());
    sql.text(FROM).text(" AND r.uid = ").str(id);
    conn.first(&sql, |row| read(&row))
}

impl RunFilter {
    /// Whether it asks for the runs of a time.
    pub(super) fn has_window(&self) -> bool {
        self.from.is_some() || self.to.is_some()
    }

    /// What a run and its event must be like. With `walks` the trigger is looked at row by row, since the statement goes
    /// by something else.
    pub(super) fn condition(&self, walks: bool) -> Sql {
        let mut sql = Sql::default();
        sql.append(in_states(&self.states));
        // Most keys have far more runs than a window, or than the states of those that are not completed.
        let is_narrow = self.has_window() || !self.states.is_empty() && !self.states.contains(&State::Completed);
        let by_key = (" AND r.key = ", " AND +r.key = ", is_narrow, &self.key);
        let by_trigger = (" AND e.trigger = ", " AND +e.trigger = ", walks, &self.trigger);
        for (indexed, plain, goes_by_other, value) in [by_key, by_trigger] {
            if let Some(value) = value {
                // PostgreSQL knows from its statistics which way is shorter.
                sql.either(if goes_by_other { plain } else { indexed }, indexed).str(value.as_str());
            }
        }
        let texts = [
            (" AND r.store_document_id = ", &self.store),
            (" AND e.target_document_id = ", &self.document),
            (" AND e.uid = ", &self.event),
        ];
        for (condition, value) in texts {
            if let Some(value) = value {
                sql.text(condition).str(value.as_str());
            }
        }
        if let Some(extension) = self.extension {
            sql.text(" AND r.extension_id = ").int(extension);
        }
        for (condition, moment) in [(" AND r.uid >= ", self.from), (" AND r.uid < ", self.to)] {
            if let Some(moment) = moment {
                sql.text(condition).str(ids::earliest("run", moment));
            }
        }
        for (column, values) in [(" AND r.uid", &self.ids), (" AND r.owner_field", &self.owner_fields)] {
            if let Some(values) = values {
                sql.text(column).in_texts(values.clone());
            }
        }
        sql
    }
}

/// The states as text of the statement, and the condition of the partial index that has them all, so that it can be
/// used: the few runs that are not completed.
fn in_states(states: &[State]) -> Sql {
    let mut sql = Sql::default();
    if states.is_empty() {
        return sql;
    }
    let all = |known: &[State]| states.iter().all(|state| known.contains(state));
    if all(&[State::Available, State::Retryable]) {
        sql.text(" AND r.state IN ('available', 'retryable')");
    } else if all(&[State::Dead, State::Cancelled, State::Skipped]) {
        sql.text(" AND r.state IN ('dead', 'cancelled', 'skipped')");
    }
    // A single one as it stands in the index of those under way.
    let [open, close] = if states.len() == 1 { [" AND r.state = ", ""] } else { [" AND r.state IN (", ")"] };
    for (place, state) in states.iter().enumerate() {
        sql.text(if place == 0 { open } else { ", " });
        sql.text(match state {
            State::Available => "'available'",
            State::Running => "'running'",
            State::Completed => "'completed'",
            State::Retryable => "'retryable'",
            State::Dead => "'dead'",
            State::Cancelled => "'cancelled'",
            State::Skipped => "'skipped'",
        });
    }
    sql.text(close);
    sql
}

fn read(row: &crate::db::Row<'_>) -> Result<FoundRun> {
    let state = row.text(2)?;
    Ok(FoundRun {
        row: row.int(0)?,
        id: row.text(1)?,
        state: State::parse(&state).ok_or_else(|| Error::internal(format!("a run in the state {state}")))?,
        key: row.text(3)?,
        pattern: row.find_text(4)?,
        attempt: row.int(5)?,
        lost: row.int(6)?,
        max_attempts: row.int(7)?,
        replay: row.int(8)?,
        reason: row.find_text(9)?,
        due_at: row.int(10)?,
        created_at: row.int(11)?,
        finished_at: row.find_int(12)?,
        extension_id: row.int(13)?,
        owner: (row.text(14)?, row.int(15)?, row.find_text(16)?),
        store: row.find_text(17)?,
        event_id: row.text(18)?,
        trigger: row.text(19)?,
        target: serde_json::from_str(&row.text(20)?)?,
        probes: row.int(21)?,
        blocked_by: match (row.find_int(22)?, row.find_text(23)?) {
            (Some(LINE), _) => Some(BlockedBy::Line),
            (Some(HOLD), _) => row
                .find_int(29)?
                .map(|until| Ok::<_, Error>(BlockedBy::Hold { destination: row.text(30)?, until }))
                .transpose()?,
            (Some(DESTINATION), Some(name)) => {
                Some(BlockedBy::Destination { name, since: row.int(24)?, next_probe_at: row.int(25)? })
            }
            _ => None,
        },
        replay_of: row.find_text(26)?,
        cause: row.find_text(27)?,
        limits: row.int(28)?,
    })
}
