//! Members called as serde_json calls its own are members like any other, wherever JSON comes in and goes out.

use reqwest::Method;
use serde_json::{Value, json};
use tenon::handler::signature::hex_hmac;
use tenon::nesting;

use crate::support::api::send;
use crate::support::app::{SECRET, TestApp};
use crate::support::on_both_databases;
use crate::support::receiver::Answer;

/// Objects that serde_json by itself would read as something else, or not at all.
fn objects() -> Vec<Value> {
    let deep = format!(r#"{{"$serde_json::private::RawValue":"{}"}}"#, "[".repeat(300));
    let texts = [
        r#"{"$serde_json::private::Number":"1.5"}"#,
        r#"{"$serde_json::private::Number":"x"}"#,
        r#"{"$serde_json::private::Number":7}"#,
        r#"{"$serde_json::private::RawValue":"{\"a\":\"\\u0000\"}"}"#,
        r#"{"$serde_json::private::RawValue":"[1,2]"}"#,
        r#"{"$serde_json::private::RawValue":null,"b":1.50}"#,
        r#"{"a":{"$serde_json::private::Number":"1"},"b":[{"$serde_json::private::RawValue":"{}"},[{"$serde_json::private::Number":{"$serde_json::private::RawValue":"1"}}]],"c":1.10}"#,
        &deep,
    ];
    texts.into_iter().map(|text| nesting::read(text).expect("JSON")).collect()
}

/// A record whose program is sent all that there is.
fn program(app: &TestApp, object: &Value) -> Value {
    json!({
        "key": "external:crm", "triggers": ["trigger:post_sale", "trigger:store_updated", "trigger:noted"],
        "url": app.receiver.url("/crm"), "config": {"v": object}, "credentials": {"v": object}, "meta": {"v": object},
    })
}

fn id(document: &Value) -> &str {
    document["documentId"].as_str().expect("a documentId")
}

on_both_databases! {
    async fn a_document_keeps_them(app: &TestApp) {
        for (number, object) in objects().into_iter().enumerate() {
            let text = object.to_string();
            for (form, settings) in [("value", object.clone()), ("text", json!(text)), ("list", json!([object, [object]]))] {
                let expected = if form == "list" { settings.to_string() } else { text.clone() };
                let slug = format!("{form}-{number}");
                let store = json!({"title": "x", "slug": slug, "settings": settings, "extensions": [program(app, &object)]});
                let store = app.create("stores", store).await;
                let record = &store["extensions"][0];
                assert_eq!(store["settings"].to_string(), expected);
                assert_eq!([&record["config"]["v"], &record["meta"]["v"]], [&object; 2]);
                let path = format!("/api/stores/{}", id(&store));
                let read = app.get(&format!("{path}?populate=*")).await;
                assert!(read.expect(200)["data"]["settings"] == store["settings"], "{}", read.text);
                assert_eq!(read.json["data"]["extensions"][0]["config"]["v"], object);
                // Sent back as it was read, it changes nothing and keeps what is masked.
                let again = app.put(&path, json!({"data": {"settings": store["settings"], "extensions": [{
                    "id": record["id"], "config": record["config"], "credentials": record["credentials"]}]}})).await;
                assert_eq!(again.expect(200)["data"]["settings"].to_string(), expected);
                let published = app.post(&format!("{path}/actions/publish"), json!({})).await;
                assert_eq!(published.expect(200)["data"]["settings"].to_string(), expected);
            }
            let product = json!({"Name": "x", "PRICES": [{"Price": 1.10, "extra": object, "ships_to": [object]}]});
            let product = app.create("products", product).await;
            let price = &product["PRICES"][0];
            assert_eq!((&price["extra"], &price["ships_to"]), (&object, &json!([object])));
            let path = format!("/api/products/{}/prices/{}", id(&product), price["id"]);
            let patched = send(app.request(Method::PATCH, &path).json(&json!({"data": {"extra": [object]}}))).await;
            assert_eq!(patched.expect(200)["data"]["extra"], json!([object]));
        }
        app.run_until_idle().await;
    }

    async fn an_event_brings_them_to_its_handlers_and_back(app: &TestApp) {
        for (number, object) in objects().into_iter().enumerate() {
            app.receiver.forget();
            let answer = json!({"meta": {"w": object, "x": [object]}, "data": object}).to_string();
            app.receiver.answers("/crm", [Answer::status(200).body(answer)]);
            let slug = format!("store-{number}");
            // What is a secret would be masked in what the program answers.
            let mut program = program(app, &object);
            program["credentials"] = json!({});
            let data = json!({"title": "x", "slug": slug, "settings": object, "extensions": [program]});
            let store = id(&app.create("stores", data).await).to_owned();
            let path = format!("/api/stores/{store}/triggers/post_sale");
            for repeated in [false, true] {
                let request = app.request(Method::POST, &path).header("idempotency-key", format!("sale-{number}"));
                let answer = send(request.json(&json!({"payload": object}))).await;
                assert_eq!(answer.expect(202)["data"]["repeated"], repeated, "{object}");
            }
            app.run_until_idle().await;
            let told = app.receiver.only().json();
            assert_eq!([&told["event"]["payload"], &told["config"]["v"], &told["meta"]["v"]], [&object; 3]);
            assert_eq!([&told["entity"]["settings"], &told["event"]["data"]["settings"]], [&object; 2]);
            let record = app.record(&store, 0).await;
            assert_eq!((&record["meta"]["w"], &record["meta"]["x"], &record["meta"]["v"]), (&object, &json!([object]), &object));
            let run = app.runs().await.remove(0);
            assert_eq!(run["state"], "completed", "{run}");
            let events = app.get("/tenon/events").await;
            assert_eq!(events.expect(200)["data"][0]["payload"], object);

            // Run by hand, emitted in a batch, replayed, and told of as a change.
            let by_hand = format!("/api/stores/{store}/extensions/{}/run", record["id"]);
            app.post(&by_hand, json!({"payload": object})).await.expect(202);
            let batch = json!([{"trigger": "noted", "target": {"type": "store", "documentId": store}, "payload": object}]);
            app.post("/api/triggers", json!({"data": batch})).await.expect(202);
            app.post(&format!("/tenon/runs/{}/replay", run["id"].as_str().expect("an id")), json!({})).await.expect(202);
            app.put(&format!("/api/stores/{store}"), json!({"data": {"settings": {"w": object}}})).await.expect(200);
            app.run_until_idle().await;
            let all: Vec<Value> = app.receiver.received().iter().map(|came| came.json()).collect();
            let of = |trigger: &str| all.iter().filter(|told| told["trigger"] == trigger).collect::<Vec<_>>();
            assert_eq!(all.len(), 5, "{all:?}");
            for told in [of("trigger:manual"), of("trigger:noted"), of("trigger:post_sale")].concat() {
                assert_eq!(told["event"]["payload"], object);
            }
            let changes = &of("trigger:store_updated")[0]["event"]["changes"];
            assert_eq!(changes["settings.w"], json!({"from": null, "to": object}), "{changes}");
        }
    }

    async fn a_delivery_from_outside_brings_them(app: &TestApp) {
        let inbound = json!({"key": "custom:inbound", "triggers": [], "credentials": {"secret": SECRET, "header_name": "x-signature"}});
        let store = app.store(vec![inbound]).await;
        let record = app.record(&store, 0).await["id"].clone();
        let address = app.get(&format!("/tenon/extensions/{record}/inbound")).await;
        let address = address.expect(200)["data"]["path"].as_str().expect("a path").to_owned();
        for (number, object) in objects().into_iter().enumerate() {
            let body = json!({"id": format!("id-{number}"), "type": "noted", "v": object}).to_string();
            let signature = hex_hmac("sha256", SECRET, body.as_bytes()).expect("known");
            let request = app.with_token(None).request(Method::POST, &address).header("content-type", "application/json");
            send(request.header("x-signature", signature).body(body)).await.expect(200);
            let payload = app.texts("SELECT payload FROM events ORDER BY id DESC LIMIT 1").await.remove(0);
            assert_eq!(nesting::read(&payload).expect("JSON")["v"], object, "{payload}");
        }
    }
}
