//! Visitors subscribe and unsubscribe: once each, whatever is sent how often, and nobody learns who is known.

use serde_json::{Value, json};

use crate::support::api::{Answered, Api};
use crate::support::app::TestApp;
use crate::support::on_both_databases;

on_both_databases! {
    async fn a_visitor_subscribes_once_however_often_it_is_sent(app: &TestApp) {
        let (store, anyone) = (app.store(vec![app.webhook("trigger:new_subscriber")]).await, app.with_token(None));
        for address in ["ada@example.com", "ada@example.com", " ADA@Example.com"] {
            let answer = subscribe(&anyone, address, &[json!(store)]).await;
            assert_eq!(answer.expect(200)["data"], json!({"Email": address, "subscribed": true}));
        }
        let subscribers = subscribers(app).await;
        assert_eq!(subscribers.len(), 1, "{subscribers:?}");
        let ada = &subscribers[0];
        assert_eq!((&ada["Email"], &ada["active"], &ada["sync_status"]), (&json!("ada@example.com"), &json!(true), &json!("pending")));
        assert_eq!((&ada["stores"][0]["documentId"], ada["publishedAt"].is_string()), (&json!(store), true));
        app.run_until_idle().await;
        assert_eq!(events(app).await, ["trigger:new_subscriber public"]);
        assert_eq!(deliveries(app, "/hook"), 1);
    }

    async fn a_site_may_create_the_subscriber_itself(app: &TestApp) {
        let (store, anyone) = (app.store(vec![]).await, app.with_token(None));
        let number = app.get(&format!("/api/stores/{store}")).await.expect(200)["data"]["id"].clone();
        for stores in [json!([number]), json!([number.to_string()]), json!([store])] {
            let body = json!({"data": {"Email": "ada@example.com", "stores": stores}});
            let answer = anyone.post("/api/subscribers", body).await;
            assert_eq!(answer.expect(201)["data"], json!({"Email": "ada@example.com", "subscribed": true}));
        }
        assert_eq!((subscribers(app).await.len(), events(app).await.len()), (1, 1));
        let body = json!({"data": {"Email": "bob@example.com", "stores": [store]}});
        assert!(app.post("/api/subscribers", body).await.expect(201)["data"]["documentId"].is_string());
    }

    async fn who_leaves_and_comes_back_is_the_same_subscriber(app: &TestApp) {
        let (store, anyone) = (app.store(vec![app.webhook("trigger:subscriber_unsubscribed")]).await, app.with_token(None));
        subscribe(&anyone, "ada@example.com", &[json!(store)]).await.expect(200);
        for _ in 0..2 {
            let answer = unsubscribe(&anyone, "ada@example.com", &[json!(store)]).await;
            assert_eq!(answer.expect(200)["data"], json!({"Email": "ada@example.com", "subscribed": false}));
        }
        let ada = subscribers(app).await.remove(0);
        assert_eq!((&ada["active"], &ada["sync_status"]), (&json!(false), &json!("unsubscribed")));
        assert!(ada["unsubscribed_at"].is_string(), "{ada}");
        subscribe(&anyone, "ada@example.com", &[json!(store)]).await.expect(200);
        let back = subscribers(app).await;
        assert_eq!((back.len(), &back[0]["documentId"], &back[0]["unsubscribed_at"]), (1, &ada["documentId"], &Value::Null));
        app.run_until_idle().await;
        let told = ["new_subscriber", "subscriber_updated", "subscriber_unsubscribed", "subscriber_updated"];
        assert_eq!(events(app).await, told.map(|name| format!("trigger:{name} public")));
        assert_eq!(deliveries(app, "/hook"), 1);
    }

    async fn each_store_has_subscribers_of_its_own(app: &TestApp) {
        let one = app.store_named("one", vec![app.webhook_to("/one", "trigger:subscriber_unsubscribed")]).await;
        let two = app.store_named("two", vec![app.webhook_to("/two", "trigger:subscriber_unsubscribed")]).await;
        let anyone = app.with_token(None);
        subscribe(&anyone, "ada@example.com", &[json!(one), json!(two)]).await.expect(200);
        unsubscribe(&anyone, "ada@example.com", &[json!(two)]).await.expect(200);
        let active: Vec<_> = subscribers(app).await.iter().map(|ada| (ada["stores"][0]["slug"].clone(), ada["active"].clone())).collect();
        assert_eq!(active, [(json!("one"), json!(true)), (json!("two"), json!(false))]);
        app.run_until_idle().await;
        assert_eq!((deliveries(app, "/one"), deliveries(app, "/two")), (0, 1));
    }

    async fn who_leaves_one_of_the_stores_of_a_document_stays_with_the_others(app: &TestApp) {
        let one = app.store_named("one", vec![app.webhook_to("/one", "trigger:subscriber_unsubscribed")]).await;
        let two = app.store_named("two", vec![app.webhook_to("/two", "trigger:subscriber_unsubscribed")]).await;
        app.create("subscribers", json!({"Email": "Ada@Example.com", "active": true, "stores": [one, two]})).await;
        for _ in 0..2 {
            unsubscribe(&app.with_token(None), "ada@example.com", &[json!(two)]).await.expect(200);
        }
        let ada = subscribers(app).await.remove(0);
        assert_eq!((&ada["active"], &ada["stores"][0]["slug"], &ada["stores"][1]), (&json!(true), &json!("one"), &Value::Null));
        app.run_until_idle().await;
        assert_eq!((deliveries(app, "/one"), deliveries(app, "/two")), (0, 1));
    }

    async fn nothing_is_told_of_who_is_known(app: &TestApp) {
        let (store, anyone) = (app.store(vec![]).await, app.with_token(None));
        subscribe(&anyone, "ada@example.com", &[json!(store)]).await.expect(200);
        for address in ["ada@example.com", "nobody@example.com"] {
            let left = unsubscribe(&anyone, address, &[json!(store)]).await;
            assert_eq!(left.expect(200), &json!({"data": {"Email": address, "subscribed": false}, "meta": {}}));
        }
        anyone.get("/api/subscribers").await.expect(403);
        assert_eq!(subscribers(app).await.len(), 1);
    }

    async fn a_subscription_is_an_address_and_published_stores_and_no_more(app: &TestApp) {
        let (store, anyone) = (app.store(vec![]).await, app.with_token(None));
        let hidden = app.post("/api/stores?status=draft", json!({"data": {"title": "x", "slug": "x"}})).await;
        let hidden = hidden.expect(201)["data"]["documentId"].clone();
        let many: Vec<_> = std::iter::repeat_n(json!(store), 11).collect();
        for (data, path) in [
            (json!({"Email": "nobody", "stores": [store]}), json!(["Email"])),
            (json!({"Email": format!("{}@example.com", "a".repeat(250)), "stores": [store]}), json!(["Email"])),
            (json!({"Email": "ada@example.com", "stores": []}), json!(["stores"])),
            (json!({"Email": "ada@example.com", "stores": many}), json!(["stores"])),
            (json!({"Email": "ada@example.com", "stores": [store], "EmailVerified": "2026-01-01"}), json!(["EmailVerified"])),
        ] {
            for path_of in ["/api/subscribers/subscribe", "/api/subscribers/unsubscribe", "/api/subscribers"] {
                let refused = anyone.post(path_of, json!({"data": data})).await;
                assert_eq!(refused.expect(400)["error"]["details"]["errors"][0]["path"], path, "{path_of} {data}");
            }
        }
        for unknown in [json!("zzzzzzzzzzzzzzzzzzzzzzzz"), json!(999_999), hidden] {
            subscribe(&anyone, "ada@example.com", &[json!(store), unknown]).await.expect(404);
        }
        assert_eq!(subscribers(app).await.len(), 0, "all of it is done or nothing");
        let reader = app.post("/tenon/tokens", json!({"data": {"name": "reader", "kind": "read-only"}})).await;
        let reader = app.with_token(reader.expect(201)["data"]["token"].as_str());
        subscribe(&reader, "ada@example.com", &[json!(store)]).await.expect(403);
    }

    async fn of_many_at_once_one_makes_the_subscriber(app: &TestApp) {
        let (store, anyone) = ([json!(app.store(vec![]).await)], app.with_token(None));
        let asked = (0..20).map(|_| subscribe(&anyone, "ada@example.com", &store));
        for answer in futures_util::future::join_all(asked).await {
            answer.expect(200);
        }
        assert_eq!((subscribers(app).await.len(), events(app).await.len()), (1, 1));
    }
}

pub async fn subscribe(api: &Api, address: &str, stores: &[Value]) -> Answered {
    api.post("/api/subscribers/subscribe", json!({"data": {"Email": address, "stores": stores}})).await
}

pub async fn unsubscribe(api: &Api, address: &str, stores: &[Value]) -> Answered {
    api.post("/api/subscribers/unsubscribe", json!({"data": {"Email": address, "stores": stores}})).await
}

pub async fn subscribers(app: &TestApp) -> Vec<Value> {
    let found = app.get("/api/subscribers?populate=stores&sort=createdAt").await;
    found.expect(200)["data"].as_array().expect("a list").clone()
}

/// The events about subscribers, in order, with who caused them.
pub async fn events(app: &TestApp) -> Vec<String> {
    app.texts("SELECT \"trigger\" || ' ' || actor FROM events WHERE \"trigger\" LIKE '%subscriber%' ORDER BY id").await
}

fn deliveries(app: &TestApp, path: &str) -> usize {
    app.receiver.received().iter().filter(|received| received.path == path).count()
}
