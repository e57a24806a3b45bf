//! The main job, end to end: something happens, and those who listen are told, once, signed, and on the record.

use std::time::Duration;

use reqwest::Method;
use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
use serde_json::json;
use standardwebhooks::Webhook;
use tenon::config::Config;

use crate::support::api::send;
use crate::support::app::{SECRET, TestApp};
use crate::support::on_both_databases;
use crate::support::receiver::Received;

/// Whether an independent implementation of Standard Webhooks accepts the delivery.
fn verify(delivery: &Received) {
    let mut headers = HeaderMap::new();
    for (name, value) in &delivery.headers {
        let name = HeaderName::from_bytes(name.as_str().as_bytes()).expect("a name");
        headers.append(name, HeaderValue::from_bytes(value.as_bytes()).expect("a value"));
    }
    let webhook = Webhook::new(SECRET).expect("a secret");
    webhook.verify(&delivery.body, &headers).unwrap_or_else(|error| panic!("{error}: {delivery:#?}"));
}

/// Has the runner look for work by itself once a day: whoever makes some must wake it.
fn only_when_woken(config: &mut Config) {
    config.runner.look_every = Some(Duration::from_secs(86_400));
}

/// Asserts that what `cause` makes happen is delivered, by a runner that looks [`only_when_woken`].
async fn prompt(app: &TestApp, cause: impl AsyncFn(usize)) {
    app.run_until_idle().await;
    for round in 1..=5 {
        cause(round).await;
        app.receiver.wait_for(round).await;
        app.run_until_idle().await;
    }
}

on_both_databases! {
    async fn a_sale_reaches_its_receiver_signed_and_is_on_the_record(app: &TestApp) {
        let store = app.store(vec![app.webhook("trigger:post_sale")]).await;
        let sale = r#"{"order":"1042","total":48.50}"#;
        let event = app.emit(&store, "post_sale", serde_json::from_str(sale).expect("JSON")).await;
        app.run_until_idle().await;

        let delivery = app.receiver.only();
        verify(&delivery);
        let body = delivery.json();
        assert_eq!(delivery.header("webhook-id"), event);
        assert_eq!((&body["id"], &body["trigger"]), (&json!(event), &json!("trigger:post_sale")));
        assert_eq!((&body["target"]["documentId"], &body["store"]["slug"]), (&json!(store), &json!("the-store")));
        assert_eq!(body["payload"].to_string(), sale, "as it was sent, to the last digit");

        let record = app.record(&store, 0).await;
        assert_eq!((&record["run_count"], record["last_run"].is_string()), (&json!(1), true), "{record}");
        let run = app.only_run().await;
        assert_eq!((&run["state"], &run["attempts"][0]["outcome"]), (&json!("completed"), &json!("done")), "{run}");
        assert_eq!(run["id"], delivery.header("idempotency-key"));
    }

    async fn an_attempt_keeps_the_request_and_the_answer(app: &TestApp) {
        app.receiver.answers("/hook", [crate::support::receiver::Answer::status(200).body("thank you")]);
        let store = app.store(vec![app.webhook("trigger:post_sale")]).await;
        app.emit(&store, "post_sale", json!({})).await;
        app.run_until_idle().await;
        let run = app.only_run().await;
        let exchange = &run["attempts"][0]["exchanges"][0];
        assert_eq!(exchange["request"]["url"], app.receiver.url("/hook"));
        assert_eq!(exchange["request"]["body"], String::from_utf8(app.receiver.only().body).expect("text"));
        assert_eq!((&exchange["answer"]["status"], &exchange["answer"]["body"]), (&json!(200), &json!("thank you")));
        assert_eq!(exchange["error"], json!(null), "{exchange}");
    }

    async fn a_receiver_that_calls_back_in_circles_is_stopped(app: &TestApp) {
        let store = app.store(vec![app.webhook("trigger:post_sale")]).await;
        let path = format!("/api/stores/{store}/triggers/post_sale");
        app.post(&path, json!({})).await.expect(202);
        let mut deliveries = app.receiver.wait_for(1).await;
        // It answers each delivery with the same trigger, and passes on how deep it is.
        while let Some(delivery) = deliveries.pop() {
            app.receiver.forget();
            assert!(delivery.header("tenon-depth").parse().is_ok_and(|depth: u32| depth <= 9), "{delivery:?}");
            let call = app.request(Method::POST, &path).header("tenon-depth", delivery.header("tenon-depth"));
            send(call.json(&json!({}))).await.expect(202);
            app.run_until_idle().await;
            deliveries = app.receiver.received();
        }
        let runs = app.get("/tenon/runs").await.expect(200)["data"].clone();
        assert_eq!((&runs[0]["state"], runs.as_array().map(Vec::len)), (&json!("dead"), Some(10)), "{runs}");
        assert!(runs[0]["reason"].as_str().is_some_and(|reason| reason.contains("cause each other")), "{runs}");
    }

    async fn only_the_records_that_listen_are_run(app: &TestApp) {
        let mut off = app.webhook_to("/off", "trigger:*");
        off["active"] = json!(false);
        let mut manual = app.webhook_to("/manual", "");
        manual["triggers"] = json!([]);
        let records = vec![
            app.webhook_to("/exact", "trigger:post_sale"),
            app.webhook_to("/short", "post_sale"),
            app.webhook_to("/glob", "trigger:post_*"),
            app.webhook_to("/all", "trigger:*"),
            app.webhook_to("/braces", "trigger:{pre,post}_sale"),
            app.webhook_to("/other", "trigger:pre_sale"),
            off,
            manual,
        ];
        let store = app.store(records).await;
        app.run_until_idle().await;
        app.receiver.forget();
        app.emit(&store, "post_sale", json!({})).await;
        app.run_until_idle().await;
        let mut reached: Vec<_> = app.receiver.received().into_iter().map(|delivery| delivery.path).collect();
        reached.sort();
        assert_eq!(reached, ["/all", "/braces", "/exact", "/glob", "/short"]);
    }

    async fn an_event_dispatched_twice_runs_once(app: &TestApp) {
        let store = app.store(vec![app.webhook("trigger:post_sale")]).await;
        app.emit(&store, "post_sale", json!({})).await;
        app.run_until_idle().await;
        app.sql("UPDATE events SET dispatched_at = NULL").await;
        app.run_until_idle().await;
        app.receiver.only();
        assert_eq!(app.record(&store, 0).await["run_count"], 1);
    }

    async fn the_same_key_emits_once(app: &TestApp) {
        let store = app.store(vec![app.webhook("trigger:post_sale")]).await;
        let mut ids = Vec::new();
        for _ in 0..3 {
            let path = format!("/api/stores/{store}/triggers/post_sale");
            let request = app.request(reqwest::Method::POST, &path).header("idempotency-key", "order-1042");
            let answer = crate::support::api::send(request.json(&json!({ "payload": {} }))).await;
            ids.push(answer.expect(202)["data"]["id"].clone());
        }
        app.run_until_idle().await;
        assert!(ids.iter().all(|id| *id == ids[0]), "{ids:?}");
        app.receiver.only();
    }

    async fn both_versions_show_the_same_record(app: &TestApp) {
        let store = app.store(vec![app.webhook("trigger:post_sale")]).await;
        app.emit(&store, "post_sale", json!({})).await;
        app.run_until_idle().await;
        let mut records = Vec::new();
        for status in ["draft", "published"] {
            let found = app.get(&format!("/api/stores/{store}?status={status}&populate=extensions")).await;
            records.push(found.expect(200)["data"]["extensions"].clone());
        }
        assert_eq!(records[0], records[1]);
        assert_eq!(records[0][0]["run_count"], 1);
    }

    async fn an_edit_keeps_the_record_and_its_count(app: &TestApp) {
        let store = app.store(vec![app.webhook("trigger:post_sale")]).await;
        app.emit(&store, "post_sale", json!({})).await;
        app.run_until_idle().await;
        let mut stale = app.record(&store, 0).await;
        stale["run_count"] = json!(0);
        let edited = app.put(&format!("/api/stores/{store}"), json!({ "data": { "extensions": [stale] } })).await;
        edited.expect(200);
        app.emit(&store, "post_sale", json!({})).await;
        app.run_until_idle().await;
        assert_eq!(app.record(&store, 0).await["run_count"], 2);
        app.receiver.received().iter().for_each(verify);
    }

    async fn credentials_are_masked_wherever_they_could_be_read(app: &TestApp) {
        let store = app.store(vec![app.webhook("trigger:*")]).await;
        app.run_until_idle().await;
        let updated = json!({ "data": { "title": "Renamed" } });
        let mut texts = vec![app.put(&format!("/api/stores/{store}?populate=*"), updated).await.text];
        app.run_until_idle().await;
        for path in [
            format!("/api/stores/{store}?populate=*"),
            format!("/api/stores/{store}?status=draft&populate=*"),
            "/api/stores?populate=extensions".to_owned(),
            "/tenon/runs?populate=attempts".to_owned(),
            "/tenon/events".to_owned(),
        ] {
            texts.push(app.get(&path).await.expect(200).to_string());
        }
        texts.extend(app.receiver.received().iter().map(|delivery| format!("{delivery:?}{}", delivery.json())));
        let secret = SECRET.trim_start_matches("whsec_");
        assert!(texts.iter().all(|text| !text.contains(secret)), "{texts:#?}");
        assert!(texts[0].contains("********"), "{}", texts[0]);
        let stored = app.texts("SELECT credentials FROM extensions").await;
        assert!(stored[0].starts_with("v1:") && !stored[0].contains(secret), "{stored:?}");
    }
    async fn a_change_of_a_price_reaches_the_price_its_product_and_the_stores(app: &TestApp) {
        let store = app.store(vec![app.webhook_to("/store", "trigger:price_updated")]).await;
        let product = app.create("products", json!({
            "Name": "Tea",
            "stores": [store],
            "PRICES": [{ "Name": "50 g", "Price": 12.5, "extensions": [app.webhook_to("/price", "price_*")] }],
            "extensions": [app.webhook_to("/product", "trigger:price_{updated,deleted}")],
        }));
        let product = product.await;
        app.run_until_idle().await;
        app.receiver.forget();

        let mut price = product["PRICES"][0].clone();
        price["Price"] = json!(13);
        let path = format!("/api/products/{}", product["documentId"].as_str().expect("an id"));
        app.put(&path, json!({ "data": { "PRICES": [price] } })).await.expect(200);
        app.run_until_idle().await;

        let mut deliveries = app.receiver.received();
        deliveries.sort_by(|a, b| a.path.cmp(&b.path));
        assert_eq!(deliveries.iter().map(|one| one.path.as_str()).collect::<Vec<_>>(), ["/price", "/product", "/store"]);
        let event = deliveries[0].json();
        assert!(deliveries.iter().all(|delivery| delivery.json() == event), "all are told the same");
        assert_eq!((&event["trigger"], &event["target"]["type"]), (&json!("trigger:price_updated"), &json!("price")));
        assert_eq!(event["changes"]["Price"].to_string(), r#"{"from":12.5,"to":13}"#, "{event}");
        assert_eq!(event["store"]["documentId"], json!(store));
    }

    async fn each_store_is_named_to_its_own_records(app: &TestApp) {
        let mut stores = Vec::new();
        for slug in ["first", "second"] {
            let credentials = json!({"webhook_url": app.receiver.url(&format!("/discord-{slug}"))});
            let discord = json!({"key": "discord:webhook", "triggers": ["product_*"], "credentials": credentials});
            let records = vec![app.webhook_to(&format!("/{slug}"), "product_*"), discord];
            stores.push(app.store_named(slug, records).await);
        }
        let product = app.create("products", json!({"Name": "Tea", "slug": "tea", "stores": stores})).await;
        app.run_until_idle().await;
        // A change is dispatched after its commit, a caller's event with it.
        let path = format!("/api/products/{}/triggers/product_seen", product["documentId"].as_str().expect("an id"));
        app.post(&path, json!({ "payload": {} })).await.expect(202);
        app.run_until_idle().await;
        for (slug, store) in ["first", "second"].into_iter().zip(&stores) {
            let of_store: Vec<_> = app.receiver.received().into_iter().filter(|one| one.path.contains(slug)).collect();
            assert_eq!(of_store.len(), 6, "created, published and seen, for both records");
            for delivery in of_store {
                let body = delivery.json();
                let named = match delivery.path.starts_with("/discord") {
                    true => body.to_string().contains(slug),
                    false => body["store"] == json!({"documentId": store, "slug": slug}),
                };
                assert!(named, "{slug}: {body}");
            }
        }
    }

    async fn a_first_publish_differs_from_nothing(app: &TestApp) {
        app.store(vec![app.webhook("trigger:product_*")]).await;
        let stores = app.get("/api/stores").await.expect(200)["data"][0]["documentId"].clone();
        let tea = json!({ "data": {"Name": "Tea", "slug": "tea", "stores": [stores]} });
        let tea = app.post("/api/products?status=draft", tea).await.expect(201)["data"]["documentId"].clone();
        app.post(&format!("/api/products/{}/actions/publish", tea.as_str().expect("an id")), json!({})).await.expect(200);
        app.run_until_idle().await;
        let told: Vec<serde_json::Value> = app.receiver.received().iter().map(|one| one.json()).collect();
        let published: Vec<_> = told.iter().filter(|event| event["trigger"] == "trigger:product_published").collect();
        assert!(published.len() == 1 && published[0].get("changes").is_none(), "{told:#?}");
    }

    async fn a_write_that_is_refused_tells_nobody(app: &TestApp) {
        let store = app.store(vec![app.webhook("trigger:*")]).await;
        app.run_until_idle().await;
        let events = app.texts("SELECT uid FROM events").await;
        let wrong = json!({ "data": { "Name": "Tea", "quantity": "many", "stores": [store] } });
        app.post("/api/products", wrong).await.expect(400);
        let taken = json!({ "data": { "title": "Another", "slug": "the-store" } });
        app.post("/api/stores", taken).await.expect(400);
        app.run_until_idle().await;
        assert_eq!(app.texts("SELECT uid FROM events").await, events);
    }

    async fn a_delivery_follows_at_once_when_something_is_emitted(app: &TestApp) with only_when_woken; {
        let store = app.store(vec![app.webhook("trigger:post_sale")]).await;
        prompt(app, async |_| drop(app.emit(&store, "post_sale", json!({})).await)).await;
    }

    async fn a_delivery_follows_at_once_when_something_is_changed(app: &TestApp) with only_when_woken; {
        let store = app.store(vec![app.webhook("trigger:store_updated")]).await;
        prompt(app, async |round| {
            let renamed = json!({ "data": { "title": format!("The store, {round}") } });
            app.put(&format!("/api/stores/{store}?status=draft"), renamed).await.expect(200);
        }).await;
    }
}
