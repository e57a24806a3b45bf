//! How links between documents are written down.

use super::ContentType;

/// A link between documents.
#[derive(Clone, Copy)]
pub struct Relation {
    /// The type of the documents at the other end.
    pub target: &'static ContentType,
    /// The field that shows this link from the other end.
    pub inverse: &'static str,
    /// The table of the links.
    pub table: &'static LinkTable,
    /// Which end this field is.
    pub side: LinkSide,
}

/// A table of links: `(owner, published, target, position, inverse_position)`, both ends rows of drafts.
pub struct LinkTable {
    /// Its name.
    pub name: &'static str,
    /// The column of the end that owns the relation.
    pub owner: &'static str,
    /// The column of the other end.
    pub target: &'static str,
}

/// An end of a link.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum LinkSide {
    /// The end that the relation is declared on (`inversedBy` in Strapi).
    Owner,
    /// The end that mirrors it (`mappedBy`).
    Inverse,
}

impl Relation {
    /// The column that holds this end.
    pub fn own_column(&self) -> &'static str {
        if self.side == LinkSide::Owner { self.table.owner } else { self.table.target }
    }

    /// The column that holds the other end.
    pub fn other_column(&self) -> &'static str {
        if self.side == LinkSide::Owner { self.table.target } else { self.table.owner }
    }

    /// The column that orders the links seen from this end.
    pub fn position_column(&self) -> &'static str {
        if self.side == LinkSide::Owner { "position" } else { "inverse_position" }
    }

    /// The column that orders the links seen from the other end.
    pub fn inverse_position_column(&self) -> &'static str {
        if self.side == LinkSide::Owner { "inverse_position" } else { "position" }
    }
}
