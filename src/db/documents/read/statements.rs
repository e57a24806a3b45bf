//! The statements of a plan: one for the page, one for the count, one for each populated path.
//!
//! Rows begin with three numbers: the row that they belong to (on the page itself, where there is none, the document's
//! revision), their own, and their document's.

use super::joins::{At, ItemsReader, Key, Step};
use crate::content::{Field, Kind, Shape, Version};
use crate::db::Sql;
use crate::query::{Order, Populated, ReadPlan};

/// The rows of the page.
pub(super) fn page(plan: &ReadPlan) -> Sql {
    let at = root(plan);
    let mut writer = ItemsReader::new("SELECT ", plan.version);
    writer.column(at, "revision");
    writer.numbers(at);
    writer.shown(at, &plan.selection.columns);
    writer.wanted(at, plan);
    writer.sql.text(" ORDER BY ");
    writer.orders(at, &plan.sort);
    if plan.sort.is_empty() && plan.filter.finds_few() {
        // Else SQLite may walk all rows in their order, rather than look up the few and sort them.
        writer.sql.either("+", "");
    }
    writer.column(at, "id");
    writer.sql.limit(plan.page.limit, plan.page.start);
    writer.sql
}

/// How many rows there are on all pages.
pub(super) fn count(plan: &ReadPlan) -> Sql {
    let mut writer = ItemsReader::new("SELECT count(*)", plan.version);
    writer.wanted(root(plan), plan);
    writer.sql
}

/// The rows whose parts are read.
pub(super) struct Keys {
    /// What the parts hang on.
    pub rows: Vec<i64>,
    /// The rows of their versions, where the parts are items in items.
    pub versions: Option<Vec<i64>>,
}

/// What `populated`, a step from rows of shape `from`, finds for those that have these keys.
pub(super) fn parts(version: Version, (from, step): (Shape, Step), populated: &Populated, keys: Keys) -> Sql {
    let mut writer = ItemsReader::new("SELECT ", version);
    let at = writer.new_row(step.target());
    writer.owner(step, from, at);
    if populated.counted {
        writer.sql.text(", count(*)");
    } else {
        writer.numbers(at);
        writer.shown(at, &populated.selection.columns);
    }
    writer.sql.text(" FROM ");
    writer.tables(step, at);
    writer.sql.text(" WHERE ");
    writer.parts(step, from, populated.field, at);
    writer.sql.text(" AND ");
    writer.owner(step, from, at);
    writer.sql.in_ints(keys.rows);
    if let Some(versions) = keys.versions {
        writer.sql.text(" AND ");
        writer.column(at, "owner_id").in_ints(versions);
    }
    if !populated.filter.is_everything() {
        writer.sql.text(" AND ");
        writer.filter(at, &populated.filter);
    }
    if populated.counted {
        writer.sql.text(" GROUP BY ");
        writer.owner(step, from, at);
    }
    // The rows of one owner come together, and owners in their order: the reader relies on it.
    writer.sql.text(" ORDER BY ");
    writer.owner(step, from, at);
    if !populated.counted {
        writer.sql.text(", ");
        writer.orders(at, &populated.sort);
        writer.position(step, at);
        writer.sql.text(", ");
        writer.column(at, "id");
    }
    writer.sql
}

fn root(plan: &ReadPlan) -> At {
    At { shape: Shape::Document(plan.content_type), alias: 0 }
}

impl ItemsReader {
    /// The row's number and its document's; for an item that holds others, that of its version.
    fn numbers(&mut self, at: At) {
        self.sql.text(", ");
        self.column(at, "id").text(", ");
        match at.shape {
            Shape::Component(of) if of.components().any(|held| held.versioned) => {
                self.column(at, "owner_id");
            }
            _ => self.key(at, Key::Document),
        }
    }

    fn shown(&mut self, at: At, columns: &[&'static Field]) {
        for field in columns {
            self.sql.text(", ");
            match field.kind {
                // Exact digits, where the database would send its own binary form.
                Kind::Decimal => {
                    self.sql.either("", "CAST(");
                    self.column(at, field.column).either("", " AS TEXT)");
                }
                _ => {
                    self.column(at, field.shown_column());
                }
            }
        }
    }

    fn wanted(&mut self, at: At, plan: &ReadPlan) {
        self.sql.text(" FROM ");
        self.table(at);
        self.sql.text(" WHERE ");
        self.of_version(at);
        if !plan.filter.is_everything() {
            self.sql.text(" AND ");
            if !plan.is_led() {
                self.in_time(at);
            }
            self.filter(at, &plan.filter);
        }
    }

    /// The terms of an order, each with a comma behind it.
    fn orders(&mut self, at: At, orders: &[Order]) {
        for order in orders {
            match order.through.split_first() {
                None => {
                    self.column(at, order.field.column);
                }
                Some((first, rest)) => {
                    self.nearest(at, (first, rest), order);
                    if matches!(order.field.kind, Kind::Decimal) {
                        // The value of a subquery has lost its column's collation.
                        self.sql.either(" COLLATE DECIMAL", "");
                    }
                }
            }
            self.direction(order);
            self.sql.text(", ");
        }
    }

    /// Nulls at the great end, as PostgreSQL has them by itself.
    fn direction(&mut self, order: &Order) {
        self.sql.text(if order.descending { " DESC NULLS FIRST" } else { " ASC NULLS LAST" });
    }

    /// The value of the item or linked document that comes first in the order.
    fn nearest(&mut self, at: At, (first, rest): (&&'static Field, &[&'static Field]), order: &Order) {
        let mut rows = Vec::new();
        let mut from = at;
        for field in std::iter::once(first).chain(rest) {
            let Some(step) = Step::of(field) else { continue };
            let to = self.new_row(step.target());
            rows.push((step, from, *field, to));
            from = to;
        }
        self.sql.text("(SELECT ");
        self.column(from, order.field.column).text(" FROM ");
        for (place, (step, _, _, to)) in rows.iter().enumerate() {
            self.sql.text(if place == 0 { "" } else { ", " });
            self.tables(*step, *to);
        }
        for (place, (step, from, field, to)) in rows.iter().enumerate() {
            self.sql.text(if place == 0 { " WHERE " } else { " AND " });
            self.in_time(*to);
            self.parts_of(*step, *from, field, *to);
        }
        self.sql.text(" ORDER BY ");
        self.column(from, order.field.column);
        self.direction(order);
        self.sql.text(" LIMIT 1)");
    }
}
