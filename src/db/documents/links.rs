//! Links between drafts, in the order that each end sees.

use std::collections::{HashMap, HashSet};

use super::draft_locks::lock;
use crate::content::{ContentType, Field, Kind, Links, Position, Reference, Relation};
use crate::db::{Bind, Conn, List, Sql};
use crate::error::{Error, Result};

/// Makes the draft's links what `links` asks for. The documents at their other ends are locked first: see [`super::locks`].
pub fn save(conn: &mut Conn, draft: i64, input: Vec<(&'static Field, Links)>) -> Result<()> {
    for (field, links) in input {
        let Kind::Relation(relation) = field.kind else { continue };
        let named = Named::resolve(conn, relation.target, &links)?;
        let touched = find_touched(conn, &relation, draft, (&links, &named))?;
        let there = lock(conn, relation.target, touched)?;
        named.require(&links, &there)?;

        let before = find_linked(conn, &relation, draft)?;
        let after = named.wanted(before.iter().map(|(linked, _)| *linked).collect(), &links)?;
        store(conn, &relation, draft, (&before, &after))?;
    }
    Ok(())
}

/// The documents at the other ends of the links of `draft` that `links` makes, moves or removes. Names that lead nowhere are
/// left out.
pub(super) fn find_ends(conn: &mut Conn, relation: &Relation, draft: i64, links: &Links) -> Result<Vec<i64>> {
    let named = Named::resolve(conn, relation.target, links)?;
    find_touched(conn, relation, draft, (links, &named))
}

fn find_touched(
    conn: &mut Conn,
    relation: &Relation,
    draft: i64,
    (links, named): (&Links, &Named<'_>),
) -> Result<Vec<i64>> {
    let mut touched: Vec<i64> = named.0.values().copied().collect();
    if moves_others(links) {
        touched.extend(find_linked(conn, relation, draft)?.into_iter().map(|(linked, _)| linked));
    }
    Ok(touched)
}

/// Whether links are moved or removed that are not named.
fn moves_others(links: &Links) -> bool {
    match links {
        Links::Set(_) => true,
        Links::Change { connect, .. } => connect.iter().any(|(_, position)| *position != Position::End),
    }
}

/// The drafts linked to `draft`, each with its position, in the order that it sees.
fn find_linked(conn: &mut Conn, relation: &Relation, draft: i64) -> Result<Vec<(i64, i64)>> {
    let mut sql = Sql::new("SELECT ");
    sql.name(relation.other_column()).text(", ").name(relation.position_column());
    sql.text(" FROM ").name(relation.table.name).text(" WHERE ");
    sql.name(relation.own_column()).text(" = ").int(draft).text(" AND published = ").bind(Bind::Bool(Some(false)));
    sql.text(" ORDER BY ").name(relation.position_column()).text(", ").name(relation.other_column());
    conn.list(&sql, |row| Ok((row.int(0)?, row.int(1)?)))
}

/// The drafts' rows of the documents that a body names.
pub(super) struct Named<'a>(HashMap<&'a Reference, i64>);

impl<'a> Named<'a> {
    /// Looks up all that `links` names, in two statements at most. What is not there is left out.
    pub(super) fn resolve(conn: &mut Conn, target: &'static ContentType, links: &'a Links) -> Result<Self> {
        let (mut documents, mut rows): (HashMap<&str, _>, HashMap<i64, _>) = Default::default();
        for reference in references(links) {
            match reference {
                Reference::Document(id) => drop(documents.insert(id.as_str(), reference)),
                Reference::Row(id) => drop(rows.insert(*id, reference)),
            }
        }
        let mut found = HashMap::new();
        if !documents.is_empty() {
            let mut sql = Sql::new("SELECT document_id, id FROM ");
            sql.name(target.table).text(" WHERE draft_id IS NULL AND document_id");
            sql.in_texts(documents.keys().map(|id| (*id).to_owned()).collect());
            let rows = conn.list(&sql, |row| Ok((row.text(0)?, row.int(1)?)))?;
            found.extend(rows.into_iter().filter_map(|(id, row)| Some((*documents.get(id.as_str())?, row))));
        }
        if !rows.is_empty() {
            let mut sql = Sql::new("SELECT id, COALESCE(draft_id, id) FROM ");
            sql.name(target.table).text(" WHERE id").in_ints(rows.keys().copied().collect());
            let drafts = conn.list(&sql, |row| Ok((row.int(0)?, row.int(1)?)))?;
            found.extend(drafts.into_iter().filter_map(|(id, draft)| Some((*rows.get(&id)?, draft))));
        }
        Ok(Self(found))
    }

    fn row(&self, reference: &Reference) -> Result<i64> {
        self.0.get(reference).copied().ok_or_else(|| unknown(reference))
    }

    /// Fails for the first document of `links` that is not `there`.
    fn require(&self, links: &Links, there: &HashSet<i64>) -> Result<()> {
        let is_gone = |reference: &&Reference| self.0.get(reference).is_none_or(|row| !there.contains(row));
        let gone = required(links).find(is_gone);
        gone.map_or(Ok(()), |reference| Err(unknown(reference)))
    }

    /// Fails for the first document of `links` that is not there, of those that are named by documentId or as a place.
    pub(super) fn require_documents(&self, links: &Links) -> Result<()> {
        let is_named = |reference: &&Reference| matches!(reference, Reference::Document(id) if !id.is_empty());
        let documents = required(links).filter(is_named).chain(places(links));
        documents.into_iter().try_for_each(|reference| self.row(reference).map(drop))
    }

    /// The list of drafts that `links` makes of `list`.
    fn wanted(&self, mut list: Vec<i64>, links: &Links) -> Result<Vec<i64>> {
        match links {
            Links::Set(references) => {
                let rows = references.iter().map(|reference| self.row(reference)).collect::<Result<Vec<_>>>()?;
                let mut seen = HashSet::new();
                Ok(rows.into_iter().filter(|row| seen.insert(*row)).collect())
            }
            Links::Change { connect, disconnect } => {
                // A row that is not there is linked to nothing.
                let gone: HashSet<_> = disconnect.iter().filter_map(|reference| self.0.get(reference)).collect();
                list.retain(|linked| !gone.contains(linked));
                match connect.iter().all(|(_, position)| *position == Position::End) {
                    true => self.append(&mut list, connect)?,
                    false => self.place_each(&mut list, connect)?,
                }
                Ok(list)
            }
        }
    }

    /// Puts documents behind all others at once; one that is named twice stands where it was named last.
    fn append(&self, list: &mut Vec<i64>, connect: &[(Reference, Position)]) -> Result<()> {
        let rows = connect.iter().map(|(reference, _)| self.row(reference)).collect::<Result<Vec<_>>>()?;
        let mut seen = HashSet::new();
        let mut last: Vec<i64> = rows.into_iter().rev().filter(|row| seen.insert(*row)).collect();
        last.reverse();
        list.retain(|linked| !seen.contains(linked));
        list.extend(last);
        Ok(())
    }

    /// Puts one document after the other in its place.
    fn place_each(&self, list: &mut Vec<i64>, connect: &[(Reference, Position)]) -> Result<()> {
        for (reference, position) in connect {
            let linked = self.row(reference)?;
            list.retain(|other| *other != linked);
            let index = match position {
                Position::End => None,
                Position::Start => Some(0),
                Position::Before(other) => self.find(list, other)?,
                Position::After(other) => self.find(list, other)?.map(|index| index + 1),
            };
            list.insert(index.unwrap_or(list.len()), linked);
        }
        Ok(())
    }

    fn find(&self, list: &[i64], reference: &Reference) -> Result<Option<usize>> {
        let wanted = self.row(reference)?;
        Ok(list.iter().position(|linked| *linked == wanted))
    }
}

/// Every document that `links` names, in the order in which Strapi looks for them.
fn references(links: &Links) -> Box<dyn Iterator<Item = &Reference> + '_> {
    match links {
        Links::Set(references) => Box::new(references.iter()),
        Links::Change { connect, disconnect } => {
            let connected = connect.iter().map(|(reference, _)| reference);
            Box::new(disconnect.iter().chain(connected).chain(places(links)))
        }
    }
}

/// The documents before and after which others are linked.
fn places(links: &Links) -> impl Iterator<Item = &Reference> {
    let connect = match links {
        Links::Set(_) => &[][..],
        Links::Change { connect, .. } => connect,
    };
    connect.iter().filter_map(|(_, position)| match position {
        Position::Before(other) | Position::After(other) => Some(other),
        Position::Start | Position::End => None,
    })
}

/// Those that have to be there. As in Strapi a row that is not there can be disconnected.
fn required(links: &Links) -> impl Iterator<Item = &Reference> {
    let loose = match links {
        Links::Set(_) => 0,
        Links::Change { disconnect, .. } => disconnect.len(),
    };
    let is_required =
        move |(place, reference): &(usize, &Reference)| *place >= loose || !matches!(reference, Reference::Row(_));
    references(links).enumerate().filter(is_required).map(|(_, reference)| reference)
}

fn unknown(reference: &Reference) -> Error {
    let named = match reference {
        Reference::Document(id) => id.clone(),
        Reference::Row(id) => id.to_string(),
    };
    Error::Validation(format!("Document with id \"{named}\", locale \"null\" not found"))
}

/// Turns the stored links into `after`, in three statements at most. Links that stay keep their place in the other end's
/// order; those before the first that moves, comes or goes are not written at all.
fn store(conn: &mut Conn, relation: &Relation, draft: i64, (before, after): (&[(i64, i64)], &[i64])) -> Result<()> {
    let stored: HashMap<i64, i64> = before.iter().copied().collect();
    let wanted: HashSet<i64> = after.iter().copied().collect();
    let gone: Vec<i64> = before.iter().map(|(linked, _)| *linked).filter(|linked| !wanted.contains(linked)).collect();
    if !gone.is_empty() {
        let mut sql = Sql::new("DELETE FROM ");
        own(sql.name(relation.table.name).text(" WHERE "), relation, draft);
        sql.text(" AND ").name(relation.other_column()).in_ints(gone);
        conn.execute(&sql)?;
    }

    let mut last = None;
    let stays = |linked: &&i64| match stored.get(linked) {
        Some(position) if last.is_none_or(|last| *position > last) => {
            last = Some(*position);
            true
        }
        _ => false,
    };
    let kept = after.iter().take_while(stays).count();
    let rest = Rest { relation, draft, first: last.map_or(0, |last| last + 1), linked: &after[kept..] };
    if rest.linked.iter().any(|linked| stored.contains_key(linked)) {
        conn.execute(&rest.moved())?;
    }
    if rest.linked.iter().any(|linked| !stored.contains_key(linked)) {
        conn.execute(&rest.added())?;
    }
    Ok(())
}

fn own<'s>(sql: &'s mut Sql, relation: &Relation, draft: i64) -> &'s mut Sql {
    sql.name(relation.own_column()).text(" = ").int(draft).text(" AND published = ").bind(Bind::Bool(Some(false)))
}

/// Links that are written: those from the first on that does not stay where it is.
struct Rest<'a> {
    relation: &'a Relation,
    draft: i64,
    /// The position of the first of them.
    first: i64,
    linked: &'a [i64],
}

impl Rest<'_> {
    /// The new positions of those that are stored.
    fn moved(&self) -> Sql {
        let mut sql = Sql::new("UPDATE ");
        sql.name(self.relation.table.name).text(" SET ").name(self.relation.position_column()).text(" = ");
        self.position(&mut sql).text(" FROM ");
        own(self.list(&mut sql).text(" WHERE "), self.relation, self.draft).text(" AND ");
        sql.name(self.relation.other_column()).text(" = j.value");
        sql
    }

    /// Those that are not stored. A new link stands behind all others in the other end's order.
    fn added(&self) -> Sql {
        let relation = self.relation;
        let (other, inverse) = (relation.other_column(), relation.inverse_position_column());
        let mut sql = Sql::new("INSERT INTO ");
        sql.name(relation.table.name).text(" (").name(relation.own_column()).text(", ").name(other);
        sql.text(", published, ").name(relation.position_column()).text(", ").name(inverse).text(") SELECT ");
        sql.int(self.draft).text(", j.value, ").bind(Bind::Bool(Some(false))).text(", ");
        self.position(&mut sql).text(", COALESCE((SELECT MAX(").name(inverse).text(") + 1 FROM ");
        sql.name(relation.table.name).text(" WHERE ").name(other).text(" = j.value AND published = ");
        sql.bind(Bind::Bool(Some(false))).text("), 0) FROM ");
        self.list(&mut sql).text(" WHERE NOT EXISTS (SELECT 1 FROM ").name(relation.table.name).text(" WHERE ");
        own(&mut sql, relation, self.draft).text(" AND ").name(other).text(" = j.value)");
        sql
    }

    /// The position of `j`.
    fn position<'s>(&self, sql: &'s mut Sql) -> &'s mut Sql {
        sql.int(self.first).either(" + j.key", " + j.key - 1")
    }

    /// All of them as `j`, with `value` and, counted from 0 on SQLite and from 1 on PostgreSQL, `key`.
    fn list<'s>(&self, sql: &'s mut Sql) -> &'s mut Sql {
        let linked = Bind::Ints(List(self.linked.to_vec()));
        sql.either("json_each(", "unnest(").bind(linked).either(") AS j", ") WITH ORDINALITY AS j (value, key)")
    }
}
