//! Links of one version of a document made those of its other version, when it is published or its draft is discarded.
//!
//! A link is one thing that two documents share, and each end orders it among its own. So the version that is made has
//! the links of the one it is made from, in the same order. At the other ends, links that stay keep their place, and a
//! link that comes goes where that end's own list of the first version has it: right behind the nearest of those before
//! it that both versions have, or else before all. What the other end did to its own list meanwhile stays with it.

use super::locks::{LinkChanges, lock_after, lock_orders};
use crate::content::{ContentType, Kind, Relation, Version};
use crate::db::{Bind, Conn, Sql};
use crate::error::Result;

/// Gives the other version of the document the links of the version `from`.
pub(super) fn copy_links(conn: &mut Conn, content_type: &'static ContentType, draft: i64, from: Version) -> Result<()> {
    let mut copies = Vec::new();
    for field in content_type.fields {
        let Kind::Relation(relation) = field.kind else { continue };
        let copy = Copy { relation, draft, from_published: from == Version::Published };
        if conn.first(&copy.differs(), |row| row.int(0))?.is_some() {
            copies.push(copy);
        }
    }
    if copies.is_empty() {
        return Ok(());
    }
    lock_after(conn, content_type, draft, LinkChanges::Version)?;
    lock_orders(conn)?;
    for copy in copies {
        conn.execute(&copy.remove())?;
        conn.execute(&copy.reorder())?;
        for (other, position) in conn.list(&copy.taken(), |row| Ok((row.int(0)?, row.int(1)?)))? {
            conn.execute(&copy.make_room(other, position))?;
        }
        conn.execute(&copy.add())?;
    }
    Ok(())
}

struct Copy {
    relation: Relation,
    draft: i64,
    from_published: bool,
}

/// The versions that links belong to.
#[derive(Clone, Copy)]
enum End {
    From,
    To,
}

impl Copy {
    /// A row if there is anything to do: a link that only one version has, or that has another place.
    fn differs(&self) -> Sql {
        let (own, other) = (self.relation.own_column(), self.relation.other_column());
        let position = self.relation.position_column();
        let mut sql = Sql::new("SELECT 1 FROM ");
        self.table(&mut sql, 0);
        sql.text(" WHERE ").column("l", 0, own).text(" = ").int(self.draft).text(" AND NOT EXISTS (SELECT 1 FROM ");
        self.table(&mut sql, 1);
        self.same(sql.text(" WHERE "), own, (1, 0)).text(" AND ");
        self.same(&mut sql, other, (1, 0)).text(" AND ");
        self.same(&mut sql, position, (1, 0)).text(" AND ");
        sql.column("l", 1, "published").text(" <> ").column("l", 0, "published").text(") LIMIT 1");
        sql
    }

    /// The links that the first version does not have.
    fn remove(&self) -> Sql {
        let mut sql = self.begin("DELETE FROM ", 0);
        self.own(sql.text(" WHERE "), 0, End::To).text(" AND NOT EXISTS (SELECT 1 FROM ");
        self.table(&mut sql, 1);
        self.own(sql.text(" WHERE "), 1, End::From).text(" AND ");
        self.same(&mut sql, self.relation.other_column(), (1, 0)).text(")");
        sql
    }

    /// The order of those that both have. Links that stand where they shall are not written: on PostgreSQL they would be
    /// locked for those at their other ends.
    fn reorder(&self) -> Sql {
        let position = self.relation.position_column();
        let mut sql = self.begin("UPDATE ", 0);
        sql.text(" SET ").name(position).text(" = ").column("l", 1, position).text(" FROM ");
        self.table(&mut sql, 1);
        self.own(sql.text(" WHERE "), 1, End::From).text(" AND ");
        self.same(&mut sql, self.relation.other_column(), (1, 0)).text(" AND ");
        self.own(&mut sql, 0, End::To).text(" AND ");
        sql.column("l", 0, position).text(" <> ").column("l", 1, position);
        sql
    }

    /// The other ends of links that come, with the place of each, where that place is taken.
    fn taken(&self) -> Sql {
        let (other, position) = (self.relation.other_column(), self.relation.inverse_position_column());
        let mut sql = Sql::new("SELECT ");
        sql.column("l", 5, other).text(", ").column("l", 5, position).text(" FROM ");
        self.table(&mut sql, 0);
        self.table(sql.text(" JOIN "), 5);
        self.same(sql.text(" ON "), other, (5, 0)).text(" AND ");
        self.of(&mut sql, 5, End::To).text(" AND ").column("l", 5, position).text(" = ");
        self.place(&mut sql);
        self.coming(sql.text(" WHERE "));
        sql
    }

    fn make_room(&self, other: i64, position: i64) -> Sql {
        let column = self.relation.inverse_position_column();
        let mut sql = self.begin("UPDATE ", 0);
        sql.text(" SET ").name(column).text(" = ").column("l", 0, column).text(" + 1 WHERE ");
        sql.column("l", 0, self.relation.other_column()).text(" = ").int(other).text(" AND ");
        self.of(&mut sql, 0, End::To).text(" AND ").column("l", 0, column).text(" >= ").int(position);
        sql
    }

    fn add(&self) -> Sql {
        let (own, other) = (self.relation.own_column(), self.relation.other_column());
        let (position, inverse) = (self.relation.position_column(), self.relation.inverse_position_column());
        let mut sql = Sql::new("INSERT INTO ");
        sql.name(self.relation.table.name).text(" (").name(own).text(", ").name(other).text(", ").name(position);
        sql.text(", published, ").name(inverse).text(") SELECT ").column("l", 0, own).text(", ");
        sql.column("l", 0, other).text(", ").column("l", 0, position).text(", ");
        sql.bind(self.published(End::To)).text(", ");
        self.place(&mut sql);
        self.table(sql.text(" FROM "), 0);
        self.coming(sql.text(" WHERE "));
        sql
    }

    /// The condition that `l0` is a link that only the first version has.
    fn coming(&self, sql: &mut Sql) {
        self.own(sql, 0, End::From).text(" AND NOT EXISTS (SELECT 1 FROM ");
        self.table(sql, 1);
        self.own(sql.text(" WHERE "), 1, End::To).text(" AND ");
        self.same(sql, self.relation.other_column(), (1, 0)).text(")");
    }

    /// Where the link `l0` goes among those of its other end.
    fn place(&self, sql: &mut Sql) {
        let (own, other) = (self.relation.own_column(), self.relation.other_column());
        let position = self.relation.inverse_position_column();
        sql.text("COALESCE((SELECT ").column("l", 3, position).text(" + 1 FROM ");
        self.table(sql, 2);
        self.table(sql.text(" JOIN "), 3);
        self.same(sql.text(" ON "), other, (3, 2)).text(" AND ");
        self.same(sql, own, (3, 2)).text(" AND ");
        self.of(sql, 3, End::To).text(" WHERE ");
        self.same(sql, other, (2, 0)).text(" AND ");
        self.of(sql, 2, End::From).text(" AND ");
        sql.column("l", 2, position).text(" < ").column("l", 0, position);
        sql.text(" ORDER BY ").column("l", 2, position).text(" DESC LIMIT 1), (SELECT MIN(");
        sql.column("l", 4, position).text(") - 1 FROM ");
        self.table(sql, 4);
        self.same(sql.text(" WHERE "), other, (4, 0)).text(" AND ");
        self.of(sql, 4, End::To).text("), 0)");
    }

    fn begin(&self, verb: &'static str, alias: usize) -> Sql {
        let mut sql = Sql::new(verb);
        self.table(&mut sql, alias);
        sql
    }

    fn table(&self, sql: &mut Sql, alias: usize) {
        sql.name(self.relation.table.name).text(" AS ").alias("l", alias);
    }

    /// The condition that a link is one of the document's in this version.
    fn own<'s>(&self, sql: &'s mut Sql, alias: usize, end: End) -> &'s mut Sql {
        sql.column("l", alias, self.relation.own_column()).text(" = ").int(self.draft).text(" AND ");
        self.of(sql, alias, end)
    }

    fn of<'s>(&self, sql: &'s mut Sql, alias: usize, end: End) -> &'s mut Sql {
        sql.column("l", alias, "published").text(" = ").bind(self.published(end))
    }

    fn same<'s>(&self, sql: &'s mut Sql, column: &'static str, (left, right): (usize, usize)) -> &'s mut Sql {
        sql.column("l", left, column).text(" = ").column("l", right, column)
    }

    fn published(&self, end: End) -> Bind {
        Bind::Bool(Some(match end {
            End::From => self.from_published,
            End::To => !self.from_published,
        }))
    }
}
