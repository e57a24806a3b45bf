//! Runs that are chosen to be replayed, with what decides whether they can be.

use diesel::prelude::*;

use super::{RunFilter, State};
use crate::db::events::Owner;
use crate::db::schema::runs;
use crate::db::{Conn, Sql};
use crate::error::{Error, Result};

/// A run that was chosen to be replayed.
#[derive(Debug, Clone)]
pub struct Selected {
    /// Its row.
    pub row: i64,
    /// Its id.
    pub id: String,
    /// The event's row.
    pub event: i64,
    /// The extension record.
    pub extension: i64,
    /// What holds the record.
    pub owner: Owner,
    /// The documentId of the store that the record belongs to.
    pub store: Option<String>,
    /// The pattern that matched; none when it was run by hand.
    pub pattern: Option<String>,
    /// Where it stands.
    pub state: State,
    /// Its place among the runs of its event and record.
    pub replay: i64,
    /// The last such place that is taken.
    pub last_replay: i64,
    /// Whether one of those runs has not ended.
    pub is_under_way: bool,
    /// The event's trigger, in its long form.
    pub trigger: String,
    /// What the event is about; JSON.
    pub target: String,
    /// The record as it is now; none when it was removed.
    pub record: Option<SelectedRecord>,
}

/// The extension record of a run that was chosen to be replayed.
#[derive(Debug, Clone)]
pub struct SelectedRecord {
    /// Its key.
    pub key: Option<String>,
    /// Its config; JSON.
    pub config: Option<String>,
    /// Its url.
    pub url: Option<String>,
    /// Whether it is switched on.
    pub active: bool,
}

/// The last run there is, by its row; 0 when there is none.
pub fn find_last(conn: &mut Conn) -> Result<i64> {
    Ok(conn.load_first(runs::table.order(runs::id.desc()).limit(1).select(runs::id))?.unwrap_or_default())
}

/// The runs that `filter` asks for, the oldest first, between two rows: after the first, up to the second. At most
/// `limit` of them.
pub fn find_selected(conn: &mut Conn, filter: &RunFilter, rows: (i64, i64), limit: i64) -> Result<Vec<Selected>> {
    let mut sql = Sql::new(
        "SELECT r.id, r.uid, r.event_id, r.extension_id, r.owner_field, r.owner_id, r.store_document_id, r.pattern, \
         r.state, r.replay, \
         (SELECT max(n.replay) FROM runs n WHERE n.event_id = r.event_id AND n.extension_id = r.extension_id), \
         CASE WHEN EXISTS (SELECT 1 FROM runs n WHERE n.event_id = r.event_id AND n.extension_id = r.extension_id \
         AND n.state IN ('available', 'retryable', 'running')) THEN 1 ELSE 0 END, \
         x.id, x.key, x.config, CASE WHEN x.active THEN 1 ELSE 0 END, x.url, e.target, e.\"trigger\" \
         FROM runs r JOIN events e ON e.id = r.event_id \
         LEFT JOIN extensions x ON x.id = r.extension_id AND x.removed_at IS NULL WHERE r.id > ",
    );
    sql.int(rows.0).text(" AND r.id <= ").int(rows.1).append(filter.condition(filter.has_window()));
    sql.text(" ORDER BY r.id LIMIT ").int(limit);
    conn.list(&sql, |row| {
        let state = row.text(8)?;
        let record = match row.find_int(12)? {
            None => None,
            Some(_) => Some(SelectedRecord {
                key: row.find_text(13)?,
                config: row.find_text(14)?,
                url: row.find_text(16)?,
                active: row.int(15)? == 1,
            }),
        };
        Ok(Selected {
            row: row.int(0)?,
            id: row.text(1)?,
            event: row.int(2)?,
            extension: row.int(3)?,
            owner: (row.text(4)?, row.int(5)?),
            store: row.find_text(6)?,
            pattern: row.find_text(7)?,
            state: State::parse(&state).ok_or_else(|| Error::internal(format!("a run in the state {state}")))?,
            replay: row.int(9)?,
            last_replay: row.int(10)?,
            is_under_way: row.int(11)? == 1,
            trigger: row.text(18)?,
            target: row.text(17)?,
            record,
        })
    })
}
