//! Customers: found where there are any, else made.

use serde_json::Value;

use super::{Form, Refused, Stripe, id_of};
use crate::commerce::Customer;
use crate::handler::Failure;

/// What a customer's id at Stripe begins with.
const PREFIX: &str = "cus_";

/// Whom something is sold to.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Person {
    /// What we know the person by: an address, a documentId.
    pub own: String,
    /// What is told to be the customer at Stripe, if anything.
    pub told: Option<String>,
    /// The address for mail.
    pub email: Option<String>,
    /// What the person is called.
    pub name: Option<String>,
    /// The telephone number.
    pub phone: Option<String>,
    /// The store that is the customer, where one is.
    pub store: Option<String>,
}

impl Person {
    /// Who buys. A shop that keeps customers by their ids at Stripe may name one so, and needs no address then.
    ///
    /// Fails when there is neither.
    pub fn buying(customer: &Customer) -> Result<Self, Failure> {
        let told = customer.id.clone().filter(|id| id.starts_with(PREFIX));
        let own = match (&told, &customer.email) {
            (Some(told), None) => told.clone(),
            _ => customer.email()?.to_owned(),
        };
        Ok(Self {
            own,
            told,
            email: customer.email.clone(),
            name: customer.name.clone(),
            phone: customer.phone.clone(),
            store: None,
        })
    }
}

/// The id of the customer that `person` is at Stripe: the one told of, the one `remembered`, the latest with the same
/// address or made for the same store; a new one where none of these is there.
pub async fn find_or_make(stripe: &Stripe, person: &Person, remembered: Option<&str>) -> Result<String, Refused> {
    for id in person.told.as_deref().into_iter().chain(remembered) {
        if let Some(found) = stripe.find(&["customers", id]).await? {
            return Ok(id_of(&found)?.to_owned());
        }
    }
    if let Some(found) = search(stripe, person).await? {
        return Ok(found);
    }
    let form = Form::default()
        .with_some("email", person.email.as_deref())
        .with_some("name", person.name.as_deref())
        .with_some("phone", person.phone.as_deref());
    let form = match &person.store {
        Some(store) => form.with_metadata("store", store),
        None => form,
    };
    // Two sales at once, or two records that hear of one, all find nobody.
    let made = stripe.make_once("customers", form, |_| true).await?;
    Ok(id_of(&made)?.to_owned())
}

async fn search(stripe: &Stripe, person: &Person) -> Result<Option<String>, Refused> {
    let first = |found: Value| found["data"][0]["id"].as_str().map(str::to_owned);
    if let Some(store) = &person.store {
        let query = format!("metadata['store']:'{store}'");
        return Ok(first(stripe.get(&["customers", "search"], &[("query", &query), ("limit", "1")]).await?));
    }
    let Some(email) = &person.email else { return Ok(None) };
    // Stripe tells letters from capitals here.
    let lowered = email.to_lowercase();
    for email in [Some(email), Some(&lowered).filter(|lowered| *lowered != email)].into_iter().flatten() {
        if let Some(found) = first(stripe.get(&["customers"], &[("email", email), ("limit", "1")]).await?) {
            return Ok(Some(found));
        }
    }
    Ok(None)
}
