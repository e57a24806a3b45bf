//! Extension records that run by themselves: when each is due next stands in `extensions.next_tick`.

use diesel::prelude::*;

use super::events::Owner;
use super::schema::extensions;
use super::{Conn, Sql};
use crate::clock::Millis;
use crate::error::Result;

/// A record whose time has come.
#[derive(Debug)]
pub struct ScheduledExtension {
    /// Its id.
    pub id: i64,
    /// Its key; an editor may have left it out.
    pub key: Option<String>,
    /// What holds it.
    pub owner: Owner,
    /// Its config; JSON.
    pub config: Option<String>,
    /// Its url.
    pub url: Option<String>,
    /// Whether it is switched on.
    pub active: bool,
    /// The moment that its schedule named.
    pub tick: Millis,
}

/// When the next record is due, if one has a schedule.
pub fn next_tick(conn: &mut Conn) -> Result<Option<Millis>> {
    let scheduled = extensions::next_tick.is_not_null().and(extensions::removed_at.is_null());
    let first = extensions::table.filter(scheduled).order(extensions::next_tick).limit(1);
    Ok(conn.load_first(first.select(extensions::next_tick))?.flatten())
}

/// Up to `limit` records that are due, the longest due first. On PostgreSQL they are kept from other processes until the
/// transaction ends.
pub fn find_due(conn: &mut Conn, now: Millis, limit: i64) -> Result<Vec<ScheduledExtension>> {
    let mut sql = Sql::new(
        "SELECT id, key, owner_field, owner_id, config, url, CASE WHEN active THEN 1 ELSE 0 END, next_tick \
         FROM extensions WHERE removed_at IS NULL AND next_tick <= ",
    );
    sql.int(now).text(" ORDER BY next_tick LIMIT ").int(limit).skip_locked();
    conn.list(&sql, |row| {
        Ok(ScheduledExtension {
            id: row.int(0)?,
            key: row.find_text(1)?,
            owner: (row.text(2)?, row.int(3)?),
            config: row.find_text(4)?,
            url: row.find_text(5)?,
            active: row.int(6)? == 1,
            tick: row.int(7)?,
        })
    })
}

/// Notes when a record is due next; `None` for never.
pub fn set_next_tick(conn: &mut Conn, id: i64, next: Option<Millis>) -> Result<()> {
    conn.run(diesel::update(extensions::table.find(id)).set(extensions::next_tick.eq(next))).map(drop)
}
