//! Links between drafts, in the order that each end sees.

use crate::content::{ContentType, Field, Kind, Links, Position, Reference, Relation};
use crate::db::{Bind, Conn, Sql};
use crate::error::{Error, Result};

/// Makes the draft's links what `links` asks for.
pub fn save(conn: &mut Conn, draft: i64, input: Vec<(&'static Field, Links)>) -> Result<()> {
    for (field, links) in input {
        let Kind::Relation(relation) = field.kind else { continue };
        let before = find_linked(conn, &relation, draft)?;
        let after = wanted(conn, relation.target, before.clone(), links)?;
        store(conn, &relation, draft, (&before, &after))?;
    }
    Ok(())
}

/// The drafts linked to `draft`, in the order that it sees.
fn find_linked(conn: &mut Conn, relation: &Relation, draft: i64) -> Result<Vec<i64>> {
    let mut sql = Sql::new("SELECT ");
    sql.name(relation.other_column()).text(" FROM ").name(relation.table.name).text(" WHERE ");
    sql.name(relation.own_column()).text(" = ").int(draft).text(" AND published = ").bind(Bind::Bool(Some(false)));
    sql.text(" ORDER BY ").name(relation.position_column()).text(", ").name(relation.other_column());
    conn.list(&sql, |row| row.int(0))
}

/// The list of drafts that `links` makes of `list`.
fn wanted(conn: &mut Conn, target: &'static ContentType, mut list: Vec<i64>, links: Links) -> Result<Vec<i64>> {
    match links {
        Links::Set(references) => {
            list.clear();
            for reference in references {
                place(&mut list, resolve(conn, target, &reference)?, None);
            }
        }
        Links::Change { connect, disconnect } => {
            for reference in disconnect {
                let gone = resolve(conn, target, &reference)?;
                list.retain(|linked| *linked != gone);
            }
            for (reference, position) in connect {
                let linked = resolve(conn, target, &reference)?;
                list.retain(|other| *other != linked);
                let index = index(conn, target, &list, position)?;
                place(&mut list, linked, index);
            }
        }
    }
    Ok(list)
}

/// Where a link goes; `None` is the end.
fn index(conn: &mut Conn, target: &'static ContentType, list: &[i64], position: Position) -> Result<Option<usize>> {
    let mut find = |reference| -> Result<Option<usize>> {
        let other = resolve(conn, target, &reference)?;
        Ok(list.iter().position(|linked| *linked == other))
    };
    Ok(match position {
        Position::End => None,
        Position::Start => Some(0),
        Position::Before(reference) => find(reference)?,
        Position::After(reference) => find(reference)?.map(|index| index + 1),
    })
}

fn place(list: &mut Vec<i64>, linked: i64, index: Option<usize>) {
    match index {
        _ if list.contains(&linked) => {}
        Some(index) => list.insert(index.min(list.len()), linked),
        None => list.push(linked),
    }
}

/// The draft's row of the document that a body names.
fn resolve(conn: &mut Conn, target: &'static ContentType, reference: &Reference) -> Result<i64> {
    let mut sql = Sql::new("SELECT COALESCE(draft_id, id) FROM ");
    sql.name(target.table);
    let named = match reference {
        Reference::Document(id) => {
            sql.text(" WHERE draft_id IS NULL AND document_id = ").str(id);
            id.clone()
        }
        Reference::Row(id) => {
            sql.text(" WHERE id = ").int(*id);
            id.to_string()
        }
    };
    let unknown = || Error::Validation(format!("Document with id \"{named}\", locale \"null\" not found"));
    conn.first(&sql, |row| row.int(0))?.ok_or_else(unknown)
}

/// Turns the stored links into `after`. Links that stay keep their place in the other end's order.
fn store(conn: &mut Conn, relation: &Relation, draft: i64, (before, after): (&[i64], &[i64])) -> Result<()> {
    let gone: Vec<i64> = before.iter().filter(|linked| !after.contains(linked)).copied().collect();
    if !gone.is_empty() {
        let mut sql = Sql::new("DELETE FROM ");
        sql.name(relation.table.name).text(" WHERE ").name(relation.own_column()).text(" = ").int(draft);
        sql.text(" AND published = ")
            .bind(Bind::Bool(Some(false)))
            .text(" AND ")
            .name(relation.other_column())
            .in_ints(gone);
        conn.execute(&sql)?;
    }
    for (position, linked) in (0..).zip(after) {
        let sql = match before.contains(linked) {
            true => moved(relation, draft, *linked, position),
            false => added(relation, draft, *linked, position),
        };
        conn.execute(&sql)?;
    }
    Ok(())
}

fn moved(relation: &Relation, draft: i64, linked: i64, position: i64) -> Sql {
    let mut sql = Sql::new("UPDATE ");
    sql.name(relation.table.name).text(" SET ").name(relation.position_column()).text(" = ").int(position);
    sql.text(" WHERE ").name(relation.own_column()).text(" = ").int(draft).text(" AND published = ");
    sql.bind(Bind::Bool(Some(false))).text(" AND ").name(relation.other_column()).text(" = ").int(linked);
    sql
}

/// A new link stands behind all others in the other end's order.
fn added(relation: &Relation, draft: i64, linked: i64, position: i64) -> Sql {
    let inverse = relation.inverse_position_column();
    let mut sql = Sql::new("INSERT INTO ");
    sql.name(relation.table.name).text(" (").name(relation.own_column()).text(", ").name(relation.other_column());
    sql.text(", published, ").name(relation.position_column()).text(", ").name(inverse).text(") SELECT ");
    sql.int(draft).text(", ").int(linked).text(", ").bind(Bind::Bool(Some(false))).text(", ").int(position);
    sql.text(", COALESCE(MAX(").name(inverse).text("), -1) + 1 FROM ").name(relation.table.name);
    sql.text(" WHERE ").name(relation.other_column()).text(" = ").int(linked).text(" AND published = ");
    sql.bind(Bind::Bool(Some(false)));
    sql
}
