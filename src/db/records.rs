//! Extension records as callers see them, by what holds them.

use std::collections::BTreeMap;

use diesel::prelude::*;
use serde::{Serialize, Serializer};

use super::events::Owner;
use super::schema::extensions;
use super::{Conn, Row, Sql};
use crate::clock::{Millis, iso};
use crate::error::Result;
use crate::handler::Json;

/// Which records of a holder are asked for; nothing is all of them.
#[derive(Debug, Clone, Default)]
pub struct RecordFilter {
    /// With this key.
    pub key: Option<String>,
    /// Switched on, or not.
    pub active: Option<bool>,
}

/// A record as it is shown: its credentials masked.
#[derive(Debug, Clone, Serialize)]
pub struct ShownRecord {
    /// Its id.
    pub id: i64,
    /// Its key.
    pub key: Option<String>,
    /// Its trigger patterns.
    pub triggers: Option<Json>,
    /// The mask of its credentials.
    pub credentials: Option<Json>,
    /// Its config.
    pub config: Option<Json>,
    /// Its url.
    pub url: Option<String>,
    /// Whether it is switched on.
    pub active: Option<bool>,
    /// When the last run that succeeded ended.
    #[serde(serialize_with = "as_iso")]
    pub last_run: Option<Millis>,
    /// How often it was executed.
    pub run_count: i64,
    /// What its handler wrote.
    pub meta: Option<Json>,
}

const COLUMNS: &str =
    "SELECT id, key, triggers, credentials_mask, config, url, active, last_run, run_count, meta FROM extensions";

/// The records of `owner` that `filter` asks for, in their order: at most `limit` of them, after the first `start`.
pub fn find_page(
    conn: &mut Conn,
    owner: &Owner,
    filter: &RecordFilter,
    start: i64,
    limit: i64,
) -> Result<Vec<ShownRecord>> {
    let mut sql = Sql::new(COLUMNS);
    sql.append(filter.condition(owner)).text(" ORDER BY position, id LIMIT ").int(limit).text(" OFFSET ").int(start);
    conn.list(&sql, |row| read(&row))
}

/// How many records of `owner` the filter asks for.
pub fn count(conn: &mut Conn, owner: &Owner, filter: &RecordFilter) -> Result<i64> {
    let mut sql = Sql::new("SELECT count(*) FROM extensions");
    sql.append(filter.condition(owner));
    Ok(conn.first(&sql, |row| row.int(0))?.unwrap_or_default())
}

/// The record of `owner` with this id, unless it was removed.
pub fn find(conn: &mut Conn, owner: &Owner, id: i64) -> Result<Option<ShownRecord>> {
    let mut sql = Sql::new(COLUMNS);
    sql.append(RecordFilter::default().condition(owner)).text(" AND id = ").int(id);
    conn.first(&sql, |row| read(&row))
}

/// Switches a record on, or off. One that the runner has switched off has the whole of its patience again.
pub fn switch(conn: &mut Conn, id: i64, active: bool) -> Result<()> {
    let switched = (
        extensions::failing_since.eq(None::<Millis>),
        extensions::disabled_reason.eq(None::<&str>),
        extensions::active.eq(Some(active)),
    );
    conn.run(diesel::update(extensions::table.find(id)).set(switched)).map(drop)
}

/// How many active records there are with each key.
pub fn count_by_key(conn: &mut Conn) -> Result<BTreeMap<String, i64>> {
    let in_use = extensions::active.and(extensions::removed_at.is_null()).and(extensions::key.is_not_null());
    let by_key = extensions::table.filter(in_use).group_by(extensions::key);
    let found: Vec<(Option<String>, i64)> = conn.load(by_key.select((extensions::key, diesel::dsl::count_star())))?;
    Ok(found.into_iter().filter_map(|(key, count)| Some((key?, count))).collect())
}

impl RecordFilter {
    fn condition(&self, owner: &Owner) -> Sql {
        let mut sql = Sql::new(" WHERE removed_at IS NULL AND owner_field = ");
        sql.str(owner.0.as_str()).text(" AND owner_id = ").int(owner.1);
        if let Some(key) = &self.key {
            sql.text(" AND key = ").str(key.as_str());
        }
        match self.active {
            Some(true) => sql.text(" AND active"),
            // Null, as an editor may have it, is off.
            Some(false) => sql.text(" AND (active IS NULL OR NOT active)"),
            None => &mut sql,
        };
        sql
    }
}

fn as_iso<S: Serializer>(at: &Option<Millis>, serializer: S) -> std::result::Result<S::Ok, S::Error> {
    at.map(iso).serialize(serializer)
}

fn read(row: &Row<'_>) -> Result<ShownRecord> {
    let json = |place| -> Result<Option<Json>> { Ok(row.find_text(place)?.map(Json::parse).transpose()?) };
    Ok(ShownRecord {
        id: row.int(0)?,
        key: row.find_text(1)?,
        triggers: json(2)?,
        credentials: json(3)?,
        config: json(4)?,
        url: row.find_text(5)?,
        active: row.find_int(6)?.map(|active| active == 1),
        last_run: row.find_int(7)?,
        run_count: row.int(8)?,
        meta: json(9)?,
    })
}
