//! Runs as they are read: filtered, newest first.

use super::State;
use crate::clock::Millis;
use crate::db::holder::holder;
use crate::db::{Conn, Sql};
use crate::error::{Error, Result};
use crate::handler::Target;

/// Which runs are asked for; nothing is everything.
#[derive(Debug, Clone, Default)]
pub struct RunFilter {
    /// In this state.
    pub state: Option<State>,
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
    /// How many there can be, not counting the lost ones.
    pub max_attempts: i64,
    /// 0 for the run that the event made, then counted up.
    pub replay: i64,
    /// Why it stands where it stands, unless it is completed.
    pub reason: Option<String>,
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

const FROM: &str = " FROM runs r JOIN events e ON e.id = r.event_id WHERE 1 = 1";

const COLUMNS: &str = concat!(
    "SELECT r.id, r.uid, r.state, r.key, r.pattern, r.attempt, r.lost, r.max_attempts, r.replay, r.reason, r.due_at, \
     r.created_at, r.finished_at, r.extension_id, r.owner_field, r.owner_id, ",
    holder!("r"),
    ", r.store_document_id, e.uid, e.trigger, e.target"
);

/// The runs that `filter` asks for, newest first: at most `limit` of them, after the first `start`.
pub fn find_page(conn: &mut Conn, filter: &RunFilter, start: i64, limit: i64) -> Result<Vec<FoundRun>> {
    let mut sql = Sql::new(COLUMNS);
    sql.text(FROM).append(filter.condition());
    // The few that have not ended are found by their own indexes and sorted; the others are walked from the newest.
    let few = matches!(filter.state, Some(State::Available | State::Retryable | State::Running));
    sql.text(if few { " ORDER BY r.id + 0 DESC LIMIT " } else { " ORDER BY r.id DESC LIMIT " });
    sql.int(limit).text(" OFFSET ").int(start);
    conn.list(&sql, |row| read(&row))
}

/// How many runs `filter` asks for.
pub fn count(conn: &mut Conn, filter: &RunFilter) -> Result<i64> {
    let mut sql = Sql::new("SELECT count(*)");
    // Without it the count need not look at events at all.
    let needs_event = filter.trigger.is_some() || filter.document.is_some() || filter.event.is_some();
    sql.text(if needs_event { FROM } else { " FROM runs r WHERE 1 = 1" }).append(filter.condition());
    Ok(conn.first(&sql, |row| row.int(0))?.unwrap_or_default())
}

/// The run with this id.
pub fn find(conn: &mut Conn, id: &str) -> Result<Option<FoundRun>> {
    let mut sql = Sql::new(COLUMNS);
    sql.text(FROM).text(" AND r.uid = ").str(id);
    conn.first(&sql, |row| read(&row))
}

impl RunFilter {
    fn condition(&self) -> Sql {
        let mut sql = Sql::default();
        if let Some(state) = self.state {
            // As text of the statement: so the indexes of the few runs that are not completed can be used.
            sql.text(match state {
                State::Available => " AND r.state IN ('available', 'retryable') AND r.state = 'available'",
                State::Retryable => " AND r.state IN ('available', 'retryable') AND r.state = 'retryable'",
                State::Running => " AND r.state = 'running'",
                State::Completed => " AND r.state = 'completed'",
                State::Dead => " AND r.state IN ('dead', 'cancelled', 'skipped') AND r.state = 'dead'",
                State::Cancelled => " AND r.state IN ('dead', 'cancelled', 'skipped') AND r.state = 'cancelled'",
                State::Skipped => " AND r.state IN ('dead', 'cancelled', 'skipped') AND r.state = 'skipped'",
            });
        }
        let texts = [
            (" AND r.key = ", &self.key),
            (" AND e.trigger = ", &self.trigger),
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
        sql
    }
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
    })
}
