//! What happens to one document, contact or article in many runs at once, of several records and in both databases.

use std::time::Duration;

use serde_json::{Value, json};

use super::double::Double;
use super::stories::record;
use super::{odoo_of, parts};
use crate::support::app::TestApp;
use crate::support::on_both_databases;

/// The states and messages of the runs, the latest first.
async fn told(app: &TestApp) -> Vec<Value> {
    app.run_until_idle().await;
    app.runs().await.into_iter().map(|run| json!([run["state"], run["attempts"][0]["message"]])).collect()
}

fn all_completed(told: &[Value]) -> bool {
    told.iter().all(|run| run[0] == "completed")
}

/// What was made twice, and put away again.
fn archived(odoo: &Double, model: &str) -> usize {
    odoo.all(model).iter().filter(|row| row["active"] == false).count()
}

on_both_databases! {
    async fn what_is_saved_twice_in_a_moment_ends_as_it_was_saved_last(app: &TestApp) {
        let odoo = odoo_of(18);
        let triggers = ["trigger:store_updated", "trigger:product_updated", "trigger:new_subscriber", "trigger:subscriber_updated"];
        let store = app.store(vec![record(&odoo, "markket:odoo", &triggers, json!({}))]).await;
        let tea = app.create("products", json!({"Name": "Tea", "SKU": "S-1", "stores": [store]})).await;
        let product = format!("/api/products/{}?status=published", tea["documentId"].as_str().expect("an id"));
        let ada = app.create("subscribers", json!({"Email": "ada@example.com", "active": true, "stores": [store]})).await;
        let subscriber = format!("/api/subscribers/{}", ada["documentId"].as_str().expect("an id"));
        app.put(&format!("/api/stores/{store}?status=published"), json!({"data": {"title": "Tea House"}})).await.expect(200);
        app.put(&product, json!({"data": {"Name": "Tea 0"}})).await.expect(200);
        app.run_until_idle().await;
        for (path, field, model) in [
            (product.as_str(), "Name", "product.template"),
            (&format!("/api/stores/{store}?status=published"), "title", "res.partner"),
        ] {
            // The first is held up within Odoo, the second is not.
            odoo.delay(&format!("{model}.write"), Duration::from_millis(400));
            for name in ["First", "Last"] {
                app.advance(20);
                app.put(path, json!({"data": {field: name}})).await.expect(200);
            }
            assert!(all_completed(&told(app).await));
            let names: Vec<_> = odoo.all(model).iter().map(|row| row["name"].clone()).collect();
            assert!(names.contains(&json!("Last")) && !names.contains(&json!("First")), "{model}: {names:?}");
        }
        odoo.delay("res.partner.write", Duration::from_millis(400));
        for email in ["ada@first.example", "ada@last.example"] {
            app.advance(20);
            app.put(&subscriber, json!({"data": {"Email": email}})).await.expect(200);
        }
        assert!(all_completed(&told(app).await));
        let emails: Vec<_> = odoo.all("res.partner").iter().filter_map(|row| row.get("email").cloned()).collect();
        assert_eq!(emails, ["ada@last.example"]);
    }

    async fn what_waited_for_an_odoo_that_was_away_arrives_in_order(app: &TestApp) {
        let odoo = odoo_of(18);
        let store = app.store(vec![record(&odoo, "markket:odoo", &["trigger:product_*"], json!({}))]).await;
        let tea = app.create("products", json!({"Name": "Tea", "SKU": "S-1", "stores": [store]})).await;
        app.run_until_idle().await;
        odoo.answer("authenticate", 503, json!("<h1>Maintenance</h1>"));
        let path = format!("/api/products/{}?status=published", tea["documentId"].as_str().expect("an id"));
        for number in 1..=5 {
            app.advance(20);
            app.put(&path, json!({"data": {"Name": format!("Tea {number}")}})).await.expect(200);
        }
        app.rest().await;
        odoo.kept().instead = None;
        assert!(told(app).await.iter().all(|run| run[0] == "completed"));
        assert_eq!(odoo.only("product.template")["name"], "Tea 5");
    }

    async fn sales_to_one_customer_end_with_what_was_told_last(app: &TestApp) {
        let odoo = odoo_of(18);
        let store = app.store(vec![record(&odoo, "markket:odoo", &["trigger:post_sale"], json!({}))]).await;
        let sell = async |name: &str| {
            app.advance(20);
            app.emit(&store, "post_sale", json!({"customer": {"email": "ada@example.com", "name": name}})).await;
        };
        sell("Ada").await;
        app.run_until_idle().await;
        odoo.delay("authenticate", Duration::from_millis(1));
        odoo.delay("res.partner.search_read", Duration::from_millis(400));
        sell("Ada, first").await;
        tokio::time::sleep(Duration::from_millis(100)).await;
        sell("Ada, last").await;
        assert!(all_completed(&told(app).await));
        assert_eq!(odoo.only("res.partner")["name"], "Ada, last");
    }

    async fn a_sale_that_is_tried_again_holds_up_no_later_one_and_takes_nothing_back_from_it(app: &TestApp) {
        let odoo = odoo_of(18);
        let store = app.store(vec![record(&odoo, "markket:odoo", &["trigger:post_sale"], json!({}))]).await;
        let sell = async |name: &str| {
            app.advance(20);
            app.emit(&store, "post_sale", json!({"customer": {"email": "ada@example.com", "name": name}})).await;
            app.rest().await;
        };
        sell("Ada").await;
        odoo.answer("authenticate", 503, json!("<h1>Maintenance</h1>"));
        sell("Ada, first").await;
        odoo.kept().instead = None;
        sell("Ada, last").await;
        assert_eq!(odoo.only("res.partner")["name"], "Ada, last");
        assert!(all_completed(&told(app).await));
        assert_eq!(odoo.only("res.partner")["name"], "Ada, last");
    }

    async fn the_usual_records_make_each_contact_and_article_once(app: &TestApp) {
        for version in [18, 19] {
            let odoo = odoo_of(version);
            odoo.kept().books.put("mailing.list", 2, json!({"name": "Newsletter"}));
            let usual = |key: &str, config: Value| {
                let mut made = record(&odoo, key, &[], config);
                let handlers = tenon::extensions::registry().expect("handlers");
                made["triggers"] = json!(handlers.find(key).expect("the handler").description().default_triggers);
                made
            };
            let list = json!({"list": "Newsletter"});
            let records = vec![
                usual("markket:odoo", json!({})),
                usual("markket:odoo:order", json!({"taxes": "none"})),
                usual("markket:odoo:product", json!({})),
                usual("markket:odoo:newsletter", list.clone()),
                usual("markket:odoo:newsletter", list),
            ];
            let store = app.store_named(&format!("store-{version}"), records).await;
            app.create("products", json!({"Name": "Sencha", "SKU": "S-1", "stores": [store]})).await;
            app.create("subscribers", json!({"Email": "bob@example.com", "active": true, "stores": [store]})).await;
            for number in 0..4 {
                let item = json!({"name": "Cup", "sku": "C-1", "price": 5});
                let sale = json!({"order": {"id": number}, "customer": {"email": "ada@example.com", "name": "Ada"}, "items": [item]});
                app.emit(&store, "post_sale", sale).await;
            }
            let told = told(app).await;
            assert!(all_completed(&told), "{told:#?}");
            for model in ["res.partner", "product.template", "mailing.contact", "mailing.subscription"] {
                assert_eq!(archived(&odoo, model), 0, "{version} {model}: {:#?}", odoo.all(model));
            }
            let counts = ["res.partner", "product.template", "mailing.contact", "sale.order"].map(|model| odoo.all(model).len());
            assert_eq!(counts, [2, 2, 1, 4], "{version}");
        }
    }

    async fn two_stores_with_the_same_number_have_an_order_each_or_are_told(app: &TestApp) {
        let odoo = odoo_of(18);
        let orders = |config: Value| record(&odoo, "markket:odoo:order", &["trigger:post_sale"], config);
        let north = app.store_named("north", vec![orders(json!({"taxes": "none"}))]).await;
        let south = app.store_named("south", vec![orders(json!({"taxes": "none"}))]).await;
        let sale = |name: &str| json!({"order": {"id": 1001}, "customer": {"email": format!("{name}@example.com")}, "items": [{"name": "Tea", "price": 5}]});
        app.emit(&north, "post_sale", sale("ada")).await;
        assert!(all_completed(&told(app).await));
        app.emit(&south, "post_sale", sale("grace")).await;
        let runs = told(app).await;
        assert_eq!(runs[0][0], "dead");
        assert!(runs[0][1].as_str().is_some_and(|line| line.contains("from north. Set config.reference_prefix")), "{runs:?}");
        assert_eq!(parts(&odoo.only("sale.order"), ["origin", "client_order_ref"]), json!(["north", "1001"]));
    }

    async fn a_line_with_a_documentid_sells_the_products_own_article(app: &TestApp) {
        let odoo = odoo_of(18);
        let records = || vec![
            record(&odoo, "markket:odoo:product", &["trigger:product_published"], json!({})),
            record(&odoo, "markket:odoo:order", &["trigger:post_sale"], json!({"taxes": "none"})),
        ];
        let store = app.store_named("north", records()).await;
        let other = app.store_named("other", vec![record(&odoo, "markket:odoo:order", &["trigger:post_sale"], json!({"taxes": "none"}))]).await;
        let tea = app.create("products", json!({"Name": "Sencha", "SKU": "S-1", "stores": [store]})).await;
        app.run_until_idle().await;
        let sale = |number: i64| json!({"order": {"id": number}, "customer": {"email": "ada@example.com"},
            "items": [{"name": "Green tea", "documentId": tea["documentId"], "price": 5}]});
        app.emit(&store, "post_sale", sale(1)).await;
        assert!(all_completed(&told(app).await));
        assert_eq!(odoo.only("product.template")["default_code"], "S-1");
        // Another store's sale learns nothing of it.
        app.emit(&other, "post_sale", sale(2)).await;
        assert!(all_completed(&told(app).await));
        assert_eq!(odoo.all("product.template")[1]["default_code"], tea["documentId"]);
    }
}
