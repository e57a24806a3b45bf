//! Which runs are due, and taking them.

use std::sync::Arc;

use super::{NewRun, small};
use crate::clock::Millis;
use crate::db::events::{self, ENVELOPE, ENVELOPE_COLUMNS, StoreRef};
use crate::db::{Conn, Kind, Row, Sql};
use crate::error::{Error, Result};
use crate::handler::Event;

/// A run that is due, as far as it matters for choosing among them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Due {
    /// Its row.
    pub id: i64,
    /// Where it goes.
    pub destination: String,
    /// The documentId of the store that it belongs to; empty for none.
    pub store: String,
}

/// Up to `limit` runs that are due, the longest due first. On PostgreSQL they are kept from other processes until the
/// transaction ends.
pub fn find_due(conn: &mut Conn, now: Millis, limit: usize) -> Result<Vec<Due>> {
    let mut sql = Sql::new("SELECT id, destination, coalesce(store_document_id, '') FROM runs WHERE ");
    sql.text(WAITING).text(" AND parked = 0 AND due_at <= ").int(now);
    sql.text(" ORDER BY due_at, id LIMIT ").int(i64::try_from(limit).unwrap_or(i64::MAX));
    conn.list(sql.skip_locked(), |row| due(&row))
}

const WAITING: &str = "state IN ('available', 'retryable')";

/// What is due in some lanes.
#[derive(Debug, Default)]
pub struct DueByShards {
    /// The runs, lane by lane, those of a lane by their time.
    pub due: Vec<Due>,
    /// Whether a lane may have more of them.
    pub is_cut: bool,
    /// The lane that was looked at last, if there may be further ones.
    pub last: Option<String>,
}

/// The runs that are due in each of the next `shards` lanes after `after`, at most `each` of a lane. A lane is all that
/// goes to one destination for one store. Costs a step for each lane and each run returned, however many wait.
pub fn find_due_by_lanes(conn: &mut Conn, now: Millis, after: &str, (shards, each): (i64, i64)) -> Result<DueByShards> {
    let mut sql = Sql::new("WITH RECURSIVE lanes(lane, place) AS (SELECT * FROM (SELECT ");
    sql.text(LANE).text(" AS lane, 1 FROM runs WHERE ").text(IN_A_LANE).text(" AND ").text(LANE).text(" > ").str(after);
    sql.text(" ORDER BY 1 LIMIT 1) AS first UNION ALL SELECT (SELECT ").text(LANE).text(" FROM runs WHERE ");
    sql.text(IN_A_LANE).text(" AND ").text(LANE).text(" > lanes.lane ORDER BY ").text(LANE);
    sql.text(" LIMIT 1), place + 1 FROM lanes WHERE lane IS NOT NULL AND place < ").int(shards);
    sql.text(") SELECT r.id, r.destination, coalesce(r.store_document_id, ''), l.lane FROM lanes l LEFT JOIN ");
    sql.either("runs r ON r.id IN (", "LATERAL (");
    sql.either("SELECT id", "SELECT id, destination, store_document_id").text(" FROM runs WHERE ").text(IN_A_LANE);
    sql.text(" AND ").text(LANE).text(" = l.lane AND due_at <= ").int(now);
    sql.text(" ORDER BY due_at, id LIMIT ").int(each);
    sql.either(")", ") r ON TRUE").text(" WHERE l.lane IS NOT NULL ORDER BY l.place");
    let (mut found, mut seen, mut in_lane) = (DueByShards::default(), 0, 0);
    conn.query(&sql, |row| {
        let shard = row.find_text(3)?;
        if shard != found.last {
            (seen, in_lane) = (seen + 1, 0);
            found.last = shard;
        }
        if row.find_int(0)?.is_some() {
            found.due.push(due(&row)?);
            in_lane += 1;
            found.is_cut |= in_lane == each;
        }
        Ok(())
    })?;
    if seen < shards {
        found.last = None;
    }
    Ok(found)
}

/// As the index `runs_by_lane` has it.
const LANE: &str = "(destination || ' ' || coalesce(store_document_id, ''))";
const IN_A_LANE: &str = "state || '' IN ('available', 'retryable') AND parked + 0 = 0";

fn due(row: &Row<'_>) -> Result<Due> {
    Ok(Due { id: row.int(0)?, destination: row.text(1)?, store: row.text(2)? })
}

/// A run that a worker has taken, with what it needs to execute it.
#[derive(Debug)]
pub struct Claimed {
    /// Its row.
    pub id: i64,
    /// Its id.
    pub uid: String,
    /// Which attempt this is, from 1: whoever records something must have this number.
    pub attempt: u32,
    /// How many attempts before it were lost with their worker, made ahead of the run's time, or met a limit.
    pub no_tries: u32,
    /// How many attempts before it were lost with their worker.
    pub lost: u32,
    /// How many attempts before it met a limit.
    pub limits: u32,
    /// When an attempt of it first met a limit.
    pub limited_since: Option<Millis>,
    /// When it was due.
    pub due_at: Millis,
    /// The documentId of the store that it belongs to.
    pub store: Option<String>,
    /// Where it was to go when it was made.
    pub destination: String,
    /// What it has in common with runs that it must not overtake.
    pub ordering_key: Option<String>,
    /// How many there can be.
    pub max_attempts: u32,
    /// Whether someone asked for it by hand: then it runs even if its record is switched off.
    pub is_manual: bool,
    /// The key of the record when the run was made.
    pub key: String,
    /// The extension record's id.
    pub extension_id: i64,
    /// The record as it is now; none when its row is gone.
    pub record: Option<RecordSetup>,
    /// What happened.
    pub event: Arc<Event>,
}

/// An extension record as it is now.
#[derive(Debug, Clone)]
pub struct RecordSetup {
    /// Its key.
    pub key: String,
    /// Its credentials, sealed.
    pub credentials: Option<String>,
    /// Its config; JSON.
    pub config: Option<String>,
    /// Its url.
    pub url: Option<String>,
    /// Its meta; JSON.
    pub meta: Option<String>,
    /// Whether it is switched on.
    pub active: bool,
    /// When it was removed, if it was.
    pub removed_at: Option<Millis>,
}

impl RecordSetup {
    /// Its columns, in the order in which [`RecordSetup::read`] takes them; the table is called `x`.
    pub(in crate::db) const COLUMNS: &str = "x.key, x.credentials, x.config, x.url, x.meta, x.active, x.removed_at";

    /// Reads the columns of [`RecordSetup::COLUMNS`], the first of which is column `first`.
    pub(in crate::db) fn read(row: &Row<'_>, first: usize) -> Result<Self> {
        Ok(Self {
            key: row.find_text(first)?.unwrap_or_default(),
            credentials: row.find_text(first + 1)?,
            config: row.find_text(first + 2)?,
            url: row.find_text(first + 3)?,
            meta: row.find_text(first + 4)?,
            active: row.find_int(first + 5)? == Some(1),
            removed_at: row.find_int(first + 6)?,
        })
    }
}

impl Claimed {
    /// The run with this row, which was taken as it was made.
    pub fn new(id: i64, run: NewRun, record: Option<RecordSetup>, event: Arc<Event>) -> Self {
        Self {
            id,
            uid: run.uid,
            attempt: 1,
            no_tries: 0,
            lost: 0,
            limits: 0,
            limited_since: None,
            due_at: run.due_at,
            store: run.store,
            destination: run.destination,
            ordering_key: run.ordering_key,
            max_attempts: run.max_attempts,
            is_manual: run.pattern.is_none(),
            key: run.key,
            extension_id: run.extension,
            record,
            event,
        }
    }
}

/// Runs that were taken.
#[derive(Debug, Default)]
pub struct Takings {
    /// Those that can be executed, in the order of their time.
    pub claimed: Vec<Claimed>,
    /// Those that cannot even be read.
    pub unreadable: Vec<Unreadable>,
}

/// A run that was taken and cannot be read.
#[derive(Debug)]
pub struct Unreadable {
    /// The run, with the attempt that it was taken for.
    pub lease: (i64, u32),
    /// What it has in common with runs that it must not overtake.
    pub ordering_key: Option<String>,
    /// What cannot be read.
    pub error: Error,
}

/// Takes those of the runs `ids` that nobody else has taken, and holds them until `lease_until`.
pub fn take(conn: &mut Conn, ids: Vec<i64>, lease_until: Millis) -> Result<Takings> {
    let mut takings = Takings::default();
    if ids.is_empty() {
        return Ok(takings);
    }
    let mut update = Sql::default();
    // In one statement where a round trip costs most.
    update.either("", "WITH taken AS (");
    update.text("UPDATE runs SET state = 'running', parked = 0, attempt = attempt + 1, reason = NULL, lease_until = ");
    update.int(lease_until).text(" WHERE ");
    update.either("id", "id IN (SELECT id FROM runs WHERE id").in_ints(ids);
    // Not as the indexes of waiting runs have it: by them it would be every run that waits.
    update.text(" AND state || '' IN ('available', 'retryable')");
    update.either(" RETURNING id", " FOR UPDATE SKIP LOCKED) RETURNING *)");
    let mut sql = Sql::default();
    if conn.kind() == Kind::Postgres {
        sql.append(update);
    } else {
        let taken = conn.list(&update, |row| row.int(0))?;
        sql.text("WITH taken AS (SELECT * FROM runs WHERE id").in_ints(taken).text(")");
    }
    sql.text(
        " SELECT r.id, r.uid, r.attempt, r.lost + r.probes + r.limits, r.lost, r.max_attempts, r.due_at, \
         r.store_document_id, r.destination, r.line, r.key, r.extension_id, r.limited_since, x.id, ",
    );
    sql.text(RecordSetup::COLUMNS).text(", CASE WHEN r.pattern IS NULL THEN 1 ELSE 0 END, ").text(ENVELOPE).text(
        ", CASE WHEN r.store_document_id <> coalesce(e.store_document_id, '') THEN r.store_document_id END, \
         CASE WHEN r.store_document_id <> coalesce(e.store_document_id, '') THEN (SELECT s.slug FROM stores s \
         WHERE s.id = x.owner_id AND s.document_id = r.store_document_id) END, r.limits \
         FROM taken r JOIN events e ON e.id = r.event_id LEFT JOIN extensions x ON x.id = r.extension_id \
         ORDER BY r.due_at, r.id",
    );
    conn.query(&sql, |row| {
        match claimed(&row) {
            Ok(run) => takings.claimed.push(run),
            Err(error) => {
                let lease = (row.int(0)?, small(row.int(2)?)?);
                takings.unreadable.push(Unreadable { lease, ordering_key: row.find_text(9)?, error });
            }
        }
        Ok(())
    })?;
    Ok(takings)
}

fn claimed(row: &Row<'_>) -> Result<Claimed> {
    let mut event = events::read(row, 22)?;
    // A product's event names the first of its stores; the record is reached through its own.
    if let Some(document_id) = row.find_text(22 + ENVELOPE_COLUMNS)? {
        event.store = Some(StoreRef { document_id, slug: row.find_text(23 + ENVELOPE_COLUMNS)? });
    }
    let record = row.find_int(13)?.map(|_| RecordSetup::read(row, 14)).transpose()?;
    Ok(Claimed {
        id: row.int(0)?,
        uid: row.text(1)?,
        attempt: small(row.int(2)?)?,
        no_tries: small(row.int(3)?)?,
        lost: small(row.int(4)?)?,
        limits: small(row.int(24 + ENVELOPE_COLUMNS)?)?,
        limited_since: row.find_int(12)?,
        max_attempts: small(row.int(5)?)?,
        due_at: row.int(6)?,
        store: row.find_text(7)?,
        destination: row.text(8)?,
        ordering_key: row.find_text(9)?,
        key: row.text(10)?,
        extension_id: row.int(11)?,
        record,
        is_manual: row.int(21)? == 1,
        event: Arc::new(event),
    })
}

/// What the runner has to look for next.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Upcoming {
    /// When the next run is due that is not due yet.
    pub due_at: Option<Millis>,
    /// When the next probe of an open destination goes out, or the next lane is held back no longer.
    pub probe_at: Option<Millis>,
    /// Whether any destination has failed or any lane is held back.
    pub any_failing: bool,
}

/// What is to be done after `now`.
pub fn upcoming(conn: &mut Conn, now: Millis) -> Result<Upcoming> {
    let mut sql = Sql::new("SELECT (SELECT due_at FROM runs WHERE ");
    sql.text(WAITING).text(" AND parked = 0 AND due_at > ").int(now).text(" ORDER BY due_at, id LIMIT 1), ");
    sql.text("(SELECT min(at) FROM (SELECT min(next_probe_at) AS at FROM destinations WHERE opened_at IS NOT NULL ");
    sql.text("UNION ALL SELECT min(until) FROM holds) AS next), (SELECT count(*) FROM destinations) + (SELECT count(*) FROM holds)");
    let found = conn.first(&sql, |row| {
        Ok(Upcoming { due_at: row.find_int(0)?, probe_at: row.find_int(1)?, any_failing: row.int(2)? > 0 })
    })?;
    Ok(found.unwrap_or_default())
}
