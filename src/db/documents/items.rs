//! Items of components: a list is stored as it shall be, items that keep their id keep their row.

use std::collections::{HashMap, HashSet};

use super::item_rows::{Parent, Place, at, find_position, find_positions, insert, next_position, update};
use super::seal::Holder;
use super::writer::ItemWriter;
use crate::content::{Component, Field, Input, Item, Shape};
use crate::db::{self, Conn, Sql};
use crate::error::{Error, Result};

impl ItemWriter<'_> {
    /// Makes the lists of `input` those of `parent`.
    pub fn save(&mut self, parent: Parent, input: Vec<(&'static Field, Vec<Item>)>) -> Result<()> {
        self.save_below(parent, input, &[])
    }

    /// The same for what the body has at the path `holder`.
    fn save_below(&mut self, parent: Parent, input: Vec<(&'static Field, Vec<Item>)>, holder: &[String]) -> Result<()> {
        for (field, items) in input {
            let owner_field = parent.shape.owner_field(field);
            self.save_list(Place::of(parent, field, &owner_field, Some(holder))?, items)?;
        }
        Ok(())
    }

    /// Saves one item of the list `field` of `parent`: where it stands, or behind the others when it is new. Returns its id.
    ///
    /// Fails with [`Error::NotFound`] when the list does not have it, and with [`Error::Invalid`] when it is new and the list
    /// is full.
    pub fn save_one(&mut self, parent: Parent, field: &'static Field, item: Item) -> Result<i64> {
        let owner_field = parent.shape.owner_field(field);
        let place = Place::of(parent, field, &owner_field, None)?;
        let (id, position, is_new) = match item.id {
            Some(id) => (id, find_position(self.conn, place, id)?.ok_or(Error::NotFound)?, false),
            None => (draw_id(self.conn)?, next_position(self.conn, place)?, true),
        };
        self.save_item(place, (id, is_new), position, item.input)?;
        Ok(id)
    }

    /// Removes one item of a list; one that is not there is as good as removed. Returns whether it was there.
    pub fn remove_one(&mut self, parent: Parent, field: &'static Field, id: i64) -> Result<bool> {
        let owner_field = parent.shape.owner_field(field);
        let place = Place::of(parent, field, &owner_field, None)?;
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
        if place.component.is_records() {
            return self.save_record(place, (id, is_new), position, input);
        }
        // A component has no relations: the catalogue would not have been built.
        let Input { values, secrets, items, links: _ } = input;
        let row = |sql: &mut Sql| {
            at(sql, place).text(" AND id = ").int(id);
        };
        let (shape, path) = (Shape::Component(place.component), place.path_of(position));
        let row: Option<&dyn Fn(&mut Sql)> = if is_new { None } else { Some(&row) };
        let columns = self.columns(&Holder { shape, name: id.to_string(), row, path: &path }, values, secrets)?;
        match is_new {
            false => update(self.conn, place, (id, position), columns)?,
            true => insert(self.conn, place, (id, position), columns)?,
        }
        let version = Parent::new(Shape::Component(place.component), place.owner_id);
        self.save_below(version.item(place.component, id), items, &path)
    }

    fn remove(&mut self, place: Place<'_>, ids: Vec<i64>) -> Result<()> {
        if ids.is_empty() {
            return Ok(());
        }
        if place.component.is_records() {
            return self.remove_records(place, ids);
        }
        remove_below(self.conn, place.component, place.owner_id, &ids)?;
        let mut sql = Sql::new("DELETE FROM ");
        at(sql.name(place.component.table).text(" WHERE "), place).text(" AND id").in_ints(ids);
        self.conn.execute(&sql)?;
        Ok(())
    }
}

/// Removes what hangs on the items `ids` of a component, in the version with this row.
fn remove_below(conn: &mut Conn, component: &'static Component, root: i64, ids: &[i64]) -> Result<()> {
    for field in component.fields {
        let Some(of) = field.held().filter(|of| of.versioned) else { continue };
        let within = |sql: &mut Sql| {
            sql.name(of.table).text(" WHERE owner_field = ").str(Shape::Component(component).owner_field(field));
            sql.text(" AND owner_id = ").int(root).text(" AND parent_id").in_ints(ids.to_vec());
        };
        let mut sql = Sql::new("SELECT id FROM ");
        within(&mut sql);
        let found = conn.list(&sql, |row| row.int(0))?;
        if !found.is_empty() {
            remove_below(conn, of, root, &found)?;
            let mut sql = Sql::new("DELETE FROM ");
            within(&mut sql);
            conn.execute(&sql)?;
        }
    }
    Ok(())
}

/// The ids of the items that `parent` has of the component `field`, in their order.
pub fn list_items(conn: &mut Conn, parent: Parent, field: &'static Field) -> Result<Vec<i64>> {
    let owner_field = parent.shape.owner_field(field);
    let place = Place::of(parent, field, &owner_field, None)?;
    Ok(find_positions(conn, place)?.into_iter().map(|(id, _)| id).collect())
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
