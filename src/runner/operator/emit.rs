//! Emits an event without a server, for the command line.

use super::Operator;
use crate::db::events;
use crate::error::{Error, Result};
use crate::ids;
use crate::queue::ingest::{EmitReceipt, EmitRequest};
use crate::runner::dispatch::emit::{event, insert, with_owner};
use crate::runner::dispatch::targets;

/// Stores what an operator emits, by itself: for one who has no server at hand. Fails as [`emit`](crate::runner::emit) does.
pub async fn emit_alone(operator: &Operator<'_>, emission: EmitRequest) -> Result<EmitReceipt> {
    let emission = with_owner(emission, &operator.actor);
    let lookup = targets::lookup([&emission]);
    let found = operator.db.read(move |conn| targets::find(conn, lookup)).await?;
    let now = operator.clock.now();
    let mut event = event(&emission, &operator.actor, &found)?;
    (event.uid, event.occurred_at) = (ids::sortable("evt", now, &*operator.random), now);
    let stored = operator.db.write(move |conn| insert(conn, &[vec![event.clone()]], now, events::insert)).await?;
    let emitted = stored.into_iter().next().transpose()?.and_then(|events| events.into_iter().next());
    emitted.ok_or_else(|| Error::internal("an event that was stored is not told of"))
}
