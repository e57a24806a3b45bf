//! What a handler wants changed in the document that its event is about, or in the price.

use std::sync::Arc;

use crate::access::{Access, Caller};
use crate::content::{self, PRODUCT};
use crate::documents::{self, NewValues};
use crate::error::Error;
use crate::handler::{Done, Event, Failure, Outcome, Target};
use crate::state::AppState;

/// Sets the values of a successful `outcome` in the document of `event`, in the name of the extension record. Done again,
/// after an attempt whose end nobody saw, it changes nothing.
///
/// What cannot be set makes a failure of the outcome; a document that is gone does not.
pub(super) async fn apply(state: &Arc<AppState>, event: &Event, record: i64, outcome: Outcome) -> Outcome {
    let mut done = outcome?;
    if done.changes.is_empty() && done.price_changes.is_empty() {
        return Ok(done);
    }
    let target = &event.target;
    let content_type = match target.price_id {
        Some(_) => Some(&PRODUCT),
        None => content::find_by_singular(&target.type_name),
    };
    let content_type = content_type
        .ok_or_else(|| Failure::discard(format!("values of a {} cannot be set by a handler", target.type_name)))?;
    let caller = Caller { actor: format!("extension:{record}"), access: Access::Full, depth: event.depth + 1 };
    let values = values(&mut done, target);
    match documents::set(state, caller, content_type, target.document_id.clone(), values).await {
        Ok(()) | Err(Error::NotFound) => Ok(done),
        Err(error @ (Error::Unavailable(_) | Error::Internal(_))) => {
            Err(Failure::retry(format!("the {} could not be changed yet: {error}", target.type_name)))
        }
        Err(error) => Err(Failure::discard(format!("the {} could not be changed: {error}", target.type_name))),
    }
}

fn values(done: &mut Done, target: &Target) -> NewValues {
    let mut own = std::mem::take(&mut done.changes);
    let mut prices = std::mem::take(&mut done.price_changes);
    if let Some(price) = target.price_id {
        prices.entry(price).or_default().append(&mut own);
    }
    NewValues { own, prices }
}
