//! Records that are switched off by the runner: those whose receiver says that it wants no more, and those that have
//! failed for days. An event tells of each, so that other records can sound the alarm.

use serde_json::json;

use crate::clock::{DAY, Millis, iso};
use crate::db::Conn;
use crate::db::events::{self, NewEvent};
use crate::db::extensions::{self, DisabledExtension};
use crate::db::runs;
use crate::error::Result;
use crate::handler::Masker;
use crate::ids;
use crate::runner::dispatch::owner_event::owner_event;
use crate::runner::execute::finished::Recording;
use crate::state::AppState;
use crate::triggers::EXTENSION_DISABLED;

/// How long a record may fail without a success.
const PATIENCE: Millis = 5 * DAY;

const GONE: &str = "its receiver answered 410 Gone";
const FAILING: &str = "it has failed for 5 days without a success";

/// Switches off what must be after these attempts, which are recorded already.
pub fn disable(conn: &mut Conn, finished: &[Recording<'_>], now: Millis) -> Result<Vec<DisabledExtension>> {
    let ids = |which: fn(&Recording<'_>) -> bool| -> Vec<i64> {
        finished.iter().filter(|one| which(one)).map(|(one, _)| one.extension_id).collect()
    };
    let gone = ids(|(one, _)| one.switch_off);
    let failed = ids(|(one, transition)| one.tally(transition.state).failed_at.is_some());
    let mut off = Vec::new();
    if !gone.is_empty() {
        off.extend(extensions::switch_off(conn, gone, GONE)?);
    }
    if !failed.is_empty() {
        let failing = extensions::find_failing(conn, failed, now - PATIENCE)?;
        if !failing.is_empty() {
            off.extend(extensions::switch_off(conn, failing, FAILING)?);
        }
    }
    Ok(off)
}

/// Cancels what waits for the records that were switched off, and tells of them.
pub fn report(conn: &mut Conn, state: &AppState, off: &[DisabledExtension], now: Millis) -> Result<()> {
    for record in off {
        let key = record.key.as_deref().unwrap_or_default();
        log::warn!("extension record {} ({key}) is switched off: {}", record.id, record.reason);
        let reason = format!("the extension record was switched off: {}", record.reason);
        runs::cancel_waiting(conn, record.id, &reason, now)?;
        let Some(about) = owner_event(conn, &record.owner, record.id)? else { continue };
        let payload = json!({
            "extension": {"id": record.id, "key": record.key, "url": record.url.as_deref().map(Masker::url)},
            "reason": record.reason,
            "failingSince": record.failing_since.map(iso),
        });
        let event = NewEvent {
            uid: ids::sortable("evt", now, &*state.random),
            trigger: EXTENSION_DISABLED.to_owned(),
            occurred_at: now,
            payload: Some(payload),
            actor: "runner".to_owned(),
            ..about
        };
        events::insert(conn, &[event])?;
    }
    Ok(())
}
