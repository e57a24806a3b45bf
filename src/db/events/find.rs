//! Events as they are read: filtered, newest first.

use super::{ENVELOPE, read};
use crate::clock::Millis;
use crate::db::{Conn, Sql};
use crate::error::Result;
use crate::handler::Event;
use crate::ids;

/// Which events are asked for; nothing is everything.
#[derive(Debug, Clone, Default)]
pub struct EventFilter {
    /// Of this trigger, in its long form.
    pub trigger: Option<String>,
    /// Of this store.
    pub store: Option<String>,
    /// About this document.
    pub document: Option<String>,
    /// From this moment or later.
    pub from: Option<Millis>,
    /// From before this moment.
    pub to: Option<Millis>,
}

/// An event, and when its runs were made.
#[derive(Debug, Clone)]
pub struct FoundEvent {
    /// What happened.
    pub event: Event,
    /// When its runs were made; none when they are not yet.
    pub dispatched_at: Option<Millis>,
}

/// The events that `filter` asks for, newest first: at most `limit` of them, after the first `start`.
pub fn find_page(conn: &mut Conn, filter: &EventFilter, start: i64, limit: i64) -> Result<Vec<FoundEvent>> {
    let mut sql = Sql::new("SELECT e.dispatched_at, ");
    sql.text(ENVELOPE).text(" FROM events e WHERE 1 = 1").append(filter.condition());
    // Those of a time are walked by their ids, which begin with the time.
    let in_window = filter.from.is_some() || filter.to.is_some();
    sql.text(if in_window { " ORDER BY e.uid DESC LIMIT " } else { " ORDER BY e.id DESC LIMIT " });
    sql.int(limit).text(" OFFSET ").int(start);
    conn.list(&sql, |row| Ok(FoundEvent { event: read(&row, 1)?, dispatched_at: row.find_int(0)? }))
}

/// How many events `filter` asks for.
pub fn count(conn: &mut Conn, filter: &EventFilter) -> Result<i64> {
    let mut sql = Sql::new("SELECT count(*) FROM events e WHERE 1 = 1");
    sql.append(filter.condition());
    Ok(conn.first(&sql, |row| row.int(0))?.unwrap_or_default())
}

/// The event with this id.
pub fn find(conn: &mut Conn, id: &str) -> Result<Option<FoundEvent>> {
    let mut sql = Sql::new("SELECT e.dispatched_at, ");
    sql.text(ENVELOPE).text(" FROM events e WHERE e.uid = ").str(id);
    conn.first(&sql, |row| Ok(FoundEvent { event: read(&row, 1)?, dispatched_at: row.find_int(0)? }))
}

impl EventFilter {
    fn condition(&self) -> Sql {
        let mut sql = Sql::default();
        if let Some(trigger) = &self.trigger {
            // In a window SQLite looks at it row by row: most triggers have far more events outside of it.
            let in_window = self.from.is_some() || self.to.is_some();
            let sqlite = if in_window { " AND +e.trigger = " } else { " AND e.trigger = " };
            sql.either(sqlite, " AND e.trigger = ").str(trigger.as_str());
        }
        let texts = [(" AND e.store_document_id = ", &self.store), (" AND e.target_document_id = ", &self.document)];
        for (condition, value) in texts {
            if let Some(value) = value {
                sql.text(condition).str(value.as_str());
            }
        }
        for (condition, moment) in [(" AND e.uid >= ", self.from), (" AND e.uid < ", self.to)] {
            if let Some(moment) = moment {
                sql.text(condition).str(ids::earliest("evt", moment));
            }
        }
        sql
    }
}
