//! Whom an event about a document reaches.

use std::collections::HashSet;

use crate::content::{ContentType, Kind, LinkSide, STORE, Shape};
use crate::db::events::{Owner, StoreRef};
use crate::db::{Conn, Sql};
use crate::error::Result;

/// Whose extension records an event reaches, and the store it belongs to.
#[derive(Debug, Clone, Default)]
pub struct Reach {
    /// The document, then the stores that hold it.
    pub owners: Vec<Owner>,
    /// The first of those stores.
    pub store: Option<StoreRef>,
}

/// Whom an event about the document with this draft reaches: itself, then the stores it is linked to in either version.
pub fn reach_of(conn: &mut Conn, content_type: &'static ContentType, draft: i64) -> Result<Reach> {
    let own = (format!("{}.extensions", content_type.key), draft);
    let mut reach = Reach { owners: vec![own], store: None };
    let stores = match content_type.uid == STORE.uid {
        true => list_self(conn, draft)?,
        false => list_stores(conn, content_type, draft)?,
    };
    let mut known: HashSet<Owner> = reach.owners.iter().cloned().collect();
    for (id, store) in stores {
        let owner = (Shape::Document(&STORE).key().to_owned() + ".extensions", id);
        if known.insert(owner.clone()) {
            reach.owners.push(owner);
        }
        reach.store.get_or_insert(store);
    }
    Ok(reach)
}

fn list_self(conn: &mut Conn, draft: i64) -> Result<Vec<(i64, StoreRef)>> {
    let mut sql = Sql::new("SELECT id, document_id, slug FROM stores WHERE id = ");
    sql.int(draft);
    conn.list(&sql, |row| Ok((row.int(0)?, StoreRef { document_id: row.text(1)?, slug: row.find_text(2)? })))
}

fn list_stores(conn: &mut Conn, content_type: &'static ContentType, draft: i64) -> Result<Vec<(i64, StoreRef)>> {
    let mut found = Vec::new();
    for field in content_type.fields {
        let Kind::Relation(relation) = field.kind else { continue };
        if relation.side != LinkSide::Owner || relation.target.uid != STORE.uid {
            continue;
        }
        let mut sql = Sql::new("SELECT s.id, s.document_id, s.slug FROM ");
        sql.name(relation.table.name).text(" l JOIN stores s ON s.id = l.").name(relation.other_column());
        sql.text(" WHERE l.").name(relation.own_column()).text(" = ").int(draft);
        sql.text(" ORDER BY l.published DESC, l.position, s.id");
        found.extend(
            conn.list(&sql, |row| Ok((row.int(0)?, StoreRef { document_id: row.text(1)?, slug: row.find_text(2)? })))?,
        );
    }
    Ok(found)
}
