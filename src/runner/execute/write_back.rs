//! What a handler wants changed in the document that its event is about, or in the price.

use std::sync::Arc;

use crate::access::{Access, Caller};
use crate::documents::{self, NewValues};
use crate::error::Error;
use crate::handler::{Done, Event, Failure, Outcome, Target};
use crate::state::AppState;

/// Sets the values of a successful `outcome` in the document of `event`, in the name of the extension record. Done again,
/// after an attempt whose end nobody saw, it changes nothing.
///
/// What cannot be set makes a failure of the outcome; a document that is gone does not.
pub async fn apply(state: &Arc<AppState>, event: &Event, record: i64, outcome: Outcome) -> Outcome {
    let mut done = outcome?;
    if done.changes.is_empty() && done.price_changes.is_empty() {
        return Ok(done);
    }
    let target = &event.target;
    let content_type = match target.price_id {
        Some(_) => state.catalog.find_priced(&target.type_name),
        None => state.catalog.find_by_singular(&target.type_name),
    };
    let content_type = content_type
        .ok_or_else(|| Failure::discard(format!("values of a {} cannot be set by a handler", target.type_name)))?;
    let caller =
        Caller { actor: format!("extension:{record}"), token: None, access: Access::Full, depth: event.depth + 1 };
    let values = values(&mut done, target);
    match documents::set(state, caller, content_type, target.document_id.clone(), values).await {
        Ok(()) | Err(Error::NotFound) => Ok(done),
        Err(error @ (Error::Unavailable(_) | Error::Raced(_) | Error::Internal(_))) => {
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

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_is_changed_by_an_event_of_a_price_is_the_price() {
        let done = || Done::default().with_change("STRIPE_ID", "price_1").with_price_change(8, "Name", "Other");
        let of = |type_name: &str, price_id: Option<i64>| {
            let target = Target { type_name: type_name.to_owned(), document_id: "p".repeat(24), price_id };
            let NewValues { own, prices } = values(&mut done(), &target);
            json!({"own": own, "prices": prices})
        };
        let (change, other) = (json!({"STRIPE_ID": "price_1"}), json!({"Name": "Other"}));
        assert_eq!(of("price", Some(7)), json!({"own": {}, "prices": {"7": change, "8": other}}));
        assert_eq!(of("product", None), json!({"own": change, "prices": {"8": other}}));
    }
}
