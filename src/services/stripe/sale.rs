//! What the handlers for sales have in common: whether an event is a sale, who buys, and that a key works.

use serde_json::{Value, json};

use super::{Credentials, Person, Stripe};
use crate::commerce::{Customer, Sale};
use crate::handler::{Done, Event, ExtensionContext, Failure, Outcome};
use crate::triggers::find_in_catalogue;

/// The triggers of the catalogue by which something is sold.
const SALES: [&str; 4] = ["post_sale", "order_created", "order_fulfilled", "order_shipped"];

/// Whether `event` tells of a sale: by its trigger, or, with a trigger of the shop's own, by an order or items in it.
pub fn is_sale(event: &Event) -> bool {
    let short = event.trigger.trim_start_matches("trigger:");
    if find_in_catalogue(short).is_some() {
        return SALES.contains(&short);
    }
    event.payload.as_ref().is_some_and(|payload| !payload["order"].is_null() || !payload["items"].is_null())
}

/// Why a handler makes nothing of `event`.
pub fn means_nothing(event: &Event, listens_to: &str) -> Failure {
    Failure::discard(format!("{} means nothing here: let the record listen to {listens_to}", event.trigger))
}

/// Who is the customer of a sale: who buys in it, or the store it was made in.
///
/// Fails where the buyer has no address, and for a sale outside of a store that is to pay for it.
pub fn customer_of<Config>(
    context: &ExtensionContext<Config, Credentials>,
    sale: &Sale,
    store_pays: bool,
) -> Result<Person, Failure> {
    if !store_pays {
        return Person::buying(sale);
    }
    let store = context.event.store.as_ref();
    let store = store.ok_or_else(|| Failure::discard("config.customer is store, but the event has none"))?;
    // Only an event about the store itself tells more of it than its name.
    let entity = if is_about_store(&context.event) { context.entity() } else { &Value::Null };
    let text = |value: &Value| value.as_str().filter(|text| !text.is_empty()).map(str::to_owned);
    Ok(Person {
        own: store.document_id.clone(),
        told: text(&entity["STRIPE_CUSTOMER_ID"]),
        email: Customer::of(&context.event).email,
        name: text(&entity["title"]).or_else(|| store.slug.clone()),
        phone: None,
        store: Some(store.document_id.clone()),
        billing: None,
        shipping: None,
    })
}

/// `done` with the customer's id where it is to be found again: in `meta`, and in the store that it is.
pub fn remember<Config>(
    context: &ExtensionContext<Config, Credentials>,
    person: &Person,
    customer: &str,
    done: Done,
) -> Done {
    let done = done.with_external_id(&context.meta, "customer", &person.own, customer);
    match person.store.is_some() && is_about_store(&context.event) {
        true => done.with_change("STRIPE_CUSTOMER_ID", customer),
        false => done,
    }
}

fn is_about_store(event: &Event) -> bool {
    event.target.type_name == "store"
}

/// What the record remembers Stripe to call something of ours.
pub fn remembered<'a, Config>(
    context: &'a ExtensionContext<Config, Credentials>,
    kind: &str,
    own: &str,
) -> Option<&'a str> {
    context.external_id(kind, own).and_then(Value::as_str)
}

/// Proves that the key works, with a call that every account answers and that changes nothing.
pub async fn prove<Config>(context: &ExtensionContext<Config, Credentials>, account: Option<&str>) -> Outcome {
    let stripe = Stripe::prove(context, account)?;
    stripe.get(&["customers"], &[("limit", "1")]).await?;
    let key = stripe.key();
    let mode = key.mode.map_or_else(String::new, |mode| format!(", in {mode} mode"));
    Ok(Done::new(format!("Stripe takes credentials.{}{mode}", key.name)).with_data(json!({"key": key.name})))
}
