//! Destinations that fail: how often in a row, since when, and when the next probe goes out. One that does not fail has
//! no row. The rules by which a breaker opens are the runner's.

use super::{Conn, Sql};
use crate::clock::Millis;
use crate::error::Result;

/// A destination that has failed, each time since [`Failing::since`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failing {
    /// Its name: the host and port of a url, or a handler's key with the record's id.
    pub name: String,
    /// How often in a row.
    pub failures: i64,
    /// When it failed first.
    pub since: Millis,
    /// When its breaker opened, if it did.
    pub opened_at: Option<Millis>,
    /// When the next probe may go out, while its breaker is open. While one is under way, when it is given up on.
    pub next_probe_at: Millis,
}

/// An open destination whose next probe is due.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Probe {
    /// The destination.
    pub name: String,
    /// The extension record that the last probe was of; 0 when there was none.
    pub last: i64,
}

const COLUMNS: &str = "name, failures, failing_since, opened_at, next_probe_at";

/// Those of `names` whose breaker is open, by name.
pub fn find_open(conn: &mut Conn, names: Vec<String>) -> Result<Vec<Failing>> {
    let mut sql = Sql::new("SELECT ");
    sql.text(COLUMNS).text(" FROM destinations WHERE opened_at IS NOT NULL AND name");
    sql.in_texts(names).text(" ORDER BY name");
    conn.list(&sql, |row| read(&row))
}

/// As [`find_open`]; on PostgreSQL they stay so until the transaction ends, and none is returned that another process is
/// about to close: what is parked for one will be released.
pub fn hold_open(conn: &mut Conn, names: Vec<String>) -> Result<Vec<Failing>> {
    let mut sql = Sql::new("SELECT ");
    sql.text(COLUMNS).text(" FROM destinations WHERE opened_at IS NOT NULL AND name");
    sql.in_texts(names).text(" ORDER BY name").either("", " FOR KEY SHARE");
    conn.list(&sql, |row| read(&row))
}

/// Notes that `name` failed `times` in a row, and returns how it stands with it.
pub fn fail(conn: &mut Conn, name: &str, times: i64, now: Millis) -> Result<Option<Failing>> {
    let mut sql = Sql::new("INSERT INTO destinations (name, failures, failing_since, next_probe_at, probed) VALUES (");
    sql.str(name).text(", ").int(times).text(", ").int(now).text(", 0, 0) ");
    sql.text("ON CONFLICT (name) DO UPDATE SET failures = destinations.failures + excluded.failures RETURNING ");
    conn.first(sql.text(COLUMNS), |row| read(&row))
}

/// Opens the breaker of a destination that has failed, or keeps it open, until a probe that goes out at `next_probe_at`
/// or later succeeds.
pub fn open(conn: &mut Conn, name: &str, opened_at: Millis, next_probe_at: Millis) -> Result<()> {
    let mut sql = Sql::new("UPDATE destinations SET opened_at = ");
    sql.int(opened_at).text(", next_probe_at = ").int(next_probe_at).text(" WHERE name = ").str(name);
    conn.execute(&sql).map(drop)
}

/// Forgets that these failed; returns those whose breaker was open.
pub fn recover(conn: &mut Conn, names: Vec<String>) -> Result<Vec<String>> {
    let mut sql = Sql::new("DELETE FROM destinations WHERE name");
    sql.in_texts(names).text(" RETURNING name, opened_at");
    let gone = conn.list(&sql, |row| Ok((row.text(0)?, row.find_int(1)?)))?;
    Ok(gone.into_iter().filter(|(_, opened_at)| opened_at.is_some()).map(|(name, _)| name).collect())
}

/// Takes the probes that are due, at most `limit`; none of them is due for anyone else before `until`.
pub fn take_probes(conn: &mut Conn, now: Millis, until: Millis, limit: usize) -> Result<Vec<Probe>> {
    let mut sql = Sql::new("UPDATE destinations SET next_probe_at = ");
    sql.int(until)
        .text(" WHERE name IN (SELECT name FROM destinations WHERE opened_at IS NOT NULL AND next_probe_at <= ");
    sql.int(now).text(" ORDER BY next_probe_at, name LIMIT ").int(i64::try_from(limit).unwrap_or(i64::MAX));
    // Another process that is about to change one holds what this transaction's next statements may wait for.
    sql.either("", " FOR UPDATE SKIP LOCKED").text(") RETURNING name, probed");
    conn.list(&sql, |row| Ok(Probe { name: row.text(0)?, last: row.int(1)? }))
}

/// Notes which extension record a probe that was taken is of.
pub fn note_probed(conn: &mut Conn, name: &str, extension: i64) -> Result<()> {
    let mut sql = Sql::new("UPDATE destinations SET probed = ");
    sql.int(extension).text(" WHERE name = ").str(name);
    conn.execute(&sql).map(drop)
}

/// Lets the next probe of an open destination go out at `at`.
pub fn probe_at(conn: &mut Conn, name: &str, at: Millis) -> Result<()> {
    let mut sql = Sql::new("UPDATE destinations SET next_probe_at = ");
    sql.int(at).text(" WHERE opened_at IS NOT NULL AND name = ").str(name);
    conn.execute(&sql).map(drop)
}

/// Gives probes that are under way time until `until`.
pub fn hold_probes(conn: &mut Conn, names: Vec<String>, until: Millis) -> Result<()> {
    let mut sql = Sql::new("UPDATE destinations SET next_probe_at = ");
    sql.int(until)
        .text(" WHERE opened_at IS NOT NULL AND next_probe_at < ")
        .int(until)
        .text(" AND name")
        .in_texts(names);
    conn.execute(&sql).map(drop)
}

fn read(row: &super::Row<'_>) -> Result<Failing> {
    Ok(Failing {
        name: row.text(0)?,
        failures: row.int(1)?,
        since: row.int(2)?,
        opened_at: row.find_int(3)?,
        next_probe_at: row.int(4)?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::db::testing::on_every_backend;

    fn opened(conn: &mut Conn, name: &str, next_probe_at: Millis) {
        fail(conn, name, 5, 100).expect("noted");
        open(conn, name, 100, next_probe_at).expect("opened");
    }

    #[test]
    fn failures_add_up_until_a_success() {
        on_every_backend(|conn| {
            let mut fail = |times, now| fail(conn, "a.example", times, now).expect("noted").expect("a row");
            assert_eq!((fail(2, 100).failures, fail(1, 200).failures), (2, 3));
            assert_eq!((fail(1, 300).since, fail(1, 400).opened_at), (100, None));
            assert_eq!(find_open(conn, vec!["a.example".into()]).expect("read"), []);
            open(conn, "a.example", 400, 500).expect("opened");
            let found = find_open(conn, vec!["b.example".into(), "a.example".into()]).expect("read");
            assert_eq!(
                found.iter().map(|one| (one.opened_at, one.next_probe_at)).collect::<Vec<_>>(),
                [(Some(400), 500)]
            );
            assert_eq!(recover(conn, vec!["a.example".into()]).expect("forgotten"), ["a.example"]);
            assert_eq!(recover(conn, vec!["a.example".into()]).expect("forgotten"), [""; 0]);
        });
    }

    #[test]
    fn a_probe_is_taken_once_and_again_when_it_is_not_heard_of() {
        on_every_backend(|conn| {
            opened(conn, "a.example", 200);
            opened(conn, "b.example", 201);
            let mut take = |now, until| -> Vec<String> {
                take_probes(conn, now, until, 10).expect("taken").into_iter().map(|probe| probe.name).collect()
            };
            assert_eq!((take(199, 300), take(200, 300)), (vec![], vec!["a.example".into()]));
            assert_eq!((take(200, 300), take(250, 350)), (vec![], vec!["b.example".into()]));
            assert_eq!(take(300, 400), ["a.example"]);
            note_probed(conn, "a.example", 7).expect("noted");
            hold_probes(conn, vec!["a.example".into()], 500).expect("held");
            assert_eq!(take_probes(conn, 499, 600, 10).expect("taken").len(), 1, "b alone");
            let again = take_probes(conn, 500, 600, 10).expect("taken");
            assert_eq!(again, [Probe { name: "a.example".into(), last: 7 }]);
        });
    }
}
