//! Which order something at Stripe was made for.

use serde_json::Value;

use super::{Form, METADATA, Refused, Stripe};
use crate::commerce::Sale;
use crate::handler::Event;

/// An order of a store. Its number alone tells it from others of the same store only, and an account at Stripe may serve
/// several.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Order {
    number: String,
    store: Option<String>,
}

impl Order {
    /// That of `sale`, which `event` tells of.
    pub fn of(event: &Event, sale: &Sale) -> Self {
        let number = sale.id.chars().take(METADATA).collect();
        Self { number, store: event.store.as_ref().map(|store| store.document_id.clone()) }
    }

    /// `form` of something that is made for it.
    pub fn mark(&self, form: Form) -> Form {
        form.with_metadata("order", &self.number).with_some("metadata[store]", self.store.as_deref())
    }

    /// Whether `object` was made for it.
    pub fn owns(&self, object: &Value) -> bool {
        let of = &object["metadata"];
        of["order"] == self.number.as_str() && of["store"].as_str() == self.store.as_deref()
    }

    /// What was made for it and `counts`: the object that is `remembered`, or one of the list `name` of what `query` asks
    /// for.
    pub async fn find(
        &self,
        stripe: &Stripe,
        (name, remembered): (&str, Option<&str>),
        query: &[(&str, &str)],
        counts: impl Fn(&Value) -> bool,
    ) -> Result<Option<Value>, Refused> {
        let is_it = |object: &Value| self.owns(object) && counts(object);
        if let Some(id) = remembered
            && let Some(found) = stripe.find(&[name, id]).await?.filter(is_it)
        {
            return Ok(Some(found));
        }
        let (newest, is_all) = stripe.read(name, query, &is_it).await?;
        if let Some(found) = newest.into_iter().find(is_it) {
            return Ok(Some(found));
        }
        if is_all {
            return Ok(None);
        }
        // Stripe's index is a minute late, but what it is asked for is older than all of the above.
        let found = stripe.get(&[name, "search"], &[("query", &self.query()), ("limit", "100")]).await?;
        Ok(found["data"].as_array().and_then(|found| found.iter().find(|object| is_it(object)).cloned()))
    }

    fn query(&self) -> String {
        let clause = |name: &str, value: &str| {
            let value = value.replace('\\', "\\\\").replace('\'', "\\'");
            format!("metadata['{name}']:'{value}'")
        };
        let number = clause("order", &self.number);
        match &self.store {
            Some(store) => format!("{number} AND {}", clause("store", store)),
            None => number,
        }
    }
}
