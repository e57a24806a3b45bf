//! Runs that a person ends or repeats: where they stand, with no one else to move them meanwhile.

use diesel::prelude::*;

use super::{RunLease, SLICE, State, small};
use crate::clock::Millis;
use crate::db::schema::runs;
use crate::db::{Conn, Sql};
use crate::error::{Error, Result};

/// Where a run stands.
#[derive(Debug)]
pub struct Standing {
    /// The run and the attempt that is, or was last, under way.
    pub lease: RunLease,
    /// Its state.
    pub state: State,
    /// The extension record.
    pub extension_id: i64,
    /// What holds the record, such as `store.extensions`.
    pub owner_field: String,
    /// What it has in common with runs that wait for its end.
    pub ordering_key: Option<String>,
}

/// Where the run with this id stands; nobody moves it until the transaction ends.
pub fn lock(conn: &mut Conn, id: &str) -> Result<Option<Standing>> {
    let mut sql = Sql::new("SELECT id, attempt, state, extension_id, owner_field, line FROM runs WHERE uid = ");
    sql.str(id).for_update();
    conn.first(&sql, |row| {
        let state = row.text(2)?;
        Ok(Standing {
            lease: (row.int(0)?, small(row.int(1)?)?),
            state: State::parse(&state).ok_or_else(|| Error::internal(format!("a run in the state {state}")))?,
            extension_id: row.int(3)?,
            owner_field: row.text(4)?,
            ordering_key: row.find_text(5)?,
        })
    })
}

/// Ends the runs of a record that wait, as cancelled: up to [`SLICE`] of them. What is left ends so when its time comes,
/// since its record is switched off.
pub fn cancel_waiting(conn: &mut Conn, extension: i64, reason: &str, now: Millis) -> Result<()> {
    let mut sql = Sql::new("UPDATE runs SET state = 'cancelled', parked = 0, reason = ");
    sql.str(reason).text(", finished_at = ").int(now);
    sql.text(" WHERE id IN (SELECT id FROM runs WHERE state IN ('available', 'retryable') AND extension_id = ");
    sql.int(extension).limit(SLICE as i64, 0).text(")");
    conn.execute(&sql).map(drop)
}

/// Ends a run that has not ended, as cancelled. Whoever has it under way can no longer record anything.
pub fn cancel(conn: &mut Conn, run: i64, reason: &str, now: Millis) -> Result<()> {
    let cancelled = (
        runs::state.eq(State::Cancelled),
        runs::lease_until.eq(None::<Millis>),
        runs::reason.eq(Some(reason)),
        runs::finished_at.eq(Some(now)),
    );
    conn.run(diesel::update(runs::table.find(run)).set(cancelled)).map(drop)
}
