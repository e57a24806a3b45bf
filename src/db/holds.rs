//! Lanes that are held back, because their receiver answered with a limit and a time. A lane is all that goes to one
//! destination for one store: what one store's receiver has enough of must not hold up another's. One that is not held
//! back has no row. The rules are the runner's.

use diesel::prelude::*;
use diesel::upsert::excluded;

use super::schema::holds;
use super::text::safe;
use super::typed::{columns, is_one_of};
use super::{Conn, Sql};
use crate::clock::Millis;
use crate::error::Result;

/// A lane that is held back.
#[derive(Debug, Clone, PartialEq, Eq, Queryable, Selectable)]
pub struct Hold {
    /// The lane: see [`shard_of`].
    #[diesel(column_name = lane)]
    pub shard: String,
    /// Since when it meets limits without a success.
    pub since: Millis,
    /// Before when none of its runs goes out. While some are out, when they are given up on.
    pub until: Millis,
    /// How many more may go out.
    pub credits: i64,
    /// Whether `until` has passed and runs are out to see how many go through.
    #[diesel(select_expression = holds::is_out.eq(1_i64))]
    pub is_out: bool,
}

/// The name of a lane, as the indexes of runs have it.
pub fn shard_of(destination: &str, store: Option<&str>) -> String {
    format!("{destination} {}", store.unwrap_or_default())
}

const COLUMNS: &str = "lane, since, until, credits, is_out";

/// Those of `shards` that are held back.
pub fn find(conn: &mut Conn, shards: Vec<String>) -> Result<Vec<Hold>> {
    conn.load(holds::table.filter(is_one_of(holds::lane, shards)).select(columns::<Hold>()))
}

/// Stores how a lane is held back.
pub fn set(conn: &mut Conn, hold: &Hold) -> Result<()> {
    let row = (
        holds::lane.eq(safe(&hold.shard)),
        holds::since.eq(hold.since),
        holds::until.eq(hold.until),
        holds::credits.eq(hold.credits),
        holds::is_out.eq(i64::from(hold.is_out)),
    );
    let newer = (
        holds::since.eq(excluded(holds::since)),
        holds::until.eq(excluded(holds::until)),
        holds::credits.eq(excluded(holds::credits)),
        holds::is_out.eq(excluded(holds::is_out)),
    );
    let insert = diesel::insert_into(holds::table).values(row);
    conn.run(insert.on_conflict(holds::lane).do_update().set(newer)).map(drop)
}

/// Takes the lanes whose time has come, at most `limit`; none of them is due for anyone else before `until`.
pub fn take(conn: &mut Conn, now: Millis, until: Millis, limit: usize) -> Result<Vec<Hold>> {
    let mut sql = Sql::new("UPDATE holds SET is_out = 1, until = ");
    sql.int(until).text(" WHERE lane IN (SELECT lane FROM holds WHERE until <= ").int(now);
    sql.text(" ORDER BY until, lane LIMIT ").int(i64::try_from(limit).unwrap_or(i64::MAX));
    sql.skip_locked().text(") RETURNING ").text(COLUMNS);
    conn.list(&sql, |row| read(&row))
}

/// Holds a lane back no longer.
pub fn forget(conn: &mut Conn, shard: &str) -> Result<()> {
    conn.run(diesel::delete(holds::table.find(safe(shard)))).map(drop)
}

fn read(row: &super::Row<'_>) -> Result<Hold> {
    Ok(Hold {
        shard: row.text(0)?,
        since: row.int(1)?,
        until: row.int(2)?,
        credits: row.int(3)?,
        is_out: row.int(4)? == 1,
    })
}
