//! The rows of component items: where a list of them hangs, and the statements on one of its rows.

use crate::content::{Component, Field, Shape};
use crate::db::events::Owner;
use crate::db::{Bind, Conn, Sql};
use crate::error::{Error, Result};
use crate::limits::ITEMS;

/// What holds lists of items: a version of a document, or an item in it.
#[derive(Clone, Copy)]
pub struct Parent {
    pub(super) shape: Shape,
    /// The row of the version, or the id of the item.
    id: i64,
    /// The row of the version.
    root: i64,
}

impl Parent {
    /// A version of a document in this row; or an item of a component, as the holder of extension records.
    pub fn new(shape: Shape, id: i64) -> Self {
        Self { shape, id, root: id }
    }

    /// What extension records in the list `field` name as what holds them.
    pub fn owner(self, field: &Field) -> Owner {
        (self.shape.owner_field(field), self.id)
    }

    /// The item with this id in what this holds.
    pub fn item(self, component: &'static Component, id: i64) -> Self {
        Self { shape: Shape::Component(component), id, root: self.root }
    }
}

/// Where a list of items hangs.
#[derive(Clone, Copy)]
pub(super) struct Place<'a> {
    pub(super) component: &'static Component,
    pub(super) field: &'static Field,
    pub(super) owner_field: &'a str,
    /// The row of the version; for extension records that of the draft, or the id of the item that holds them.
    pub(super) owner_id: i64,
    /// The item that holds the list, where it is one of items in an item.
    parent: Option<i64>,
    /// Where the body has what holds the list; `None` when an item comes without its list: what is wrong with it is told by
    /// its own path.
    pub(super) holder: Option<&'a [String]>,
}

impl<'a> Place<'a> {
    /// The list `field` of `parent`; `owner_field` is that of the two.
    pub(super) fn of(
        parent: Parent,
        field: &'static Field,
        owner_field: &'a str,
        holder: Option<&'a [String]>,
    ) -> Result<Self> {
        let component = field.held().ok_or_else(|| Error::internal(format!("{} is no component", field.name)))?;
        let is_nested = component.versioned && matches!(parent.shape, Shape::Component(_));
        let owner_id = if is_nested { parent.root } else { parent.id };
        let parent = is_nested.then_some(parent.id);
        Ok(Self { component, field, owner_field, owner_id, parent, holder })
    }

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

/// Narrows a statement to the rows of a list.
pub(super) fn at<'s>(sql: &'s mut Sql, place: Place<'_>) -> &'s mut Sql {
    sql.text("owner_field = ").str(place.owner_field).text(" AND owner_id = ").int(place.owner_id);
    if let Some(parent) = place.parent {
        sql.text(" AND parent_id = ").int(parent);
    }
    sql
}

/// Leaves out what was removed and is kept for its runs.
pub(super) fn there<'s>(sql: &'s mut Sql, place: Place<'_>) -> &'s mut Sql {
    if place.component.versioned { sql } else { sql.text(" AND removed_at IS NULL") }
}

pub(super) fn find_position(conn: &mut Conn, place: Place<'_>, id: i64) -> Result<Option<i64>> {
    let mut sql = Sql::new("SELECT position FROM ");
    there(at(sql.name(place.component.table).text(" WHERE "), place), place).text(" AND id = ").int(id);
    conn.first(&sql, |row| row.int(0))
}

pub(super) fn next_position(conn: &mut Conn, place: Place<'_>) -> Result<i64> {
    let mut sql = Sql::new("SELECT coalesce(max(position) + 1, 0), count(*) FROM ");
    there(at(sql.name(place.component.table).text(" WHERE "), place), place);
    let (next, count) = conn.first(&sql, |row| Ok((row.int(0)?, row.int(1)?)))?.unwrap_or_default();
    if count >= ITEMS.most as i64 {
        let name = place.field.name;
        return Err(ITEMS.exceeded_at(vec![name.to_owned()], format!("With this one {name} would have")));
    }
    Ok(next)
}

/// The items of a list with their positions, in their order.
pub(super) fn find_positions(conn: &mut Conn, place: Place<'_>) -> Result<Vec<(i64, i64)>> {
    let mut sql = Sql::new("SELECT id, position FROM ");
    there(at(sql.name(place.component.table).text(" WHERE "), place), place).text(" ORDER BY position, id");
    conn.list(&sql, |row| Ok((row.int(0)?, row.int(1)?)))
}

pub(super) fn insert(
    conn: &mut Conn,
    place: Place<'_>,
    (id, position): (i64, i64),
    columns: Vec<(&'static str, Bind)>,
) -> Result<()> {
    let mut sql = Sql::new("INSERT INTO ");
    sql.name(place.component.table).text(" (owner_field, owner_id, id, position");
    sql.text(if place.parent.is_some() { ", parent_id" } else { "" });
    for (column, _) in &columns {
        sql.text(", ").name(column);
    }
    sql.text(") VALUES (").str(place.owner_field).text(", ").int(place.owner_id);
    sql.text(", ").int(id).text(", ").int(position);
    if let Some(parent) = place.parent {
        sql.text(", ").int(parent);
    }
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
