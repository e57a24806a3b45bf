//! The OpenAPI document says what the server does: no more, no less.

use std::collections::BTreeSet;
use std::process::Stdio;

use serde_json::{Value, json};
use tenon::http::docs::WRITTEN;
use tenon::http::endpoint::Endpoint;
use tenon::http::{openapi, routes};

use crate::support::app::TestApp;
use crate::support::database::catalog;
use crate::support::on_both_databases;
use crate::support::program::Settings;

const FILE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/openapi/openapi.json");

#[test]
fn the_written_document_is_that_of_the_code() {
    let document = openapi::print(catalog()).expect("a document");
    if asked_to_update() {
        std::fs::write(FILE, &document).expect("the file is written");
    }
    let written = std::fs::read_to_string(FILE).expect("openapi/openapi.json");
    assert!(written == document, "openapi/openapi.json is out of date: run the test with UPDATE=1");
}

#[test]
fn every_route_is_described_and_every_described_route_is_there() {
    let methods = |endpoint: &Endpoint| {
        let methods = endpoint.methods().iter().filter(|method| *method != "HEAD");
        methods.map(|method| (endpoint.path().to_owned(), method.to_string())).collect::<Vec<_>>()
    };
    let routes: BTreeSet<_> = routes::endpoints(catalog()).iter().flat_map(methods).collect();
    let described = operations();
    let undescribed: Vec<_> = routes.difference(&described).collect();
    let missing: Vec<_> = described.difference(&routes).collect();
    assert!(undescribed.is_empty() && missing.is_empty(), "not described: {undescribed:?}, not there: {missing:?}");
}

#[test]
fn every_reference_leads_somewhere_and_every_operation_has_its_own_name() {
    let document = openapi::document(catalog()).expect("a document");
    let mut references = Vec::new();
    collect_references(&document, &mut references);
    assert!(references.len() > 100);
    let webhooks = document["webhooks"].as_object().expect("webhooks");
    assert_eq!(webhooks.len(), document["components"]["pathItems"].as_object().expect("an object").len());
    for reference in references {
        assert!(document.pointer(reference.trim_start_matches('#')).is_some(), "{reference} leads nowhere");
    }
    let mut names = BTreeSet::new();
    for part in ["/paths", "/components/pathItems"] {
        let items = document.pointer(part).and_then(Value::as_object).expect("an object").values();
        for operation in items.flat_map(|item| item.as_object()) {
            for (method, operation) in operation {
                let name = operation["operationId"].as_str().unwrap_or_else(|| panic!("{method} without a name"));
                assert!(names.insert(name.to_owned()), "{name} twice");
            }
        }
    }
}

#[test]
fn printing_it_ends_quietly_when_its_reader_has_enough() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut command = Settings::new(folder.path(), "sqlite:tenon.db").command(&["openapi"]);
    let mut printing = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("it starts");
    drop(printing.stdout.take());
    let ended = printing.wait_with_output().expect("it ends");
    assert!(ended.status.success() && ended.stderr.is_empty(), "{ended:?}");
}

on_both_databases! {
    async fn what_is_described_answers(app: &TestApp) {
        let served = app.with_token(None).get("/openapi.json").await;
        assert!(served.text == WRITTEN);
        for (path, method) in operations() {
            let path = path.replace(['{', '}'], "");
            let answer = crate::support::api::send(app.request(reqwest::Method::OPTIONS, &path)).await;
            let allowed = answer.headers.get("allow").and_then(|allowed| allowed.to_str().ok()).unwrap_or_default();
            assert!(allowed.split(", ").any(|allowed| allowed == method), "{method} {path}: {allowed}");
        }
    }

    async fn the_examples_of_what_is_sent_are_accepted(app: &TestApp) {
        let document = openapi::document(catalog()).expect("a document");
        let example = |path: &str, method: &str| {
            let body = &document["paths"][path][method]["requestBody"]["content"]["application/json"];
            assert!(body["example"].is_object(), "{method} {path} has no example");
            body["example"].clone()
        };
        let mut ids = Vec::new();
        for plural in ["stores", "products", "subscribers"] {
            let list = format!("/api/{plural}");
            let made = app.post(&list, example(&list, "post")).await;
            ids.push(made.expect(201)["data"]["documentId"].as_str().expect("an id").to_owned());
        }
        let prices = "/api/products/{documentId}/prices";
        let list = prices.replace("{documentId}", &ids[1]);
        let price = app.post(&list, example(prices, "post")).await.expect(201)["data"]["id"].clone();
        let inventory = example(&format!("{prices}/{{priceId}}/inventory"), "post");
        app.post(&format!("{list}/{price}/inventory"), inventory).await.expect(200);

        let records = "/api/{type}/{documentId}/extensions";
        let list = format!("/api/stores/{}/extensions", ids[0]);
        let record = app.post(&list, example(records, "post")).await.expect(201)["data"]["id"].clone();
        for action in ["toggle", "test?dry=true"] {
            let described = action.split('?').next().expect("an action");
            let sent = example(&format!("{records}/{{id}}/{described}"), "post");
            app.post(&format!("{list}/{record}/{action}"), sent).await.expect(200);
        }
        let emit = example("/api/{type}/{documentId}/triggers/{name}", "post");
        app.post(&format!("/api/stores/{}/triggers/post_sale", ids[0]), emit).await.expect(202);
        let mut batch = example("/api/triggers", "post");
        batch["data"][0]["target"]["documentId"] = json!(ids[0]);
        app.post("/api/triggers", batch).await.expect(202);
        app.post("/tenon/tokens", example("/tenon/tokens", "post")).await.expect(201);
        app.post("/tenon/runs/replay", example("/tenon/runs/replay", "post")).await.expect(200);
        app.run_until_idle().await;
    }

    async fn the_document_can_be_browsed_without_anything_from_outside(app: &TestApp) {
        let anyone = app.with_token(None);
        for entrance in ["/", "/docs", "/docs/"] {
            let entrance = anyone.get(entrance).await;
            assert_eq!(entrance.status, 302);
            assert_eq!(entrance.headers["location"], "/docs/index.html");
        }
        let page = anyone.get("/docs/index.html").await;
        assert_eq!(page.status, 200);
        assert!(page.text.contains("swagger-ui") && !page.text.contains("//cdn"), "{}", page.text);
        assert!(!page.text.contains("src=\"http") && !page.text.contains("href=\"http"), "{}", page.text);
        let start = anyone.get("/docs/swagger-initializer.js").await;
        assert!(start.text.contains("/openapi.json"), "{}", start.text);
        assert_eq!(anyone.get("/docs/nothing.js").await.expect(404)["error"]["status"], json!(404));
    }
}

/// Path and method of each operation that the document describes.
fn operations() -> BTreeSet<(String, String)> {
    let document = openapi::document(catalog()).expect("a document");
    let paths = document["paths"].as_object().expect("paths");
    let methods = |(path, item): (&String, &Value)| {
        let methods = item.as_object().expect("methods").keys();
        methods.map(|method| (path.clone(), method.to_ascii_uppercase())).collect::<Vec<_>>()
    };
    paths.iter().flat_map(methods).collect()
}

#[test]
fn every_body_in_json_has_an_example() {
    let document = openapi::document(catalog()).expect("a document");
    for (path, item) in document["paths"].as_object().expect("paths") {
        for (method, operation) in item.as_object().expect("methods") {
            let body = &operation["requestBody"]["content"]["application/json"];
            // What services send to an address of theirs is their own affair.
            assert!(body.is_null() || body["example"].is_object() || path.starts_with("/hooks/"), "{method} {path}");
        }
    }
}

fn collect_references(value: &Value, into: &mut Vec<String>) {
    match value {
        Value::Object(members) => {
            into.extend(members.get("$ref").and_then(Value::as_str).map(str::to_owned));
            members.values().for_each(|member| collect_references(member, into));
        }
        Value::Array(items) => items.iter().for_each(|item| collect_references(item, into)),
        _ => {}
    }
}

#[allow(clippy::disallowed_methods)] // A question to whoever runs the test.
fn asked_to_update() -> bool {
    std::env::var("UPDATE").is_ok()
}
