//! Destinations that fail: how often in a row, since when, and when the next probe goes out. One that does not fail has
//! no row. The rules by which a breaker opens are the runner's.

use std::collections::HashSet;

use diesel::prelude::*;

use super::schema::destinations;
use super::text::safe;
use super::typed::{columns, is_one_of};
use super::{Conn, Sql};
use crate::clock::Millis;
use crate::error::Result;

/// A destination that has failed, each time since [`Failing::since`].
#[derive(Debug, Clone, PartialEq, Eq, Queryable, Selectable)]
#[diesel(table_name = destinations)]
pub struct Failing {
    /// Its name: the host and port of a url, or a handler's key with the record's id.
    pub name: String,
    /// How often in a row.
    pub failures: i64,
    /// When it failed first.
    #[diesel(column_name = failing_since)]
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

/// Those of `names` whose breaker is open, by name.
pub fn find_open(conn: &mut Conn, names: Vec<String>) -> Result<Vec<Failing>> {
    let is_open = destinations::opened_at.is_not_null().and(is_one_of(destinations::name, names));
    conn.load(destinations::table.filter(is_open).order(destinations::name).select(columns::<Failing>()))
}

/// Those of `names` whose breaker is open, and those of `shards` that are held back. On PostgreSQL they stay so until the
/// transaction ends, and none is returned that another process is about to let go: what is parked for one will be released.
pub fn keep_blocked(
    conn: &mut Conn,
    names: Vec<String>,
    shards: Vec<String>,
) -> Result<(HashSet<String>, HashSet<String>)> {
    let mut sql =
        Sql::new("SELECT * FROM (SELECT 1 AS kind, name FROM destinations WHERE opened_at IS NOT NULL AND name");
    sql.in_texts(names).for_key_share().text(") AS o UNION ALL SELECT * FROM (SELECT 2, lane FROM holds WHERE lane");
    sql.in_texts(shards).for_key_share().text(") AS h");
    let (mut open, mut held) = (HashSet::new(), HashSet::new());
    conn.query(&sql, |row| {
        let found = if row.int(0)? == 1 { &mut open } else { &mut held };
        found.insert(row.text(1)?);
        Ok(())
    })?;
    Ok((open, held))
}

/// How those of `names` stand that have failed.
pub fn find(conn: &mut Conn, names: Vec<String>) -> Result<Vec<Failing>> {
    conn.load(destinations::table.filter(is_one_of(destinations::name, names)).select(columns::<Failing>()))
}

/// Notes how a destination stands that has failed `more` times since it was looked at. What another process has found out
/// meanwhile adds up. Returns since when its breaker is open, if it is.
pub fn note(conn: &mut Conn, failing: &Failing, more: i64) -> Result<Option<Millis>> {
    let mut sql =
        Sql::new("INSERT INTO destinations (name, failures, failing_since, opened_at, next_probe_at, probed) VALUES (");
    sql.str(&*failing.name).text(", ").int(failing.failures).text(", ").int(failing.since).text(", ");
    sql.bind(super::Bind::Int(failing.opened_at)).text(", ").int(failing.next_probe_at).text(", 0) ");
    sql.text("ON CONFLICT (name) DO UPDATE SET failures = destinations.failures + ").int(more);
    sql.text(
        ", opened_at = coalesce(destinations.opened_at, excluded.opened_at), next_probe_at = CASE \
         WHEN excluded.opened_at IS NULL THEN destinations.next_probe_at ELSE excluded.next_probe_at END \
         RETURNING opened_at",
    );
    Ok(conn.first(&sql, |row| row.find_int(0))?.flatten())
}

/// Forgets that these failed; returns those whose breaker was open.
pub fn recover(conn: &mut Conn, names: Vec<String>) -> Result<Vec<String>> {
    let these = destinations::table.filter(is_one_of(destinations::name, names));
    let gone: Vec<(String, Option<Millis>)> =
        conn.load(diesel::delete(these).returning((destinations::name, destinations::opened_at)))?;
    Ok(gone.into_iter().filter(|(_, opened_at)| opened_at.is_some()).map(|(name, _)| name).collect())
}

/// Takes the probes that are due, at most `limit`; none of them is due for anyone else before `until`.
pub fn take_probes(conn: &mut Conn, now: Millis, until: Millis, limit: usize) -> Result<Vec<Probe>> {
    let mut sql = Sql::new("UPDATE destinations SET next_probe_at = ");
    sql.int(until)
        .text(" WHERE name IN (SELECT name FROM destinations WHERE opened_at IS NOT NULL AND next_probe_at <= ");
    sql.int(now).text(" ORDER BY next_probe_at, name LIMIT ").int(i64::try_from(limit).unwrap_or(i64::MAX));
    // Another process that is about to change one holds what this transaction's next statements may wait for.
    sql.skip_locked().text(") RETURNING name, probed");
    conn.list(&sql, |row| Ok(Probe { name: row.text(0)?, last: row.int(1)? }))
}

/// Notes which extension record a probe that was taken is of.
pub fn note_probed(conn: &mut Conn, name: &str, extension: i64) -> Result<()> {
    conn.run(diesel::update(destinations::table.find(safe(name))).set(destinations::probed.eq(extension))).map(drop)
}

/// Lets the next probe of an open destination go out at `at`.
pub fn probe_at(conn: &mut Conn, name: &str, at: Millis) -> Result<()> {
    let open = destinations::table.find(safe(name)).filter(destinations::opened_at.is_not_null());
    conn.run(diesel::update(open).set(destinations::next_probe_at.eq(at))).map(drop)
}

/// Gives probes that are under way time until `until`.
pub fn hold_probes(conn: &mut Conn, names: Vec<String>, until: Millis) -> Result<()> {
    let earlier = destinations::table
        .filter(destinations::opened_at.is_not_null().and(destinations::next_probe_at.lt(until)))
        .filter(is_one_of(destinations::name, names));
    conn.run(diesel::update(earlier).set(destinations::next_probe_at.eq(until))).map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::db::testing::on_every_backend;

    fn failing(name: &str, failures: i64, since: Millis) -> Failing {
        Failing { name: name.to_owned(), failures, since, opened_at: None, next_probe_at: 0 }
    }

    fn opened(conn: &mut Conn, name: &str, next_probe_at: Millis) {
        let opened = Failing { opened_at: Some(100), next_probe_at, ..failing(name, 5, 100) };
        note(conn, &opened, 5).expect("noted");
    }

    #[test]
    fn failures_add_up_until_a_success() {
        on_every_backend(|conn| {
            note(conn, &failing("a.example", 2, 100), 2).expect("noted");
            note(conn, &failing("a.example", 3, 200), 1).expect("noted");
            // Another process did not see the one before.
            note(conn, &failing("a.example", 3, 300), 1).expect("noted");
            let found = find(conn, vec!["a.example".into()]).expect("read");
            assert_eq!(found, [failing("a.example", 4, 100)]);
            assert_eq!(find_open(conn, vec!["a.example".into()]).expect("read"), []);
            let opened = Failing { opened_at: Some(400), next_probe_at: 500, ..failing("a.example", 5, 100) };
            note(conn, &opened, 1).expect("opened");
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
