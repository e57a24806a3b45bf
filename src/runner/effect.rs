//! What a handler wants changed in the document that its event is about.

use std::sync::Arc;

use crate::access::{Access, Caller};
use crate::content;
use crate::documents;
use crate::error::Error;
use crate::handler::{Event, Failure, Outcome};
use crate::state::AppState;

/// Sets the values of a successful `outcome` in the document of `event`, in the name of the extension record. Done again,
/// after an attempt whose end nobody saw, it changes nothing.
///
/// What cannot be set makes a failure of the outcome; a document that is gone does not.
pub(super) async fn apply(state: &Arc<AppState>, event: &Event, record: i64, outcome: Outcome) -> Outcome {
    let mut done = outcome?;
    if done.changes.is_empty() {
        return Ok(done);
    }
    let target = &event.target;
    let content_type = content::find_by_singular(&target.type_name)
        .ok_or_else(|| Failure::discard(format!("values of a {} cannot be set by a handler", target.type_name)))?;
    let caller = Caller { actor: format!("extension:{record}"), access: Access::Full, depth: event.depth + 1 };
    let changes = std::mem::take(&mut done.changes);
    match documents::set(state, caller, content_type, target.document_id.clone(), changes).await {
        Ok(()) | Err(Error::NotFound) => Ok(done),
        Err(error @ (Error::Unavailable(_) | Error::Internal(_))) => {
            Err(Failure::retry(format!("the {} could not be changed yet: {error}", target.type_name)))
        }
        Err(error) => Err(Failure::discard(format!("the {} could not be changed: {error}", target.type_name))),
    }
}
