//! What the OpenAPI document says that an operation needs is what it needs: each is called with that right alone, and with
//! every other.

use std::cell::RefCell;
use std::collections::HashMap;

use reqwest::Method;
use serde_json::{Value, json};
use tenon::http::openapi;

use crate::support::api::send;
use crate::support::app::TestApp;
use crate::support::database::catalog;
use crate::support::on_both_databases;

const TYPES: [(&str, &str); 3] = [("store", "stores"), ("product", "products"), ("subscriber", "subscribers")];
const RIGHTS: [&str; 8] = ["find", "findOne", "create", "update", "delete", "emit", "extensions", "run"];

/// What stands in a path where the document has a name: nothing that is there, so that nothing happens.
const NOWHERE: [(&str, &str); 10] = [
    ("{documentId}", "zzzzzzzzzzzzzzzzzzzzzzzz"),
    ("{priceId}", "999999"),
    ("{id}", "999999"),
    ("{extensionId}", "999999"),
    ("{token}", "nothing"),
    ("{key}", "custom:webhook"),
    ("{name}", "post_sale"),
    ("{slug}", "nowhere"),
    ("{store}", "nowhere"),
    ("{file}", "index.html"),
];

/// Tokens by what they are allowed.
struct Tokens<'a> {
    app: &'a TestApp,
    made: RefCell<HashMap<Value, String>>,
}

impl Tokens<'_> {
    /// Whether a caller with such a token, or with none, is let in.
    async fn admits(&self, kind: Option<Value>, (method, path): (&str, &str)) -> bool {
        let token = match kind {
            Some(kind) => Some(self.token(kind).await),
            None => None,
        };
        let api = self.app.with_token(token.as_deref());
        let method = Method::from_bytes(method.to_ascii_uppercase().as_bytes()).expect("a method");
        let request = api.request(method.clone(), path);
        let request = if method == Method::GET { request } else { request.json(&json!({})) };
        let status = send(request).await.status;
        assert!(status < 500, "{method} {path}: {status}");
        ![401, 403].contains(&status)
    }

    async fn token(&self, kind: Value) -> String {
        if let Some(token) = self.made.borrow().get(&kind) {
            return token.clone();
        }
        let mut data = kind.clone();
        data["name"] = json!(format!("token-{}", self.made.borrow().len()));
        let made = self.app.post("/tenon/tokens", json!({ "data": data })).await;
        let token = made.expect(201)["data"]["token"].as_str().expect("a token").to_owned();
        self.made.borrow_mut().insert(kind, token.clone());
        token
    }
}

fn custom(rights: &[String]) -> Option<Value> {
    Some(json!({"kind": "custom", "permissions": rights}))
}

fn reader() -> Option<Value> {
    Some(json!({"kind": "read-only"}))
}

fn every_right() -> Vec<String> {
    TYPES.iter().flat_map(|(name, _)| RIGHTS.iter().map(move |right| format!("{name}.{right}"))).collect()
}

/// The path with nothing that is there in it, about documents of this type.
fn nowhere(path: &str, right: &str) -> String {
    let name = right.split('.').next().unwrap_or_default();
    let plural = TYPES.iter().find(|(known, _)| *known == name).map_or("stores", |(_, plural)| plural);
    let path = path.replace("schema/{type}", "schema/store").replace("{type}", plural);
    NOWHERE.iter().fold(path, |path, (name, value)| path.replace(name, value))
}

on_both_databases! {
    async fn every_operation_needs_what_its_description_says_and_no_more(app: &TestApp) {
        let tokens = Tokens { app, made: RefCell::default() };
        let document = openapi::document(catalog()).expect("a document");
        for (path, item) in document["paths"].as_object().expect("paths") {
            for (method, operation) in item.as_object().expect("methods") {
                let described = operation["description"].as_str().unwrap_or_default();
                let needed = described.rsplit("\n\n").next().unwrap_or_default();
                let named: Vec<String> = needed.split('`').skip(1).step_by(2).map(str::to_owned).collect();
                let of = format!("{method} {path}: {needed}");
                assert!(needed.starts_with("Needs "), "{of}");
                let anywhere = nowhere(path, "");
                let call = (method.as_str(), anywhere.as_str());

                if needed == "Needs no token." {
                    assert!(tokens.admits(None, call).await, "{of}");
                    continue;
                }
                let others: Vec<String> = every_right().into_iter().filter(|right| !named.contains(right)).collect();
                for (_, plural) in TYPES {
                    let path = nowhere(path, plural.trim_end_matches('s'));
                    assert!(!tokens.admits(custom(&others), (method, &path)).await, "{of}: every other right is enough");
                }
                for right in &named {
                    let path = nowhere(path, right);
                    assert!(tokens.admits(custom(std::slice::from_ref(right)), (method, &path)).await, "{of}: {right} is not enough");
                }
                let reads = needed.contains("read-only") || named.iter().any(|right| right.contains(".find"));
                assert_eq!(tokens.admits(reader(), call).await, reads, "{of}: a read-only token");
            }
        }
    }
}
