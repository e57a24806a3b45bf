//! Runs that wait for something else than their time: for a destination that fails, or for an earlier run of their line.
//! They are not in the index of runs that are due. The column `parked` says for which: [`DESTINATION`] or [`LINE`].

use crate::clock::Millis;
use crate::db::{Conn, Sql};
use crate::error::Result;

/// What `parked` is for runs whose destination is open.
pub(super) const DESTINATION: i64 = 1;
/// What `parked` is for runs that must not overtake an earlier one.
pub(super) const LINE: i64 = 2;

/// Parks every run that waits for `destination`, which has just been opened. Those that another process is about to take
/// are left to it: they are parked when they fail.
pub fn park(conn: &mut Conn, destination: &str) -> Result<()> {
    let mut sql = Sql::new(
        "UPDATE runs SET parked = 1 WHERE id IN (SELECT id FROM runs WHERE \
        state || '' IN ('available', 'retryable') AND parked + 0 = 0 \
        AND (destination || ' ' || coalesce(store_document_id, '')) >= ",
    );
    // The lanes of one destination: what stands between `name ` and `name!` in the order of bytes.
    sql.str(format!("{destination} "));
    sql.text(" AND (destination || ' ' || coalesce(store_document_id, '')) < ").str(format!("{destination}!"));
    conn.execute(sql.either(")", " FOR UPDATE SKIP LOCKED)")).map(drop)
}

/// Makes every run that is parked for one of `destinations` due at once, but none before the time that the other side
/// asked for. Returns how many.
pub fn release(conn: &mut Conn, destinations: Vec<String>, now: Millis) -> Result<usize> {
    let mut sql = Sql::new("UPDATE runs SET parked = 0, due_at = CASE WHEN due_at <= ");
    sql.int(now).text(" THEN due_at WHEN not_before > ").int(now).text(" THEN not_before ELSE ").int(now);
    sql.text(" END WHERE state || '' IN ('available', 'retryable') AND parked + 0 = 1 AND destination")
        .in_texts(destinations);
    conn.execute(&sql)
}

/// Lets go what no move will: runs that are parked for a destination which is not open any more, because a process parked
/// them at the very moment another one found it well. Returns how many.
pub fn release_strays(conn: &mut Conn, now: Millis) -> Result<usize> {
    let sql = Sql::new(
        "WITH RECURSIVE names(name) AS (SELECT * FROM (SELECT destination FROM runs \
         WHERE state || '' IN ('available', 'retryable') AND parked + 0 = 1 ORDER BY destination LIMIT 1) AS first \
         UNION ALL SELECT (SELECT destination FROM runs WHERE state || '' IN ('available', 'retryable') AND parked + 0 = 1 \
         AND destination > names.name ORDER BY destination LIMIT 1) FROM names WHERE name IS NOT NULL) \
         SELECT name FROM names WHERE name IS NOT NULL \
         AND NOT EXISTS (SELECT 1 FROM destinations d WHERE d.name = names.name AND d.opened_at IS NOT NULL)",
    );
    let names = conn.list(&sql, |row| row.text(0))?;
    if names.is_empty() { Ok(0) } else { release(conn, names, now) }
}

/// The run that a probe of `destination` is made with: of the extension record after the one that the last probe was of,
/// so that a record whose receiver is broken cannot keep those of others waiting; of that record, the one due first.
pub fn find_to_probe(conn: &mut Conn, destination: &str, last: i64) -> Result<Option<(i64, i64)>> {
    for after in [last, 0] {
        let mut sql = Sql::new(
            "SELECT id, extension_id FROM runs WHERE state || '' IN ('available', 'retryable') AND parked + 0 = 1 AND destination = ",
        );
        sql.str(destination).text(" AND extension_id > ").int(after);
        sql.text(" ORDER BY extension_id, due_at, id LIMIT 1").either("", " FOR UPDATE SKIP LOCKED");
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
    sql.text(") THEN 1 ELSE 0 END WHERE state IN ('available', 'retryable') AND extension_id = ").int(extension);
    conn.execute(&sql).map(drop)
}

/// Keeps other processes from changing these lines until the transaction ends: what one of them ends, another could be
/// about to wait for. With `wait` it waits for its turn, else it returns only the lines that are free. A caller that
/// waits must have locked no line before.
pub fn lock_lines(conn: &mut Conn, mut lines: Vec<String>, wait: bool) -> Result<Vec<String>> {
    if conn.kind() == crate::db::Kind::Sqlite || lines.is_empty() {
        return Ok(lines);
    }
    lines.sort_unstable();
    lines.dedup();
    let mut sql = Sql::new("SELECT line FROM UNNEST(");
    sql.bind(crate::db::Bind::Texts(crate::db::List(lines.clone()))).text(") AS l(line) WHERE ");
    if wait {
        // In this order, which UNNEST keeps, so that no two wait for each other.
        conn.list(sql.text("pg_advisory_xact_lock(hashtextextended(line, 0)) IS NOT NULL"), |row| row.text(0))?;
        return Ok(lines);
    }
    conn.list(sql.text("pg_try_advisory_xact_lock(hashtextextended(line, 0))"), |row| row.text(0))
}

/// By id: `+ 0` and `|| ''` keep the indexes of waiting runs out of it.
const ADVANCE: &str = "UPDATE runs SET parked = CASE WHEN EXISTS (SELECT 1 FROM destinations d \
    WHERE d.name = runs.destination AND d.opened_at IS NOT NULL) THEN 1 ELSE 0 END WHERE parked + 0 = 2 \
    AND state || '' IN ('available', 'retryable') AND id IN (SELECT (SELECT id FROM runs WHERE line = l.line \
    AND state IN ('available', 'retryable', 'running') ORDER BY event_id + 0, id LIMIT 1) FROM ";

/// Lets the first run of each of `lines` go that has not ended. Must be called whenever a run of a line is made or ends,
/// on lines that are locked. Returns how many were let go.
pub fn advance(conn: &mut Conn, lines: Vec<String>) -> Result<usize> {
    if lines.is_empty() {
        return Ok(0);
    }
    let mut sql = Sql::new(ADVANCE);
    sql.either("(SELECT value AS line FROM json_each(", "UNNEST(").bind(crate::db::Bind::Texts(crate::db::List(lines)));
    conn.execute(sql.either(")) AS l)", ") AS l(line))"))
}

/// [`advance`] for all lines in which a run waits for an earlier one.
pub fn advance_all(conn: &mut Conn) -> Result<usize> {
    let sql = Sql::new(
        "WITH RECURSIVE lines(line) AS (SELECT * FROM (SELECT line FROM runs WHERE line IS NOT NULL \
         AND state IN ('available', 'retryable', 'running') ORDER BY line LIMIT 1) AS first \
         UNION ALL SELECT (SELECT line FROM runs WHERE line > lines.line \
         AND state IN ('available', 'retryable', 'running') ORDER BY line LIMIT 1) FROM lines WHERE line IS NOT NULL) \
         SELECT line FROM lines l WHERE line IS NOT NULL AND (SELECT parked FROM runs WHERE line = l.line \
         AND state IN ('available', 'retryable', 'running') ORDER BY event_id + 0, id LIMIT 1) = 2",
    );
    let lines = conn.list(&sql, |row| row.text(0))?;
    let free = lock_lines(conn, lines, false)?;
    advance(conn, free)
}
