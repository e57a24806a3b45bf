//! Lanes that are held back, because their receiver answered with a limit and a time. A lane is all that goes to one
//! destination for one store: what one store's receiver has enough of must not hold up another's. One that is not held
//! back has no row. The rules are the runner's.

use super::{Conn, Sql};
use crate::clock::Millis;
use crate::error::Result;

/// A lane that is held back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hold {
    /// The lane: see [`lane_of`].
    pub lane: String,
    /// Since when it meets limits without a success.
    pub since: Millis,
    /// Before when none of its runs goes out. While some are out, when they are given up on.
    pub until: Millis,
    /// How many more may go out.
    pub credits: i64,
    /// Whether `until` has passed and runs are out to see how many go through.
    pub is_out: bool,
}

/// The name of a lane, as the indexes of runs have it.
pub fn lane_of(destination: &str, store: Option<&str>) -> String {
    format!("{destination} {}", store.unwrap_or_default())
}

const COLUMNS: &str = "lane, since, until, credits, is_out";

/// Those of `lanes` that are held back.
pub fn find(conn: &mut Conn, lanes: Vec<String>) -> Result<Vec<Hold>> {
    let mut sql = Sql::new("SELECT ");
    sql.text(COLUMNS).text(" FROM holds WHERE lane").in_texts(lanes);
    conn.list(&sql, |row| read(&row))
}

/// Stores how a lane is held back.
pub fn set(conn: &mut Conn, hold: &Hold) -> Result<()> {
    let mut sql = Sql::new("INSERT INTO holds (lane, since, until, credits, is_out) VALUES (");
    sql.str(&*hold.lane).text(", ").int(hold.since).text(", ").int(hold.until).text(", ").int(hold.credits);
    sql.text(", ").int(i64::from(hold.is_out)).text(
        ") ON CONFLICT (lane) DO UPDATE SET since = excluded.since, until = excluded.until, credits = excluded.credits, \
         is_out = excluded.is_out",
    );
    conn.execute(&sql).map(drop)
}

/// Takes the lanes whose time has come, at most `limit`; none of them is due for anyone else before `until`.
pub fn take(conn: &mut Conn, now: Millis, until: Millis, limit: usize) -> Result<Vec<Hold>> {
    let mut sql = Sql::new("UPDATE holds SET is_out = 1, until = ");
    sql.int(until).text(" WHERE lane IN (SELECT lane FROM holds WHERE until <= ").int(now);
    sql.text(" ORDER BY until, lane LIMIT ").int(i64::try_from(limit).unwrap_or(i64::MAX));
    sql.either("", " FOR UPDATE SKIP LOCKED").text(") RETURNING ").text(COLUMNS);
    conn.list(&sql, |row| read(&row))
}

/// Holds a lane back no longer.
pub fn forget(conn: &mut Conn, lane: &str) -> Result<()> {
    let mut sql = Sql::new("DELETE FROM holds WHERE lane = ");
    sql.str(lane);
    conn.execute(&sql).map(drop)
}

fn read(row: &super::Row<'_>) -> Result<Hold> {
    Ok(Hold {
        lane: row.text(0)?,
        since: row.int(1)?,
        until: row.int(2)?,
        credits: row.int(3)?,
        is_out: row.int(4)? == 1,
    })
}
