//! The outbox: events, written in the transaction of the change they tell of.

mod find;

use diesel::prelude::*;
use serde_json::Value;

use crate::clock::Millis;
use crate::db::bulk::{self, Bulk, Values};
use crate::db::schema::events;
use crate::db::typed::{columns, is_one_of};
use crate::db::{Conn, Row, Sql};
use crate::error::{Error, Result};
use crate::handler::{Event, Json};
pub use crate::handler::{StoreRef, Target};
use crate::triggers::stock::{LOW, RESTOCKED};

pub use find::{EventFilter, FoundEvent, count, find, find_page};

/// Something that happened, before it is stored.
#[derive(Debug, Clone)]
pub struct NewEvent {
    /// The id the world sees, from [`crate::ids::sortable`] with the prefix `evt`.
    pub uid: String,
    /// `trigger:post_sale`, in the long form.
    pub trigger: String,
    /// When.
    pub occurred_at: Millis,
    /// What it is about.
    pub target: Target,
    /// The store it belongs to, where there is one.
    pub store: Option<StoreRef>,
    /// Whose extension records it reaches.
    pub owners: Vec<Owner>,
    /// The entity as the API would show it, credentials out; JSON.
    pub data: Option<String>,
    /// What changed: `{path: {from, to}}`.
    pub changes: Option<Value>,
    /// What the caller sent along.
    pub payload: Option<Value>,
    /// Who caused it, such as `token:shop` or `public`.
    pub actor: String,
    /// How many events led to it, each through the run of an extension record.
    pub depth: u32,
    /// The caller's key, with what it is valid for in front.
    pub idempotency_key: Option<String>,
}

impl NewEvent {
    /// An event about `target` that says nothing else yet: every event begins with this, and names what differs.
    pub fn about(target: Target) -> Self {
        Self {
            uid: String::new(),
            trigger: String::new(),
            occurred_at: 0,
            target,
            store: None,
            owners: Vec::new(),
            data: None,
            changes: None,
            payload: None,
            actor: String::new(),
            depth: 0,
            idempotency_key: None,
        }
    }

    /// The envelope, as it is read once the event is stored.
    pub fn envelope(&self) -> Result<Event> {
        let json = |value: &Option<Value>| value.as_ref().map(|value| Json::parse(value.to_string())).transpose();
        Ok(Event {
            id: self.uid.clone(),
            trigger: self.trigger.clone(),
            occurred_at: self.occurred_at,
            target: self.target.clone(),
            store: self.store.clone(),
            data: self.data.clone().map(Json::parse).transpose()?.unwrap_or_default(),
            changes: json(&self.changes)?,
            payload: json(&self.payload)?,
            actor: self.actor.clone(),
            depth: self.depth,
            test: false,
        })
    }
}

/// The holder of extension records: `("product.extensions", 3)`, the second the row of the draft or the price's id.
pub type Owner = (String, i64);

/// The columns of an envelope, in the order in which [`read`] takes them; the table is called `e`.
pub(in crate::db) const ENVELOPE: &str =
    "e.uid, e.trigger, e.occurred_at, e.target, e.store, e.data, e.changes, e.payload, e.actor, e.depth";

/// How many columns those are.
pub(in crate::db) const ENVELOPE_COLUMNS: usize = 10;

const INSERT: Bulk = Bulk {
    sqlite: &[
        "INSERT INTO events (uid, trigger, occurred_at, target, target_document_id, store, store_document_id, owners, \
         data, changes, payload, actor, depth, idempotency_key, dispatched_at) VALUES (",
        ", ",
        ", ",
        ", ",
        ", ",
        ", ",
        ", ",
        ", ",
        ", ",
        ", ",
        ", ",
        ", ",
        ", ",
        ", ",
        ", ",
        ") ON CONFLICT DO NOTHING",
    ],
    postgres: [
        "INSERT INTO events (uid, trigger, occurred_at, target, target_document_id, store, store_document_id, owners, \
         data, changes, payload, actor, depth, idempotency_key, dispatched_at) SELECT * FROM ",
        " ON CONFLICT DO NOTHING",
    ],
};

/// Stores `events`, in their order, for the runner to dispatch.
///
/// [`Error::Conflict`] when another event has the same caller's key: one that was committed meanwhile, since callers
/// look first.
pub fn insert(conn: &mut Conn, events: &[NewEvent]) -> Result<()> {
    let rows = events.iter().map(|event| values(event, None)).collect::<Result<Vec<_>>>()?;
    is_whole(bulk::run(conn, &INSERT, rows)?, events)
}

/// Stores events, in their order, and returns their rows; each with the moment of its dispatch, if its runs are made in
/// this transaction. Fails as [`insert`] does.
pub fn insert_rows(conn: &mut Conn, events: &[(&NewEvent, Option<Millis>)]) -> Result<Vec<i64>> {
    let rows = events.iter().map(|(event, dispatched_at)| values(event, *dispatched_at)).collect::<Result<Vec<_>>>()?;
    let rows = bulk::insert(conn, &INSERT, rows)?;
    is_whole(rows.len(), events).map(|()| rows)
}

fn is_whole<T>(stored: usize, events: &[T]) -> Result<()> {
    match stored == events.len() {
        true => Ok(()),
        false => Err(Error::Conflict("the idempotency key was used at the same moment".into())),
    }
}

fn values(event: &NewEvent, dispatched_at: Option<Millis>) -> Result<Values> {
    let json = |value: &Option<Value>| value.as_ref().map(Value::to_string);
    Ok(vec![
        event.uid.as_str().into(),
        event.trigger.as_str().into(),
        event.occurred_at.into(),
        serde_json::to_string(&event.target)?.into(),
        event.target.document_id.as_str().into(),
        event.store.as_ref().map(serde_json::to_string).transpose()?.into(),
        event.store.as_ref().map(|store| store.document_id.clone()).into(),
        serde_json::to_string(&event.owners)?.into(),
        event.data.clone().into(),
        json(&event.changes).into(),
        json(&event.payload).into(),
        event.actor.as_str().into(),
        i64::from(event.depth).into(),
        event.idempotency_key.clone().into(),
        dispatched_at.into(),
    ])
}

/// Reads the columns of [`ENVELOPE`], the first of which is column `first`.
pub(in crate::db) fn read(row: &Row<'_>, first: usize) -> Result<Event> {
    let json =
        |place: usize| -> Result<Option<Json>> { Ok(row.find_text(first + place)?.map(Json::parse).transpose()?) };
    let store = row.find_text(first + 4)?;
    Ok(Event {
        id: row.text(first)?,
        trigger: row.text(first + 1)?,
        occurred_at: row.int(first + 2)?,
        target: serde_json::from_str(&row.text(first + 3)?)?,
        store: store.map(|text| serde_json::from_str(&text)).transpose()?,
        data: json(5)?.unwrap_or_default(),
        changes: json(6)?,
        payload: json(7)?,
        actor: row.text(first + 8)?,
        depth: u32::try_from(row.int(first + 9)?).unwrap_or(u32::MAX),
        test: false,
    })
}

/// An event that was not dispatched yet.
#[derive(Debug)]
pub struct Undispatched {
    /// Its row.
    pub id: i64,
    /// The trigger, in its long form.
    pub trigger: String,
    /// When it happened.
    pub occurred_at: Millis,
    /// The documentId of its store.
    pub store: Option<String>,
    /// Whose extension records it reaches; JSON.
    pub owners: String,
    /// What changed, of an event that a stock crossed a level; JSON.
    pub stock: Option<String>,
    /// What it is about; JSON.
    pub target: String,
}

/// Held while events are dispatched. The number is this program's own.
const DISPATCHING: &str = "WITH dispatching AS MATERIALIZED (SELECT pg_try_advisory_xact_lock(7310861541) AS mine) \
    SELECT d.mine, EXISTS (SELECT 1 FROM events WHERE dispatched_at IS NULL AND slice_owner IS NOT NULL), e.* \
    FROM dispatching d LEFT JOIN LATERAL (";

/// Events that wait for their dispatch.
#[derive(Debug, Default)]
pub struct Waiting {
    /// The oldest of those whose dispatch has not begun.
    pub events: Vec<Undispatched>,
    /// Whether there are some that are dispatched in slices.
    pub in_slices: bool,
}

/// The oldest events that were not dispatched, at most `limit`; none at all while another process dispatches, since runs
/// that stand in a line must be made in the order of their events. On PostgreSQL nobody else dispatches such events then
/// until the transaction ends.
pub fn undispatched(conn: &mut Conn, limit: i64) -> Result<Option<Waiting>> {
    let mut sql = Sql::default();
    // A row at least, whether there are events or not.
    sql.either(
        "SELECT 1, EXISTS (SELECT 1 FROM events WHERE dispatched_at IS NULL AND slice_owner IS NOT NULL), e.* \
         FROM (SELECT 1) AS d LEFT JOIN (",
        DISPATCHING,
    );
    // As the index of undispatched events has it, so that no other gives this order.
    sql.append(to_dispatch())
        .text("WHERE dispatched_at IS NULL AND slice_owner IS NULL ORDER BY id + 0 LIMIT ")
        .int(limit);
    sql.either(") AS e ON 1", ") AS e ON d.mine");
    let (mut mine, mut found) = (true, Waiting::default());
    conn.query(&sql, |row| {
        mine = row.int(0)? == 1;
        found.in_slices = row.int(1)? == 1;
        if row.find_int(2)?.is_some() {
            found.events.push(read_undispatched(&row, 2)?);
        }
        Ok(())
    })?;
    Ok(mine.then_some(found))
}

/// How far an event is dispatched that reaches too many records for one transaction.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Slice {
    /// The place of an owner among those of the event.
    pub owner: usize,
    /// The last record of it whose turn it was; 0 for none.
    pub after: i64,
}

/// The oldest events that are dispatched in slices, at most `limit`, each with how far that is.
pub fn in_slices(conn: &mut Conn, limit: i64) -> Result<Vec<(Undispatched, Slice)>> {
    let mut sql =
        Sql::new("SELECT e.slice_owner, e.slice_after, e.id, e.trigger, e.occurred_at, e.store_document_id, ");
    sql.text("e.owners, CASE WHEN e.trigger IN (")
        .str(LOW)
        .text(", ")
        .str(RESTOCKED)
        .text(") THEN e.changes END, e.target ");
    sql.text("FROM events e WHERE dispatched_at IS NULL AND slice_owner IS NOT NULL ORDER BY id + 0 LIMIT ").int(limit);
    conn.list(&sql, |row| {
        let slice = Slice { owner: usize::try_from(row.int(0)?).unwrap_or(usize::MAX), after: row.int(1)? };
        Ok((read_undispatched(&row, 2)?, slice))
    })
}

/// Notes how far these events are dispatched.
pub fn mark_slice(conn: &mut Conn, ids: Vec<i64>, slice: Slice) -> Result<()> {
    let owner = i64::try_from(slice.owner).unwrap_or(i64::MAX);
    let reached = (events::slice_owner.eq(Some(owner)), events::slice_after.eq(Some(slice.after)));
    conn.run(diesel::update(events::table.filter(is_one_of(events::id, ids))).set(reached)).map(drop)
}

/// The event with this id as its dispatcher sees it, or saw it.
pub fn find_as_undispatched(conn: &mut Conn, uid: &str) -> Result<Option<Undispatched>> {
    let mut sql = to_dispatch();
    sql.text("WHERE uid = ").str(uid);
    conn.first(&sql, |row| read_undispatched(&row, 0))
}

fn to_dispatch() -> Sql {
    let mut sql = Sql::new("SELECT id, trigger, occurred_at, store_document_id, owners, CASE WHEN trigger IN (");
    sql.str(LOW).text(", ").str(RESTOCKED).text(") THEN changes END, target FROM events ");
    sql
}

/// Reads the columns of [`to_dispatch`], the first of which is column `first`.
fn read_undispatched(row: &Row<'_>, first: usize) -> Result<Undispatched> {
    Ok(Undispatched {
        id: row.int(first)?,
        trigger: row.text(first + 1)?,
        occurred_at: row.int(first + 2)?,
        store: row.find_text(first + 3)?,
        owners: row.text(first + 4)?,
        stock: row.find_text(first + 5)?,
        target: row.text(first + 6)?,
    })
}

/// Notes that the runs of these events are stored.
pub fn mark_dispatched(conn: &mut Conn, ids: Vec<i64>, now: Millis) -> Result<()> {
    let these = events::table.filter(is_one_of(events::id, ids));
    conn.run(diesel::update(these).set(events::dispatched_at.eq(Some(now)))).map(drop)
}

/// An event that was stored under a caller's key.
#[derive(Debug, Queryable, Selectable)]
#[diesel(table_name = events)]
pub struct Keyed {
    /// Its row.
    pub id: i64,
    /// Its id.
    pub uid: String,
    /// The key.
    #[diesel(select_expression = events::idempotency_key.assume_not_null())]
    pub key: String,
    /// The trigger.
    pub trigger: String,
    /// The document it is about.
    #[diesel(column_name = target_document_id)]
    pub document_id: String,
    /// What the caller sent along.
    pub payload: Option<String>,
    /// When.
    pub occurred_at: Millis,
}

/// The events that are stored under these callers' keys.
pub fn find_by_keys(conn: &mut Conn, keys: Vec<String>) -> Result<Vec<Keyed>> {
    let keyed = events::idempotency_key.is_not_null().and(is_one_of(events::idempotency_key, keys));
    conn.load(events::table.filter(keyed).select(columns::<Keyed>()))
}

/// Frees the keys of events whose time for being repeated has passed.
pub fn forget_keys(conn: &mut Conn, ids: Vec<i64>) -> Result<()> {
    let these = events::table.filter(is_one_of(events::id, ids));
    conn.run(diesel::update(these).set(events::idempotency_key.eq(None::<&str>))).map(drop)
}
