//! What holds up a record that fires, or has it skipped: limits and breakers.

use crate::clock::{Millis, iso};
use crate::db::extensions::CandidateWithSetup;
use crate::db::holds::{self, shard_of};
use crate::db::{Conn, destinations, hourly_uses};
use crate::error::Result;
use crate::handler::destination;
use crate::runner::execute::rate_limit::{limits_of, skips};
use crate::state::AppState;

/// Why a record that fires is executed later.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Delay {
    /// What it waits for.
    pub because: DelayCause,
    /// When that is over, or is looked at again.
    pub until: Option<Millis>,
    /// The rest, for people.
    pub message: String,
}

/// What a run may wait for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum DelayCause {
    /// The next hour, since this one's limit is reached, or the end of a limit that the receiver told of.
    Limit,
    /// The next probe of a destination that keeps failing.
    Breaker,
}

impl DelayCause {
    /// Its name on the wire.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Limit => "limit",
            Self::Breaker => "breaker",
        }
    }
}

/// What a run of this record for this store would wait for if it were taken at `now`; `Err` with the reason when it would
/// be skipped.
pub fn find_delays(
    conn: &mut Conn,
    state: &AppState,
    candidate: &CandidateWithSetup,
    store: Option<&str>,
    now: Millis,
) -> Result<std::result::Result<Vec<Delay>, String>> {
    let CandidateWithSetup { candidate, record, .. } = candidate;
    let destination = destination(&record.key, record.url.as_deref(), candidate.id);
    let open = destinations::find_open(conn, vec![destination.clone()])?.into_iter().map(|failing| Delay {
        because: DelayCause::Breaker,
        until: Some(failing.next_probe_at),
        message: format!("{} has failed since {}", failing.name, iso(failing.since)),
    });
    let mut delays: Vec<Delay> = open.collect();
    let lease = holds::find(conn, vec![shard_of(&destination, store)])?.into_iter().map(|hold| Delay {
        because: DelayCause::Limit,
        until: Some(hold.until),
        message: format!("{destination} has enough until {}", iso(hold.until)),
    });
    delays.extend(lease);
    let limits = limits_of(state, candidate.id, record, store);
    let used = hourly_uses::used(conn, limits.iter().map(|limit| limit.scope.clone()).collect(), now)?;
    let full = limits.iter().find(|limit| used.get(&limit.scope).is_some_and(|used| *used >= limit.most));
    if let Some(limit) = full {
        let (_, next_hour) = hourly_uses::hour_bounds(now);
        let message = limit.reason_text(next_hour);
        // What waits for its destination is not taken, and so not counted, until that is back.
        if delays.is_empty() && skips(record.config.as_deref()) {
            return Ok(Err(message));
        }
        delays.push(Delay { because: DelayCause::Limit, until: Some(next_hour), message });
    }
    Ok(Ok(delays))
}
