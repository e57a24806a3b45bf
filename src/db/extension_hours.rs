//! What the runs of extension records came to, hour by hour.

use std::collections::BTreeMap;

use diesel::prelude::*;

use super::Conn;
use super::bulk::{self, Bulk};
use super::schema::extension_hours as hours;
use super::typed::columns;
use crate::clock::{HOUR, Millis};
use crate::error::Result;

/// An hour of a record.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Queryable, Selectable)]
#[diesel(table_name = hours)]
pub struct HourCounts {
    /// Attempts that were made.
    pub attempts: i64,
    /// Runs that were completed.
    pub completed: i64,
    /// Runs that are dead.
    pub dead: i64,
}

/// The hour of a moment, counted since 1970 in UTC.
pub fn hour_of(at: Millis) -> i64 {
    at.div_euclid(HOUR)
}

const COUNT: Bulk = Bulk {
    sqlite: &[
        "INSERT INTO extension_hours (extension_id, hour, attempts, completed, dead) VALUES (",
        ", ",
        ", ",
        ", ",
        ", ",
        ") ON CONFLICT (extension_id, hour) DO UPDATE SET attempts = attempts + excluded.attempts, \
         completed = completed + excluded.completed, dead = dead + excluded.dead",
    ],
    postgres: [
        "INSERT INTO extension_hours AS h (extension_id, hour, attempts, completed, dead) SELECT * FROM ",
        " ON CONFLICT (extension_id, hour) DO UPDATE SET attempts = h.attempts + excluded.attempts, \
         completed = h.completed + excluded.completed, dead = h.dead + excluded.dead",
    ],
};

/// Adds to the hours of records, given by record and hour.
pub fn count(conn: &mut Conn, tallies: BTreeMap<(i64, i64), HourCounts>) -> Result<()> {
    let row = |((extension, hour), tally): ((i64, i64), HourCounts)| {
        vec![extension.into(), hour.into(), tally.attempts.into(), tally.completed.into(), tally.dead.into()]
    };
    bulk::run(conn, &COUNT, tallies.into_iter().map(row).collect()).map(drop)
}

/// The hours of a record from `first` on in which anything happened, each by its number.
pub fn find_since(conn: &mut Conn, extension: i64, first: i64) -> Result<Vec<(i64, HourCounts)>> {
    let of_record = hours::extension_id.eq(extension).and(hours::hour.ge(first));
    conn.load(hours::table.filter(of_record).order(hours::hour).select((hours::hour, columns::<HourCounts>())))
}

/// Deletes the hours that ended before `before`.
pub fn prune(conn: &mut Conn, before: Millis) -> Result<usize> {
    conn.run(diesel::delete(hours::table.filter(hours::hour.lt(hour_of(before)))))
}
