//! `markket:odoo:product`, and `markket:odoo` for products.

use serde_json::{Value, json};

use super::double::{Break, Double};
use super::{NOW, VERSIONS, meta, odoo_of, parts, remembered, trial, unjudged};
use crate::services::trial::Trial;

const TEA: &str = "tttttttttttttttttttttttt";

fn tea() -> Value {
    json!({
        "id": 3, "documentId": TEA, "Name": "Sencha 煎茶", "SKU": "S-100", "usd_price": "14.00",
        "Description": "Grassy & <green>.\n\nFrom Uji.",
        "PRICES": [
            {"id": 1, "Name": "100 g", "Price": "13.005", "Currency": "EUR", "billing_type": "one_time"},
            {"id": 2, "Name": "250 g", "Price": 29, "Currency": "EUR", "billing_type": "one_time"},
        ],
    })
}

fn told(odoo: &Double, trigger: &str, product: Value) -> Trial {
    trial("markket:odoo:product", odoo).about(trigger, "product", product)
}

fn with(mut product: Value, field: &str, value: Value) -> Value {
    product[field] = value;
    product
}

/// As text, digit for digit.
fn written<const N: usize>(record: &Value, names: [&str; N]) -> String {
    parts(record, names).to_string()
}

#[tokio::test]
async fn a_product_is_one_product_with_its_list_price() {
    for key in ["markket:odoo:product", "markket:odoo"] {
        for version in VERSIONS {
            let odoo = odoo_of(version);
            odoo.kept().books.precision = 3;
            let done = trial(key, &odoo).about("product_published", "product", tea()).run().await.accepted();
            assert_eq!(done.message, "the product 1 is new in Odoo, for 13.005 EUR");
            assert_eq!(Value::Object(done.meta), remembered("product", TEA, 1));
            let kept = odoo.only("product.template");
            let names = ["name", "default_code", "list_price", "description", "type", "sale_ok"];
            let expected =
                r#"["Sencha 煎茶","S-100",13.005,"<p>Grassy &amp; &lt;green&gt;.</p><p>From Uji.</p>","consu",true]"#;
            assert_eq!(written(&kept, names), expected);
            odoo.calls();
            let done = trial(key, &odoo).about("product_updated", "product", tea()).run().await.accepted();
            assert_eq!(done.message, "the product 1 is up to date in Odoo, for 13.005 EUR");
            assert!(!odoo.calls().contains(&"product.template.write".to_owned()), "nothing changed");
        }
    }
}

#[tokio::test]
async fn a_sample_of_a_product_changes_none() {
    for key in ["markket:odoo:product", "markket:odoo"] {
        let odoo = odoo_of(19);
        let sample =
            |trigger: &str| trial(key, &odoo).about(trigger, "product", tea()).event(|event| event.test = true);
        for _ in 0..2 {
            assert_eq!(meta(sample("product_updated").run().await), json!({}));
            let expected = json!(["Test: Sencha 煎茶", "TEST S-100", false]);
            assert_eq!(parts(&odoo.only("product.template"), ["name", "default_code", "active"]), expected);
        }
        let real = json!({"name": "Tea", "default_code": "S-100", "list_price": 3});
        odoo.kept().books.put("product.template", 9, real);
        let before = odoo.all("product.template");
        for trigger in ["product_updated", "product_deleted"] {
            sample(trigger).run().await.accepted();
            assert_eq!(odoo.all("product.template"), before);
        }
    }
}

#[tokio::test]
async fn a_price_that_is_late_takes_no_later_one_back() {
    let priced = |price: i64| with(tea(), "PRICES", json!([{"id": 1, "Price": price, "Currency": "EUR"}]));
    for key in ["markket:odoo:product", "markket:odoo"] {
        let odoo = odoo_of(19);
        let tried = |trigger: &str, price: i64, after: i64| {
            trial(key, &odoo).about(trigger, "product", priced(price)).event(|event| event.occurred_at += after)
        };
        let known = meta(tried("product_updated", 12, 5).run().await);
        let done = tried("product_updated", 10, 0).meta(known.clone()).run().await.accepted();
        assert_eq!(done.message, "nothing for Odoo: it knows of a later change");
        assert_eq!(odoo.only("product.template")["list_price"], 12);
        // Nor does one that is deleted come back.
        let known = meta(tried("product_deleted", 12, 7).meta(known).run().await);
        assert_eq!(known, json!({(format!("as_of:{TEA}")): NOW + 7}));
        tried("product_published", 12, 6).meta(known).run().await.accepted();
        assert_eq!(odoo.only("product.template")["active"], false);
    }
}

#[tokio::test]
async fn a_product_is_followed_by_its_number_or_by_what_was_remembered() {
    let odoo = odoo_of(19);
    let known = meta(told(&odoo, "product_published", tea()).run().await);
    let renamed = with(with(tea(), "Name", json!("Sencha")), "SKU", json!("S-101"));
    told(&odoo, "product_updated", renamed.clone()).meta(known.clone()).run().await.accepted();
    assert_eq!(written(&odoo.only("product.template"), ["name", "default_code"]), r#"["Sencha","S-101"]"#);
    let dearer = with(renamed, "PRICES", json!([{"Price": 15, "Currency": "EUR"}]));
    told(&odoo, "product_updated", dearer).run().await.accepted();
    assert_eq!(written(&odoo.only("product.template"), ["list_price"]), "[15]");
    odoo.kept().books.remove("product.template", 1);
    let done = told(&odoo, "product_updated", tea()).meta(known).run().await.accepted();
    assert_eq!(Value::Object(done.meta), remembered("product", TEA, 2));
    // Where variants have numbers of their own, the template's is left alone.
    odoo.kept().books.put("product.template", 2, json!({"product_variant_count": 3, "default_code": false}));
    told(&odoo, "product_updated", tea()).meta(remembered("product", TEA, 2)).run().await.accepted();
    assert_eq!(odoo.only("product.template")["default_code"], false);
}

#[tokio::test]
async fn a_product_without_number_or_price_is_one_too() {
    for version in VERSIONS {
        let odoo = odoo_of(version);
        let bare = json!({"documentId": TEA, "Name": "Gift", "SKU": null, "PRICES": [], "usd_price": 5});
        let done = told(&odoo, "product_published", bare.clone()).run().await.accepted();
        assert_eq!(done.message, "the product 1 is new in Odoo, without a list price: none of its prices is in EUR");
        assert_eq!(written(&odoo.only("product.template"), ["default_code", "list_price"]), format!(r#"["{TEA}",0]"#));
        odoo.kept().books.currency = "USD";
        told(&odoo, "product_updated", bare).run().await.accepted();
        assert_eq!(written(&odoo.only("product.template"), ["list_price"]), "[5]");
    }
}

#[tokio::test]
async fn a_deleted_product_is_archived_and_comes_back_when_it_is_published() {
    for version in VERSIONS {
        let odoo = odoo_of(version);
        let done = told(&odoo, "product_deleted", tea()).run().await.accepted();
        assert_eq!((done.message.as_str(), odoo.all("product.template").len()), ("Odoo did not have the product", 0));
        told(&odoo, "product_published", tea()).run().await.accepted();
        told(&odoo, "product_deleted", tea()).run().await.accepted();
        assert_eq!(odoo.only("product.template")["active"], false);
        told(&odoo, "product_updated", tea()).run().await.accepted();
        assert_eq!(odoo.only("product.template")["active"], false, "what a person archived stays so");
        told(&odoo, "product_published", tea()).run().await.accepted();
        assert_eq!(odoo.only("product.template")["active"], true);
    }
}

#[tokio::test]
async fn two_runs_at_once_leave_one_product_in_use() {
    for version in VERSIONS {
        let odoo = odoo_of(version);
        let tea = || trial("markket:odoo", &odoo).about("product_updated", "product", tea()).run();
        let (one, other) = tokio::join!(tea(), tea());
        assert_eq!(one.accepted().meta, other.accepted().meta);
        let all = odoo.all("product.template");
        let used: Vec<_> = all.iter().filter(|row| row["active"] == true).map(|row| row["id"].clone()).collect();
        assert_eq!(used, [1], "{all:#?}");
    }
}

#[tokio::test]
async fn a_lost_answer_doubles_no_product() {
    for version in VERSIONS {
        let odoo = odoo_of(version);
        told(&odoo, "product_published", tea()).run().await.accepted();
        let whole = odoo.only("product.template");
        for step in 0..odoo.calls().len() {
            for how in [Break::Before, Break::After] {
                let odoo = unjudged(version);
                odoo.break_at(step, how);
                told(&odoo, "product_published", tea()).run().await.failure();
                told(&odoo, "product_published", tea()).run().await.accepted();
                assert_eq!(odoo.only("product.template"), whole, "{version} {step} {how:?}");
            }
        }
    }
}
