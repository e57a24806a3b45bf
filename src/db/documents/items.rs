//! Items of components: a list is stored as it shall be, items that keep their id keep their row.

use serde_json::Value as Json;

use super::bound::bound;
use crate::clock::{Millis, Random};
use crate::content::{Check, Component, ContentType, EXTENSION, Field, Input, Item, Kind, Shape, Value};
use crate::db::{Bind, Conn, Sql, extensions, runs};
use crate::error::{Error, Problem, Result};
use crate::handler::{Schedule, destination};
use crate::secrets::{Sealer, mask, unmask};

/// What storing items needs beside the connection.
pub struct Writer<'a> {
    /// The transaction.
    pub conn: &'a mut Conn,
    /// Seals credentials.
    pub sealer: &'a Sealer,
    /// For the seals.
    pub random: &'a dyn Random,
    /// When.
    pub now: Millis,
}

/// Where a list of items hangs.
#[derive(Clone, Copy)]
struct Place<'a> {
    component: &'static Component,
    field: &'static Field,
    owner_field: &'a str,
    owner_id: i64,
    /// Whether an item comes without its list: what is wrong with it is told by its own path.
    alone: bool,
}

impl Writer<'_> {
    /// Makes the lists of `input` those of the version (or item) in row `owner_id`.
    pub fn save(&mut self, shape: Shape, owner_id: i64, input: Vec<(&'static Field, Vec<Item>)>) -> Result<()> {
        for (field, items) in input {
            let Kind::Component { of, .. } = field.kind else { continue };
            let owner_field = shape.owner_field(field);
            self.save_list(Place { component: of, field, owner_field: &owner_field, owner_id, alone: false }, items)?;
        }
        Ok(())
    }

    /// Saves one item of the list `field` of the version (or item) in row `owner_id`: where it stands, or behind the
    /// others when it is new. Returns its id.
    ///
    /// Fails with [`Error::NotFound`] when the list does not have it.
    pub fn save_one(&mut self, shape: Shape, field: &'static Field, owner_id: i64, item: Item) -> Result<i64> {
        let owner_field = shape.owner_field(field);
        let place = alone(field, &owner_field, owner_id)?;
        let position = match item.id {
            Some(id) => find_position(self.conn, place, id)?.ok_or(Error::NotFound)?,
            None => next_position(self.conn, place)?,
        };
        self.save_item(place, position, item)
    }

    /// Removes one item of a list; one that is not there is as good as removed. Returns whether it was there.
    pub fn remove_one(&mut self, shape: Shape, field: &'static Field, owner_id: i64, id: i64) -> Result<bool> {
        let owner_field = shape.owner_field(field);
        let place = alone(field, &owner_field, owner_id)?;
        let is_there = find_position(self.conn, place, id)?.is_some();
        if is_there {
            self.remove(place, vec![id])?;
        }
        Ok(is_there)
    }

    fn save_list(&mut self, place: Place<'_>, items: Vec<Item>) -> Result<()> {
        let stored = find_ids(self.conn, place)?;
        let kept: Vec<i64> = items.iter().filter_map(|item| item.id).collect();
        if kept.iter().any(|id| !stored.contains(id)) {
            let name = place.field.name;
            return Err(Error::Application(format!(
                "Some of the provided components in {name} are not related to the entity"
            )));
        }
        self.remove(place, stored.into_iter().filter(|id| !kept.contains(id)).collect())?;
        for (position, item) in (0..).zip(items) {
            self.save_item(place, position, item)?;
        }
        Ok(())
    }

    fn save_item(&mut self, place: Place<'_>, position: i64, item: Item) -> Result<i64> {
        let Input { values, items, .. } = item.input;
        let shape = Shape::Component(place.component);
        let id = match item.id {
            Some(id) => {
                let columns = self.columns(place, id, position, values)?;
                let before = self.destination(place, id)?;
                update(self.conn, place, (id, position), columns)?;
                self.redirect(place, id, before)?;
                if place.component.uid == EXTENSION.uid {
                    extensions::revive(self.conn, id)?;
                }
                id
            }
            None => {
                let id = draw_id(self.conn)?;
                let columns = self.columns(place, id, position, values)?;
                insert(self.conn, place, (id, position), columns)?;
                id
            }
        };
        self.save(shape, id, items)?;
        Ok(id)
    }

    /// Versioned items go; records that belong to the document are marked, since runs may still need them.
    fn remove(&mut self, place: Place<'_>, ids: Vec<i64>) -> Result<()> {
        if ids.is_empty() {
            return Ok(());
        }
        let table = place.component.table;
        let mut sql = match place.component.versioned {
            true => Sql::new("DELETE FROM "),
            false => Sql::new("UPDATE "),
        };
        sql.name(table);
        if !place.component.versioned {
            sql.text(" SET removed_at = ").int(self.now);
        }
        at(sql.text(" WHERE "), place).text(" AND id").in_ints(ids);
        self.conn.execute(&sql)?;
        Ok(())
    }

    fn columns(
        &mut self,
        place: Place<'_>,
        id: i64,
        position: i64,
        values: Vec<(&'static Field, Value)>,
    ) -> Result<Vec<(&'static str, Bind)>> {
        let mut columns = Vec::with_capacity(values.len() + 2);
        for (field, value) in values {
            if field.check == Check::Config {
                columns.push(("next_tick", Bind::Int(self.next_tick(&value))));
            }
            match value {
                Value::Secret(sent) => {
                    let path = match place.alone {
                        true => vec![field.name.to_owned()],
                        false => [place.field.name, &position.to_string(), field.name].map(str::to_owned).to_vec(),
                    };
                    columns.extend(self.secret(place, id, sent, path)?);
                }
                Value::Null if matches!(field.kind, Kind::Secret) => columns.extend(secret_columns(None, None)),
                value => columns.push((field.column, bound(field, value))),
            }
        }
        Ok(columns)
    }

    /// When the schedule in this config is due next.
    fn next_tick(&self, config: &Value) -> Option<Millis> {
        let Value::Json(config) = config else { return None };
        Schedule::of(config)?.next_after(self.now)
    }

    /// Where the runs of an extension record go.
    fn destination(&mut self, place: Place<'_>, id: i64) -> Result<Option<String>> {
        if place.component.uid != EXTENSION.uid {
            return Ok(None);
        }
        let mut sql = Sql::new("SELECT key, url FROM extensions WHERE id = ");
        let found = self.conn.first(sql.int(id), |row| Ok((row.find_text(0)?, row.find_text(1)?)))?;
        Ok(found.map(|(key, url)| destination(&key.unwrap_or_default(), url.as_deref(), id)))
    }

    /// Lets the runs of an extension record that wait follow its url.
    fn redirect(&mut self, place: Place<'_>, id: i64, before: Option<String>) -> Result<()> {
        match self.destination(place, id)? {
            Some(now) if before.as_ref() != Some(&now) => runs::redirect(self.conn, id, &now),
            _ => Ok(()),
        }
    }

    /// Seals what was sent; a mask in it stands for what is stored in the same place.
    fn secret(
        &mut self,
        place: Place<'_>,
        id: i64,
        sent: Json,
        path: Vec<String>,
    ) -> Result<[(&'static str, Bind); 2]> {
        let seal_place = seal_place(place.component, id);
        let stored = match crate::secrets::is_masked(&sent) {
            true => self.stored_secret(place, id, &seal_place)?,
            false => None,
        };
        let secret = unmask(sent, stored.as_ref()).map_err(|below| {
            let path: Vec<String> = path.into_iter().chain(below).collect();
            let message = format!("{} is masked, and there is no stored value that it stands for", path.join("."));
            Error::Invalid(vec![Problem { path, message, value: None }])
        })?;
        let sealed = self.sealer.seal(&secret.to_string(), &seal_place, self.random)?;
        Ok(secret_columns(Some(sealed), Some(mask(&secret).to_string())))
    }

    fn stored_secret(&mut self, place: Place<'_>, id: i64, seal_place: &str) -> Result<Option<Json>> {
        let mut sql = Sql::new("SELECT credentials FROM ");
        at(sql.name(place.component.table).text(" WHERE "), place).text(" AND id = ").int(id);
        let Some(Some(sealed)) = self.conn.first(&sql, |row| row.find_text(0))? else { return Ok(None) };
        Ok(Some(serde_json::from_str(&self.sealer.open(&sealed, seal_place)?)?))
    }
}

/// The place that a component's credentials are sealed for.
pub fn seal_place(component: &Component, id: i64) -> String {
    format!("{}/{id}/credentials", component.table)
}

fn secret_columns(sealed: Option<String>, masked: Option<String>) -> [(&'static str, Bind); 2] {
    [("credentials", Bind::Text(sealed)), ("credentials_mask", Bind::Text(masked))]
}

fn at<'s>(sql: &'s mut Sql, place: Place<'_>) -> &'s mut Sql {
    sql.text("owner_field = ").str(place.owner_field).text(" AND owner_id = ").int(place.owner_id)
}

/// The ids of the items that a version of a document has of the component `field`, in their order.
pub fn list_items(
    conn: &mut Conn,
    content_type: &'static ContentType,
    field: &'static Field,
    version: i64,
) -> Result<Vec<i64>> {
    let Kind::Component { of, .. } = field.kind else { return Ok(Vec::new()) };
    let owner_field = Shape::Document(content_type).owner_field(field);
    find_ids(conn, Place { component: of, field, owner_field: &owner_field, owner_id: version, alone: false })
}

fn alone<'a>(field: &'static Field, owner_field: &'a str, owner_id: i64) -> Result<Place<'a>> {
    match field.kind {
        Kind::Component { of, .. } => Ok(Place { component: of, field, owner_field, owner_id, alone: true }),
        _ => Err(Error::internal(format!("{} is no component", field.name))),
    }
}

fn find_position(conn: &mut Conn, place: Place<'_>, id: i64) -> Result<Option<i64>> {
    let mut sql = Sql::new("SELECT position FROM ");
    there(at(sql.name(place.component.table).text(" WHERE "), place), place).text(" AND id = ").int(id);
    conn.first(&sql, |row| row.int(0))
}

fn next_position(conn: &mut Conn, place: Place<'_>) -> Result<i64> {
    let mut sql = Sql::new("SELECT coalesce(max(position) + 1, 0) FROM ");
    there(at(sql.name(place.component.table).text(" WHERE "), place), place);
    Ok(conn.first(&sql, |row| row.int(0))?.unwrap_or_default())
}

/// Leaves out what was removed and is kept for its runs.
fn there<'s>(sql: &'s mut Sql, place: Place<'_>) -> &'s mut Sql {
    if place.component.versioned { sql } else { sql.text(" AND removed_at IS NULL") }
}

fn find_ids(conn: &mut Conn, place: Place<'_>) -> Result<Vec<i64>> {
    let mut sql = Sql::new("SELECT id FROM ");
    there(at(sql.name(place.component.table).text(" WHERE "), place), place).text(" ORDER BY position, id");
    conn.list(&sql, |row| row.int(0))
}

fn draw_id(conn: &mut Conn) -> Result<i64> {
    let mut sql = Sql::default();
    sql.either("UPDATE component_ids SET next = next + 1 RETURNING next - 1", "SELECT nextval('component_ids')");
    conn.first(&sql, |row| row.int(0))?.ok_or_else(|| Error::internal("no component id could be drawn"))
}

fn insert(
    conn: &mut Conn,
    place: Place<'_>,
    (id, position): (i64, i64),
    columns: Vec<(&'static str, Bind)>,
) -> Result<()> {
    let mut sql = Sql::new("INSERT INTO ");
    sql.name(place.component.table).text(" (owner_field, owner_id, id, position");
    for (column, _) in &columns {
        sql.text(", ").name(column);
    }
    sql.text(") VALUES (")
        .str(place.owner_field)
        .text(", ")
        .int(place.owner_id)
        .text(", ")
        .int(id)
        .text(", ")
        .int(position);
    for (_, value) in columns {
        sql.text(", ").bind(value);
    }
    sql.text(")");
    conn.execute(&sql)?;
    Ok(())
}

fn update(
    conn: &mut Conn,
    place: Place<'_>,
    (id, position): (i64, i64),
    columns: Vec<(&'static str, Bind)>,
) -> Result<()> {
    let mut sql = Sql::new("UPDATE ");
    sql.name(place.component.table).text(" SET position = ").int(position);
    for (column, value) in columns {
        sql.text(", ").name(column).text(" = ").bind(value);
    }
    at(sql.text(" WHERE "), place).text(" AND id = ").int(id);
    conn.execute(&sql)?;
    Ok(())
}
