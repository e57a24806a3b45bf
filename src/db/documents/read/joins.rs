//! How rows hang together: which tables a component or relation adds to a statement, and on what they are joined.
//!
//! Each table of a statement has an alias `t<n>`; a table of links has `l<n>`, with the number of its target.

use crate::content::{Component, Field, Kind, Relation, Shape, Version};
use crate::db::{Bind, Sql};

/// A row of a statement: the shape of what it holds, and the number of its alias.
#[derive(Clone, Copy)]
pub(super) struct At {
    pub shape: Shape,
    pub alias: usize,
}

/// Which column of a row its parts hang on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Key {
    /// The row's own number: items of one version, and everything inside of components.
    Row,
    /// The document's: links and extension records, which draft and published version share.
    Document,
}

/// A step from a row to the items of a component, or to linked documents.
#[derive(Clone, Copy)]
pub(super) enum Step {
    Items(&'static Component),
    Links(Relation),
}

impl Step {
    /// The step that `field` stands for; `None` for fields that lead nowhere.
    pub fn of(field: &Field) -> Option<Self> {
        match field.kind {
            Kind::Component { of, .. } => Some(Self::Items(of)),
            Kind::Relation(relation) => Some(Self::Links(relation)),
            _ => None,
        }
    }

    pub fn target(self) -> Shape {
        match self {
            Self::Items(of) => Shape::Component(of),
            Self::Links(relation) => Shape::Document(relation.target),
        }
    }

    /// Whether it leads from an item to items in it, which name the item and the version.
    pub fn is_nested(self, from: Shape) -> bool {
        matches!((self, from), (Self::Items(of), Shape::Component(_)) if of.versioned)
    }

    /// What the parts of a row of shape `from` hang on.
    pub fn key(self, from: Shape) -> Key {
        match (self, from) {
            (Self::Items(of), Shape::Document(_)) if !of.versioned => Key::Document,
            (Self::Links(_), _) => Key::Document,
            _ => Key::Row,
        }
    }
}

/// Writes statements about one version of documents.
pub(super) struct ItemsReader {
    pub sql: Sql,
    version: Version,
    aliases: usize,
}

impl ItemsReader {
    /// A statement that begins with `text`; `t0` is taken.
    pub fn new(text: &'static str, version: Version) -> Self {
        Self { sql: Sql::new(text), version, aliases: 0 }
    }

    /// A row of `shape` under a new alias.
    pub fn new_row(&mut self, shape: Shape) -> At {
        self.aliases += 1;
        At { shape, alias: self.aliases }
    }

    pub fn is_published(&self) -> bool {
        self.version == Version::Published
    }

    /// `t1."name"`.
    pub fn column(&mut self, at: At, column: &'static str) -> &mut Sql {
        self.sql.column("t", at.alias, column)
    }

    /// What the parts of a row hang on.
    pub fn key(&mut self, at: At, key: Key) {
        let published = self.is_published() && matches!(at.shape, Shape::Document(_));
        let column = if key == Key::Document && published { "draft_id" } else { "id" };
        self.column(at, column);
    }

    /// `"stores" AS t0`.
    pub fn table(&mut self, at: At) {
        self.sql.name(at.shape.table()).text(" AS ").alias("t", at.alias);
    }

    /// The condition that a row of documents is of the version asked for.
    pub fn of_version(&mut self, at: At) {
        let is = if self.is_published() { " IS NOT NULL" } else { " IS NULL" };
        self.column(at, "draft_id").text(is);
    }

    /// The tables of a step whose rows are `to`.
    pub fn tables(&mut self, step: Step, to: At) {
        if let Step::Links(relation) = step {
            self.sql.name(relation.table.name).text(" AS ").alias("l", to.alias).text(", ");
        }
        self.table(to);
    }

    /// The column that says which row of shape `from` the parts belong to.
    pub fn owner(&mut self, step: Step, from: Shape, to: At) {
        match step {
            Step::Items(_) if step.is_nested(from) => self.column(to, "parent_id"),
            Step::Items(_) => self.column(to, "owner_id"),
            Step::Links(relation) => self.sql.column("l", to.alias, relation.own_column()),
        };
    }

    /// The conditions that make the rows `to` the parts that `field` of a row of shape `from` has, whatever row that is.
    pub fn parts(&mut self, step: Step, from: Shape, field: &Field, to: At) {
        match step {
            Step::Items(of) => {
                self.column(to, "owner_field").text(" = ").str(from.owner_field(field));
                if !of.versioned {
                    self.sql.text(" AND ");
                    self.column(to, "removed_at").text(" IS NULL");
                }
            }
            Step::Links(relation) => {
                let (published, linked) = (self.is_published(), relation.other_column());
                self.sql.column("l", to.alias, "published").text(" = ").bind(Bind::Bool(Some(published)));
                self.sql.text(" AND ");
                self.key(to, Key::Document);
                self.sql.text(" = ").column("l", to.alias, linked);
                if !published {
                    // True of whatever is linked; said so that the drafts' indexes can be used.
                    self.sql.text(" AND ");
                    self.of_version(to);
                }
            }
        }
    }

    /// The conditions that make the rows `to` the parts of the row `from`.
    pub fn parts_of(&mut self, step: Step, from: At, field: &Field, to: At) {
        self.owner(step, from.shape, to);
        self.sql.text(" = ");
        self.key(from, step.key(from.shape));
        self.same_version(step, from, to);
        self.sql.text(" AND ");
        self.parts(step, from.shape, field, to);
    }

    /// The condition that items in an item are of its version: both versions have them under the same ids.
    pub fn same_version(&mut self, step: Step, from: At, to: At) {
        if step.is_nested(from.shape) {
            self.sql.text(" AND ");
            self.column(to, "owner_id").text(" = ");
            self.column(from, "owner_id");
        }
    }

    /// The columns that put parts in their own order.
    pub fn position(&mut self, step: Step, to: At) {
        match step {
            Step::Items(_) => self.column(to, "position"),
            Step::Links(relation) => self.sql.column("l", to.alias, relation.position_column()),
        };
    }
}
