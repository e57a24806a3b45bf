//! `markket:odoo:order`: what becomes of a sale.

use serde_json::{Value, json};

use super::double::{Break, Double};
use super::{VERSIONS, meta, odoo_of, parts, trial, unjudged};
use crate::services::trial::Trial;

fn sale(odoo: &Double) -> Trial {
    trial("markket:odoo:order", odoo).config(json!({"create_invoice": true, "taxes": "none"}))
}

#[tokio::test]
async fn a_sale_becomes_a_confirmed_order_with_its_lines_and_a_posted_invoice() {
    for version in VERSIONS {
        let odoo = odoo_of(version);
        let done = sale(&odoo).run().await.accepted();
        assert_eq!(done.message, "S00002 is confirmed in Odoo, and its invoice INV/2026/00001 posted");
        let data = json!({"orderId": 2, "order": "S00002", "total": 25.8, "invoiceId": 1, "invoice": "INV/2026/00001"});
        assert_eq!(done.data, Some(data));
        assert_eq!(Value::Object(done.meta), json!({"order:1001": 2}));
        let partner = odoo.only("res.partner");
        let expected = json!(["Ada Lovelace", "ada@example.com", "person", 1]);
        assert_eq!(parts(&partner, ["name", "email", "company_type", "customer_rank"]), expected);
        let order = odoo.only("sale.order");
        let expected = json!([8, "1001", "north", "sale", "invoiced"]);
        let names = ["partner_id", "client_order_ref", "origin", "state", "invoice_status"];
        assert_eq!(parts(&order, names), expected);
        let line = odoo.only("sale.order.line");
        let expected = json!([1, 2, 12.9, "Sencha, 100 g"]);
        assert_eq!(
            parts(&line, ["product_id", "product_uom_qty", "price_unit", "name"]).to_string(),
            expected.to_string()
        );
        let product = odoo.only("product.template");
        assert_eq!(
            parts(&product, ["name", "default_code", "invoice_policy"]),
            json!(["Sencha, 100 g", "S-100", "order"])
        );
        assert_eq!(odoo.only("account.move")["state"], "posted");
    }
}

/// A total of the shop's with prices of its two items, Odoo's tax in percent, and what is told; nothing where it is posted.
const TOTALS: [(&str, &str, f64, &str); 9] = [
    ("25.80", "12.90", 0.0, ""),
    (
        "25.81",
        "12.90",
        0.0,
        "it comes to 25.80 EUR there and to 25.81 EUR in the shop: payload.order.total is 0.01 EUR more than payload.items come to",
    ),
    ("25.803", "12.90", 0.0, ""),
    ("29.67", "12.90", 15.0, ""),
    (
        "25.80",
        "12.90",
        15.0,
        "it comes to 29.67 EUR there and to 25.80 EUR in the shop: 3.87 EUR of it are taxes that Odoo adds: make them taxes that are included in the price there, or set config.taxes to none",
    ),
    (
        "30.70",
        "12.90",
        0.0,
        "it comes to 25.80 EUR there and to 30.70 EUR in the shop: payload.order.total is 4.90 EUR more than payload.items come to: shipping, fees and taxes have to be items too",
    ),
    (
        "20.80",
        "12.90",
        0.0,
        "it comes to 25.80 EUR there and to 20.80 EUR in the shop: payload.order.total is 5.00 EUR less than payload.items come to: a discount has to be taken off the items' prices",
    ),
    ("20.80", "12.90", 15.0, "config.taxes to none; payload.order.total is 5.00 EUR less than payload.items come to"),
    ("25.80", "", 0.0, "Odoo's own prices stand for those that payload.items does not tell"),
];

#[tokio::test]
async fn an_invoice_that_is_not_over_what_was_paid_stays_a_draft() {
    for version in VERSIONS {
        for (total, price, tax, told) in TOTALS {
            let odoo = odoo_of(version);
            odoo.kept().books.tax = tax;
            let tea = json!({"name": "Tea", "default_code": "S-1", "list_price": 20, "invoice_policy": "order"});
            odoo.kept().books.put("product.template", 1, tea);
            let price = if price.is_empty() { Value::Null } else { json!(price) };
            let payload = json!({
                "order": {"id": "1001", "total": total, "currency": "EUR"},
                "customer": {"email": "ada@example.com"},
                "items": [{"name": "Tea", "sku": "S-1", "quantity": 2, "price": price}],
            });
            let sale = || sale(&odoo).config(json!({"create_invoice": true})).payload(payload.clone());
            // Told again, it stays what it is; and what a person posts there, posted.
            for _ in 0..2 {
                let message = sale().run().await.accepted().message;
                let (state, begins) = match told {
                    "" => ("posted", "S00002 is confirmed in Odoo, and its invoice INV/2026/00001 posted"),
                    _ => (
                        "draft",
                        "S00002 is confirmed in Odoo, and its invoice left as a draft, to be corrected and posted there; it comes to ",
                    ),
                };
                assert!(message.starts_with(begins) && message.contains(told), "{total} {price} {tax}: {message}");
                assert_eq!(message == begins, told.is_empty(), "{message}");
                assert_eq!(
                    (&odoo.only("account.move")["state"], &odoo.only("sale.order")["state"]),
                    (&json!(state), &json!("sale"))
                );
            }
        }
    }
}

#[tokio::test]
async fn a_price_list_takes_nothing_off_what_was_paid() {
    let odoo = odoo_of(19);
    odoo.kept().books.discount = 20.0;
    let done = sale(&odoo).run().await.accepted();
    assert_eq!(done.message, "S00002 is confirmed in Odoo, and its invoice INV/2026/00001 posted");
    assert_eq!(odoo.only("sale.order")["amount_total"], 25.8);
}

#[tokio::test]
async fn an_order_is_made_once_wherever_attempts_end() {
    for version in VERSIONS {
        let odoo = odoo_of(version);
        let whole = sale(&odoo).run().await.accepted();
        let steps = odoo.calls().len();
        assert!(steps >= 14, "{steps}");
        for step in 0..steps {
            for how in [Break::Before, Break::After] {
                let odoo = unjudged(version);
                odoo.break_at(step, how);
                let failure = sale(&odoo).run().await.failure();
                let told = format!("{version} {step} {how:?}");
                assert!(matches!(failure, tenon::handler::Failure::Retry { .. }), "{told}: {failure:?}");
                let again = sale(&odoo).run().await.accepted();
                assert_eq!(
                    (&again.message, &again.data, &again.meta),
                    (&whole.message, &whole.data, &whole.meta),
                    "{told}"
                );
                assert_eq!(odoo.only("res.partner")["id"], 8, "{told}");
                assert_eq!(odoo.only("product.template")["id"], 1, "{told}");
                assert_eq!(odoo.only("sale.order")["state"], "sale", "{told}");
                assert_eq!(odoo.only("account.move")["state"], "posted", "{told}");
            }
        }
    }
}

#[tokio::test]
async fn a_sale_that_is_told_twice_stays_one_order() {
    let odoo = odoo_of(19);
    let known = meta(sale(&odoo).run().await);
    odoo.calls();
    for (meta, is_known) in [(known, true), (json!({}), false), (json!({"order:1001": 999}), false)] {
        let done = sale(&odoo).meta(meta).run().await.accepted();
        assert!(done.message.starts_with("S00002 is confirmed"), "{}", done.message);
        // Nothing but looking: for whom an order is that is not remembered, too.
        let calls = ["version", "sale.order.search_read", "res.partner.read", "sale.order.read", "account.move.read"];
        let calls: Vec<_> = calls.into_iter().filter(|call| !is_known || *call != "res.partner.read").collect();
        assert_eq!(odoo.calls(), calls);
    }
    // Two shops on one database have orders of the same number.
    let other = sale(&odoo).config(json!({"reference_prefix": "SOUTH-"})).run().await.accepted();
    assert!(other.message.starts_with("S00003 is confirmed"), "{}", other.message);
    assert_eq!(odoo.all("sale.order")[1]["client_order_ref"], "SOUTH-1001");
    assert_eq!(odoo.all("res.partner").len(), 1);
}

#[tokio::test]
async fn two_runs_at_once_make_one_order() {
    for version in VERSIONS {
        let odoo = odoo_of(version);
        let (one, other) = tokio::join!(sale(&odoo).run(), sale(&odoo).run());
        let (one, other) = (one.accepted(), other.accepted());
        assert_eq!((&one.message, &one.data), (&other.message, &other.data));
        let orders = odoo.all("sale.order");
        let states: Vec<_> = orders.iter().map(|order| order["state"].as_str().expect("a text")).collect();
        assert!(matches!(states[..], ["sale"] | ["sale", "cancel"]), "{states:?}");
        for model in ["res.partner", "product.template"] {
            let used = odoo.all(model).into_iter().filter(|row| row["active"] == true).count();
            assert_eq!(used, 1, "{model}");
        }
        assert_eq!(odoo.only("account.move")["state"], "posted");
    }
}

#[tokio::test]
async fn an_order_that_a_person_cancelled_stays_cancelled() {
    let odoo = odoo_of(19);
    sale(&odoo).run().await.accepted();
    odoo.kept().books.put("sale.order", 2, json!({"state": "cancel"}));
    let done = sale(&odoo).run().await.accepted();
    assert_eq!(done.message, "S00002 was cancelled in Odoo, and stays so");
    assert_eq!(odoo.all("sale.order").len(), 1);
    // One that was deleted is made anew.
    odoo.kept().books.remove("sale.order", 2);
    let done = sale(&odoo).meta(json!({"order:1001": 2})).run().await.accepted();
    assert_eq!(Value::Object(done.meta), json!({"order:1001": 3}));
}

#[tokio::test]
async fn an_order_is_in_the_currency_of_the_sale_or_none_is_made() {
    for version in VERSIONS {
        let odoo = odoo_of(version);
        odoo.kept().books.currency = "CHF";
        let failure = sale(&odoo).run().await.failure();
        assert_eq!(
            failure.reason(),
            "the sale is in EUR, Odoo counts in CHF and has no price list in EUR: make one there (Sales, Products, Pricelists), or name one in config.pricelists.EUR"
        );
        assert!(odoo.all("sale.order").is_empty() && odoo.all("product.template").is_empty());
        odoo.kept().books.put("product.pricelist", 3, json!({"name": "Euro", "currency": "EUR"}));
        odoo.kept().books.put("product.pricelist", 4, json!({"name": "Euro, cheap", "currency": "EUR"}));
        sale(&odoo).run().await.accepted();
        assert_eq!(parts(&odoo.only("sale.order"), ["pricelist_id", "currency"]), json!([3, "EUR"]));
        let config = json!({"pricelists": {"EUR": 4}, "reference_prefix": "B-"});
        sale(&odoo).config(config).run().await.accepted();
        assert_eq!(odoo.all("sale.order")[1]["pricelist_id"], 4);
        // The company's own currency needs no price list.
        let own = json!({"order": {"id": 7, "total": 5, "currency": "chf"}, "customer": {"email": "ada@example.com"}});
        sale(&odoo).payload(own).run().await.accepted();
        assert_eq!(parts(&odoo.all("sale.order")[2], ["pricelist_id", "currency"]), json!([null, "CHF"]));
    }
}

#[tokio::test]
async fn an_order_that_came_out_in_another_currency_is_not_confirmed() {
    let odoo = odoo_of(19);
    let first = sale(&odoo).config(json!({})).run().await.accepted();
    assert!(first.message.starts_with("S00002"));
    // As it would be by a price list of the customer's.
    odoo.kept().books.put("sale.order", 2, json!({"currency": "USD", "state": "draft"}));
    let failure = sale(&odoo).run().await.failure();
    assert!(failure.reason().starts_with("S00002 is in USD in Odoo and the sale in EUR, so it was not confirmed"));
    assert_eq!(odoo.only("sale.order")["state"], "draft");
}

#[tokio::test]
async fn what_a_line_says_arrives_as_it_is() {
    for (version, taxes) in [(18, "tax_id"), (19, "tax_ids")] {
        let odoo = odoo_of(version);
        odoo.kept().books.precision = 3;
        odoo.kept().books.put(
            "product.template",
            40,
            json!({"name": "Genmaicha", "list_price": 7.5, "invoice_policy": "order"}),
        );
        odoo.kept().books.put(
            "product.template",
            41,
            json!({"name": "Old", "default_code": "O-1", "active": false, "invoice_policy": "order"}),
        );
        odoo.kept().books.put(
            "product.template",
            42,
            json!({"name": "Teapot", "default_code": "d".repeat(24), "list_price": 30, "invoice_policy": "order"}),
        );
        let items = json!([
            {"name": "緑茶 “Ära” 🍵", "sku": "Ä-1", "quantity": "0.125", "price": "10.005"},
            {"name": "Genmaicha"},
            {"name": "Old one", "sku": "O-1", "price": 3},
            {"name": "Pot", "documentId": "d".repeat(24), "price": 29.90},
            {"name": "緑茶 “Ära” 🍵", "sku": "Ä-1", "quantity": 2, "price": "10.005"},
            {"name": "Gift", "price": 0},
        ]);
        let payload = json!({"order": "N°7", "customer": {"email": "Zoë@Example.com", "name": "Zoë Ångström 張"}, "items": items});
        sale(&odoo).config(json!({"taxes": "none"})).payload(payload).run().await.accepted();
        let lines: Vec<_> = odoo
            .all("sale.order.line")
            .iter()
            .map(|line| parts(line, ["product_id", "product_uom_qty", "price_unit"]).to_string())
            .collect();
        assert_eq!(lines, ["[1,0.125,10.005]", "[40,1,null]", "[41,1,3]", "[42,1,29.9]", "[1,2,10.005]", "[2,1,0]"]);
        assert_eq!(odoo.all("sale.order.line")[0][taxes], json!([[6, 0, []]]));
        let partner = odoo.only("res.partner");
        assert_eq!(parts(&partner, ["name", "email"]), json!(["Zoë Ångström 張", "Zoë@Example.com"]));
        assert_eq!(odoo.only("sale.order")["amount_tax"], 0.0);
        let made = &odoo.all("product.template")[0];
        assert_eq!(
            parts(made, ["name", "default_code", "list_price"]).to_string(),
            r#"["緑茶 “Ära” 🍵","Ä-1",10.005]"#
        );
    }
}

#[tokio::test]
async fn a_buyer_who_is_known_is_found_even_when_archived() {
    for version in VERSIONS {
        let odoo = odoo_of(version);
        let archived = json!({"name": "Ada (old)", "email": "ADA@example.com", "type": "contact", "active": false});
        let delivery = json!({"name": "Ada, at work", "email": "ada@example.com", "type": "delivery"});
        odoo.kept().books.put("res.partner", 5, archived);
        odoo.kept().books.put("res.partner", 4, delivery);
        sale(&odoo).run().await.accepted();
        assert_eq!(odoo.only("sale.order")["partner_id"], 5);
        assert_eq!(parts(&odoo.all("res.partner")[1], ["name", "active"]), json!(["Ada (old)", true]));
    }
}

#[tokio::test]
async fn what_cannot_be_ordered_says_what_is_missing() {
    let odoo = odoo_of(19);
    let customer = json!({"email": "ada@example.com"});
    for (payload, expected) in [
        (json!({"items": [{"name": "Tea", "price": 1}]}), "no e-mail address (payload.customer.email"),
        (json!({"customer": customer}), "neither payload.items nor payload.order.total"),
        (
            json!({"customer": customer, "items": [{"name": "Tea", "price": "1,5"}]}),
            r#"payload.items[0].price is no number: "1,5""#,
        ),
        (
            json!({"customer": customer, "items": [{"name": "Tea", "price": 1}, {"name": "Cup", "sku": "C-1"}]}),
            r#"payload.items[1].price is missing, and Odoo has no product "C-1" that could have one"#,
        ),
    ] {
        let failure = sale(&odoo).payload(payload.clone()).run().await.failure();
        assert!(matches!(&failure, tenon::handler::Failure::Discard { .. }), "{failure:?}");
        assert!(failure.reason().contains(expected), "{payload}: {}", failure.reason());
    }
    for trigger in
        ["trigger:pre_sale", "trigger:order_refunded", "trigger:product_updated", "trigger:stripe_invoice_paid"]
    {
        let failure = sale(&odoo).event(|event| event.trigger = trigger.into()).run().await.failure();
        assert!(failure.reason().contains("this is for post_sale"), "{trigger}: {}", failure.reason());
    }
    assert!(odoo.all("sale.order").is_empty() && odoo.all("product.template").is_empty());
    // A trigger of the shop's own may tell of a sale.
    sale(&odoo).event(|event| event.trigger = "trigger:kiosk_sale".into()).run().await.accepted();
}

#[tokio::test]
async fn a_sample_is_a_quotation_that_shows_what_it_is() {
    let odoo = odoo_of(19);
    let done = sale(&odoo).event(|event| event.test = true).run().await.accepted();
    assert_eq!(done.message, "S00002 is a quotation in Odoo: a sample is not confirmed");
    let order = odoo.only("sale.order");
    assert_eq!(parts(&order, ["client_order_ref", "state"]), json!(["TEST 1001", "draft"]));
    assert_eq!(odoo.only("res.partner")["name"], "Test: Ada Lovelace");
    assert!(odoo.all("account.move").is_empty());
    assert_eq!(odoo.only("sale.order.line")["name"], "Test: Sencha, 100 g");
    let names = ["name", "default_code", "active"];
    assert_eq!(parts(&odoo.only("product.template"), names), json!(["Test: Sencha, 100 g", "TEST S-100", false]));
    // Another sample makes none of it again, and a sale has its own.
    sale(&odoo).config(json!({"reference_prefix": "B-"})).event(|event| event.test = true).run().await.accepted();
    assert_eq!((odoo.all("product.template").len(), odoo.all("res.partner").len()), (1, 1));
    sale(&odoo).run().await.accepted();
    assert_eq!(parts(&odoo.all("product.template")[1], names), json!(["Sencha, 100 g", "S-100", true]));
    assert_eq!(odoo.all("res.partner")[1]["name"], "Ada Lovelace");
    // What is there is sold by a sample too, and stays as it is.
    let before = (odoo.all("product.template"), odoo.all("res.partner"));
    let config = json!({"reference_prefix": "C-"});
    sale(&odoo).config(config).event(|event| event.test = true).run().await.accepted();
    assert_eq!((odoo.all("product.template"), odoo.all("res.partner")), before);
}

#[tokio::test]
async fn what_is_invoiced_on_delivery_is_not_invoiced_yet() {
    let odoo = odoo_of(19);
    odoo.kept().books.put(
        "product.template",
        9,
        json!({"name": "Tea", "default_code": "S-100", "invoice_policy": "delivery"}),
    );
    let done = sale(&odoo).run().await.accepted();
    assert!(done.message.contains("nothing to invoice yet"), "{}", done.message);
    assert_eq!(odoo.only("sale.order")["state"], "sale");
}
