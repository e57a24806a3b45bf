//! What holds up a record that fires, or has it skipped: limits and breakers.

use crate::clock::Millis;
use crate::db::Conn;
use crate::db::extensions::Reached;
use crate::error::Result;
use crate::state::AppState;

/// Why a record that fires is executed later.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wait {
    /// What it waits for.
    pub because: WaitsFor,
    /// When that is over, or is looked at again.
    pub until: Option<Millis>,
    /// The rest, for people.
    pub message: String,
}

/// What a run may wait for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum WaitsFor {
    /// The next hour: this one's limit is reached.
    Limit,
    /// The next probe of a destination that keeps failing.
    Breaker,
}

impl WaitsFor {
    /// Its name on the wire.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Limit => "limit",
            Self::Breaker => "breaker",
        }
    }
}

/// What a run of this record would wait for at `now`; `Err` with the reason when it would be skipped.
pub(super) fn waits(
    _conn: &mut Conn,
    _state: &AppState,
    _reached: &Reached,
    _now: Millis,
) -> Result<std::result::Result<Vec<Wait>, String>> {
    Ok(Ok(Vec::new()))
}
