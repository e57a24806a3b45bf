//! Customers: found where there are any, else made.

use serde_json::Value;

use super::{Form, Refused, Stripe, id_of};
use crate::commerce::{Address, Sale};
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
    /// Where the sale is billed to.
    pub billing: Option<Address>,
    /// Where the sale is delivered to.
    pub shipping: Option<Address>,
}

impl Person {
    /// Who buys in `sale`. A shop that keeps customers by their ids at Stripe may name one so, and needs no address then.
    ///
    /// Fails when there is neither.
    pub fn buying(sale: &Sale) -> Result<Self, Failure> {
        let customer = &sale.customer;
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
            billing: sale.billing.clone(),
            shipping: sale.shipping.clone(),
        })
    }

    /// What the person is called in an address that has no name.
    pub fn called(&self) -> &str {
        self.name.as_deref().or(self.email.as_deref()).unwrap_or(&self.own)
    }

    /// `form` with the addresses that `known`, the customer as Stripe has it, has not.
    fn with_addresses(&self, form: Form, known: &Value) -> Form {
        let form = match self.billing.as_ref().filter(|_| known["address"].is_null()) {
            Some(address) => form.with_address("address", address),
            None => form,
        };
        match self.shipping.as_ref().filter(|_| known["shipping"].is_null()) {
            Some(address) => form.with_delivery("shipping", address, self.called()),
            None => form,
        }
    }
}

/// The id of the customer that `person` is at Stripe: the one told of, the one `remembered`, the latest with the same
/// address or made for the same store; a new one where none of these is there. Of one that is there, addresses are filled in
/// where it has none, and nothing is changed: whoever knows an address can buy under it.
pub async fn find_or_make(stripe: &Stripe, person: &Person, remembered: Option<&str>) -> Result<String, Refused> {
    for id in person.told.as_deref().into_iter().chain(remembered) {
        if let Some(found) = stripe.find(&["customers", id]).await? {
            return fill(stripe, person, &found).await;
        }
    }
    if let Some(found) = search(stripe, person).await? {
        return fill(stripe, person, &found).await;
    }
    let form = Form::default()
        .with_some("email", person.email.as_deref())
        .with_some("name", person.name.as_deref())
        .with_some("phone", person.phone.as_deref());
    let form = match &person.store {
        Some(store) => form.with_metadata("store", store),
        None => form,
    };
    let form = person.with_addresses(form, &Value::Null);
    // Two sales at once, or two records that hear of one, all find nobody.
    let made = stripe.make_once("customers", form, |_| true).await?;
    Ok(id_of(&made)?.to_owned())
}

/// Fills in what addresses the customer has none of. Returns its id.
async fn fill(stripe: &Stripe, person: &Person, found: &Value) -> Result<String, Refused> {
    let id = id_of(found)?;
    let form = person.with_addresses(Form::default(), found);
    if !form.is_empty() {
        stripe.post(&["customers", id], &format!("addresses-{id}"), form).await?;
    }
    Ok(id.to_owned())
}

async fn search(stripe: &Stripe, person: &Person) -> Result<Option<Value>, Refused> {
    let first = |mut found: Value| {
        let customer = found.pointer_mut("/data/0").map(Value::take);
        customer.filter(|customer| customer["id"].is_string())
    };
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
