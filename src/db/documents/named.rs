//! Documents as people name them.

use crate::content::{ContentType, Field, Reference, Shape};
use crate::db::{Conn, Sql};
use crate::error::{Error, Result};

/// The documentId of the document that `name` names: by its documentId or, where no two published documents have the
/// same, by its slug. Of a slug that several drafts have, the published one is meant.
///
/// Fails with [`Error::Conflict`] when only drafts have the slug, and several of them.
pub fn find_named(conn: &mut Conn, content_type: &'static ContentType, name: &str) -> Result<Option<String>> {
    let mut by_id = Sql::new("SELECT document_id FROM ");
    by_id.name(content_type.table).text(" WHERE draft_id IS NULL AND document_id = ").str(name);
    let found = conn.first(&by_id, |row| row.text(0))?;
    let (None, Some(slug)) = (&found, find_slug(content_type)) else { return Ok(found) };
    let mut by_slug = Sql::new("SELECT document_id, draft_id FROM ");
    by_slug.name(content_type.table).text(" WHERE ").name(slug.column).text(" = ").str(name);
    by_slug.text(" ORDER BY draft_id IS NULL, id LIMIT 2");
    let found = conn.list(&by_slug, |row| Ok((row.text(0)?, row.find_int(1)?.is_some())))?;
    match found.as_slice() {
        [] => Ok(None),
        [(one, _)] | [(one, true), ..] => Ok(Some(one.clone())),
        _ => Err(Error::Conflict(format!("several drafts have the slug {name:?}: name one by its documentId"))),
    }
}

/// The documentIds of the published documents with this slug, at most two.
pub fn find_published_by_slug(conn: &mut Conn, content_type: &'static ContentType, slug: &str) -> Result<Vec<String>> {
    let Some(field) = Shape::Document(content_type).find_field("slug") else { return Ok(Vec::new()) };
    let mut sql = Sql::new("SELECT document_id FROM ");
    sql.name(content_type.table).text(" WHERE ").name(field.column).text(" = ").str(slug);
    sql.text(" AND draft_id IS NOT NULL ORDER BY id LIMIT 2");
    conn.list(&sql, |row| row.text(0))
}

fn find_slug(content_type: &'static ContentType) -> Option<&'static Field> {
    Shape::Document(content_type).find_field("slug").filter(|field| field.unique)
}

/// The draft's row of the published document that `reference` names.
pub fn find_published(conn: &mut Conn, content_type: &ContentType, reference: &Reference) -> Result<Option<i64>> {
    conn.first(&published("d.id", content_type, reference), |row| row.int(0))
}

/// The documentId of the published document that `reference` names.
pub fn find_published_id(conn: &mut Conn, content_type: &ContentType, reference: &Reference) -> Result<Option<String>> {
    conn.first(&published("d.document_id", content_type, reference), |row| row.text(0))
}

/// Reads `column` of the draft, called d, of the published document that `reference` names.
fn published(column: &'static str, content_type: &ContentType, reference: &Reference) -> Sql {
    let mut sql = Sql::new("SELECT ");
    sql.text(column).text(" FROM ").name(content_type.table).text(" d WHERE d.draft_id IS NULL AND ");
    match reference {
        Reference::Document(id) => sql.text("d.document_id = ").str(id),
        Reference::Row(id) => {
            sql.text("d.id = (SELECT COALESCE(v.draft_id, v.id) FROM ").name(content_type.table);
            sql.text(" v WHERE v.id = ").int(*id).text(")")
        }
    };
    sql.text(" AND EXISTS (SELECT 1 FROM ").name(content_type.table).text(" p WHERE p.draft_id = d.id)");
    sql
}
