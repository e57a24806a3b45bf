//! The lists of items that a version of a document has at any depth: found from the facts, so that publishing, discarding
//! and removing take all of them.
//!
//! A list in an item has the item in `parent_id`, and like every list the row of the version in `owner_id`: one statement for
//! each list copies or removes it, whatever the number of items.

use crate::content::{Component, ContentType, Field, Shape};
use crate::db::{Conn, Sql};
use crate::error::Result;

/// A list of versioned items, and those that lead to it from the document: the last is the list itself.
pub(super) struct List(Vec<Step>);

#[derive(Clone)]
struct Step {
    owner_field: String,
    of: &'static Component,
}

/// The lists of documents of this type, each after the one that holds it.
pub(super) fn lists(content_type: &'static ContentType) -> Vec<List> {
    let mut found = Vec::new();
    descend(Shape::Document(content_type), &mut Vec::new(), &mut found);
    found
}

fn descend(shape: Shape, path: &mut Vec<Step>, found: &mut Vec<List>) {
    for field in shape.fields() {
        let Some(of) = field.held().filter(|of| of.versioned) else { continue };
        path.push(Step { owner_field: shape.owner_field(field), of });
        found.push(List(path.clone()));
        descend(Shape::Component(of), path, found);
        path.pop();
    }
}

impl List {
    /// The component of its items.
    pub(super) fn of(&self) -> Option<&'static Component> {
        self.0.last().map(|step| step.of)
    }

    /// `<table> WHERE …`: its items in the version that `version` makes the condition of, such as ` = 7`.
    pub(super) fn rows(&self, sql: &mut Sql, version: &dyn Fn(&mut Sql)) {
        rows(&self.0, sql, version);
    }

    /// Whether it is a list in an item.
    fn is_nested(&self) -> bool {
        self.0.len() > 1
    }
}

fn rows(steps: &[Step], sql: &mut Sql, version: &dyn Fn(&mut Sql)) {
    let Some((step, above)) = steps.split_last() else { return };
    sql.name(step.of.table).text(" WHERE owner_field = ").str(step.owner_field.as_str()).text(" AND owner_id");
    version(sql);
    if !above.is_empty() {
        // Rows of several types may have the same number; their items never have the same id.
        sql.text(" AND parent_id IN (SELECT id FROM ");
        rows(above, sql, version);
        sql.text(")");
    }
}

/// Removes the items of the version in this row.
pub(super) fn remove(conn: &mut Conn, content_type: &'static ContentType, row: i64) -> Result<()> {
    for list in lists(content_type).iter().rev() {
        let mut sql = Sql::new("DELETE FROM ");
        list.rows(&mut sql, &|sql| {
            sql.text(" = ").int(row);
        });
        conn.execute(&sql)?;
    }
    Ok(())
}

/// Gives the version in row `to` the items of the one in row `from`, under the same ids.
pub(super) fn copy(conn: &mut Conn, content_type: &'static ContentType, from: i64, to: i64) -> Result<()> {
    for list in lists(content_type) {
        let Some(of) = list.of() else { continue };
        let columns = |sql: &mut Sql| {
            sql.text(if list.is_nested() { ", parent_id" } else { "" });
            for column in Shape::Component(of).stored_columns() {
                sql.text(", ").name(column);
            }
        };
        let mut sql = Sql::new("INSERT INTO ");
        sql.name(of.table).text(" (owner_field, owner_id, id, position");
        columns(&mut sql);
        sql.text(") SELECT owner_field, ").int(to).text(", id, position");
        columns(&mut sql);
        sql.text(" FROM ");
        list.rows(&mut sql, &|sql| {
            sql.text(" = ").int(from);
        });
        conn.execute(&sql)?;
    }
    Ok(())
}

/// Where the body of a document has the list whose items hold records under `owner_field`: `["PRICES"]`.
pub fn list_of_records(content_type: &'static ContentType, owner_field: &str) -> Vec<String> {
    fn find(shape: Shape, owner_field: &str, path: &mut Vec<String>) -> bool {
        shape.fields().iter().any(|field: &Field| {
            let Some(of) = field.held().filter(|of| of.versioned) else { return false };
            path.push(field.name.to_owned());
            let within = Shape::Component(of);
            let found = of.records().is_some_and(|_| within.records_owner_field() == owner_field)
                || find(within, owner_field, path);
            if !found {
                path.pop();
            }
            found
        })
    }
    let mut path = Vec::new();
    find(Shape::Document(content_type), owner_field, &mut path);
    path
}
