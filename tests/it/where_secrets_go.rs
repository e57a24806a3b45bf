//! Where secrets go: whatever of a record decides that, changed in whatever way, whoever does not give the secrets again is
//! refused. The handlers are those of the compiled table and the members those of their schemas, so none is left out.

use reqwest::Method;
use serde_json::{Map, Value, json};
use tenon::extensions;
use tenon::handler::{DESTINATION, Entry, sounds_like_a_destination};

use crate::support::api::{Answered, send};
use crate::support::app::TestApp;
use crate::support::on_both_databases;

const MASK: &str = "********";
pub(crate) const HERE: &str = "https://here.example/hook";
const HERE_TOO: &str = "https://HERE.example:443/another?x=1";
const ELSEWHERE: &str = "https://elsewhere.example/hook";
const WHY: &str = "give the credentials again when the destination changes";

/// Members that sound as if they decided where secrets go, and do not: with the reason.
const OTHERS: [(&str, &str); 4] = [
    ("discord:webhook config.avatar_url", "Discord fetches the picture itself"),
    ("markket:sendgrid:inventory_alert config.store_url", "a link in the mail"),
    ("markket:sendgrid:order_confirm config.store_url", "a link in the mail"),
    ("markket:sendgrid:welcome config.store_url", "a link in the mail"),
];

/// A config and credentials that each handler can use. A new handler needs a line here.
fn sample(key: &str) -> (Value, Value) {
    let sendgrid = || json!({"api_key": "SG.canary", "spare": "canary"});
    let odoo = || json!({"url": HERE, "database": "shop", "username": "shop", "api_key": "canary", "spare": "canary"});
    let from = || json!({"from": "hello@here.example"});
    match key {
        "custom:inbound" | "custom:webhook" => (json!({}), json!({"secret": "canary-1", "spare": "canary"})),
        "custom:webhook-authenticated" => (
            json!({}),
            json!({"type": "oauth2", "token_url": HERE, "client_id": "me", "client_secret": "canary", "spare": "canary"}),
        ),
        "customer:acme:erp" => (json!({"warehouse": "NORTH"}), json!({"token": "canary", "spare": "canary"})),
        "discord:webhook" => (json!({}), json!({"webhook_url": HERE, "spare": "canary"})),
        "external:*" => (json!({"folder": "x"}), json!({"secret": "canary-1", "crm": {"password": "canary"}})),
        "markket:odoo:newsletter" => (json!({"list": "Newsletter"}), odoo()),
        odoos if odoos.starts_with("markket:odoo") => (json!({}), odoo()),
        "markket:sendgrid:newsletter" => (json!({"list_ids": ["199abb98-0af3-4a8d-b371-6811ff85d062"]}), sendgrid()),
        "markket:sendgrid:webhook" => (json!({"public_key": "x"}), json!({"spare": "canary"})),
        "markket:sendgrid:inventory_alert" => {
            (json!({"from": "hello@here.example", "to": ["me@here.example"]}), sendgrid())
        }
        mail if mail.starts_with("markket:sendgrid:") => (from(), sendgrid()),
        "markket:stripe:webhook" => (json!({}), json!({"webhook_secret": "whsec_canary", "spare": "canary"})),
        stripe if stripe.starts_with("markket:stripe:") => {
            (json!({}), json!({"secret_key": "sk_test_canary", "spare": "canary"}))
        }
        posthog if posthog.starts_with("posthog:") => (json!({}), json!({"api_key": "phc_canary", "spare": "canary"})),
        "slack:events" => (json!({}), json!({"signing_secret": "canary-1", "spare": "canary"})),
        "slack:message" => (json!({"channel": "#x"}), json!({"webhook_url": HERE, "spare": "canary"})),
        "telegram:message" => (json!({"chat_id": "-1001"}), json!({"token": "123:canary", "spare": "canary"})),
        other => panic!("{other} has no sample here: add one, so that it is seen where its secrets go"),
    }
}

/// A change of one member that decides where secrets go.
struct Change {
    /// `credentials.token_url`.
    path: String,
    /// The record's members that are changed; credentials not among them.
    members: Map<String, Value>,
    /// The member of the credentials that is changed, and its new value.
    credential: Option<(String, Value)>,
    /// Whether the secrets still go where they went.
    is_same: bool,
}

fn registry() -> tenon::handler::Registry {
    extensions::registry().expect("one handler for each key")
}

fn is_destination(schema: &Value) -> bool {
    schema[DESTINATION] == true || matches!(schema["format"].as_str(), Some("uri" | "hostname"))
}

fn members(schema: &Value) -> Vec<(String, Value)> {
    schema["properties"]
        .as_object()
        .into_iter()
        .flatten()
        .map(|(name, schema)| (name.clone(), schema.clone()))
        .collect()
}

/// Every change of every member that decides where the secrets of this handler's records go.
fn changes(entry: &Entry, key: &str, (config, _): &(Value, Value)) -> Vec<Change> {
    let (descriptor, description) = (entry.descriptor(), entry.description());
    let own = |name: &str, value: Value, is_same: bool| Change {
        path: name.to_owned(),
        members: Map::from_iter([(name.to_owned(), value)]),
        credential: None,
        is_same,
    };
    let other_key = if key.starts_with("external:") { "external:another" } else { "external:mine" };
    let mut changes = vec![
        own("url", json!(HERE_TOO), true),
        own("url", json!(ELSEWHERE), false),
        own("url", json!("http://here.example/hook"), false),
        own("url", json!("https://here.example:8443/hook"), false),
        own("url", json!("https://here.example.elsewhere.example/hook"), false),
        own("url", Value::Null, false),
        own("key", json!(other_key), false),
    ];
    changes.extend(descriptor.aliases.iter().map(|alias| own("key", json!(alias), true)));
    for (name, schema) in members(&description.config_schema).into_iter().filter(|(_, schema)| is_destination(schema)) {
        let mut config = config.clone();
        config[&name] = if schema["type"] == "boolean" { json!(true) } else { json!(ELSEWHERE) };
        let members = Map::from_iter([("config".to_owned(), config)]);
        changes.push(Change { path: format!("config.{name}"), members, credential: None, is_same: false });
    }
    for (name, schema) in members(&description.credentials_schema) {
        if !is_destination(&schema) {
            continue;
        }
        let value = if schema["type"] == "boolean" { json!(true) } else { json!(ELSEWHERE) };
        let mut change = |value: Value, is_same| {
            let (path, credential) = (format!("credentials.{name}"), Some((name.clone(), value)));
            changes.push(Change { path, members: Map::new(), credential, is_same });
        };
        if value != true && sample(descriptor.key).1.get(&name).is_some() {
            change(json!(HERE_TOO), true);
        }
        change(value, false);
    }
    changes
}

/// Ways to write a record of a store, and one of a price.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Way {
    Record,
    Document,
    Draft,
    RecordOfPrice,
    Price,
    Product,
    DraftOfProduct,
}

const WAYS: [Way; 7] =
    [Way::Record, Way::Document, Way::Draft, Way::RecordOfPrice, Way::Price, Way::Product, Way::DraftOfProduct];

/// A store and a price, each with a record of the same handler.
struct Shop {
    store: String,
    product: String,
    price: Value,
    records: [Value; 2],
}

impl Shop {
    async fn with(app: &TestApp, number: usize, record: &Value) -> Self {
        let store = app.store_named(&format!("s{number}"), vec![record.clone()]).await;
        let data = json!({"Name": "Tea", "PRICES": [{"Name": "50 g", "Price": 4, "extensions": [record]}]});
        let product = app.create("products", data).await["documentId"].as_str().expect("a documentId").to_owned();
        let of_store = app.get(&format!("/api/stores/{store}/extensions")).await.expect(200)["data"][0]["id"].clone();
        let price = app.get(&format!("/api/products/{product}/prices")).await.expect(200)["data"][0]["id"].clone();
        let of_price = app.get(&format!("/api/products/{product}/prices/{price}/extensions")).await;
        let of_price = of_price.expect(200)["data"][0]["id"].clone();
        Self { store, product, price, records: [of_store, of_price] }
    }

    fn path(&self, way: Way) -> String {
        let Self { store, product, price, records: [of_store, of_price] } = self;
        match way {
            Way::RecordOfPrice | Way::Price | Way::Product | Way::DraftOfProduct => {
                format!("/api/products/{product}/prices/{price}/extensions/{of_price}")
            }
            _ => format!("/api/stores/{store}/extensions/{of_store}"),
        }
    }

    async fn write(&self, app: &TestApp, way: Way, members: &Map<String, Value>) -> Answered {
        let Self { store, product, price, records: [of_store, of_price] } = self;
        let patch =
            async |path: &str, data: Value| send(app.request(Method::PATCH, path).json(&json!({"data": data}))).await;
        let with_id = |id: &Value| {
            let mut record = json!({"id": id});
            record.as_object_mut().expect("an object").extend(members.clone());
            json!([record])
        };
        match way {
            Way::Record | Way::RecordOfPrice => patch(&self.path(way), json!(members)).await,
            Way::Document | Way::Draft => {
                let status = if way == Way::Draft { "draft" } else { "published" };
                let body = json!({"data": {"extensions": with_id(of_store)}});
                app.put(&format!("/api/stores/{store}?status={status}"), body).await
            }
            Way::Price => {
                let path = format!("/api/products/{product}/prices/{price}");
                patch(&path, json!({"extensions": with_id(of_price)})).await
            }
            Way::Product | Way::DraftOfProduct => {
                let status = if way == Way::DraftOfProduct { "draft" } else { "published" };
                let body = json!({"data": {"PRICES": [{"id": price, "extensions": with_id(of_price)}]}});
                app.put(&format!("/api/products/{product}?status={status}"), body).await
            }
        }
    }
}

impl Way {
    /// What stands before a member of the record in the paths of problems.
    fn prefix(self) -> &'static str {
        match self {
            Self::Record | Self::RecordOfPrice => "",
            Self::Document | Self::Draft | Self::Price => "extensions.0.",
            Self::Product | Self::DraftOfProduct => "PRICES.0.extensions.0.",
        }
    }
}

/// The paths at which an answer asks for the credentials.
pub(crate) fn asks_at(answer: &Answered) -> Vec<String> {
    let problems = answer.json["error"]["details"]["errors"].as_array().into_iter().flatten();
    let asks = problems.filter(|problem| problem["message"].as_str().is_some_and(|message| message.contains(WHY)));
    let path = |problem: &Value| {
        let parts = problem["path"].as_array().into_iter().flatten().filter_map(Value::as_str);
        parts.collect::<Vec<_>>().join(".")
    };
    asks.map(path).collect()
}

/// `members` with `credentials` in them.
fn with(members: &Map<String, Value>, credentials: Value) -> Map<String, Value> {
    let mut members = members.clone();
    members.insert("credentials".to_owned(), credentials);
    members
}

pub(crate) fn masked(credentials: &Value) -> Value {
    match credentials {
        Value::Object(members) => members.iter().map(|(name, value)| (name.clone(), masked(value))).collect(),
        _ => json!(MASK),
    }
}

async fn look(app: &TestApp, shop: &Shop, way: Way, (change, record): (&Change, &Value)) {
    let Change { path, members, credential, is_same } = change;
    let told = format!("{} {path} {way:?} {members:?} {credential:?}", record["key"]);
    let (mut stays, mut fresh) = (masked(&record["credentials"]), record["credentials"].clone());
    if let Some((name, value)) = credential {
        stays[name] = value.clone();
        fresh[name] = value.clone();
    }
    let mut masks = vec![with(members, stays)];
    if credential.is_none() {
        masks.push(members.clone()); // Not sent, credentials stay as they are.
    }
    for sent in masks {
        let before = app.get(&shop.path(way)).await.expect(200)["data"].clone();
        let answer = shop.write(app, way, &sent).await;
        if *is_same {
            assert!(asks_at(&answer).is_empty(), "{told}: {}", answer.text);
            continue;
        }
        assert_eq!(
            (answer.status, asks_at(&answer)),
            (400, vec![format!("{}{path}", way.prefix())]),
            "{told}: {}",
            answer.text
        );
        assert_eq!(app.get(&shop.path(way)).await.expect(200)["data"], before, "{told}: nothing is half done");
    }
    let answer = shop.write(app, way, &with(members, fresh)).await;
    assert!(asks_at(&answer).is_empty(), "{told}: {}", answer.text);
    if !matches!(way, Way::Record | Way::RecordOfPrice) {
        answer.expect(200); // What would not work is stored all the same in the body of a document.
    }
    let Value::Object(as_it_was) = record else { panic!("{record}") };
    shop.write(
        app,
        if way.prefix().starts_with("PRICES") || way == Way::RecordOfPrice || way == Way::Price {
            Way::Product
        } else {
            Way::Document
        },
        as_it_was,
    )
    .await
    .expect(200);
}

#[test]
fn what_sounds_like_a_destination_is_declared_as_one() {
    let mut undeclared = Vec::new();
    for entry in registry().entries() {
        let (key, description) = (entry.descriptor().key, entry.description());
        for (of, schema) in [("config", &description.config_schema), ("credentials", &description.credentials_schema)] {
            for (name, schema) in members(schema) {
                let member = format!("{key} {of}.{name}");
                let is_known = is_destination(&schema) || OTHERS.iter().any(|(other, _)| *other == member);
                if sounds_like_a_destination(&name) && !is_known {
                    undeclared.push(member);
                }
            }
        }
    }
    assert!(undeclared.is_empty(), "mark these with x-destination, or say why not: {undeclared:?}");
}

on_both_databases! {
    async fn a_stored_secret_goes_nowhere_else(app: &TestApp) {
        let registry = registry();
        for (number, entry) in registry.entries().enumerate() {
            let key = entry.descriptor().key;
            let (config, credentials) = sample(key);
            let record = json!({
                "key": key.replace('*', "mine"), "triggers": [], "url": HERE, "config": config, "credentials": credentials,
            });
            let shop = Shop::with(app, number, &record).await;
            let changes = changes(entry, record["key"].as_str().expect("a key"), &(config, credentials));
            for (place, change) in changes.iter().enumerate() {
                // Every way for every member of every handler; the other values of a url once for each way.
                let ways = WAYS.into_iter().enumerate().filter(|(way, _)| change.path != "url" || (way + place + number) % 3 == 0);
                for (_, way) in ways {
                    look(app, &shop, way, (change, &record)).await;
                }
            }
        }
    }

    async fn masks_stand_for_nothing_in_a_new_record(app: &TestApp) {
        let record = json!({"key": "custom:webhook", "url": ELSEWHERE, "credentials": {"secret": MASK}});
        let store = app.store(vec![app.webhook("post_sale")]).await;
        let other = app.store_named("other", vec![]).await;
        let stored = app.record(&store, 0).await["id"].clone();
        let moved = json!({"id": stored, "url": ELSEWHERE, "credentials": {"secret": MASK}});
        let product = app.create("products", json!({"Name": "Tea", "PRICES": [{"Price": 1}]})).await;
        let (product, price) = (product["documentId"].as_str().expect("an id").to_owned(), product["PRICES"][0]["id"].clone());
        let activation = json!({
            "targets": [{"type": "store", "documentId": other}], "url": ELSEWHERE, "credentials": {"secret": MASK},
        });
        let prices = json!([{"id": price, "extensions": [moved]}]);
        for (method, path, data) in [
            (Method::POST, format!("/api/stores/{other}/extensions"), record.clone()),
            (Method::POST, "/tenon/handlers/custom:webhook/activate".to_owned(), activation),
            (Method::POST, "/api/stores".to_owned(), json!({"title": "T", "slug": "t", "extensions": [moved]})),
            (Method::PUT, format!("/api/stores/{other}"), json!({"extensions": [record]})),
            (Method::PUT, format!("/api/stores/{other}"), json!({"extensions": [moved]})),
            (Method::PUT, format!("/api/products/{product}"), json!({"extensions": [moved]})),
            (Method::PUT, format!("/api/products/{product}"), json!({"PRICES": prices})),
            (Method::PATCH, format!("/api/products/{product}/prices/{price}"), json!({"extensions": [moved]})),
            (Method::PATCH, format!("/api/stores/{other}/extensions/{stored}"), json!({"url": ELSEWHERE})),
        ] {
            let answer = send(app.request(method.clone(), &path).json(&json!({"data": data}))).await;
            assert!([400, 404].contains(&answer.status), "{method} {path} {data}: {}", answer.text);
        }
        // Once removed, it does not come back under its id.
        app.put(&format!("/api/stores/{store}"), json!({"data": {"extensions": []}})).await.expect(200);
        app.put(&format!("/api/stores/{store}"), json!({"data": {"extensions": [moved]}})).await.expect(400);
    }

    async fn what_was_refused_changes_nothing_that_is_sent(app: &TestApp) {
        let store = app.store(vec![app.webhook("post_sale")]).await;
        let id = app.record(&store, 0).await["id"].clone();
        let one = format!("/api/stores/{store}/extensions/{id}");
        let mine = format!("{}/mine", app.receiver.url("").replace("127.0.0.1", "localhost"));
        let patch = |data: Value| send(app.request(Method::PATCH, &one).json(&json!({"data": data})));
        patch(json!({"url": mine})).await.expect(400);
        patch(json!({"key": "external:mine", "config": {"send_credentials": true}})).await.expect(400);
        app.emit(&store, "post_sale", json!({})).await;
        app.run_until_idle().await;
        assert_eq!(app.receiver.only().path, "/hook");

        // The same program at another path, then another one that is given its own secret.
        patch(json!({"url": app.receiver.url("/other"), "credentials": {"secret": MASK}})).await.expect(200);
        app.emit(&store, "post_sale", json!({})).await;
        app.run_until_idle().await;
        let paths: Vec<String> = app.receiver.received().into_iter().map(|sent| sent.path).collect();
        assert_eq!(paths, ["/hook", "/other"]);
        patch(json!({"url": mine, "credentials": {"secret": "another secret"}})).await.expect(200);
        patch(json!({"url": app.receiver.url("/hook"), "credentials": null})).await.expect(200);
        patch(json!({"url": mine})).await.expect(200);
    }
}
