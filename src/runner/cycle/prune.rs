//! Retention: old events go, with their runs and attempts, and records that were removed.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;

use crate::clock::HOUR;
use crate::db::{extension_hours, extensions, external_locks, idempotency, inbound, runs};
use crate::error::Result;
use crate::state::AppState;

/// How many events one transaction deletes: few enough that nobody waits for it.
const BATCH: i64 = 200;
/// How often it is looked for what can go.
const INTERVAL: Duration = Duration::from_secs(3600);

/// Deletes events from before the configured retention whose runs have all ended, what services sent before it, and
/// records that were removed an hour
/// ago or more and have nothing left to run. Returns how many events went.
pub async fn prune(state: &AppState) -> Result<usize> {
    let now = state.clock.now();
    let before = now - i64::try_from(state.config.runner.retention.as_millis()).unwrap_or(i64::MAX);
    let mut pruned = 0;
    loop {
        let gone = state.db.write(move |conn| runs::prune(conn, before, BATCH)).await?;
        pruned += gone;
        if gone < BATCH as usize {
            break;
        }
    }
    while state.db.write(move |conn| inbound::prune(conn, before, BATCH)).await? == BATCH as usize {}
    while state.db.write(move |conn| idempotency::prune(conn, now, BATCH)).await? == BATCH as usize {}
    while state.db.write(move |conn| external_locks::prune(conn, before, BATCH)).await? == BATCH as usize {}
    state.db.write(move |conn| crate::db::hourly_uses::prune(conn, now - HOUR)).await?;
    state.db.write(move |conn| extensions::prune(conn, now - HOUR)).await?;
    state.db.write(move |conn| extension_hours::prune(conn, before)).await?;
    Ok(pruned)
}

/// Prunes at the start and then every hour, until told to stop.
pub async fn keep_pruning(state: Arc<AppState>, mut stopped: watch::Receiver<bool>) {
    loop {
        match prune(&state).await {
            Ok(0) => {}
            Ok(pruned) => log::info!("{pruned} events that were older than the retention are gone"),
            Err(error) => log::error!("old events could not be deleted: {error}"),
        }
        tokio::select! {
            _ = stopped.wait_for(|stopped| *stopped) => return,
            () = tokio::time::sleep(INTERVAL) => {}
        }
    }
}
