//! What those who buy can change in Odoo, and what becomes of a sale that is not as Odoo would have it.

use std::sync::Arc;

use serde_json::{Value, json};
use tenon::handler::{Event, ExternalLock, Failure, Host, Hosted, StoreRef};

use super::double::Double;
use super::{VERSIONS, meta, odoo_of, parts, trial};
use crate::services::trial::Trial;

fn sale(odoo: &Double) -> Trial {
    trial("markket:odoo:order", odoo).config(json!({"create_invoice": true, "taxes": "none"}))
}

/// A sale of one thing for this total, to this customer.
fn payload(total: &str, customer: &Value, item: &Value) -> Value {
    json!({"order": {"id": "1001", "total": total, "currency": "EUR"}, "customer": customer, "items": [item]})
}

fn in_store(slug: &str) -> impl FnOnce(&mut Event) {
    let store = StoreRef { document_id: format!("{slug:0<24}"), slug: Some(slug.to_owned()) };
    move |event| event.store = Some(store)
}

/// What is found at a customer's address, whether it is left as it is, and what became of its name and telephone number.
const FOUND: [(&str, &str, &str); 6] = [
    (r#"{"name": "Ada, Countess", "phone": false}"#, "filled", r#"["Ada, Countess","+39 555"]"#),
    (r#"{"name": "Ada, Countess", "phone": "+44 1"}"#, "kept", r#"["Ada, Countess","+44 1"]"#),
    (r#"{"name": "ada@example.com", "phone": false}"#, "filled", r#"["Mallory","+39 555"]"#),
    (r#"{"name": "Acme", "phone": false, "company_type": "company"}"#, "left", r#"["Acme",false]"#),
    (r#"{"name": "Administrator", "phone": false, "partner_share": false}"#, "left", r#"["Administrator",false]"#),
    (r#"{"name": "OdooBot", "phone": false, "partner_share": false, "active": false}"#, "left", r#"["OdooBot",false]"#),
];

#[tokio::test]
async fn whoever_buys_under_an_address_fills_in_what_is_empty_and_renames_nobody() {
    let mallory = json!({"email": "ADA@example.com", "name": "Mallory", "phone": "+39 555"});
    let subscriber = json!({"documentId": "u".repeat(24), "Email": "ada@example.com", "active": true});
    for version in VERSIONS {
        for (found, what, expected) in FOUND {
            let odoo = odoo_of(version);
            let mut kept: Value = serde_json::from_str(found).expect("JSON");
            (kept["email"], kept["type"]) = (json!("ada@example.com"), json!("contact"));
            odoo.kept().books.put("res.partner", 3, kept.clone());
            let before = odoo.only("res.partner");

            // Those who subscribe only tell an address.
            let told = trial("markket:odoo", &odoo).about("new_subscriber", "subscriber", subscriber.clone());
            told.run().await.accepted();
            assert_eq!(odoo.only("res.partner"), before, "{found}");
            // An id of the shop's own leads to no document's contact, nor to one that was found.
            for known in [json!({}), json!({"customer:7": 3}), json!({"partner:7": 3, "partner:3": 3})] {
                let mut customer = mallory.clone();
                customer["id"] = json!("7");
                let sold =
                    trial("markket:odoo", &odoo).payload(payload("5", &customer, &json!({"name": "Tea", "price": 5})));
                let done = sold.meta(known).run().await.accepted();
                assert_eq!(done.message.contains("left as it is"), what == "left", "{found}: {}", done.message);
                assert_eq!(done.meta.get("made:3"), None);
            }
            assert_eq!(parts(&odoo.only("res.partner"), ["name", "phone"]).to_string(), expected, "{found}");
            // What the record made itself, it may change.
            let own = trial("markket:odoo", &odoo).meta(json!({"made:3": true}));
            let own = own.payload(payload("5", &mallory, &json!({"name": "Tea", "price": 5})));
            own.run().await.accepted();
            let name = odoo.only("res.partner")["name"].clone();
            assert_eq!(name == "Mallory", what != "left", "{found}: {name}");
        }
    }
}

#[tokio::test]
async fn an_order_is_for_whoever_has_the_address_and_changes_nobody() {
    for (found, what, _) in FOUND {
        let odoo = odoo_of(19);
        let mut kept: Value = serde_json::from_str(found).expect("JSON");
        (kept["email"], kept["type"]) = (json!("ada@example.com"), json!("contact"));
        odoo.kept().books.put("res.partner", 3, kept);
        let before = odoo.only("res.partner");
        let street = json!({"name": "Mallory", "street": "Elsewhere 1", "city": "Turin"});
        let mut told =
            payload("5", &json!({"email": "ada@example.com", "name": "Mallory"}), &json!({"name": "Tea", "price": 5}));
        (told["order"]["Shipping_Address"], told["order"]["Billing_Address"]) = (street.clone(), street);
        sale(&odoo).payload(told).run().await.accepted();
        assert_eq!(odoo.only("sale.order")["partner_id"], 3, "{found}");
        let after = odoo.all("res.partner").remove(0);
        if what == "left" {
            assert_eq!(after, before, "{found}");
        }
        assert_eq!(after["name"], before["name"], "{found}");
    }
}

#[tokio::test]
async fn a_person_is_meant_before_a_company_with_the_same_address() {
    let odoo = odoo_of(19);
    let at = |name: &str, kind: &str| json!({"name": name, "email": "ada@example.com", "type": "contact", "company_type": kind});
    odoo.kept().books.put("res.partner", 3, at("Acme", "company"));
    odoo.kept().books.put("res.partner", 5, at("Ada", "person"));
    sale(&odoo).run().await.accepted();
    assert_eq!(odoo.only("sale.order")["partner_id"], 5);
}

#[tokio::test]
async fn the_company_that_odoo_is_run_by_is_no_store() {
    let odoo = odoo_of(19);
    let company =
        json!({"name": "North", "company_type": "company", "ref": false, "ref_company_ids": [1], "website": false});
    odoo.kept().books.put("res.partner", 1, company);
    let before = odoo.only("res.partner");
    let store = |title: &str| {
        let urls = json!([{"URL": "https://north.example"}]);
        let store = json!({"documentId": "s".repeat(24), "title": title, "slug": "north", "URLS": urls});
        trial("markket:odoo", &odoo).about("store_updated", "store", store)
    };
    let known = meta(store("North").run().await);
    store("South").meta(known).run().await.accepted();
    assert_eq!(odoo.only("res.partner"), before);
    // Another company of this name is filled in, and never renamed.
    let odoo = odoo_of(19);
    odoo.kept().books.put("res.partner", 5, json!({"name": "North", "company_type": "company", "ref": false}));
    let store = |title: &str| {
        let store = json!({"documentId": "s".repeat(24), "title": title, "slug": "north"});
        trial("markket:odoo", &odoo).about("store_updated", "store", store)
    };
    let known = meta(store("North").run().await);
    store("South").meta(known).run().await.accepted();
    assert_eq!(parts(&odoo.only("res.partner"), ["name", "ref"]), json!(["North", "s".repeat(24)]));
}

#[tokio::test]
async fn a_sale_of_another_shop_under_the_same_number_makes_no_order_and_is_not_done() {
    for version in VERSIONS {
        let odoo = odoo_of(version);
        sale(&odoo).run().await.accepted();
        let failure = sale(&odoo).event(in_store("south")).run().await.failure();
        let expected =
            r#"no order was made: Odoo has S00002 under the reference "1001" from north. Set config.reference_prefix"#;
        assert!(matches!(&failure, Failure::Discard { reason } if reason.starts_with(expected)), "{failure:?}");
        assert_eq!(odoo.all("sale.order").len(), 1);
        let prefixed = json!({"reference_prefix": "SOUTH-"});
        let done = sale(&odoo).config(prefixed).event(in_store("south")).run().await.accepted();
        assert!(done.message.starts_with("S00003 is confirmed"), "{}", done.message);
        // A store that was renamed since knows its orders by their ids.
        sale(&odoo).event(in_store("northern")).meta(json!({"order:1001": 2})).run().await.accepted();
        // One that somebody entered by hand is nobody's.
        odoo.kept().books.put("sale.order", 2, json!({"origin": false}));
        let failure = sale(&odoo).run().await.failure();
        assert!(failure.reason().contains("from nowhere"), "{failure}");
        // What is cancelled keeps no number.
        odoo.kept().books.put("sale.order", 2, json!({"state": "cancel"}));
        let done = sale(&odoo).run().await.accepted();
        assert!(done.message.starts_with("S00004 is confirmed"), "{}", done.message);
    }
}

#[tokio::test]
async fn a_number_that_comes_again_for_somebody_else_makes_no_order_and_is_not_done() {
    let odoo = odoo_of(19);
    sale(&odoo).run().await.accepted();
    let grace = payload("25.80", &json!({"email": "grace@example.com"}), &json!({"name": "Tea", "price": "25.80"}));
    let failure = sale(&odoo).payload(grace).run().await.failure();
    assert!(failure.reason().contains(r#"under the reference "1001" for another customer"#), "{failure}");
    assert_eq!((odoo.all("sale.order").len(), odoo.all("res.partner").len()), (1, 1));
}

/// Lines with their quantities and prices, the total of the shop, what Odoo adds to the invoice, and what is told.
const EXACT: [(&str, &str, f64, &str); 5] = [
    (
        r#"[["3", "10.005"]]"#,
        "30.02",
        0.0,
        r#"10.005 became 10.01: set more digits for "Product Price" there (Settings, Technical, Decimal Accuracy)"#,
    ),
    (r#"[["0.125", "80"]]"#, "10", 0.0, r#"0.125 became 0.13: set more digits for "Product Unit of Measure""#),
    (r#"[["1000", "0.004"]]"#, "4.00", 0.0, "0.004 became 0: set more digits"),
    (r#"[["1", "30.02"]]"#, "30.02", 0.01, "its invoice comes to 30.03 EUR there and the sale to 30.02 EUR"),
    (r#"[["2", "15.01"]]"#, "30.02", 0.0, ""),
];

#[tokio::test]
async fn an_invoice_is_posted_over_exactly_what_was_paid_and_a_rounding_is_named() {
    for version in VERSIONS {
        for (lines, total, on_invoices, told) in EXACT {
            let odoo = odoo_of(version);
            odoo.kept().books.on_invoices = on_invoices;
            let lines: Vec<[String; 2]> = serde_json::from_str(lines).expect("JSON");
            let item = |[quantity, price]: &[String; 2]| json!({"name": "Tea", "sku": "S-1", "quantity": quantity, "price": price});
            let items: Vec<_> = lines.iter().map(item).collect();
            let customer = json!({"email": "ada@example.com"});
            let sold =
                json!({"order": {"id": 7, "total": total, "currency": "EUR"}, "customer": customer, "items": items});
            let message = sale(&odoo).payload(sold).run().await.accepted().message;
            let state = if told.is_empty() { "posted" } else { "draft" };
            assert_eq!(odoo.only("account.move")["state"], state, "{lines:?}: {message}");
            assert!(message.contains(told), "{lines:?}: {message}");
            assert!(!message.contains("was changed there"), "{lines:?}: {message}");
        }
    }
}

#[tokio::test]
async fn a_list_price_is_in_what_the_company_counts_in() {
    for (company, expected) in [("EUR", "[12.9]"), ("CHF", "[0]")] {
        let odoo = odoo_of(19);
        odoo.kept().books.currency = company;
        odoo.kept().books.put("product.pricelist", 3, json!({"name": "Euro", "currency": "EUR"}));
        sale(&odoo).run().await.accepted();
        assert_eq!(parts(&odoo.only("product.template"), ["list_price"]).to_string(), expected, "{company}");
        assert_eq!(parts(&odoo.only("sale.order"), ["currency", "amount_total"]).to_string(), r#"["EUR",25.8]"#);
    }
}

#[tokio::test]
async fn a_customers_own_price_list_in_another_currency_stands_in_nobodys_way() {
    let odoo = odoo_of(19);
    odoo.kept().books.put("product.pricelist", 4, json!({"name": "Dollars", "currency": "USD"}));
    let ada = json!({"name": "Ada", "email": "ada@example.com", "type": "contact", "property_product_pricelist": 4});
    odoo.kept().books.put("res.partner", 5, ada);
    sale(&odoo).run().await.accepted();
    assert_eq!(parts(&odoo.only("sale.order"), ["currency", "pricelist_id"]), json!(["EUR", false]));
}

/// An instance that knows the article number of one product.
struct Shop(&'static str, &'static str);

impl Host for Shop {
    fn lock(&self, name: String) -> Hosted<'_, Result<Box<dyn ExternalLock>, Failure>> {
        Box::pin(async move { tenon::handler::Detached.lock(name).await })
    }

    fn find_sku<'a>(&'a self, product: &'a str) -> Hosted<'a, Result<Option<String>, Failure>> {
        let found = (product == self.0).then(|| self.1.to_owned());
        Box::pin(async { Ok(found) })
    }

    fn unsubscribe_url(&self, _: &str) -> Option<String> {
        None
    }
}

#[tokio::test]
async fn a_line_that_names_a_product_of_the_shop_sells_the_article_with_its_number() {
    let customer = json!({"email": "ada@example.com"});
    let sold = payload("5", &customer, &json!({"name": "Tea", "documentId": "tea", "price": 5}));
    for (known, expected) in [
        (json!({"name": "Sencha", "default_code": "S-1", "list_price": 5, "invoice_policy": "order"}), "S-1"),
        // Sold before it had a number.
        (json!({"name": "Sencha", "default_code": "tea", "list_price": 5, "invoice_policy": "order"}), "tea"),
    ] {
        let odoo = odoo_of(19);
        odoo.kept().books.put("product.template", 9, known);
        sale(&odoo).host(Arc::new(Shop("tea", "S-1"))).payload(sold.clone()).run().await.accepted();
        assert_eq!(odoo.only("product.template")["default_code"], expected);
    }
    for (product, expected) in [("tea", "S-1"), ("other", "tea")] {
        let odoo = odoo_of(19);
        sale(&odoo).host(Arc::new(Shop(product, "S-1"))).payload(sold.clone()).run().await.accepted();
        assert_eq!(odoo.only("product.template")["default_code"], expected);
    }
}

#[tokio::test]
async fn an_odoo_is_asked_once_for_its_version() {
    for (version, question) in [(18, "version"), (19, "version")] {
        let odoo = odoo_of(version);
        let registry = Arc::new(tenon::extensions::registry().expect("one handler for each key"));
        for number in 0..3 {
            let config = json!({"taxes": "none", "reference_prefix": format!("{number}-")});
            sale(&odoo).registry(&registry).config(config).run().await.accepted();
            trial("markket:odoo", &odoo).registry(&registry).run().await.accepted();
        }
        let calls = odoo.calls();
        let asked = calls.iter().filter(|call| *call == question).count();
        assert_eq!(asked, 1, "{version}: {calls:?}");
    }
}

#[tokio::test]
async fn an_odoo_that_was_upgraded_is_asked_anew() {
    let odoo = odoo_of(18);
    let registry = Arc::new(tenon::extensions::registry().expect("one handler for each key"));
    let tried = || trial("markket:odoo", &odoo).registry(&registry);
    tried().run().await.accepted();
    odoo.kept().version = 20;
    odoo.calls();
    tried().run().await.accepted();
    assert_eq!(odoo.calls()[..2], ["version", "res.partner.search_read"]);
}
