//! Explanations: which records an event reaches, which of them fire, and why the others do not.

mod random;

use reqwest::Method;
use serde_json::{Value, json};
use tenon::clock::{Clock as _, HOUR, iso};

use crate::support::api::{Answered, send};
use crate::support::app::TestApp;
use crate::support::on_both_databases;

/// The records of an explanation.
#[track_caller]
fn records(answer: &Answered) -> Vec<Value> {
    answer.expect(200)["data"]["records"].as_array().expect("a list").clone()
}

/// What is said of each record: `fires`, or why not.
#[track_caller]
fn verdicts(answer: &Answered) -> Vec<String> {
    let verdict = |record: &Value| match record["fires"] == true {
        true => format!("fires by {}", record["pattern"].as_str().expect("a pattern")),
        false => record["because"].as_str().expect("a reason").to_owned(),
    };
    records(answer).iter().map(verdict).collect()
}

/// A product of this store, with a price, whose records post to `/product` and `/price` when an inventory is low.
async fn stocked(app: &TestApp, store: &str) -> (String, i64) {
    let record = |path: &str, threshold: u32| {
        let mut record = app.webhook_to(path, "trigger:inventory_*");
        record["config"] = json!({"policy": {"inventory_threshold": threshold}});
        record
    };
    let product = json!({
        "Name": "Tea", "stores": [store], "extensions": [record("/product", 20)],
        "PRICES": [{"Name": "50 g", "Price": 4, "inventory": 30, "extensions": [record("/price", 3)]}],
    });
    let product = app.create("products", product).await;
    let id = product["documentId"].as_str().expect("a documentId").to_owned();
    (id, product["PRICES"][0]["id"].as_i64().expect("an id"))
}

on_both_databases! {
    async fn every_record_is_told_of_with_the_reason_why_it_does_not_fire(app: &TestApp) {
        let url = app.receiver.url("/hook");
        let store = app.store(vec![
            json!({"key": "custom:webhook", "triggers": ["order_*", "post_*"], "url": url}),
            json!({"key": "custom:webhook", "triggers": ["post_sale"], "url": url, "active": false}),
            json!({"key": "custom:webhook", "triggers": ["trigger:post_sales", "order_*"], "url": url}),
            json!({"key": "custom:webhook", "triggers": [], "url": url}),
            json!({"key": "custom:webhok", "triggers": ["*"], "url": url}),
            json!({"key": "custom:webhook", "triggers": ["*"]}),
            json!({"key": "posthog:track", "triggers": ["*"], "config": {"mapping": {"post_sale": 5}}}),
            json!({"key": "posthog:track", "triggers": ["*"], "credentials": {"api_key": 40504050}}),
        ]).await;
        app.run_until_idle().await;
        let answer = app.get(&format!("/api/stores/{store}/explain?trigger=post_sale")).await;
        assert_eq!(verdicts(&answer), [
            "fires by post_*", "inactive", "no_pattern_matches", "no_pattern_matches", "unknown_key", "missing_url",
            "bad_config", "bad_credentials",
        ]);
        let told = records(&answer);
        assert_eq!(answer.json["data"]["trigger"], "trigger:post_sale");
        assert_eq!(told[0]["owner"], json!({"type": "store", "documentId": store}));
        assert_eq!(told[0]["destination"], url.trim_start_matches("http://").trim_end_matches("/hook"));
        let alone = format!("custom:webhook#{}", told[5]["id"]);
        assert_eq!(told[5]["destination"], alone, "without a url it is where the record's credentials lead");
        assert_eq!((&told[0]["message"], &told[0]["run"], &told[0]["waits"]), (&Value::Null, &Value::Null, &json!([])));
        assert_eq!(told[2]["nearest"], json!(["trigger:post_sales"]));
        assert!(told[3]["message"].as_str().expect("a message").contains("by hand"), "{}", told[3]);
        assert_eq!(told[4]["nearest"], json!(["custom:webhook"]));
        assert_eq!((&told[5]["path"], &told[6]["path"]), (&json!(["url"]), &json!(["config", "mapping.post_sale"])));
        assert_eq!(told[7]["path"], json!(["credentials", "api_key"]));
        assert!(!answer.text.contains("40504050"), "no credential is told: {}", answer.text);
        assert!(records(&app.get(&format!("/api/stores/{store}/explain?trigger=acme:door")).await).len() == 8);
    }

    async fn what_ran_is_told_with_its_run_whatever_the_record_is_like_now(app: &TestApp) {
        app.receiver.answers("/bad", [400]);
        let mut off = app.webhook_to("/off", "post_sale");
        off["active"] = json!(false);
        let records = vec![app.webhook("post_sale"), app.webhook_to("/bad", "post_sale"), off, json!({"key": "no:body", "triggers": ["*"]})];
        let store = app.store(records).await;
        app.run_until_idle().await;
        let event = app.emit(&store, "post_sale", json!({})).await;
        app.run_until_idle().await;
        let path = format!("/api/stores/{store}");
        let mut list = app.get(&format!("{path}?populate=extensions")).await.expect(200)["data"]["extensions"].clone();
        list[0]["active"] = json!(false);
        list[2]["active"] = json!(true);
        list[1]["triggers"] = json!([]);
        let mut list = list.as_array().expect("a list").clone();
        list.push(app.webhook_to("/new", "post_sale"));
        app.put(&path, json!({"data": {"extensions": list}})).await.expect(200);
        app.run_until_idle().await;

        let answer = app.get(&format!("{path}/explain?event={event}")).await;
        assert_eq!(verdicts(&answer), ["fires by post_sale", "fires by post_sale", "changed_since", "unknown_key", "changed_since"]);
        let told = self::records(&answer);
        let states: Vec<_> = told.iter().map(|record| record["run"]["state"].clone()).collect();
        assert_eq!(json!(states), json!(["completed", "dead", null, "dead", null]));
        assert!(told[1]["run"]["reason"].as_str().expect("a reason").contains("400"), "{}", told[1]);
        assert_eq!(told[3]["message"], told[3]["run"]["reason"]);
        assert_eq!(answer.json["data"]["event"]["id"], json!(event));

        app.delete(&path).await.expect(204);
        app.run_until_idle().await;
        assert_eq!(verdicts(&app.get(&format!("{path}/explain?event={event}")).await)[0], "fires by post_sale");
        app.get(&format!("{path}/explain?trigger=post_sale")).await.expect(404);
    }

    async fn the_event_of_a_price_reaches_what_contains_it_each_at_its_own_threshold(app: &TestApp) {
        let store = app.store(vec![app.webhook_to("/store", "trigger:inventory_low")]).await;
        let (product, price) = stocked(app, &store).await;
        app.run_until_idle().await;
        let path = format!("/api/products/{product}");
        let asked = |query: &str| format!("{path}/explain?{query}");
        let of_price = asked(&format!("trigger=inventory_low&priceId={price}&from=30&to=4"));
        let answer = app.get(&of_price).await;
        assert_eq!(verdicts(&answer), ["threshold", "fires by trigger:inventory_*", "fires by trigger:inventory_low"]);
        let told = records(&answer);
        assert_eq!(told[0]["owner"], json!({"type": "price", "documentId": product, "priceId": price}));
        assert!(told[0]["message"].as_str().expect("a message").contains("from 30 to 4"), "{}", told[0]);
        assert_eq!(verdicts(&app.get(&asked("trigger=inventory_low")).await).len(), 2, "of the product alone");
        assert_eq!(verdicts(&app.get(&asked(&format!("trigger=inventory_low&priceId={price}"))).await)[0], "fires by trigger:inventory_*");

        let sold = json!({"op": "decrement", "quantity": 26});
        app.post(&format!("{path}/prices/{price}/inventory"), sold).await.expect(200);
        app.run_until_idle().await;
        let event = app.texts("SELECT uid FROM events WHERE trigger = 'trigger:inventory_low'").await.remove(0);
        for path in [path.clone(), format!("/api/stores/{store}")] {
            let answer = app.get(&format!("{path}/explain?event={event}")).await;
            assert_eq!(verdicts(&answer)[0], "threshold");
            assert_eq!(records(&answer)[1]["run"]["state"], "completed");
        }
        let mut reached: Vec<_> = app.receiver.received().into_iter().map(|sent| sent.path).collect();
        reached.sort();
        assert_eq!(reached, ["/product", "/store"]);
    }

    async fn a_record_that_was_removed_before_is_told_of_for_an_event_and_not_for_a_trigger(app: &TestApp) {
        let store = app.store(vec![app.webhook("post_sale")]).await;
        app.put(&format!("/api/stores/{store}"), json!({"data": {"extensions": []}})).await.expect(200);
        app.advance(1000);
        let event = app.emit(&store, "post_sale", json!({})).await;
        app.run_until_idle().await;
        assert!(records(&app.get(&format!("/api/stores/{store}/explain?trigger=post_sale")).await).is_empty());
        assert_eq!(verdicts(&app.get(&format!("/api/stores/{store}/explain?event={event}")).await), ["removed"]);
    }

    async fn a_limit_that_is_used_up_is_told_before_and_after(app: &TestApp) {
        let record = |path: &str, policy: Value| {
            let mut record = app.webhook_to(path, "post_sale");
            record["config"] = json!({ "policy": policy });
            record
        };
        let store = app.store(vec![
            record("/defers", json!({"rate_limit_per_hour": 1})),
            record("/skips", json!({"rate_limit_per_hour": 1, "on_limit": "skip"})),
            record("/free", json!({"rate_limit_per_hour": 2})),
        ]).await;
        // Half an hour is left for all of it.
        let now = app.clock.now();
        app.advance(HOUR - now.rem_euclid(HOUR) + HOUR / 2);
        app.emit(&store, "post_sale", json!({})).await;
        app.run_until_idle().await;
        let until = iso(app.clock.now() + HOUR / 2);
        let would = app.get(&format!("/api/stores/{store}/explain?trigger=post_sale")).await;
        assert_eq!(verdicts(&would), ["fires by post_sale", "limit", "fires by post_sale"]);
        let told = records(&would);
        assert_eq!((&told[0]["waits"][0]["because"], &told[0]["waits"][0]["until"]), (&json!("limit"), &json!(until)));
        assert!(told[1]["message"].as_str().expect("a message").contains(&until), "{}", told[1]);
        assert_eq!((&told[1]["waits"], &told[2]["waits"]), (&json!([]), &json!([])));

        let event = app.emit(&store, "post_sale", json!({})).await;
        app.until("SELECT id FROM runs WHERE state = 'skipped'").await;
        app.until("SELECT id FROM runs WHERE state = 'available' AND reason IS NOT NULL").await;
        let did = app.get(&format!("/api/stores/{store}/explain?event={event}")).await;
        assert_eq!(verdicts(&did), verdicts(&would));
        let did = records(&did);
        assert_eq!((&did[0]["run"]["state"], &did[0]["waits"]), (&json!("available"), &told[0]["waits"]));
        assert_eq!((&did[1]["run"]["state"], &did[1]["message"]), (&json!("skipped"), &did[1]["run"]["reason"]));
        app.run_until_idle().await;
        let delivered = app.receiver.received().into_iter().filter(|sent| sent.path == "/defers").count();
        assert_eq!(delivered, 2, "the other waited for its hour");
    }

    async fn a_destination_that_keeps_failing_is_waited_for(app: &TestApp) {
        app.receiver.answers("/hook", [503]);
        let store = app.store(vec![app.webhook("post_sale"), json!({"key": "discord:webhook", "triggers": ["post_sale"], "active": false})]).await;
        app.run_until_idle().await;
        for _ in 0..5 {
            app.emit(&store, "post_sale", json!({})).await;
        }
        app.until("SELECT name FROM destinations WHERE opened_at IS NOT NULL").await;
        let answer = app.get(&format!("/api/stores/{store}/explain?trigger=post_sale")).await;
        assert_eq!(verdicts(&answer), ["fires by post_sale", "inactive"]);
        let waits = records(&answer)[0]["waits"].clone();
        assert_eq!(waits[0]["because"], "breaker");
        assert!(waits[0]["until"].is_string() && waits[0]["message"].as_str().expect("a message").contains("has failed since"), "{waits}");
        app.receiver.answers("/hook", [200]);
        app.run_until_idle().await;
        assert_eq!(records(&app.get(&format!("/api/stores/{store}/explain?trigger=post_sale")).await)[0]["waits"], json!([]));
    }

    async fn what_cannot_be_explained_is_refused_with_the_parameter(app: &TestApp) {
        let store = app.store(vec![]).await;
        for (query, param) in [
            ("", "trigger"), ("?trigger=a%20b", "trigger"), ("?trigger=post_sale&event=evt_1", "trigger"),
            ("?trigger=post_sale&priceId=1", "priceId"), ("?trigger=inventory_low&from=1", "to"),
            ("?trigger=post_sale&from=1&to=2", "from"), ("?trigger=inventory_low&from=x&to=1", "from"), ("?event=e&to=1", "from"),
        ] {
            let answer = app.get(&format!("/api/stores/{store}/explain{query}")).await;
            assert_eq!(answer.expect(400)["error"]["details"]["param"], param, "{query}");
        }
        app.get(&format!("/api/stores/{store}/explain?wat=1")).await.expect(400);
        let nothing = "z".repeat(24);
        for path in [format!("stores/{nothing}/explain?trigger=x"), format!("shops/{store}/explain?trigger=x"),
            format!("stores/{store}/explain?event=evt_none"), format!("products/{nothing}/explain?trigger=x&priceId=1")] {
            app.get(&format!("/api/{path}")).await.expect(404);
        }
        let other = app.store_named("other", vec![]).await;
        let event = app.emit(&other, "post_sale", json!({})).await;
        app.get(&format!("/api/stores/{store}/explain?event={event}")).await.expect(404);
    }

    async fn only_whoever_may_see_records_is_told(app: &TestApp) {
        let store = app.store(vec![app.webhook("post_sale")]).await;
        let (product, _) = stocked(app, &store).await;
        app.run_until_idle().await;
        let path = format!("/api/products/{product}/explain?trigger=post_sale");
        app.with_token(None).get(&path).await.expect(403);
        let token = async |data: Value| {
            let made = send(app.request(Method::POST, "/tenon/tokens").json(&json!({ "data": data }))).await;
            app.with_token(made.expect(201)["data"]["token"].as_str())
        };
        let reader = token(json!({"name": "reader", "kind": "read-only"})).await;
        assert_eq!(records(&reader.get(&path).await).len(), 2);
        let finder = token(json!({"name": "finder", "kind": "custom", "permissions": ["product.find", "product.findOne"]})).await;
        finder.get(&path).await.expect(403);
        let keeper = token(json!({"name": "keeper", "kind": "custom", "permissions": ["product.extensions"]})).await;
        let told = records(&keeper.get(&path).await);
        assert_eq!((told.len(), &told[0]["owner"]["type"]), (1, &json!("product")), "the store's are not its business");
    }
}
