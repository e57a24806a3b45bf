//! Whether what a body links to can be there at all, told as Strapi tells it.

use std::collections::HashSet;

use super::links::Named;
use crate::content::{Field, Kind, Links, Reference};
use crate::db::{Conn, Sql};
use crate::error::{Error, Problem, Result};

/// Refuses links to what a documentId names and is not there, for the first of them. Strapi looks for these before it checks
/// anything else of a body.
pub fn check_named(conn: &mut Conn, links: &[(&'static Field, Links)]) -> Result<()> {
    for (field, links) in links {
        let Kind::Relation(relation) = field.kind else { continue };
        Named::resolve(conn, relation.target, links)?.require_documents(links)?;
    }
    Ok(())
}

/// Refuses links as [`problem`] says.
pub fn check(conn: &mut Conn, links: &[(&'static Field, Links)]) -> Result<()> {
    problem(conn, links)?.map_or(Ok(()), |problem| Err(Error::Invalid(vec![problem])))
}

/// What is wrong with links to the empty name, and to rows that are not there. What a documentId names is looked for by
/// [`check_named`], and when it is linked.
pub fn problem(conn: &mut Conn, links: &[(&'static Field, Links)]) -> Result<Option<Problem>> {
    for (field, links) in links {
        let Kind::Relation(relation) = field.kind else { continue };
        let linked: Vec<&Reference> = match links {
            Links::Set(references) => references.iter().collect(),
            Links::Change { connect, .. } => connect.iter().map(|(reference, _)| reference).collect(),
        };
        if linked.iter().any(|reference| matches!(reference, Reference::Document(id) if id.is_empty())) {
            return Ok(Some(refused("Invalid relations".to_owned())));
        }

        let row = |reference: &&Reference| if let Reference::Row(row) = reference { Some(*row) } else { None };
        let rows: HashSet<i64> = linked.iter().filter_map(row).collect();
        if rows.is_empty() {
            continue;
        }
        let asked = rows.len() as i64;
        let mut sql = Sql::new("SELECT count(*) FROM ");
        sql.name(relation.target.table).text(" WHERE id").in_ints(rows.into_iter().collect());
        let missing = asked - conn.first(&sql, |row| row.int(0))?.unwrap_or_default();
        if missing > 0 {
            let uid = relation.target.uid;
            return Ok(Some(refused(format!(
                "{missing} relation(s) of type {uid} associated with this entity do not exist"
            ))));
        }
    }
    Ok(None)
}

/// Strapi tells no place of it.
fn refused(message: String) -> Problem {
    Problem { path: Vec::new(), message, value: None }
}
