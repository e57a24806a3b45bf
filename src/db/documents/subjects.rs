//! Documents as the subjects of events that callers emit.

use crate::content::{ContentType, Shape};
use crate::db::{Conn, Sql};
use crate::error::Result;

/// A document that an event can be about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Subject {
    /// The draft's row, which is the document's identity.
    pub draft: i64,
    /// Whether there is a published version.
    pub is_published: bool,
    /// How often it was changed.
    pub revision: i64,
}

/// The document with this id.
pub fn find_subject(conn: &mut Conn, content_type: &ContentType, document_id: &str) -> Result<Option<Subject>> {
    let mut sql = Sql::new("SELECT d.id, p.id, d.revision FROM ");
    sql.name(content_type.table).text(" d LEFT JOIN ").name(content_type.table).text(" p ON p.draft_id = d.id");
    sql.text(" WHERE d.draft_id IS NULL AND d.document_id = ").str(document_id);
    conn.first(&sql, |row| {
        Ok(Subject { draft: row.int(0)?, is_published: row.find_int(1)?.is_some(), revision: row.int(2)? })
    })
}

/// Whether a version of the document with this draft has the price.
pub fn has_price(conn: &mut Conn, content_type: &'static ContentType, draft: i64, price: i64) -> Result<bool> {
    let Some((field, of)) = content_type.prices().and_then(|field| Some((field, field.held()?))) else {
        return Ok(false);
    };
    let mut sql = Sql::new("SELECT v.id FROM ");
    sql.name(of.table).text(" p JOIN ").name(content_type.table).text(" v ON v.id = p.owner_id WHERE p.owner_field = ");
    sql.str(Shape::Document(content_type).owner_field(field)).text(" AND p.id = ").int(price);
    sql.text(" AND (v.id = ").int(draft).text(" OR v.draft_id = ").int(draft).text(") LIMIT 1");
    Ok(conn.first(&sql, |row| row.int(0))?.is_some())
}
