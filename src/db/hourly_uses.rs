//! Hourly limits: how many attempts were made under each, in hours of UTC.

use std::collections::{BTreeMap, HashMap};

use diesel::prelude::*;

use super::schema::hourly_uses;
use super::typed::is_one_of;
use super::{Conn, Sql};
use crate::clock::{HOUR, Millis};
use crate::error::Result;

/// What a handler's limit counts by: its key and the store, so that one shop cannot use up what another needs.
pub fn handler_scope(key: &str, store: Option<&str>) -> String {
    format!("{key} {}", store.unwrap_or_default())
}

/// What an extension record's own limit counts by.
pub fn record_scope(extension: i64) -> String {
    format!("extension {extension}")
}

/// The hour of UTC that `now` lies in, and the moment it ends.
pub fn hour_bounds(now: Millis) -> (i64, Millis) {
    let hour = now.div_euclid(HOUR);
    (hour, (hour + 1) * HOUR)
}

/// How much of each of `scopes` is used in the hour of `now`; those of which nothing is are left out.
pub fn used(conn: &mut Conn, scopes: Vec<String>, now: Millis) -> Result<HashMap<String, i64>> {
    let of_hour = hourly_uses::hour.eq(hour_bounds(now).0).and(is_one_of(hourly_uses::scope, scopes));
    let found = conn.load(hourly_uses::table.filter(of_hour).select((hourly_uses::scope, hourly_uses::used)))?;
    Ok(found.into_iter().collect())
}

/// Adds to what is used of each scope in the hour of `now`, and returns what that comes to. On PostgreSQL nobody else
/// can add to them until the transaction ends; all take them in the same order.
pub fn add(conn: &mut Conn, uses: &BTreeMap<String, i64>, now: Millis) -> Result<HashMap<String, i64>> {
    let mut total = HashMap::with_capacity(uses.len());
    for (scope, more) in uses {
        let mut sql = Sql::new("INSERT INTO hourly_uses (scope, hour, used) VALUES (");
        sql.str(scope.as_str()).text(", ").int(hour_bounds(now).0).text(", ").int(*more);
        sql.text(") ON CONFLICT (scope, hour) DO UPDATE SET used = hourly_uses.used + excluded.used RETURNING used");
        if let Some(used) = conn.first(&sql, |row| row.int(0))? {
            total.insert(scope.clone(), used);
        }
    }
    Ok(total)
}

/// Forgets the hours before `before`.
pub fn prune(conn: &mut Conn, before: Millis) -> Result<usize> {
    conn.run(diesel::delete(hourly_uses::table.filter(hourly_uses::hour.lt(hour_bounds(before).0))))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::db::testing::on_every_backend;

    #[test]
    fn uses_add_up_within_an_hour_of_utc() {
        on_every_backend(|conn| {
            let scope = handler_scope("custom:webhook", Some("s"));
            let uses = |count| BTreeMap::from([(scope.clone(), count), (record_scope(7), count)]);
            let mut add = |count, now| add(conn, &uses(count), now).expect("added")[&scope];
            assert_eq!((add(2, 10 * HOUR), add(3, 11 * HOUR - 1), add(4, 11 * HOUR)), (2, 5, 4));
            assert_eq!(add(-1, 11 * HOUR), 3, "what was too much is given back");
            let used = |conn: &mut Conn, now| used(conn, vec![scope.clone(), "other".into()], now).expect("read");
            assert_eq!(used(conn, 10 * HOUR), HashMap::from([(scope.clone(), 5)]));
            assert_eq!(prune(conn, 11 * HOUR).expect("pruned"), 2);
            assert_eq!((used(conn, 10 * HOUR).len(), used(conn, 11 * HOUR).len()), (0, 1));
        });
    }
}
