//! The handlers for Stripe: against its contract, a stateful double, and answers that it gives.

mod customers;
mod invoices;
mod late;
mod orders;
mod outcomes;
mod prices;
mod sales;
mod stories;

use std::collections::BTreeMap;

use serde_json::{Value, json};

use tenon::handler::Exchange;

use super::peers::contract;
use super::trial::{Trial, Tried};
use crate::support::api::Api;
use crate::support::receiver::Answer;

pub const SUBSCRIPTION: &str = "markket:stripe:subscription";
pub const INVOICE: &str = "markket:stripe:invoice";
pub const PRODUCT: &str = "pppppppppppppppppppppppp";

/// The documentId of the store that trials are of.
pub fn store() -> String {
    "s".repeat(24)
}

/// The id that the product has at Stripe.
pub fn product_at_stripe() -> String {
    format!("tenon_{PRODUCT}")
}

pub fn trial(key: &'static str, url: &str) -> Trial {
    Trial::of(key).url(url).credentials(json!({"test_key": "sk_test_1"}))
}

/// A price that is paid each month, with `change` to it.
pub fn monthly(change: Value) -> Value {
    let mut price = json!({
        "id": 7, "Name": "Monthly", "Price": 12.9, "Currency": "EUR", "STRIPE_ID": null,
        "billing_type": "recurring", "billing_interval": "month", "billing_interval_count": 1,
    });
    for (name, value) in change.as_object().into_iter().flatten() {
        price[name] = value.clone();
    }
    price
}

/// What happened to a price of the product Sencha.
pub fn about_price(trial: Trial, trigger: &str, price: Value) -> Trial {
    let id = price["id"].as_i64();
    let product = json!({
        "documentId": PRODUCT, "Name": "Sencha 煎茶", "slug": "sencha", "SKU": "S-100",
        "publishedAt": "2026-11-21T09:00:00.000Z",
    });
    trial.about(trigger, "price", json!({"price": price, "product": product})).event(|event| {
        event.target.document_id = PRODUCT.to_owned();
        event.target.price_id = id;
    })
}

/// What happened to the product Sencha, which has these prices.
pub fn about_product(trial: Trial, trigger: &str, change: Value, prices: &[Value]) -> Trial {
    let mut product = json!({
        "id": 3, "documentId": PRODUCT, "Name": "Sencha 煎茶", "slug": "sencha", "SKU": "S-100", "active": true,
        "SEO": {"metaDescription": "Green tea."}, "PRICES": prices, "publishedAt": "2026-11-21T09:00:00.000Z",
    });
    for (name, value) in change.as_object().into_iter().flatten() {
        product[name] = value.clone();
    }
    trial.about(trigger, "product", product)
}

impl Trial {
    /// Runs it, and has the contract's mock judge every request that was sent, whoever answered it.
    pub async fn judged(self) -> Tried {
        let tried = self.run().await;
        let Some(judge) = contract("stripe") else { return tried };
        let judge = Api::new(judge);
        for Exchange { request, .. } in &tried.exchanges {
            let url = url::Url::parse(&request.url).expect("a url");
            let target = url.query().map_or(url.path().to_owned(), |query| format!("{}?{query}", url.path()));
            let method = request.method.parse().expect("a method");
            let mut asked = judge.request(method, &target).body(request.body.clone());
            for (name, value) in request.headers.iter().filter(|(name, _)| *name != "authorization") {
                asked = asked.header(name, value.as_str().expect("a text"));
            }
            let answer = asked.send().await.expect("an answer");
            let violations = answer.headers().get("sl-violations");
            assert!(violations.is_none() && answer.status().is_success(), "{answer:?}: {request:#?}");
        }
        tried
    }
}

impl Tried {
    /// The form that the request in this place sent.
    #[track_caller]
    pub fn form(&self, place: usize) -> BTreeMap<String, String> {
        form(self.exchanges[place].request.body.as_bytes())
    }

    /// A header of the request in this place.
    pub fn header(&self, place: usize, name: &str) -> &str {
        self.exchanges[place].request.headers.get(name).and_then(Value::as_str).unwrap_or_default()
    }
}

pub fn found(body: Value) -> Answer {
    Answer::status(200).body(body.to_string())
}

pub fn list(objects: Value) -> Answer {
    found(json!({"object": "list", "data": objects, "has_more": false}))
}

pub fn missing() -> Answer {
    Answer::status(404).body(json!({"error": {"code": "resource_missing", "message": "No such thing"}}).to_string())
}

pub fn form(body: &[u8]) -> BTreeMap<String, String> {
    url::form_urlencoded::parse(body).into_owned().collect()
}

/// `fields`, as a form has them.
pub fn fields<const N: usize>(fields: [(&str, &str); N]) -> BTreeMap<String, String> {
    fields.into_iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
}
