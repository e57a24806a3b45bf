//! Extension records, as the runner needs them: who listens to an event, and what an attempt leaves behind.

use std::collections::{BTreeMap, HashMap};

use diesel::prelude::*;
use serde_json::{Map, Value};

use super::bulk::{self, Bulk};
use super::documents::document_id;
use super::events::{Owner, StoreRef};
use super::schema::extensions;
use super::text::{JsonTexts, Switch, safe};
use super::typed::{columns, is_one_of};
use super::{Conn, Row, Sql, runs};
use crate::clock::Millis;
use crate::error::{Error, Result};
use crate::nesting;

/// An extension record, as far as it decides which events it hears.
#[derive(Debug)]
pub struct Candidate {
    /// Its id.
    pub id: i64,
    /// Its key; empty when it has none, as in an unfinished draft.
    pub key: String,
    /// Whether it is switched on.
    pub active: bool,
    /// Its trigger patterns.
    pub triggers: Vec<String>,
    /// Its config; JSON.
    pub config: Option<String>,
    /// Its url.
    pub url: Option<String>,
    /// When it was removed, if it was.
    pub removed_at: Option<Millis>,
    /// The store that holds it, if one does.
    pub store: Option<StoreRef>,
}

/// The next records of `owner` in the order of their ids, at most `limit`, after the record `after`: as
/// [`find_few_candidates`] finds them.
pub fn find_candidates_after(conn: &mut Conn, owner: &Owner, after: i64, limit: usize) -> Result<Vec<Candidate>> {
    let mut sql = Sql::new(COLUMNS);
    sql.text(FROM).text(LISTENING).text("x.owner_field = ").str(&*owner.0).text(" AND x.owner_id = ").int(owner.1);
    sql.text(" AND x.id > ").int(after).text(" ORDER BY x.id LIMIT ").int(i64::try_from(limit).unwrap_or(i64::MAX));
    conn.list(&sql, |row| candidate(&row))
}

/// The active records of `owners` that listen to anything, by owner and in their order; `None` when there are more than
/// `most`. Removed ones are among them: events from before still reach them.
pub fn find_few_candidates(
    conn: &mut Conn,
    owners: Vec<Owner>,
    most: usize,
) -> Result<Option<HashMap<Owner, Vec<Candidate>>>> {
    let found = candidates(conn, owners, None, most + 1)?;
    Ok((found.values().map(Vec::len).sum::<usize>() <= most).then_some(found))
}

/// As [`find_few_candidates`], of those whose config has `text` in it: at most `limit`.
pub fn find_listeners_with(
    conn: &mut Conn,
    owners: Vec<Owner>,
    text: &'static str,
    limit: usize,
) -> Result<HashMap<Owner, Vec<Candidate>>> {
    candidates(conn, owners, Some(text), limit)
}

fn candidates(
    conn: &mut Conn,
    owners: Vec<Owner>,
    text: Option<&str>,
    limit: usize,
) -> Result<HashMap<Owner, Vec<Candidate>>> {
    let mut found: HashMap<Owner, Vec<(i64, Candidate)>> = HashMap::new();
    if owners.is_empty() {
        return Ok(HashMap::new());
    }
    let mut sql = Sql::new(COLUMNS);
    sql.text(FROM).text(LISTENING).append(of_owners(owners));
    if let Some(text) = text {
        sql.text(" AND x.config LIKE ").str(format!("%{text}%"));
    }
    sql.text(" LIMIT ").int(i64::try_from(limit).unwrap_or(i64::MAX));
    conn.query(&sql, |row| {
        found.entry(owner(&row)?).or_default().push((row.int(2)?, candidate(&row)?));
        Ok(())
    })?;
    let in_order = |mut candidates: Vec<(i64, Candidate)>| {
        candidates.sort_by_key(|(position, candidate)| (*position, candidate.id));
        candidates.into_iter().map(|(_, candidate)| candidate).collect()
    };
    Ok(found.into_iter().map(|(owner, candidates)| (owner, in_order(candidates))).collect())
}

/// A record with all that decides what becomes of an event.
#[derive(Debug)]
pub struct CandidateWithSetup {
    /// What holds it.
    pub owner: Owner,
    /// The documentId of that; for a price that of its product, and none when it is gone.
    pub document_id: Option<String>,
    /// Which events it hears.
    pub candidate: Candidate,
    /// What its handler would be given.
    pub record: runs::RecordSetup,
}

/// Every record of `owners`, those that hear nothing too, by owner and in their order.
pub fn find_candidates_with_setup(conn: &mut Conn, owners: Vec<Owner>) -> Result<Vec<CandidateWithSetup>> {
    let mut sql = Sql::new(COLUMNS);
    sql.text(", x.credentials, x.meta, ");
    document_id(&mut sql, conn.catalog(), "x");
    sql.text(FROM).append(of_owners(owners.clone()));
    sql.text(" ORDER BY x.position, x.id");
    let mut found = conn.list(&sql, |row| {
        let (owner, candidate) = (owner(&row)?, candidate(&row)?);
        let record = runs::RecordSetup {
            key: candidate.key.clone(),
            credentials: row.find_text(12)?,
            config: candidate.config.clone(),
            url: candidate.url.clone(),
            meta: row.find_text(13)?,
            active: candidate.active,
            removed_at: candidate.removed_at,
        };
        Ok(CandidateWithSetup { owner, document_id: row.find_text(14)?, candidate, record })
    })?;
    found.sort_by_key(|reached| owners.iter().position(|owner| *owner == reached.owner));
    Ok(found)
}

/// What the handlers of the records `ids` would be given, by record.
pub fn find_records(conn: &mut Conn, ids: Vec<i64>) -> Result<HashMap<i64, runs::RecordSetup>> {
    let mut sql = Sql::new("SELECT x.id, ");
    sql.text(runs::RecordSetup::COLUMNS).text(" FROM extensions x WHERE x.id").in_ints(ids);
    Ok(conn.list(&sql, |row| Ok((row.int(0)?, runs::RecordSetup::read(&row, 1)?)))?.into_iter().collect())
}

const COLUMNS: &str = "SELECT x.owner_field, x.owner_id, x.position, x.id, x.key, x.triggers, x.config, x.removed_at, \
    s.document_id, x.active, x.url, s.slug";

/// Most records that hear nothing are stepped over here already.
const LISTENING: &str = "x.active AND x.key IS NOT NULL AND x.triggers <> '[]' AND ";

const FROM: &str =
    " FROM extensions x LEFT JOIN stores s ON x.owner_field = 'store.extensions' AND s.id = x.owner_id WHERE ";

fn owner(row: &Row<'_>) -> Result<Owner> {
    Ok((row.text(0)?, row.int(1)?))
}

fn candidate(row: &Row<'_>) -> Result<Candidate> {
    let triggers = row.find_text(5)?;
    Ok(Candidate {
        id: row.int(3)?,
        key: row.find_text(4)?.unwrap_or_default(),
        triggers: triggers.and_then(|triggers| serde_json::from_str(&triggers).ok()).unwrap_or_default(),
        config: row.find_text(6)?,
        removed_at: row.find_int(7)?,
        store: row
            .find_text(8)?
            .map(|document_id| Ok::<_, Error>(StoreRef { document_id, slug: row.find_text(11)? }))
            .transpose()?,
        active: row.find_int(9)? == Some(1),
        url: row.find_text(10)?,
    })
}

fn of_owners(owners: Vec<Owner>) -> Sql {
    let mut ids_of: BTreeMap<String, Vec<i64>> = BTreeMap::new();
    for (field, id) in owners {
        ids_of.entry(field).or_default().push(id);
    }
    let mut sql = Sql::new("(");
    for (place, (field, ids)) in ids_of.into_iter().enumerate() {
        sql.text(if place > 0 { " OR " } else { "" });
        sql.text("(x.owner_field = ").str(field).text(" AND x.owner_id").in_ints(ids).text(")");
    }
    sql.text(")");
    sql
}

/// An extension record, as it is found by what holds it.
#[derive(Debug, Clone, Queryable, Selectable)]
#[diesel(table_name = extensions)]
pub struct ExtensionRecord {
    /// Its id.
    pub id: i64,
    /// Its key; an editor may have left it out.
    pub key: Option<String>,
    /// Its trigger patterns.
    #[diesel(deserialize_as = JsonTexts)]
    pub triggers: Vec<String>,
    /// Its credentials, sealed.
    pub credentials: Option<String>,
    /// Its config; JSON.
    pub config: Option<String>,
    /// Its url.
    pub url: Option<String>,
    /// Its meta; JSON.
    pub meta: Option<String>,
    /// Whether it is switched on.
    #[diesel(deserialize_as = Switch)]
    pub active: bool,
}

/// The record of `owner` with this id, unless it was removed.
pub fn find(conn: &mut Conn, owner: &Owner, id: i64) -> Result<Option<ExtensionRecord>> {
    let of_owner = extensions::owner_field.eq(safe(&owner.0)).and(extensions::owner_id.eq(owner.1));
    let known = extensions::table.find(id).filter(extensions::removed_at.is_null().and(of_owner));
    conn.load_first(known.select(columns::<ExtensionRecord>()))
}

/// What attempts add to a record's counters.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct CounterChange {
    /// Attempts that reached the handler.
    pub runs: i64,
    /// When the last of them that succeeded ended.
    pub succeeded_at: Option<Millis>,
    /// When the first of them that failed ended.
    pub failed_at: Option<Millis>,
}

const COUNT: Bulk = Bulk {
    sqlite: &[
        "UPDATE extensions SET run_count = run_count + t.runs, last_run = max(coalesce(last_run, 0), \
         coalesce(t.succeeded_at, last_run)), failing_since = CASE WHEN t.succeeded_at IS NULL THEN \
         coalesce(failing_since, t.failed_at) END FROM (SELECT ",
        " AS runs, ",
        " AS succeeded_at, ",
        " AS failed_at, ",
        " AS id) AS t WHERE extensions.id = t.id",
    ],
    postgres: [
        "UPDATE extensions x SET run_count = x.run_count + t.runs, last_run = greatest(x.last_run, t.succeeded_at), \
         failing_since = CASE WHEN t.succeeded_at IS NULL THEN coalesce(x.failing_since, t.failed_at) END FROM ",
        " AS t(runs, succeeded_at, failed_at, id) WHERE x.id = t.id",
    ],
};

/// Adds to the counters of records.
pub fn count(conn: &mut Conn, tallies: &BTreeMap<i64, CounterChange>) -> Result<()> {
    // Two processes that count for the same records would wait for each other, each holding what the other needs,
    // unless all take them in one order.
    let mut lock = Sql::new("SELECT id FROM extensions WHERE id");
    lock.in_ints(tallies.keys().copied().collect()).text(" ORDER BY id").for_update();
    if tallies.len() > 1 && conn.kind() == super::Kind::Postgres {
        conn.list(&lock, |row| row.int(0))?;
    }
    let values = |(id, tally): (&i64, &CounterChange)| {
        vec![tally.runs.into(), tally.succeeded_at.into(), tally.failed_at.into(), (*id).into()]
    };
    bulk::run(conn, &COUNT, tallies.iter().map(values).collect()).map(drop)
}

/// Merges members into a record's `meta`, the latest last; a null removes its member.
pub fn merge_meta(conn: &mut Conn, id: i64, members: &Map<String, Value>) -> Result<()> {
    let mut sql = Sql::new("SELECT meta FROM extensions WHERE id = ");
    sql.int(id).for_update();
    let Some(stored) = conn.first(&sql, |row| row.find_text(0))? else { return Ok(()) };
    let mut meta = match stored.as_deref().map(nesting::read_stored).transpose()? {
        Some(Value::Object(meta)) => meta,
        _ => Map::new(),
    };
    for (name, value) in members {
        meta.shift_remove(name);
        if !value.is_null() {
            meta.insert(name.clone(), value.clone());
        }
    }
    let meta = Value::Object(meta).to_string();
    conn.run(diesel::update(extensions::table.find(id)).set(extensions::meta.eq(Some(meta)))).map(drop)
}

/// Those of the records `ids` that have not failed since their last success, with their keys.
pub fn find_not_failing(conn: &mut Conn, ids: Vec<i64>) -> Result<Vec<(i64, String)>> {
    let well = extensions::failing_since.is_null().and(is_one_of(extensions::id, ids));
    let query = extensions::table.filter(well).order(extensions::id).select((extensions::id, extensions::key));
    let found: Vec<(i64, Option<String>)> = conn.load(query)?;
    Ok(found.into_iter().map(|(id, key)| (id, key.unwrap_or_default())).collect())
}

/// Those of the records `ids` that have failed since `before` or longer.
pub fn find_failing(conn: &mut Conn, ids: Vec<i64>, before: Millis) -> Result<Vec<i64>> {
    let failing = extensions::active.and(extensions::failing_since.le(before)).and(is_one_of(extensions::id, ids));
    conn.load(extensions::table.filter(failing).select(extensions::id))
}

/// A record that was switched off.
#[derive(Debug, Queryable, Selectable)]
#[diesel(table_name = extensions)]
pub struct DisabledExtension {
    /// Its id.
    pub id: i64,
    /// Its key.
    pub key: Option<String>,
    /// Its url.
    pub url: Option<String>,
    /// What holds it.
    #[diesel(select_expression = (extensions::owner_field, extensions::owner_id))]
    pub owner: Owner,
    /// Since when it has failed without a success.
    pub failing_since: Option<Millis>,
    /// Why it was switched off.
    #[diesel(select_expression = extensions::disabled_reason.assume_not_null())]
    pub reason: String,
}

/// Switches records off; those that are off already are not returned.
pub fn switch_off(conn: &mut Conn, ids: Vec<i64>, reason: &'static str) -> Result<Vec<DisabledExtension>> {
    let these = extensions::table.filter(extensions::active.and(is_one_of(extensions::id, ids)));
    let off = (extensions::active.eq(Some(false)), extensions::disabled_reason.eq(Some(reason)));
    conn.load(diesel::update(these).set(off).returning(columns::<DisabledExtension>()))
}

/// Forgets why a record was switched off, and since when it failed, if someone has switched it on again.
pub fn revive(conn: &mut Conn, id: i64) -> Result<()> {
    let disabled = extensions::active.and(extensions::disabled_reason.is_not_null());
    let forgotten = (extensions::failing_since.eq(None::<Millis>), extensions::disabled_reason.eq(None::<&str>));
    conn.run(diesel::update(extensions::table.find(id).filter(disabled)).set(forgotten)).map(drop)
}

/// Deletes records that were removed before `before` and have nothing left to run, their credentials with them.
pub fn prune(conn: &mut Conn, before: Millis) -> Result<usize> {
    let mut sql = Sql::new("DELETE FROM extensions WHERE removed_at < ");
    sql.int(before).text(
        " AND NOT EXISTS (SELECT 1 FROM events WHERE dispatched_at IS NULL AND slice_owner IS NULL) \
         AND NOT EXISTS (SELECT 1 FROM events WHERE dispatched_at IS NULL AND slice_owner IS NOT NULL) \
         AND NOT EXISTS (SELECT 1 FROM runs \
         WHERE extension_id = extensions.id AND state IN ('available', 'retryable', 'running'))",
    );
    conn.execute(&sql)
}
