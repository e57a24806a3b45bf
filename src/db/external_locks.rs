//! Names that one attempt at a time holds, in whichever process it is executed: what it makes or changes at an outside
//! service is then not made twice, nor overwritten by what is older.

use super::{Conn, Sql};
use crate::clock::Millis;
use crate::error::Result;

/// A name that was taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AcquiredLock {
    /// When the latest event happened whose values were written under it, if that is remembered.
    pub as_of: Option<Millis>,
}

/// Takes `name` for `holder` until `held_until`; `None` while another holder has it.
pub fn take(
    conn: &mut Conn,
    name: &str,
    holder: &str,
    (now, held_until): (Millis, Millis),
) -> Result<Option<AcquiredLock>> {
    let mut sql = Sql::new("INSERT INTO external_locks (name, holder, held_until) VALUES (");
    sql.str(name).text(", ").str(holder).text(", ").int(held_until);
    sql.text(") ON CONFLICT (name) DO UPDATE SET holder = excluded.holder, held_until = excluded.held_until ");
    sql.text("WHERE external_locks.holder IS NULL OR external_locks.held_until < ").int(now);
    sql.text(" RETURNING as_of");
    conn.first(&sql, |row| Ok(AcquiredLock { as_of: row.find_int(0)? }))
}

/// Gives `name` back if `holder` still has it, and remembers `as_of` where that is later than what is remembered.
pub fn release(conn: &mut Conn, name: &str, holder: &str, (now, as_of): (Millis, Option<Millis>)) -> Result<()> {
    let mut sql = Sql::new("UPDATE external_locks SET holder = NULL, held_until = ");
    sql.int(now);
    if let Some(as_of) = as_of {
        sql.text(", as_of = CASE WHEN as_of > ").int(as_of).text(" THEN as_of ELSE ").int(as_of).text(" END");
    }
    sql.text(" WHERE name = ").str(name).text(" AND holder = ").str(holder);
    conn.execute(&sql).map(drop)
}

/// Forgets up to `limit` names that nobody has held since `before`. Returns how many.
pub fn prune(conn: &mut Conn, before: Millis, limit: i64) -> Result<usize> {
    let mut sql =
        Sql::new("DELETE FROM external_locks WHERE name IN (SELECT name FROM external_locks WHERE held_until < ");
    sql.int(before).text(" ORDER BY held_until LIMIT ").int(limit).text(")");
    conn.execute(&sql)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::db::testing::on_every_backend;

    #[test]
    fn one_holder_at_a_time_has_a_name() {
        on_every_backend(|conn| {
            let mut take = |holder: &str, now: Millis| take(conn, "tea", holder, (now, now + 10)).expect("it is asked");
            assert_eq!(take("one", 0), Some(AcquiredLock { as_of: None }));
            assert_eq!(take("two", 5), None);
            assert_eq!(take("two", 11), Some(AcquiredLock { as_of: None }), "the first is gone");
        });
    }

    #[test]
    fn what_is_remembered_is_the_latest() {
        on_every_backend(|conn| {
            for (as_of, expected) in [(Some(7), Some(7)), (Some(5), Some(7)), (None, Some(7)), (Some(9), Some(9))] {
                take(conn, "tea", "one", (0, 10)).expect("it is free");
                release(conn, "tea", "other", (1, Some(99))).expect("of another holder nothing happens");
                release(conn, "tea", "one", (1, as_of)).expect("it is released");
                let taken = take(conn, "tea", "two", (2, 10)).expect("it is asked");
                assert_eq!(taken, Some(AcquiredLock { as_of: expected }));
                release(conn, "tea", "two", (3, None)).expect("it is released");
            }
            assert_eq!(prune(conn, 3, 10).expect("pruned"), 0);
            assert_eq!(prune(conn, 4, 10).expect("pruned"), 1);
        });
    }
}
