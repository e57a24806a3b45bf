//! The order in which transactions lock documents on PostgreSQL, so that no two wait for each other. SQLite has one writer.
//!
//! A link is ordered at both its ends, so whoever makes, moves or removes one locks the documents at both. First come those
//! that own links (products, subscribers), then those that links lead to (stores), each by ascending row. A change of a
//! product thus locks the product and then stores; a change of a store must lock the products and subscribers that it is
//! about before the store itself, which [`lock_before`] does.

use std::collections::{BTreeMap, BTreeSet};

use super::draft_locks::lock;
use super::links::find_ends;
use crate::content::{ContentType, Field, Kind, LinkSide, Links, Relation};
use crate::db::{Conn, Kind as Database, Sql};
use crate::error::Result;

/// How often a document's links may change while it waits for its lock. After that it goes on with what it has: at the worst
/// two wait for each other, which PostgreSQL ends and the writer tries again.
const ATTEMPTS: usize = 10;

/// The number is for this alone.
const LINK_ORDERS: &str = "SELECT 1 FROM (SELECT pg_advisory_xact_lock(7310861544)) AS locked";

/// Which links of a document are about to change, beside those that a body names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LinkChanges {
    /// None.
    Nothing,
    /// Those that only one of its versions has: one is made of the other.
    Version,
    /// All: it is deleted.
    All,
}

/// Locks the document and all at the other ends of its links that change, in their order, before anything is written.
///
/// Which these are is known for sure only when the document is locked. So whoever finds others then lets all go and begins
/// again with those as well: to lock them later would be out of order.
pub fn lock_before(
    conn: &mut Conn,
    (content_type, document_id): (&'static ContentType, &str),
    links: &[(&'static Field, Links)],
    changing: LinkChanges,
) -> Result<()> {
    if conn.kind() == Database::Sqlite || (links.is_empty() && changing == LinkChanges::Nothing) {
        return Ok(());
    }
    let mut sql = Sql::new("SELECT id FROM ");
    sql.name(content_type.table).text(" WHERE draft_id IS NULL AND document_id = ").str(document_id);
    let Some(draft) = conn.first(&sql, |row| row.int(0))? else { return Ok(()) };

    let inverse = relations(content_type, LinkSide::Inverse);
    let mut ends = find_all_ends(conn, &inverse, draft, (links, changing))?;
    for attempt in 1..=ATTEMPTS {
        conn.begin()?;
        for (relation, drafts) in &ends {
            lock(conn, relation.target, drafts.iter().copied().collect())?;
        }
        lock(conn, content_type, vec![draft])?;
        let now = find_all_ends(conn, &inverse, draft, (links, changing))?;
        let is_whole = now.iter().zip(&ends).all(|((_, now), (_, locked))| now.is_subset(locked));
        if is_whole || attempt == ATTEMPTS {
            conn.commit()?;
            break;
        }
        // What was locked since the savepoint is free again.
        conn.roll_back()?;
        ends.iter_mut().zip(now).for_each(|((_, ends), (_, now))| ends.extend(now));
    }
    let owned = relations(content_type, LinkSide::Owner);
    for (relation, drafts) in find_all_ends(conn, &owned, draft, (links, changing))? {
        lock(conn, relation.target, drafts.into_iter().collect())?;
    }
    Ok(())
}

/// The documents at the other ends of links that change, by relation.
fn find_all_ends(
    conn: &mut Conn,
    relations: &[(&'static Field, Relation)],
    draft: i64,
    (links, changing): (&[(&'static Field, Links)], LinkChanges),
) -> Result<Vec<(Relation, BTreeSet<i64>)>> {
    let mut all = Vec::with_capacity(relations.len());
    for (field, relation) in relations {
        let mut ends: BTreeSet<i64> = find_changing(conn, relation, draft, changing)?.into_iter().collect();
        for (_, links) in links.iter().filter(|(named, _)| named.name == field.name) {
            ends.extend(find_ends(conn, relation, draft, links)?);
        }
        all.push((*relation, ends));
    }
    Ok(all)
}

/// Locks what is to be locked after the document itself: those that its links lead to, as far as these change.
pub(super) fn lock_after(
    conn: &mut Conn,
    content_type: &'static ContentType,
    draft: i64,
    changing: LinkChanges,
) -> Result<()> {
    if conn.kind() == Database::Sqlite {
        return Ok(());
    }
    for (_, relation) in relations(content_type, LinkSide::Owner) {
        let ends = find_changing(conn, &relation, draft, changing)?;
        lock(conn, relation.target, ends)?;
    }
    Ok(())
}

/// The last lock of a transaction that changes links of published versions: making room in the list of another end moves
/// links of documents that are not locked, in an order that nobody chooses.
pub(super) fn lock_orders(conn: &mut Conn) -> Result<()> {
    match conn.kind() {
        Database::Sqlite => Ok(()),
        Database::Postgres => conn.query(&Sql::new(LINK_ORDERS), |_| Ok(())),
    }
}

/// Locks documents that are changed together, in their order. Those that are not there are left out.
pub fn lock_documents<'a>(
    conn: &mut Conn,
    documents: impl IntoIterator<Item = (&'static ContentType, &'a str)>,
) -> Result<()> {
    let mut by_type: BTreeMap<(bool, u16), (&'static ContentType, Vec<String>)> = BTreeMap::new();
    for (content_type, document_id) in documents {
        let order = (!relations(content_type, LinkSide::Inverse).is_empty(), content_type.number);
        by_type.entry(order).or_insert((content_type, Vec::new())).1.push(document_id.to_owned());
    }
    for (content_type, documents) in by_type.into_values() {
        let mut sql = Sql::new("SELECT id FROM ");
        sql.name(content_type.table).text(" WHERE draft_id IS NULL AND document_id").in_texts(documents);
        let drafts = conn.list(&sql, |row| row.int(0))?;
        lock(conn, content_type, drafts)?;
    }
    Ok(())
}

fn relations(content_type: &'static ContentType, side: LinkSide) -> Vec<(&'static Field, Relation)> {
    let of_side = |field: &'static Field| match field.kind {
        Kind::Relation(relation) if relation.side == side => Some((field, relation)),
        _ => None,
    };
    content_type.fields.iter().filter_map(of_side).collect()
}

/// The documents at the other ends of the links of `draft` that are about to change.
fn find_changing(conn: &mut Conn, relation: &Relation, draft: i64, changing: LinkChanges) -> Result<Vec<i64>> {
    let (own, other) = (relation.own_column(), relation.other_column());
    let mut sql = Sql::new("SELECT DISTINCT l.");
    sql.name(other).text(" FROM ").name(relation.table.name).text(" l WHERE l.").name(own).text(" = ").int(draft);
    match changing {
        LinkChanges::Nothing => return Ok(Vec::new()),
        LinkChanges::All => {}
        LinkChanges::Version => {
            sql.text(" AND NOT EXISTS (SELECT 1 FROM ").name(relation.table.name).text(" o WHERE o.").name(own);
            sql.text(" = l.").name(own).text(" AND o.").name(other).text(" = l.").name(other);
            sql.text(" AND o.published <> l.published)");
        }
    }
    conn.list(&sql, |row| row.int(0))
}
