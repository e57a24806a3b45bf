//! What happens to extension records on the way of something else: who may do that, who is warned, and who is told.

use reqwest::Method;
use serde_json::{Value, json};

use crate::support::api::{Answered, Api, send};
use crate::support::app::TestApp;
use crate::support::on_both_databases;

/// A store and a product with a price, each with a record: the paths of the two documents, the product's price and the ids of
/// the records of store, product and price.
async fn shop(app: &TestApp) -> (String, String, Value, [Value; 3]) {
    let store = format!("/api/stores/{}", app.store(vec![app.webhook("post_sale")]).await);
    let data = json!({
        "Name": "Tea", "extensions": [app.webhook("post_sale")],
        "PRICES": [{"Name": "50 g", "Price": 4, "extensions": [app.webhook("post_sale")]}],
    });
    let product = app.create("products", data).await;
    let (path, price) = (format!("/api/products/{}", text(&product["documentId"])), product["PRICES"][0]["id"].clone());
    let mut ids = Vec::new();
    for list in
        [format!("{store}/extensions"), format!("{path}/extensions"), format!("{path}/prices/{price}/extensions")]
    {
        ids.push(app.get(&list).await.expect(200)["data"][0]["id"].clone());
    }
    (store, path, price, [ids[0].clone(), ids[1].clone(), ids[2].clone()])
}

fn text(value: &Value) -> String {
    value.as_str().expect("a text").to_owned()
}

async fn token(app: &TestApp, name: &str, permissions: &[&str]) -> Api {
    let data = json!({"name": name, "kind": "custom", "permissions": permissions});
    let made = app.post("/tenon/tokens", json!({ "data": data })).await;
    app.with_token(made.expect(201)["data"]["token"].as_str())
}

async fn change(api: &Api, method: Method, path: &str, data: Value) -> Answered {
    send(api.request(method, path).json(&json!({ "data": data }))).await
}

/// Where a refusal says that the right to records is missing, and which.
#[track_caller]
fn refused_at(answer: &Answered) -> (String, String) {
    let details = &answer.expect(403)["error"]["details"];
    let path = details["errors"][0]["path"].as_array().expect("a path").iter().map(text).collect::<Vec<_>>();
    (path.join("."), text(&details["right"]))
}

/// The paths and messages of what an answer warns of.
fn warnings(answer: &Answered) -> Vec<(String, String)> {
    let list = answer.json["meta"]["warnings"].as_array().into_iter().flatten();
    let path =
        |warning: &Value| warning["path"].as_array().expect("a path").iter().map(text).collect::<Vec<_>>().join(".");
    list.map(|warning| (path(warning), text(&warning["message"]))).collect()
}

/// The events that tell of records, the earliest first.
async fn told(app: &TestApp) -> Vec<Value> {
    let events = app.get("/tenon/events?pagination[pageSize]=100").await;
    let mut events = events.expect(200)["data"].as_array().expect("a list").clone();
    events.retain(|event| text(&event["trigger"]).starts_with("trigger:extension_"));
    events.reverse();
    events
}

on_both_databases! {
    async fn records_in_a_body_need_the_right_to_records(app: &TestApp) {
        let (store, product, price, [of_store, of_product, of_price]) = shop(app).await;
        let editor = token(app, "editor", &["store.update", "store.create", "product.update", "product.create"]).await;
        let keeper = token(app, "keeper", &["store.update", "product.update", "product.extensions"]).await;
        let before = app.texts("SELECT coalesce(url, '') || triggers || coalesce(removed_at, 0) FROM extensions ORDER BY id").await;
        let (url, one) = (app.receiver.url("/mine"), |record: Value| json!({"extensions": [record]}));
        let in_price = |record: Value| json!({"PRICES": [{"id": price, "extensions": [record]}]});
        let of_the_price = format!("{product}/prices/{price}");
        for (method, path, data, at) in [
            (Method::PUT, store.clone(), one(json!({"id": of_store, "url": url})), "extensions.0.url"),
            (Method::PUT, store.clone(), one(json!({"id": of_store, "triggers": ["*"]})), "extensions.0.triggers"),
            (Method::PUT, store.clone(), one(json!({"id": of_store, "active": false})), "extensions.0.active"),
            (Method::PUT, store.clone(), one(json!({"id": of_store, "credentials": {"secret": "new"}})), "extensions.0.credentials"),
            (Method::PUT, store.clone(), one(json!({"id": of_store, "credentials": null})), "extensions.0.credentials"),
            (Method::PUT, store.clone(), json!({"extensions": []}), "extensions"),
            (Method::PUT, store.clone(), one(app.webhook("*")), "extensions"),
            (Method::PUT, store.clone(), json!({"extensions": [{"id": of_store}, app.webhook("*")]}), "extensions.1"),
            (Method::PUT, format!("{store}?status=draft"), json!({"extensions": []}), "extensions"),
            (Method::PUT, product.clone(), one(json!({"id": of_product, "url": url})), "extensions.0.url"),
            (Method::PUT, product.clone(), in_price(json!({"id": of_price, "url": url})), "PRICES.0.extensions.0.url"),
            (Method::PUT, product.clone(), json!({"PRICES": [{"Price": 5}]}), "PRICES"),
            (Method::PUT, product.clone(), json!({"PRICES": []}), "PRICES"),
            (Method::PATCH, of_the_price.clone(), one(json!({"id": of_price, "url": url})), "extensions.0.url"),
            (Method::PATCH, of_the_price.clone(), json!({"extensions": []}), "extensions"),
            (Method::POST, format!("{product}/prices"), json!({"Price": 1, "extensions": [app.webhook("*")]}), "extensions.0"),
            (Method::POST, "/api/stores".into(), json!({"title": "T", "slug": "t", "extensions": [app.webhook("*")]}), "extensions.0"),
            (Method::POST, "/api/products".into(), json!({"Name": "T", "PRICES": [{"extensions": [app.webhook("*")]}]}), "PRICES.0.extensions.0"),
        ] {
            let right = if path.starts_with("/api/stores") { "store.extensions" } else { "product.extensions" };
            let answer = change(&editor, method.clone(), &path, data.clone()).await;
            assert_eq!(refused_at(&answer), (at.to_owned(), right.to_owned()), "{method} {path} {data}");
        }
        editor.delete(&of_the_price).await.expect(403);
        assert_eq!(app.texts("SELECT coalesce(url, '') || triggers || coalesce(removed_at, 0) FROM extensions ORDER BY id").await, before);

        // A price that only the draft has lost takes its records with it once that is published, or goes back.
        change(&editor, Method::PUT, &format!("{product}?status=draft"), json!({"PRICES": []})).await.expect(200);
        assert_eq!(refused_at(&change(&editor, Method::POST, &format!("{product}/actions/publish"), json!({})).await).0, "PRICES");
        change(&editor, Method::POST, &format!("{product}/actions/discard"), json!({})).await.expect(200);

        // What is as it is may stand in a body.
        for (path, populate) in [(&store, "populate=extensions"), (&product, "populate[extensions]=*&populate[PRICES][populate]=extensions")] {
            let shown = app.get(&format!("{path}?{populate}")).await;
            let mut data = shown.expect(200)["data"].clone();
            let members = data.as_object_mut().expect("a document");
            members.retain(|name, _| ["title", "Name", "extensions", "PRICES"].contains(&name.as_str()));
            change(&editor, Method::PUT, path, data).await.expect(200);
        }
        change(&editor, Method::PUT, &product, json!({"PRICES": [{"id": price, "Price": 5}, {"Price": 9}]})).await.expect(200);
        change(&editor, Method::PATCH, &of_the_price, json!({"Price": 6})).await.expect(200);
        change(&editor, Method::POST, "/api/stores", json!({"title": "T", "slug": "t2", "extensions": []})).await.expect(201);
        assert_eq!(told(app).await.len(), 0, "nothing was done to records");

        // Who has the right for products has none for stores.
        change(&keeper, Method::PUT, &product, json!({"extensions": [], "PRICES": []})).await.expect(200);
        change(&keeper, Method::PUT, &store, json!({"extensions": []})).await.expect(403);
    }

    async fn what_is_lost_is_warned_of(app: &TestApp) {
        let (store, product, price, [of_store, of_product, of_price]) = shop(app).await;
        let warned = |answer: &Answered, path: &str, parts: &[String]| {
            answer.expect(200);
            let found = warnings(answer);
            let is_meant = |(at, message): &&(String, String)| at == path && parts.iter().all(|part| message.contains(part));
            assert!(found.iter().any(|warning| is_meant(&warning)), "{path} {parts:?}: {found:?}");
        };
        let named = |id: &Value| [format!("record {id} (custom:webhook)"), "with its credentials".to_owned()];
        let answer = change(app, Method::PUT, &store, json!({"extensions": [app.webhook("post_sale")]})).await;
        warned(&answer, "extensions", &named(&of_store));
        // Prices that are sent without their ids are other prices.
        let answer = change(app, Method::PUT, &product, json!({"PRICES": [{"Name": "50 g", "Price": 4}]})).await;
        warned(&answer, "PRICES", &named(&of_price));
        assert_eq!(warnings(&answer).len(), 1, "{}", answer.text);
        app.get(&format!("{product}/prices/{price}")).await.expect(404);
        let answer = change(app, Method::PUT, &product, json!({"extensions": [{"id": of_product, "credentials": {"pin": 7}}]})).await;
        warned(&answer, "extensions.0.credentials.secret", &[format!("record {of_product} (custom:webhook)")]);
        let one = format!("{product}/extensions/{of_product}");
        let answer = change(app, Method::PATCH, &one, json!({"credentials": null})).await;
        warned(&answer, "credentials.pin", &[]);
        let answer = change(app, Method::PATCH, &one, json!({"credentials": {"secret": "new"}})).await;
        assert_eq!(answer.expect(200)["meta"], json!({}), "nothing is lost");
    }

    async fn records_that_come_change_and_go_are_told_of(app: &TestApp) {
        let (store, product, price, [of_store, _, of_price]) = shop(app).await;
        assert_eq!(told(app).await.len(), 0, "new documents tell of themselves");
        change(app, Method::POST, &format!("{store}/extensions"), app.webhook("none")).await.expect(201);
        let ids = app.texts("SELECT uid FROM events").await.len();
        let one = format!("{store}/extensions/{of_store}");
        let data = json!({"url": app.receiver.url("/new"), "credentials": {"secret": "********"}, "triggers": ["post_sale"]});
        change(app, Method::PATCH, &one, data.clone()).await.expect(200);
        change(app, Method::PATCH, &one, data).await.expect(200);
        change(app, Method::PATCH, &one, json!({"credentials": {"secret": "canary-of-the-test"}})).await.expect(200);
        app.post(&format!("{one}/toggle"), json!({"data": {"active": false}})).await.expect(200);
        app.delete(&one).await.expect(204);
        change(app, Method::PUT, &product, json!({"PRICES": []})).await.expect(200);
        app.delete(&product).await.expect(204);
        let events = told(app).await;
        assert!(events.iter().all(|event| event["actor"] == "token:bootstrap"), "{events:?}");
        let seen: Vec<_> = events.iter().map(|event| {
            let changed = event["changes"].as_object().into_iter().flatten().map(|(name, _)| name.as_str()).collect::<Vec<_>>();
            (text(&event["trigger"]).split_off("trigger:extension_".len()), changed.join(","), event["target"]["type"].clone())
        }).collect();
        let expected = [
            ("created", "", "store"), ("updated", "url", "store"), ("updated", "credentials", "store"),
            ("updated", "active", "store"), ("removed", "", "store"), ("removed", "", "price"),
        ];
        assert_eq!(seen, expected.map(|(done, changed, of)| (done.to_owned(), changed.to_owned(), json!(of))));
        let (url, credentials) = (&events[1]["changes"]["url"], &events[2]["changes"]["credentials"]);
        assert_eq!(url, &json!({"from": app.receiver.url("/hook"), "to": app.receiver.url("/new")}));
        assert_eq!(credentials, &json!({"from": {"secret": "********"}, "to": {"secret": "********"}}));
        assert_eq!(events[5]["payload"]["extension"]["id"], of_price);
        assert_eq!(events[5]["target"]["priceId"], price);
        let all = app.texts("SELECT coalesce(data, '') || coalesce(changes, '') || coalesce(payload, '') FROM events").await.concat();
        assert!(!all.contains("canary-of-the-test") && app.texts("SELECT uid FROM events").await.len() > ids);
        app.run_until_idle().await;
        assert_eq!(app.runs().await.len(), 0, "none of it runs anything by itself");
    }

    async fn a_record_that_is_switched_off_is_told_of_without_what_is_secret_in_its_url(app: &TestApp) {
        let (path, alarm) = ("/hook/AbCdEfGhIjKlMnOp", app.webhook_to("/alarm", "extension_disabled"));
        app.receiver.answers(path, [410]);
        let store = app.store(vec![app.webhook_to(path, "post_sale"), alarm]).await;
        app.emit(&store, "post_sale", json!({})).await;
        app.run_until_idle().await;
        let sent = app.receiver.received();
        let alarm = sent.iter().find(|sent| sent.path == "/alarm").expect("an alarm").json();
        assert_eq!(alarm["payload"]["extension"]["url"], app.receiver.url("/hook/********"));
    }

    async fn who_asks_by_name_is_told_when_a_record_is_redirected(app: &TestApp) {
        let records = vec![app.webhook("post_sale"), app.webhook_to("/alarm", "extension_updated"), app.webhook_to("/all", "*")];
        let store = app.store(records).await;
        let one = format!("/api/stores/{store}/extensions/{}", app.record(&store, 0).await["id"]);
        let data = json!({"url": "https://elsewhere.example/AbCdEfGhIjKlMnOp", "credentials": {"secret": "another secret"}});
        change(app, Method::PATCH, &one, data).await.expect(200);
        app.run_until_idle().await;
        let sent = app.receiver.received();
        let alarm = sent.iter().find(|sent| sent.path == "/alarm").expect("an alarm").json();
        let masked = "https://elsewhere.example/********";
        let told = (&alarm["changes"]["url"]["to"], &alarm["payload"]["extension"]["url"]);
        assert_eq!(told, (&json!(masked), &json!(masked)), "no more than where it leads");
        assert_eq!(alarm["data"]["slug"], "the-store");
        let told = sent.iter().filter(|sent| sent.path == "/all").map(|sent| text(&sent.json()["trigger"]));
        assert!(told.into_iter().all(|trigger| !trigger.starts_with("trigger:extension_")));
    }
}
