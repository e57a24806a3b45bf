//! The rows of a document: its draft, and the published version made from it.

use super::link_copies::copy_links;
use super::lists;
use super::locks::{LinkChanges, lock_after, lock_orders};
use crate::clock::Millis;
use crate::content::{ContentType, Shape, Version};
use crate::db::{Bind, Conn, Sql};
use crate::error::{Error, Result};

/// The rows of one document.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Versions {
    /// The draft's row, which is the document's identity.
    pub draft: i64,
    /// The published version's row.
    pub published: Option<i64>,
    /// How often the document was changed.
    pub revision: i64,
}

/// Finds the rows of a document and, on PostgreSQL, keeps other writers away from it until the transaction ends.
pub fn find(conn: &mut Conn, content_type: &ContentType, document_id: &str) -> Result<Option<Versions>> {
    let mut draft = Sql::new("SELECT id, revision FROM ");
    draft.name(content_type.table).text(" WHERE draft_id IS NULL AND document_id = ").str(document_id);
    draft.for_no_key_update();
    let found = conn.first(&draft, |row| Ok((row.int(0)?, row.int(1)?)))?;
    let Some((draft, revision)) = found else { return Ok(None) };
    Ok(Some(Versions { draft, published: find_published(conn, content_type, draft)?, revision }))
}

fn find_published(conn: &mut Conn, content_type: &ContentType, draft: i64) -> Result<Option<i64>> {
    let mut sql = Sql::new("SELECT id FROM ");
    sql.name(content_type.table).text(" WHERE draft_id = ").int(draft);
    conn.first(&sql, |row| row.int(0))
}

/// A document that is about to be stored.
pub struct NewDocument<'a> {
    /// What it is.
    pub content_type: &'static ContentType,
    /// The id it will have.
    pub document_id: &'a str,
    /// When.
    pub now: Millis,
}

/// Stores a new draft and returns its row.
pub fn insert(conn: &mut Conn, new: &NewDocument<'_>, values: &[(&'static str, Bind)]) -> Result<i64> {
    let mut sql = Sql::new("INSERT INTO ");
    sql.name(new.content_type.table).text(" (document_id, created_at, updated_at");
    for (column, _) in values {
        sql.text(", ").name(column);
    }
    sql.text(") VALUES (").str(new.document_id).text(", ").int(new.now).text(", ").int(new.now);
    for (_, value) in values {
        sql.text(", ").bind(value.clone());
    }
    sql.text(") RETURNING id");
    conn.first(&sql, |row| row.int(0))?.ok_or_else(|| Error::internal("an insert returned no row"))
}

/// Changes columns of a draft, and the time it was changed.
pub fn update(
    conn: &mut Conn,
    content_type: &ContentType,
    draft: i64,
    now: Millis,
    values: &[(&'static str, Bind)],
) -> Result<()> {
    let mut sql = Sql::new("UPDATE ");
    sql.name(content_type.table).text(" SET updated_at = ").int(now);
    for (column, value) in values {
        sql.text(", ").name(column).text(" = ").bind(value.clone());
    }
    sql.text(" WHERE id = ").int(draft);
    conn.execute(&sql)?;
    Ok(())
}

/// Counts a change of the document with this draft, in both its versions, and makes answers that were kept old.
pub fn revise(conn: &mut Conn, content_type: &'static ContentType, draft: i64) -> Result<()> {
    conn.touch(content_type);
    let mut sql = Sql::new("UPDATE ");
    sql.name(content_type.table).text(" SET revision = (SELECT revision + 1 FROM ").name(content_type.table);
    sql.text(" WHERE id = ").int(draft).text(") WHERE id = ").int(draft).text(" OR draft_id = ").int(draft);
    conn.execute(&sql)?;
    Ok(())
}

/// Replaces the published version by a copy of the draft.
pub fn publish(conn: &mut Conn, content_type: &'static ContentType, versions: Versions, now: Millis) -> Result<i64> {
    if let Some(published) = versions.published {
        remove_version(conn, content_type, published)?;
    }
    let mut sql = Sql::new("INSERT INTO ");
    sql.name(content_type.table).text(" (draft_id, document_id, created_at, updated_at, published_at");
    let columns = |sql: &mut Sql| {
        for column in Shape::Document(content_type).stored_columns() {
            sql.text(", ").name(column);
        }
    };
    columns(&mut sql);
    sql.text(") SELECT id, document_id, created_at, updated_at, ").int(now);
    columns(&mut sql);
    sql.text(" FROM ").name(content_type.table).text(" WHERE id = ").int(versions.draft).text(" RETURNING id");
    let published = conn.first(&sql, |row| row.int(0))?.ok_or_else(|| Error::internal("a draft vanished"))?;
    lists::copy(conn, content_type, versions.draft, published)?;
    copy_links(conn, content_type, versions.draft, Version::Draft)?;
    Ok(published)
}

/// Removes the published version; the document stays as a draft.
pub fn unpublish(conn: &mut Conn, content_type: &'static ContentType, published: i64) -> Result<()> {
    remove_version(conn, content_type, published)
}

/// Replaces the draft's values, items and links by those of the published version.
pub fn discard(conn: &mut Conn, content_type: &'static ContentType, draft: i64, published: i64) -> Result<()> {
    let mut sql = Sql::new("UPDATE ");
    sql.name(content_type.table).text(" SET updated_at = p.updated_at");
    for column in Shape::Document(content_type).stored_columns() {
        sql.text(", ").name(column).text(" = p.").name(column);
    }
    sql.text(" FROM ").name(content_type.table).text(" p WHERE p.id = ").int(published);
    sql.text(" AND ").name(content_type.table).text(".id = ").int(draft);
    conn.execute(&sql)?;
    lists::remove(conn, content_type, draft)?;
    lists::copy(conn, content_type, published, draft)?;
    copy_links(conn, content_type, draft, Version::Published)
}

/// Removes the document; its published version and its links go with the draft's row.
pub fn delete(conn: &mut Conn, content_type: &'static ContentType, versions: Versions) -> Result<()> {
    conn.touch(content_type);
    lock_after(conn, content_type, versions.draft, LinkChanges::All)?;
    lock_orders(conn)?;
    for row in versions.published.into_iter().chain([versions.draft]) {
        remove_version(conn, content_type, row)?;
    }
    Ok(())
}

fn remove_version(conn: &mut Conn, content_type: &'static ContentType, row: i64) -> Result<()> {
    lists::remove(conn, content_type, row)?;
    let mut sql = Sql::new("DELETE FROM ");
    sql.name(content_type.table).text(" WHERE id = ").int(row);
    conn.execute(&sql)?;
    Ok(())
}
