//! Runs that wait for something else than their time: for a destination that fails, for an earlier run of their line, or
//! for the end of a limit. They are not in the index of runs that are due. The column `blocked` says for which:
//! [`DESTINATION`], [`LINE`] or [`HOLD`].

use std::collections::HashSet;

use super::Due;
use crate::clock::Millis;
use crate::db::holds::{self, shard_of};
use crate::db::{Conn, Sql, destinations};
use crate::error::Result;

/// How many runs one statement parks or lets go at most: on SQLite every other write waits for it.
pub const SLICE: usize = 1000;

/// What `blocked` is for runs whose destination is open.
pub(super) const DESTINATION: i64 = 1;
/// What `blocked` is for runs that must not overtake an earlier one.
pub(super) const LINE: i64 = 2;
/// What `blocked` is for runs whose lane is held back.
pub(super) const HOLD: i64 = 3;

/// What `blocked` is for a run that waits for no other, by the alias of its table: an expression in SQL.
macro_rules! waits_for {
    ($run:literal) => {
        concat!(
            "CASE WHEN EXISTS (SELECT 1 FROM destinations d WHERE d.opened_at IS NOT NULL AND d.name = ",
            $run,
            ".destination) THEN 1 WHEN EXISTS (SELECT 1 FROM holds h WHERE h.lane = (",
            $run,
            ".destination || ' ' || coalesce(",
            $run,
            ".store_document_id, ''))) THEN 3 ELSE 0 END"
        )
    };
}
pub(super) use waits_for;

/// As the indexes of lanes have it.
macro_rules! shard {
    () => {
        "(destination || ' ' || coalesce(store_document_id, ''))"
    };
}

/// As the index `runs_held` has it.
macro_rules! lease {
    () => {
        "state || '' IN ('available', 'retryable') AND parked + 0 = 3"
    };
}

/// Parks runs that wait for `destination`, which has just been opened, up to [`SLICE`] of them: what is left is set aside
/// when it is due, by [`set_aside`]. Those that another process is about to take are left to it: they are parked when they
/// fail.
pub fn park(conn: &mut Conn, destination: &str) -> Result<()> {
    let mut sql = Sql::new(
        "UPDATE runs SET parked = 1 WHERE id IN (SELECT id FROM runs WHERE \
        state || '' IN ('available', 'retryable') AND parked + 0 = 0 \
        AND (destination || ' ' || coalesce(store_document_id, '')) >= ",
    );
    // The lanes of one destination: what stands between `name ` and `name!` in the order of bytes.
    sql.str(format!("{destination} "));
    sql.text(" AND (destination || ' ' || coalesce(store_document_id, '')) < ").str(format!("{destination}!"));
    sql.limit(SLICE as i64, 0);
    conn.execute(sql.either(")", " FOR UPDATE SKIP LOCKED)")).map(drop)
}

/// Parks those of the runs `due` whose destination is open or whose lane is held back. Returns the others.
pub fn set_aside(conn: &mut Conn, due: Vec<Due>) -> Result<Vec<Due>> {
    let (names, shards): (HashSet<String>, HashSet<String>) =
        due.iter().map(|run| (run.destination.clone(), shard_of(&run.destination, Some(&run.store)))).unzip();
    let open = destinations::find_open(conn, names.into_iter().collect())?;
    let open: HashSet<String> = open.into_iter().map(|open| open.name).collect();
    let lease: HashSet<String> =
        holds::find(conn, shards.into_iter().collect())?.into_iter().map(|hold| hold.shard).collect();
    if open.is_empty() && lease.is_empty() {
        return Ok(due);
    }
    let waits =
        |run: &Due| open.contains(&run.destination) || lease.contains(&shard_of(&run.destination, Some(&run.store)));
    let (waiting, free): (Vec<Due>, Vec<Due>) = due.into_iter().partition(waits);
    park_as_they_wait(conn, waiting.into_iter().map(|run| run.id).collect())?;
    Ok(free)
}

/// Parks those of the runs `ids` that wait for their time alone and whose destination is open or lane held back.
pub fn park_as_they_wait(conn: &mut Conn, ids: Vec<i64>) -> Result<()> {
    if ids.is_empty() {
        return Ok(());
    }
    let mut sql = Sql::new("UPDATE runs SET parked = ");
    sql.text(waits_for!("runs"))
        .text(" WHERE state || '' IN ('available', 'retryable') AND parked + 0 = 0 AND id")
        .in_ints(ids);
    conn.execute(&sql).map(drop)
}

/// Makes runs that are parked for one of `destinations` due at once, but none before the time that the other side asked
/// for: up to [`SLICE`] of them, and [`unblock_orphans`] lets the rest go. Returns how many.
pub fn release(conn: &mut Conn, destinations: Vec<String>, now: Millis) -> Result<usize> {
    let mut sql = Sql::new("UPDATE runs SET parked = ");
    sql.text(waits_for!("runs")).text(", due_at = CASE WHEN due_at <= ");
    sql.int(now).text(" THEN due_at WHEN not_before > ").int(now).text(" THEN not_before ELSE ").int(now);
    sql.text(" END WHERE id IN (SELECT id FROM runs WHERE state || '' IN ('available', 'retryable') AND parked + 0 = 1 AND destination")
        .in_texts(destinations);
    sql.limit(SLICE as i64, 0);
    conn.execute(sql.text(")"))
}

/// Lets go what no move will: runs that are parked for a destination which is not open any more, or for a lane that is not
/// held back, because there were too many for one slice, or because a process parked them at the very moment another one
/// let the others go. Returns how many; with [`SLICE`] or more there may be further ones.
pub fn unblock_orphans(conn: &mut Conn, now: Millis) -> Result<usize> {
    let sql = Sql::new(
        "WITH RECURSIVE names(name) AS (SELECT * FROM (SELECT destination FROM runs \
         WHERE state || '' IN ('available', 'retryable') AND parked + 0 = 1 ORDER BY destination LIMIT 1) AS first \
         UNION ALL SELECT (SELECT destination FROM runs WHERE state || '' IN ('available', 'retryable') AND parked + 0 = 1 \
         AND destination > names.name ORDER BY destination LIMIT 1) FROM names WHERE name IS NOT NULL) \
         SELECT name FROM names WHERE name IS NOT NULL \
         AND NOT EXISTS (SELECT 1 FROM destinations d WHERE d.name = names.name AND d.opened_at IS NOT NULL)",
    );
    let names = conn.list(&sql, |row| row.text(0))?;
    let released = if names.is_empty() { 0 } else { release(conn, names, now)? };
    let sql = Sql::new(concat!(
        "WITH RECURSIVE lanes(lane) AS (SELECT * FROM (SELECT ",
        shard!(),
        " FROM runs WHERE ",
        lease!(),
        " ORDER BY 1 LIMIT 1) AS first UNION ALL SELECT (SELECT ",
        shard!(),
        " FROM runs WHERE ",
        lease!(),
        " AND ",
        shard!(),
        " > lanes.lane ORDER BY ",
        shard!(),
        " LIMIT 1) FROM lanes WHERE lane IS NOT NULL) SELECT lane FROM lanes WHERE lane IS NOT NULL \
         AND NOT EXISTS (SELECT 1 FROM holds h WHERE h.lane = lanes.lane)"
    ));
    let shards = conn.list(&sql, |row| row.text(0))?;
    Ok(released + if shards.is_empty() { 0 } else { release_lanes(conn, shards)? })
}

/// Lets runs go that are parked because one of `shards` was held back, each when it is due: up to [`SLICE`] of them, and
/// [`unblock_orphans`] the rest. Returns how many.
pub fn release_lanes(conn: &mut Conn, shards: Vec<String>) -> Result<usize> {
    let mut sql = Sql::new("UPDATE runs SET parked = ");
    sql.text(waits_for!("runs")).text(concat!(" WHERE id IN (SELECT id FROM runs WHERE ", lease!(), " AND ", shard!()));
    sql.in_texts(shards).limit(SLICE as i64, 0);
    conn.execute(sql.text(")"))
}

/// The next runs of a lane that is held back, at most `limit`: those that are due, the longest due first.
pub fn find_held(conn: &mut Conn, shard: &str, now: Millis, limit: usize) -> Result<Vec<Due>> {
    let mut sql = Sql::new(concat!(
        "SELECT id, destination, coalesce(store_document_id, '') FROM runs WHERE ",
        lease!(),
        " AND ",
        shard!(),
        " = "
    ));
    sql.str(shard).text(" AND due_at <= ").int(now).text(" ORDER BY due_at, id LIMIT ");
    sql.int(i64::try_from(limit).unwrap_or(i64::MAX)).skip_locked();
    conn.list(&sql, |row| Ok(Due { id: row.int(0)?, destination: row.text(1)?, store: row.text(2)? }))
}

/// The run that a probe of `destination` is made with: of the extension record after the one that the last probe was of,
/// so that a record whose receiver is broken cannot keep those of others waiting; of that record, the one due first.
pub fn find_to_probe(conn: &mut Conn, destination: &str, last: i64) -> Result<Option<(i64, i64)>> {
    for after in [last, 0] {
        let mut sql = Sql::new(
            "SELECT id, extension_id FROM runs WHERE state || '' IN ('available', 'retryable') AND parked + 0 = 1 AND destination = ",
        );
        sql.str(destination).text(" AND extension_id > ").int(after);
        sql.text(" ORDER BY extension_id, due_at, id LIMIT 1").skip_locked();
        let found = conn.first(&sql, |row| Ok((row.int(0)?, row.int(1)?)))?;
        if found.is_some() || after == 0 {
            return Ok(found);
        }
    }
    Ok(None)
}

/// Sends the runs of an extension record that wait to another destination: its url was changed.
pub fn redirect(conn: &mut Conn, extension: i64, destination: &str) -> Result<()> {
    let mut sql = Sql::new("UPDATE runs SET destination = ");
    sql.str(destination).text(", parked = CASE WHEN parked = 2 THEN 2 WHEN EXISTS (SELECT 1 FROM destinations ");
    sql.text("WHERE opened_at IS NOT NULL AND name = ").str(destination);
    sql.text(") THEN 1 WHEN EXISTS (SELECT 1 FROM holds h WHERE h.lane = (").str(format!("{destination} "));
    sql.text(" || coalesce(runs.store_document_id, ''))) THEN 3 ELSE 0 END WHERE state IN ('available', 'retryable') ");
    sql.text("AND extension_id = ").int(extension);
    conn.execute(&sql).map(drop)
}

/// Keeps other processes from changing these lines until the transaction ends: what one of them ends, another could be
/// about to wait for. With `wait` it waits for its turn, else it returns only the lines that are free. A caller that
/// waits must have locked no line before.
pub fn lock_ordering_keys(conn: &mut Conn, mut ordering_keys: Vec<String>, wait: bool) -> Result<Vec<String>> {
    if conn.kind() == crate::db::Kind::Sqlite || ordering_keys.is_empty() {
        return Ok(ordering_keys);
    }
    ordering_keys.sort_unstable();
    ordering_keys.dedup();
    let mut sql = Sql::new("SELECT line FROM UNNEST(");
    sql.bind(crate::db::Bind::Texts(crate::db::List(ordering_keys.clone()))).text(") AS l(line) WHERE ");
    if wait {
        // In this order, which UNNEST keeps, so that no two wait for each other.
        conn.list(sql.text("pg_advisory_xact_lock(hashtextextended(line, 0)) IS NOT NULL"), |row| row.text(0))?;
        return Ok(ordering_keys);
    }
    conn.list(sql.text("pg_try_advisory_xact_lock(hashtextextended(line, 0))"), |row| row.text(0))
}

/// By id: `+ 0` and `|| ''` keep the indexes of waiting runs out of it.
const ADVANCE: &str = concat!(
    "UPDATE runs SET parked = ",
    waits_for!("runs"),
    " WHERE parked + 0 = 2 AND state || '' IN ('available', 'retryable') AND id IN (SELECT (SELECT id FROM runs \
     WHERE line = l.line AND state IN ('available', 'retryable', 'running') ORDER BY event_id + 0, id LIMIT 1) FROM "
);

/// Lets the first run of each of `ordering_keys` go that has not ended. Must be called whenever a run of a line is made or ends,
/// on lines that are locked. Returns how many were let go.
pub fn unblock_next(conn: &mut Conn, ordering_keys: Vec<String>) -> Result<usize> {
    if ordering_keys.is_empty() {
        return Ok(0);
    }
    let mut sql = Sql::new(ADVANCE);
    sql.either("(SELECT value AS line FROM json_each(", "UNNEST(")
        .bind(crate::db::Bind::Texts(crate::db::List(ordering_keys)));
    conn.execute(sql.either(")) AS l)", ") AS l(line))"))
}

/// [`unblock_next`] for all lines in which a run waits for an earlier one.
pub fn unblock_all(conn: &mut Conn) -> Result<usize> {
    let sql = Sql::new(
        "WITH RECURSIVE lines(line) AS (SELECT * FROM (SELECT line FROM runs WHERE line IS NOT NULL \
         AND state IN ('available', 'retryable', 'running') ORDER BY line LIMIT 1) AS first \
         UNION ALL SELECT (SELECT line FROM runs WHERE line > lines.line \
         AND state IN ('available', 'retryable', 'running') ORDER BY line LIMIT 1) FROM lines WHERE line IS NOT NULL) \
         SELECT line FROM lines l WHERE line IS NOT NULL AND (SELECT parked FROM runs WHERE line = l.line \
         AND state IN ('available', 'retryable', 'running') ORDER BY event_id + 0, id LIMIT 1) = 2",
    );
    let ordering_keys = conn.list(&sql, |row| row.text(0))?;
    let free = lock_ordering_keys(conn, ordering_keys, false)?;
    unblock_next(conn, free)
}
