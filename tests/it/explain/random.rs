//! Random shops, records and triggers: what is explained beforehand is what then runs.

use std::collections::{BTreeMap, HashMap};

use proptest::prelude::*;
use proptest::strategy::ValueTree as _;
use proptest::test_runner::TestRunner;
use serde_json::{Value, json};
use tenon::db::{Kind, Sql};

use crate::fuzz::choices::{Choices, numbers};
use crate::support::app::TestApp;
use crate::support::cases;
use crate::support::receiver::Answer;

/// How many shops are explained before anything happens in them.
const BATCH: usize = 100;

const TRIGGERS: &[&str] = &[
    "post_sale",
    "pre_sale",
    "order_created",
    "new_subscriber",
    "subscriber_created",
    "acme:door.open",
    "inventory_low",
];

const PATTERNS: &[&str] = &[
    "trigger:post_sale",
    "*",
    "order_*",
    "trigger:{post,pre}_sale",
    "*_sale",
    "p?e_sale",
    "subscriber_create*",
    "new_subscriber",
    "acme:*",
    "inventory_*",
    "inventory_low",
    "trigger:inventory_restocked",
    "[m-p]*",
    "store_*",
    "Post_sale",
];

/// A shop in which something is going to happen.
struct Shop {
    store: String,
    product: Option<(String, i64)>,
    happening: Happening,
    /// What is explained, by trigger.
    explained: BTreeMap<String, Vec<Value>>,
    /// The event, where it is known.
    event: Option<String>,
}

/// What is going to happen.
enum Happening {
    OnStore(&'static str),
    OnProduct(&'static str),
    Stock(i64, i64),
}

fn record(app: &TestApp, choices: &mut Choices<'_>) -> Value {
    let key = choices.of(&[
        "custom:webhook",
        "custom:webhook",
        "custom:webhok",
        "posthog:track",
        "discord:webhook",
        "custom:web-hook",
    ]);
    let mut record =
        json!({"key": key, "url": app.receiver.url("/all"), "active": true, "credentials": {"api_key": "phc_key"}});
    record["triggers"] = (0..choices.below(4)).map(|_| json!(choices.of(PATTERNS))).collect();
    if choices.one_in(3) {
        record["config"] = json!({"policy": {"inventory_threshold": choices.below(30)}});
    }
    for (member, value) in [
        ("active", json!(false)),
        ("active", Value::Null),
        ("url", json!("")),
        ("url", Value::Null),
        ("config", json!({"policy": {"inventory_threshold": choices.below(30)}})),
        ("config", json!({"policy": "text"})),
        ("config", json!({"mapping": {"post_sale": 1}, "color": "red"})),
        ("credentials", Value::Null),
        ("credentials", json!({"secret": 7, "webhook_url": [], "api_key": {}})),
    ] {
        if choices.one_in(12) {
            record[member] = value;
        }
    }
    if key == "posthog:track" {
        record["url"] = json!(app.receiver.url("/all")); // Without one it would call PostHog itself.
    }
    record
}

/// Up to `most` records; those of a draft may be unfinished.
fn records(app: &TestApp, choices: &mut Choices<'_>, most: usize, is_draft: bool) -> Value {
    let record = |choices: &mut Choices<'_>| {
        let mut record = record(app, choices);
        match choices.below(15) {
            1 if is_draft => record["key"] = Value::Null,
            2 if is_draft => record["key"] = json!("no key at all"),
            3 if is_draft => record["key"] = json!(""),
            4 if is_draft => record["triggers"] = Value::Null,
            _ => {}
        }
        record
    };
    (0..choices.below(most + 1)).map(|_| record(choices)).collect()
}

impl Shop {
    async fn open(app: &TestApp, number: usize, choices: &mut Choices<'_>) -> Self {
        let (is_draft, stock, moved) = (choices.one_in(4), choices.below(30) as i64, choices.below(30) as i64);
        let status = if is_draft { "draft" } else { "published" };
        let created = async |plural: &str, data: Value| {
            let path = format!("/api/{plural}?status={status}&populate[PRICES]=true");
            let path = if plural == "stores" { format!("/api/stores?status={status}") } else { path };
            app.post(&path, json!({ "data": data })).await.expect(201)["data"].clone()
        };
        let happening = match choices.below(4) {
            0 | 1 => Happening::OnStore(choices.of(TRIGGERS)),
            2 => Happening::OnProduct(choices.of(TRIGGERS)),
            _ => Happening::Stock(stock, moved),
        };
        let extensions = records(app, choices, 3, is_draft);
        let store = json!({"title": "Store", "slug": format!("store-{number}"), "extensions": extensions});
        let store = created("stores", store).await["documentId"].as_str().expect("a documentId").to_owned();
        let mut product = None;
        if !matches!(happening, Happening::OnStore(_)) {
            let price = json!({"Price": 1, "inventory": stock, "extensions": records(app, choices, 2, is_draft)});
            let data = json!({
                "Name": "Tea", "stores": [store], "PRICES": [price], "extensions": records(app, choices, 2, is_draft)
            });
            let made = created("products", data).await;
            let id = made["documentId"].as_str().expect("a documentId").to_owned();
            product = Some((id, made["PRICES"][0]["id"].as_i64().expect("an id")));
        }
        Self { store, product, happening, explained: BTreeMap::new(), event: None }
    }

    fn path(&self) -> String {
        match (&self.happening, &self.product) {
            (Happening::OnProduct(_) | Happening::Stock(..), Some((id, _))) => format!("/api/products/{id}"),
            _ => format!("/api/stores/{}", self.store),
        }
    }

    async fn explain(&mut self, app: &TestApp) {
        let asked: Vec<(&str, String)> = match (&self.happening, &self.product) {
            (Happening::OnStore(trigger) | Happening::OnProduct(trigger), _) => vec![(*trigger, String::new())],
            (Happening::Stock(from, to), Some((_, price))) => {
                let levels = format!("&priceId={price}&from={from}&to={to}");
                vec![
                    ("inventory_low", levels.clone()),
                    ("inventory_restocked", levels),
                    ("inventory_zero", format!("&priceId={price}")),
                    ("price_updated", format!("&priceId={price}")),
                ]
            }
            (Happening::Stock(..), None) => Vec::new(),
        };
        for (trigger, more) in asked {
            let answer = app.get(&format!("{}/explain?trigger={trigger}{more}", self.path())).await;
            let data = answer.expect(200)["data"].clone();
            let trigger = data["trigger"].as_str().expect("a trigger").to_owned();
            self.explained.insert(trigger, data["records"].as_array().expect("a list").clone());
        }
    }

    /// Lets it happen, or gives what is to be emitted.
    async fn happen(&self, app: &TestApp) -> Option<Value> {
        let item = |type_name: &str, id: &str, trigger: &str| json!({"trigger": trigger, "target": {"type": type_name, "documentId": id}});
        match (&self.happening, &self.product) {
            (Happening::OnStore(trigger), _) => Some(item("store", &self.store, trigger)),
            (Happening::OnProduct(trigger), Some((id, _))) => Some(item("product", id, trigger)),
            (Happening::Stock(_, to), Some((id, price))) => {
                let path = format!("/api/products/{id}/prices/{price}/inventory");
                app.post(&path, json!({"op": "set", "quantity": to})).await.expect(200);
                None
            }
            _ => None,
        }
    }
}

/// A run, as the tables have it.
#[derive(Debug)]
struct Ran {
    state: String,
    reason: Option<String>,
    pattern: Option<String>,
}

/// What happened, as the tables have it.
#[derive(Default)]
struct Happened {
    /// Triggers by the document that they are about.
    events: HashMap<String, Vec<String>>,
    /// Runs by trigger and record.
    runs: HashMap<(String, i64), Vec<Ran>>,
    /// How often the handler of each record was reached.
    reached: HashMap<i64, i64>,
}

impl Happened {
    async fn read(app: &TestApp) -> Self {
        let events = Sql::new("SELECT target_document_id, trigger FROM events");
        let runs = "SELECT e.trigger, r.extension_id, r.state, r.reason, r.pattern FROM runs r JOIN events e ON e.id = r.event_id";
        let (runs, reached) = (Sql::new(runs), Sql::new("SELECT id, run_count FROM extensions WHERE run_count > 0"));
        let read = app.state.db.read(move |conn| {
            let mut happened = Self::default();
            conn.query(&events, |row| {
                happened.events.entry(row.text(0)?).or_default().push(row.text(1)?);
                Ok(())
            })?;
            conn.query(&runs, |row| {
                let ran = Ran { state: row.text(2)?, reason: row.find_text(3)?, pattern: row.find_text(4)? };
                happened.runs.entry((row.text(0)?, row.int(1)?)).or_default().push(ran);
                Ok(())
            })?;
            happened.reached.extend(conn.list(&reached, |row| Ok((row.int(0)?, row.int(1)?)))?);
            Ok(happened)
        });
        read.await.expect("the database answers")
    }

    /// Takes what `record` was explained to do for `trigger`, which is not there otherwise.
    fn take(&mut self, trigger: &str, record: &Value) {
        let id = record["id"].as_i64().expect("an id");
        let runs = self.runs.remove(&(trigger.to_owned(), id)).unwrap_or_default();
        let because = record["because"].as_str();
        if because.is_some_and(|because| !OBSTACLES.contains(&because)) || record["message"] == "it has no key" {
            assert!(runs.is_empty(), "{trigger}, {record}: {runs:?}");
            return;
        }
        let [run] = runs.as_slice() else { panic!("one run was expected for {trigger}, {record}: {runs:?}") };
        match because {
            Some(_) => assert_eq!(("dead", &record["message"]), (run.state.as_str(), &json!(run.reason)), "{record}"),
            None => {
                assert_eq!(record["pattern"], json!(run.pattern), "{trigger}, {record}");
                *self.reached.entry(id).or_default() -= 1;
            }
        }
    }
}

/// What keeps a run from reaching its handler; any other reason keeps it from being made.
const OBSTACLES: [&str; 4] = ["unknown_key", "missing_url", "bad_config", "bad_credentials"];

async fn story(app: &TestApp) {
    app.receiver.answers("/all/i/v0/e/", [Answer::status(200).body("{}")]);
    let mut runner = TestRunner::new(ProptestConfig::default());
    let all = cases(2000) as usize;
    let mut fired = BTreeMap::<String, usize>::new();
    for start in (0..all).step_by(BATCH) {
        let mut shops = Vec::new();
        for number in start..all.min(start + BATCH) {
            let numbers = numbers().new_tree(&mut runner).expect("numbers").current();
            shops.push(Shop::open(app, number, &mut Choices::new(&numbers)).await);
        }
        app.run_until_idle().await;
        app.sql("DELETE FROM events").await;
        app.sql("UPDATE extensions SET run_count = 0").await;
        for shop in &mut shops {
            shop.explain(app).await;
        }
        happen(app, &mut shops).await;
        app.run_until_idle().await;
        compare(app, &shops, &mut fired).await;
    }
    if all >= 1000 {
        let seen: Vec<&str> = fired.keys().map(String::as_str).collect();
        let some = [
            "bad_config",
            "bad_credentials",
            "fires",
            "inactive",
            "missing_url",
            "no_pattern_matches",
            "threshold",
            "unknown_key",
        ];
        assert_eq!(seen, some, "{fired:?}");
    }
}

async fn happen(app: &TestApp, shops: &mut [Shop]) {
    let (mut items, mut emitting) = (Vec::new(), Vec::new());
    for shop in shops {
        if let Some(item) = shop.happen(app).await {
            items.push(item);
            emitting.push(shop);
        }
    }
    let emitted = app.post("/api/triggers", json!({ "data": items })).await.expect(202)["data"].clone();
    for (place, shop) in emitting.into_iter().enumerate() {
        shop.event = emitted[place]["id"].as_str().map(str::to_owned);
    }
}

async fn compare(app: &TestApp, shops: &[Shop], fired: &mut BTreeMap<String, usize>) {
    let mut happened = Happened::read(app).await;
    for shop in shops {
        let target = shop.product.as_ref().map_or(&shop.store, |(id, _)| id);
        let events = happened.events.remove(target).unwrap_or_default();
        for (trigger, records) in &shop.explained {
            for record in records {
                *fired.entry(record["because"].as_str().unwrap_or("fires").to_owned()).or_default() += 1;
            }
            if events.contains(trigger) {
                records.iter().for_each(|record| happened.take(trigger, record));
            } else if trigger != "trigger:inventory_zero" && trigger != "trigger:price_updated" {
                let firing = records.iter().find(|record| record["pattern"].is_string());
                assert!(firing.is_none(), "{trigger} did not happen: {firing:?}");
            }
        }
        if let Some(event) = &shop.event {
            let after = app.get(&format!("{}/explain?event={event}", shop.path())).await;
            let after = after.expect(200)["data"]["records"].as_array().expect("a list").clone();
            let before = shop.explained.values().next().expect("one trigger");
            for member in ["id", "fires", "because", "message"] {
                let told = |records: &[Value]| records.iter().map(|record| record[member].clone()).collect::<Vec<_>>();
                assert_eq!(told(&after), told(before), "{member} of {after:#?}");
            }
        }
    }
    assert!(happened.runs.is_empty(), "not explained: {:?}", happened.runs);
    assert!(happened.reached.values().all(|left| *left == 0), "not reached as explained: {:?}", happened.reached);
}

/// About half a minute on each database. `PROPTEST_CASES` asks for another number of shops.
#[test]
fn what_is_explained_is_what_then_runs_sqlite() {
    TestApp::tell(Kind::Sqlite, |_| (), story);
}

#[test]
fn what_is_explained_is_what_then_runs_postgres() {
    TestApp::tell(Kind::Postgres, |_| (), story);
}
