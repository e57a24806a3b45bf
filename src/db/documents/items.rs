//! Items of components: a list is stored as it shall be, items that keep their id keep their row.

use std::collections::{HashMap, HashSet};

use super::bound::bound;
use super::record_writer::Records;
use crate::clock::{Millis, Random};
use crate::content::{Component, EXTENSION, Field, Input, Item, Kind, Shape};
use crate::db::events::Owner;
use crate::db::{self, Bind, Conn, Sql};
use crate::error::{Error, Result};
use crate::limits::ITEMS;
use crate::secrets::Sealer;

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
    /// For the extension records among them.
    pub records: Records<'a>,
}

/// Where a list of items hangs.
#[derive(Clone, Copy)]
pub(super) struct Place<'a> {
    pub(super) component: &'static Component,
    pub(super) field: &'static Field,
    pub(super) owner_field: &'a str,
    pub(super) owner_id: i64,
    /// Where the body has what holds the list; `None` when an item comes without its list: what is wrong with it is told by
    /// its own path.
    pub(super) holder: Option<&'a [String]>,
}

impl Place<'_> {
    /// Where the body has the list.
    pub(super) fn list_path(self) -> Vec<String> {
        self.holder.map_or_else(Vec::new, |holder| [holder, &[self.field.name.to_owned()]].concat())
    }

    /// Where the body has the item at this position.
    pub(super) fn path_of(self, position: i64) -> Vec<String> {
        let mut path = self.list_path();
        path.extend(self.holder.map(|_| position.to_string()));
        path
    }

    /// What holds the list.
    pub(super) fn owner(self) -> Owner {
        (self.owner_field.to_owned(), self.owner_id)
    }
}

impl Writer<'_> {
    /// Makes the lists of `input` those of the version (or item) in row `owner_id`.
    pub fn save(&mut self, shape: Shape, owner_id: i64, input: Vec<(&'static Field, Vec<Item>)>) -> Result<()> {
        self.save_below(shape, owner_id, input, &[])
    }

    /// The same for what the body has at the path `holder`.
    fn save_below(
        &mut self,
        shape: Shape,
        owner_id: i64,
        input: Vec<(&'static Field, Vec<Item>)>,
        holder: &[String],
    ) -> Result<()> {
        for (field, items) in input {
            let Kind::Component { of, .. } = field.kind else { continue };
            let owner_field = shape.owner_field(field);
            let holder = Some(holder);
            self.save_list(Place { component: of, field, owner_field: &owner_field, owner_id, holder }, items)?;
        }
        Ok(())
    }

    /// Saves one item of the list `field` of the version (or item) in row `owner_id`: where it stands, or behind the
    /// others when it is new. Returns its id.
    ///
    /// Fails with [`Error::NotFound`] when the list does not have it, and with [`Error::Invalid`] when it is new and the list
    /// is full.
    pub fn save_one(&mut self, shape: Shape, field: &'static Field, owner_id: i64, item: Item) -> Result<i64> {
        let owner_field = shape.owner_field(field);
        let place = alone(field, &owner_field, owner_id)?;
        let (id, position, is_new) = match item.id {
            Some(id) => (id, find_position(self.conn, place, id)?.ok_or(Error::NotFound)?, false),
            None => (draw_id(self.conn)?, next_position(self.conn, place)?, true),
        };
        self.save_item(place, (id, is_new), position, item.input)?;
        Ok(id)
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
        let stored: HashMap<i64, i64> = find_positions(self.conn, place)?.into_iter().collect();
        let kept: HashSet<i64> = items.iter().filter_map(|item| item.id).collect();
        if kept.iter().any(|id| !stored.contains_key(id)) {
            let name = place.field.name;
            return Err(Error::Application(format!(
                "Some of the provided components in {name} are not related to the entity"
            )));
        }
        self.remove(place, stored.keys().filter(|id| !kept.contains(id)).copied().collect())?;
        let mut new = draw_ids(self.conn, items.iter().filter(|item| item.id.is_none()).count())?.into_iter();
        for (position, Item { id, input }) in (0..).zip(items) {
            match id {
                // An item that only keeps its place costs no statement.
                Some(id) if input.is_empty() && stored.get(&id) == Some(&position) => {}
                Some(id) => self.save_item(place, (id, false), position, input)?,
                None => {
                    let id = new.next().ok_or_else(|| Error::internal("too few component ids were drawn"))?;
                    self.save_item(place, (id, true), position, input)?;
                }
            }
        }
        Ok(())
    }

    fn save_item(&mut self, place: Place<'_>, (id, is_new): (i64, bool), position: i64, input: Input) -> Result<()> {
        if place.component.uid == EXTENSION.uid {
            return self.save_record(place, (id, is_new), position, input);
        }
        let Input { values, items, .. } = input;
        let columns = values.into_iter().map(|(field, value)| (field.column, bound(field, value))).collect();
        match is_new {
            false => update(self.conn, place, (id, position), columns)?,
            true => insert(self.conn, place, (id, position), columns)?,
        }
        self.save_below(Shape::Component(place.component), id, items, &place.path_of(position))
    }

    fn remove(&mut self, place: Place<'_>, ids: Vec<i64>) -> Result<()> {
        if ids.is_empty() {
            return Ok(());
        }
        if place.component.uid == EXTENSION.uid {
            return self.remove_records(place, ids);
        }
        let mut sql = Sql::new("DELETE FROM ");
        at(sql.name(place.component.table).text(" WHERE "), place).text(" AND id").in_ints(ids);
        self.conn.execute(&sql)?;
        Ok(())
    }
}

pub(super) fn at<'s>(sql: &'s mut Sql, place: Place<'_>) -> &'s mut Sql {
    sql.text("owner_field = ").str(place.owner_field).text(" AND owner_id = ").int(place.owner_id)
}

/// The ids of the items that a version of a document, or an item, in row `owner` has of the component `field`, in their
/// order.
pub fn list_items(conn: &mut Conn, shape: Shape, field: &'static Field, owner: i64) -> Result<Vec<i64>> {
    let Kind::Component { of, .. } = field.kind else { return Ok(Vec::new()) };
    let owner_field = shape.owner_field(field);
    let place = Place { component: of, field, owner_field: &owner_field, owner_id: owner, holder: None };
    Ok(find_positions(conn, place)?.into_iter().map(|(id, _)| id).collect())
}

fn alone<'a>(field: &'static Field, owner_field: &'a str, owner_id: i64) -> Result<Place<'a>> {
    match field.kind {
        Kind::Component { of, .. } => Ok(Place { component: of, field, owner_field, owner_id, holder: None }),
        _ => Err(Error::internal(format!("{} is no component", field.name))),
    }
}

fn find_position(conn: &mut Conn, place: Place<'_>, id: i64) -> Result<Option<i64>> {
    let mut sql = Sql::new("SELECT position FROM ");
    there(at(sql.name(place.component.table).text(" WHERE "), place), place).text(" AND id = ").int(id);
    conn.first(&sql, |row| row.int(0))
}

fn next_position(conn: &mut Conn, place: Place<'_>) -> Result<i64> {
    let mut sql = Sql::new("SELECT coalesce(max(position) + 1, 0), count(*) FROM ");
    there(at(sql.name(place.component.table).text(" WHERE "), place), place);
    let (next, count) = conn.first(&sql, |row| Ok((row.int(0)?, row.int(1)?)))?.unwrap_or_default();
    if count >= ITEMS.most as i64 {
        let name = place.field.name;
        return Err(ITEMS.exceeded_at(vec![name.to_owned()], format!("With this one {name} would have")));
    }
    Ok(next)
}

/// Leaves out what was removed and is kept for its runs.
pub(super) fn there<'s>(sql: &'s mut Sql, place: Place<'_>) -> &'s mut Sql {
    if place.component.versioned { sql } else { sql.text(" AND removed_at IS NULL") }
}

/// The items of a list with their positions, in their order.
fn find_positions(conn: &mut Conn, place: Place<'_>) -> Result<Vec<(i64, i64)>> {
    let mut sql = Sql::new("SELECT id, position FROM ");
    there(at(sql.name(place.component.table).text(" WHERE "), place), place).text(" ORDER BY position, id");
    conn.list(&sql, |row| Ok((row.int(0)?, row.int(1)?)))
}

fn draw_id(conn: &mut Conn) -> Result<i64> {
    draw_ids(conn, 1)?.pop().ok_or_else(|| Error::internal("no component id could be drawn"))
}

/// So many new ids, in ascending order.
fn draw_ids(conn: &mut Conn, count: usize) -> Result<Vec<i64>> {
    let count = i64::try_from(count).map_err(|_| Error::internal("too many component ids"))?;
    if count == 0 {
        return Ok(Vec::new());
    }
    if conn.kind() == db::Kind::Postgres {
        let mut sql = Sql::new("SELECT nextval('component_ids') FROM generate_series(1, ");
        return conn.list(sql.int(count).text(")"), |row| row.int(0));
    }
    let mut sql = Sql::new("UPDATE component_ids SET next = next + ");
    sql.int(count).text(" RETURNING next - ").int(count);
    let first = conn.first(&sql, |row| row.int(0))?;
    let first = first.ok_or_else(|| Error::internal("no component ids could be drawn"))?;
    Ok((first..first + count).collect())
}

pub(super) fn insert(
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

pub(super) fn update(
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
