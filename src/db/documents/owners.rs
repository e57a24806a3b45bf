//! Whom an event about a document reaches.

use std::collections::HashSet;

use crate::content::{ContentType, Relation, Shape, StoreLink};
use crate::db::events::{Owner, StoreRef};
use crate::db::{Conn, Sql};
use crate::error::Result;

/// Whose extension records an event reaches, and the store it belongs to.
#[derive(Debug, Clone, Default)]
pub struct EventRecipients {
    /// The document, then the stores that hold it.
    pub owners: Vec<Owner>,
    /// The first of those stores.
    pub store: Option<StoreRef>,
}

/// Whom an event about the document with this draft reaches: itself, then the stores it is linked to in either version.
pub fn event_recipients(conn: &mut Conn, content_type: &'static ContentType, draft: i64) -> Result<EventRecipients> {
    let own = (Shape::Document(content_type).records_owner_field(), draft);
    let mut recipients = EventRecipients { owners: vec![own], store: None };
    let (store, found) = match content_type.store_relation() {
        Some(relation) => (relation.target, list_stores(conn, relation, draft)?),
        None if content_type.store == StoreLink::Itself => (content_type, list_self(conn, content_type, draft)?),
        None => return Ok(recipients),
    };
    let mut known: HashSet<Owner> = recipients.owners.iter().cloned().collect();
    for (id, named) in found {
        let owner = (Shape::Document(store).records_owner_field(), id);
        if known.insert(owner.clone()) {
            recipients.owners.push(owner);
        }
        recipients.store.get_or_insert(named);
    }
    Ok(recipients)
}

fn list_self(conn: &mut Conn, store: &'static ContentType, draft: i64) -> Result<Vec<(i64, StoreRef)>> {
    let mut sql = Sql::new("SELECT s.id, s.document_id, ");
    slug(&mut sql, store).text(" FROM ").name(store.table).text(" s WHERE s.id = ").int(draft);
    list(conn, &sql)
}

fn list_stores(conn: &mut Conn, relation: Relation, draft: i64) -> Result<Vec<(i64, StoreRef)>> {
    let mut sql = Sql::new("SELECT s.id, s.document_id, ");
    slug(&mut sql, relation.target).text(" FROM ").name(relation.table.name).text(" l JOIN ");
    sql.name(relation.target.table).text(" s ON s.id = l.").name(relation.other_column());
    sql.text(" WHERE l.").name(relation.own_column()).text(" = ").int(draft);
    sql.text(" ORDER BY l.published DESC, l.position, s.id");
    list(conn, &sql)
}

/// The column of stores that has their slug.
fn slug<'s>(sql: &'s mut Sql, store: &'static ContentType) -> &'s mut Sql {
    match Shape::Document(store).find_field("slug") {
        Some(field) => sql.text("s.").name(field.column),
        None => sql.text("CAST(NULL AS TEXT)"),
    }
}

fn list(conn: &mut Conn, sql: &Sql) -> Result<Vec<(i64, StoreRef)>> {
    conn.list(sql, |row| Ok((row.int(0)?, StoreRef { document_id: row.text(1)?, slug: row.find_text(2)? })))
}
