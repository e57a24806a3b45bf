//! The inventory of prices: never sold twice, and told of once for each level that is crossed.

use std::time::{Duration, Instant};

use futures_util::future::join_all;
use reqwest::Method;
use serde_json::{Value, json};
use tenon::db::Kind;

use crate::support::api::{Answered, Api, send};
use crate::support::app::TestApp;
use crate::support::database::TestDatabase;
use crate::support::on_both_databases;
use crate::support::program::{Program, Settings};

/// A published product with one price that has `inventory`, held by a store with these records.
struct Stock {
    product: String,
    price: String,
    id: i64,
}

impl Stock {
    async fn new(api: &Api, inventory: Value, records: Value) -> Self {
        let store = api.create("stores", json!({"title": "Teas", "slug": "teas", "extensions": records})).await;
        let tea = json!({
            "Name": "Tea", "quantity": 30, "stores": [store["documentId"]], "PRICES": [{"Price": 4, "inventory": inventory}],
        });
        let tea = api.create("products", tea).await;
        let product = format!("/api/products/{}", tea["documentId"].as_str().expect("a documentId"));
        let id = tea["PRICES"][0]["id"].as_i64().expect("an id");
        Self { price: format!("{product}/prices/{id}"), product, id }
    }

    async fn count(&self, api: &Api, op: &str, quantity: i64) -> Answered {
        let request = api.request(Method::POST, &format!("{}/inventory", self.price));
        // Two thousand at once, on a machine that does other things too.
        let request = request.timeout(Duration::from_secs(120));
        send(request.json(&json!({"op": op, "quantity": quantity}))).await
    }

    /// What is published, and what is in the draft.
    async fn left(&self, api: &Api) -> [Value; 2] {
        let published = api.get(&self.price).await.json["data"]["inventory"].clone();
        [published, api.get(&format!("{}?status=draft", self.price)).await.json["data"]["inventory"].clone()]
    }

    /// Changes the draft, and publishes it where `status` says so.
    async fn edit(&self, api: &Api, status: &str, data: Value) {
        let edited =
            send(api.request(Method::PATCH, &format!("{}?status={status}", self.price)).json(&json!({ "data": data })));
        edited.await.expect(200);
    }
}

/// The events about stocks: their triggers without `trigger:inventory_`, and what they say of the level.
async fn told(app: &TestApp) -> Vec<(String, Value)> {
    let sql = "SELECT trigger || ' ' || changes FROM events WHERE trigger LIKE 'trigger:inventory%' ORDER BY id";
    let events = app.texts(sql).await.into_iter().map(|event| {
        let (trigger, changes) = event.split_once(' ').expect("both");
        let changes: Value = serde_json::from_str(changes).expect("JSON");
        let level = changes.as_object().and_then(|changes| changes.values().next()).expect("one change").clone();
        (trigger.trim_start_matches("trigger:inventory_").to_owned(), json!([level["from"], level["to"]]))
    });
    events.collect()
}

fn told_of(trigger: &str, from: i64, to: i64) -> (String, Value) {
    (trigger.to_owned(), json!([from, to]))
}

on_both_databases! {
    async fn what_is_told_of_a_price_names_its_product_whoever_moved_it(app: &TestApp) {
        let stock = Stock::new(app, json!(6), json!([])).await;
        let named = json!({ "data": {"slug": "tea", "SKU": "T-1"} });
        app.put(&stock.product, named).await.expect(200);
        stock.count(app, "decrement", 1).await.expect(200);
        stock.edit(app, "published", json!({"inventory": 4})).await;
        app.run_until_idle().await;
        let data = "SELECT trigger || ' ' || data FROM events WHERE trigger IN ('trigger:price_updated', \
            'trigger:inventory_low') ORDER BY id";
        let told = app.texts(data).await;
        assert_eq!(told.len(), 3, "two changes of the price, and one level crossed: {told:?}");
        for event in told {
            let (trigger, data) = event.split_once(' ').expect("both");
            let product = serde_json::from_str::<Value>(data).expect("JSON")["product"].clone();
            let named = (&product["Name"], &product["slug"], &product["SKU"], product["publishedAt"].is_string());
            assert_eq!(named, (&json!("Tea"), &json!("tea"), &json!("T-1"), true), "{trigger}: {product}");
        }
    }

    async fn stock_is_taken_off_put_on_and_counted_anew_in_both_versions(app: &TestApp) {
        let stock = Stock::new(app, json!(10), json!([])).await;
        let sold = stock.count(app, "decrement", 3).await;
        assert_eq!((&sold.expect(200)["data"]["inventory"], &sold.json["meta"]), (&json!(7), &json!({})));
        assert_eq!(sold.json["data"], app.get(&stock.price).await.json["data"]);
        let too_much = stock.count(app, "decrement", 8).await;
        assert_eq!(too_much.expect(409)["error"], json!({
            "status": 409, "name": "ConflictError", "message": "7 left, 8 asked for", "details": {"inventory": 7, "quantity": 8}
        }));
        assert_eq!(stock.left(app).await, [7, 7]);
        stock.count(app, "increment", 5).await.expect(200);
        assert_eq!(stock.left(app).await, [12, 12]);
        stock.count(app, "set", 0).await.expect(200);
        assert_eq!(stock.left(app).await, [0, 0]);
        stock.count(app, "decrement", 1).await.expect(409);
        stock.count(app, "set", 9_007_199_254_740_991).await.expect(200);
        assert_eq!(stock.count(app, "increment", 1).await.expect(409)["error"]["name"], "ConflictError");
        assert_eq!(stock.left(app).await, [json!(9_007_199_254_740_991_i64), json!(9_007_199_254_740_991_i64)]);
    }

    async fn what_cannot_be_done_to_an_inventory_is_refused(app: &TestApp) {
        let stock = Stock::new(app, json!(10), json!([])).await;
        let path = format!("{}/inventory", stock.price);
        for (body, at) in [
            (json!({"op": "decrement", "quantity": 0}), "quantity"),
            (json!({"op": "decrement", "quantity": -1}), "quantity"),
            (json!({"op": "increment", "quantity": 0}), "quantity"),
            (json!({"op": "set", "quantity": -1}), "quantity"),
            (json!({"op": "increment", "quantity": 9_007_199_254_740_992_i64}), "quantity"),
            (json!({"op": "increment", "quantity": 1e30}), "quantity"),
            (json!({"op": "decrement", "quantity": 1.5}), "quantity"),
            (json!({"op": "decrement", "quantity": "1"}), "quantity"),
            (json!({"op": "sell", "quantity": 1}), "op"),
        ] {
            let answer = app.post(&path, body.clone()).await;
            assert_eq!(answer.expect(400)["error"]["details"]["errors"][0]["path"], json!([at]), "{body}: {}", answer.text);
        }
        for body in [json!({}), json!({"op": "decrement"}), json!({"op": "set", "quantity": 1, "more": 1})] {
            app.post(&path, body).await.expect(400);
        }
        for path in [format!("{}/prices/{}/inventory", stock.product, stock.id + 1), path.replace("/prices/", "/prices/x")] {
            app.post(&path, json!({"op": "set", "quantity": 1})).await.expect(404);
        }
        assert_eq!(stock.left(app).await, [10, 10]);
    }

    async fn what_is_not_tracked_is_sold_without_end_until_it_is_counted(app: &TestApp) {
        for untracked in [Value::Null, json!(-1)] {
            let stock = Stock::new(app, untracked.clone(), json!([])).await;
            let sold = stock.count(app, "decrement", 1000).await;
            assert_eq!(sold.expect(200)["data"]["inventory"], untracked);
            assert_eq!(sold.json["meta"]["warnings"][0]["path"], json!(["inventory"]));
            stock.count(app, "increment", 4).await.expect(200);
            assert_eq!(stock.left(app).await, [4, 4]);
            app.delete(&stock.product).await.expect(204);
            app.sql("DELETE FROM stores").await;
        }
        assert!(told(app).await.is_empty(), "what begins to be tracked has crossed nothing");
    }

    async fn a_sale_stays_sold_when_an_older_edit_is_published(app: &TestApp) {
        let stock = Stock::new(app, json!(10), json!([])).await;
        stock.edit(app, "draft", json!({"Name": "new name"})).await;
        stock.count(app, "decrement", 4).await.expect(200);
        app.post(&format!("{}/actions/publish", stock.product), json!({})).await.expect(200);
        assert_eq!(stock.left(app).await, [6, 6]);

        // An edit that counts anew and waits is moved by what is sold meanwhile, but never below zero.
        stock.edit(app, "draft", json!({"inventory": 50})).await;
        stock.count(app, "decrement", 1).await.expect(200);
        assert_eq!(stock.left(app).await, [5, 49]);
        stock.edit(app, "draft", json!({"inventory": 2})).await;
        stock.count(app, "decrement", 4).await.expect(200);
        assert_eq!(stock.left(app).await, [1, 0]);
        stock.count(app, "decrement", 1).await.expect(200);
        stock.edit(app, "draft", json!({"inventory": null})).await;
        stock.count(app, "increment", 8).await.expect(200);
        assert_eq!(stock.left(app).await, [json!(8), Value::Null]);
        app.post(&format!("{}/actions/discard", stock.product), json!({})).await.expect(200);
        assert_eq!(stock.left(app).await, [8, 8]);

        // Whoever names the inventory says what it shall be.
        stock.edit(app, "published", json!({"inventory": 3})).await;
        assert_eq!(stock.left(app).await, [3, 3]);
    }

    async fn a_sale_under_a_key_is_made_once_and_an_edit_of_what_was_sold_since_is_refused(app: &TestApp) {
        let stock = Stock::new(app, json!(10), json!([])).await;
        let seen = app.get(&stock.product).await.headers["etag"].clone();
        let sale = json!({"op": "decrement", "quantity": 2});
        for _ in 0..2 {
            let request = app.request(Method::POST, &format!("{}/inventory", stock.price)).header("idempotency-key", "order-1");
            assert_eq!(send(request.json(&sale)).await.expect(200)["data"]["inventory"], 8);
        }
        let other = app.request(Method::POST, &format!("{}/inventory", stock.price)).header("idempotency-key", "order-1");
        send(other.json(&json!({"op": "decrement", "quantity": 3}))).await.expect(409);
        assert_eq!(stock.left(app).await, [8, 8]);

        let edit = |tag: &reqwest::header::HeaderValue| {
            let request = app.request(Method::PATCH, &stock.price).header("if-match", tag.clone());
            send(request.json(&json!({"data": {"Price": 5, "inventory": 10}})))
        };
        edit(&seen).await.expect(412);
        let stale = app.request(Method::POST, &format!("{}/inventory", stock.price)).header("if-match", seen);
        send(stale.json(&sale)).await.expect(412);
        edit(&app.get(&stock.price).await.headers["etag"]).await.expect(200);
        assert_eq!(stock.left(app).await, [10, 10]);
    }

    async fn sales_while_an_editor_publishes_are_all_counted(app: &TestApp) {
        let stock = Stock::new(app, json!(1000), json!([])).await;
        let sales = join_all((0..200).map(|_| stock.count(app, "decrement", 1)));
        let editor = async {
            for number in 0..10 {
                let name = json!({"data": {"Name": format!("edit {number}")}});
                app.put(&format!("{}?status=draft", stock.product), name.clone()).await.expect(200);
                app.put(&stock.product, name).await.expect(200);
                app.post(&format!("{}/actions/discard", stock.product), json!({})).await.expect(200);
            }
        };
        let (sales, ()) = tokio::join!(sales, editor);
        assert!(sales.iter().all(|sale| sale.status == 200));
        assert_eq!(stock.left(app).await, [800, 800]);
    }

    async fn what_is_only_a_draft_is_counted_there_and_nothing_is_published_by_it(app: &TestApp) {
        let stock = Stock::new(app, json!(10), json!([])).await;
        app.put(&format!("{}?status=draft", stock.product), json!({"data": {"Name": "Edited"}})).await.expect(200);
        let before = app.get(&stock.product).await;
        stock.count(app, "decrement", 1).await.expect(200);
        assert_eq!(app.get(&stock.product).await.text, before.text, "neither published nor marked as edited");
        let triggers = app.texts("SELECT trigger FROM events ORDER BY id DESC").await;
        assert_eq!(triggers[0], "trigger:price_updated", "and no event of the product");
        let event = app.texts("SELECT changes FROM events WHERE trigger = 'trigger:price_updated'").await;
        assert_eq!(event, [r#"{"inventory":{"from":10,"to":9}}"#]);

        app.post(&format!("{}/actions/unpublish", stock.product), json!({})).await.expect(200);
        let sold = stock.count(app, "decrement", 2).await;
        assert_eq!(sold.expect(200)["data"]["inventory"], 7);
        assert_eq!(stock.left(app).await, [Value::Null, json!(7)]);
    }

    async fn each_level_is_told_of_once_however_it_is_crossed(app: &TestApp) {
        let stock = Stock::new(app, json!(10), json!([])).await;
        let change = async |op, quantity| stock.count(app, op, quantity).await.expect(200).clone();
        for quantity in [4, 1, 1] {
            change("decrement", quantity).await;
        }
        change("decrement", 4).await;
        change("increment", 5).await;
        change("increment", 1).await;
        change("set", 0).await;
        change("set", 100).await;
        let mut expected = vec![
            told_of("low", 6, 5), told_of("zero", 4, 0), told_of("restocked", 5, 6),
            told_of("low", 6, 0), told_of("zero", 6, 0), told_of("restocked", 0, 100),
        ];
        assert_eq!(told(app).await, expected);

        // An edit that waits changes nothing yet; publishing it does, once.
        stock.edit(app, "draft", json!({"inventory": 2})).await;
        assert_eq!(told(app).await, expected);
        app.post(&format!("{}/actions/publish", stock.product), json!({})).await.expect(200);
        stock.edit(app, "published", json!({"inventory": 20})).await;
        let product = |data: Value| app.put(&stock.product, json!({ "data": data }));
        product(json!({"quantity": 5, "PRICES": [{"id": stock.id, "inventory": 0}]})).await.expect(200);
        product(json!({"quantity": 0})).await.expect(200);
        product(json!({"quantity": null})).await.expect(200);
        product(json!({"quantity": 1, "PRICES": []})).await.expect(200);
        expected.extend([
            told_of("low", 100, 2), told_of("restocked", 2, 20),
            told_of("low", 30, 5), told_of("low", 20, 0), told_of("zero", 20, 0), told_of("zero", 5, 0),
        ]);
        assert_eq!(told(app).await, expected);
        let about = app.texts("SELECT target FROM events WHERE trigger LIKE 'trigger:inventory%' ORDER BY id DESC").await;
        assert!(about[0].contains(r#""type":"product""#) && about[1].contains(&format!(r#""priceId":{}"#, stock.id)), "{about:?}");
    }

    async fn a_record_hears_of_its_own_threshold_and_of_no_other(app: &TestApp) {
        let record = |path: &str, trigger: &str, config: Value| json!({
            "key": "custom:webhook", "triggers": [trigger], "url": app.receiver.url(path), "config": config
        });
        let at_20 = json!({"policy": {"inventory_threshold": 20}});
        let records = json!([
            record("/20", "inventory_{low,restocked}", at_20.clone()), record("/5", "inventory_*", json!({})),
            record("/sales", "post_sale", json!({"policy": {"inventory_threshold": 15}})),
        ]);
        let stock = Stock::new(app, json!(30), records).await;
        for (op, quantity) in [("decrement", 10), ("decrement", 5), ("decrement", 11), ("decrement", 4), ("increment", 6), ("increment", 24)] {
            stock.count(app, op, quantity).await.expect(200);
        }
        app.run_until_idle().await;
        let heard = |path: &str| {
            let came = app.receiver.received();
            let mut came: Vec<_> = came.iter().filter(|came| came.path == path).map(|came| {
                let event = came.json();
                let level = &event["changes"]["inventory"];
                (event["trigger"].as_str().expect("a trigger").trim_start_matches("trigger:inventory_").to_owned(), json!([level["from"], level["to"]]))
            }).collect();
            came.sort_by_key(|(trigger, _)| trigger.clone());
            came
        };
        assert_eq!(heard("/20"), [told_of("low", 30, 20), told_of("restocked", 6, 30)]);
        assert_eq!(heard("/5"), [told_of("low", 15, 4), told_of("restocked", 0, 6), told_of("zero", 4, 0)]);
        assert_eq!(told(app).await.len(), 5, "nobody listens for 15");
        let thresholds = app.texts("SELECT payload FROM events WHERE trigger = 'trigger:inventory_low' ORDER BY id").await;
        assert_eq!(thresholds, [r#"{"thresholds":[20]}"#, r#"{"thresholds":[5]}"#]);
    }
}

/// One server may serve a SQLite file, so there they all come to one process.
#[test]
fn two_thousand_buyers_get_what_there_is_and_no_more_sqlite() {
    run(Kind::Sqlite, 1);
}

#[test]
fn two_thousand_buyers_over_two_processes_get_what_there_is_and_no_more_postgres() {
    run(Kind::Postgres, 2);
}

const BUYERS: usize = 2000;
const UNITS: i64 = 100;

fn run(kind: Kind, processes: usize) {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
    runtime.expect("a runtime").block_on(async {
        let database = TestDatabase::fresh(kind);
        let mut programs = Vec::new();
        let folders: Vec<_> = (0..processes).map(|_| tempfile::tempdir().expect("a folder")).collect();
        for folder in &folders {
            let settings = Settings::new(folder.path(), &database.url).with("TENON_SECRET_KEY", &"07".repeat(32));
            programs.push(Program::start(&settings.with("RUST_LOG", "warn")).await);
        }
        let apis: Vec<Api> = programs.iter().map(Program::api).collect();
        let stock = Stock::new(&apis[0], json!(UNITS), json!([])).await;

        let since = Instant::now();
        let answers = join_all((0..BUYERS).map(|buyer| stock.count(&apis[buyer % processes], "decrement", 1))).await;
        println!("{BUYERS} buyers were answered in {:.1?}", since.elapsed());
        let of = |status: u16| answers.iter().filter(|answer| answer.status == status).count();
        let others: Vec<_> = answers.iter().filter(|answer| ![200, 409].contains(&answer.status)).collect();
        assert!(others.is_empty(), "{} others, such as {:?}", others.len(), others[0]);
        assert_eq!((of(200), of(409)), (UNITS as usize, BUYERS - UNITS as usize));
        let mut levels: Vec<_> =
            answers.iter().filter_map(|answer| answer.json["data"]["inventory"].as_i64()).collect();
        levels.sort_unstable();
        assert!(levels.into_iter().eq(0..UNITS), "each buyer saw a level of its own");
        for api in &apis {
            assert_eq!(stock.left(api).await, [0, 0]);
        }
        assert_eq!(events(&apis[0]).await, [1, 1, 0]);

        let back = (0..20).map(|place| stock.count(&apis[place % processes], "increment", 1));
        assert!(join_all(back).await.iter().all(|answer| answer.status == 200));
        assert_eq!(stock.left(&apis[0]).await, [20, 20]);
        assert_eq!(events(&apis[0]).await, [1, 1, 1]);
    });
}

/// How many events of low, zero and restocked there are.
async fn events(api: &Api) -> [i64; 3] {
    let mut found = [0; 3];
    for (place, name) in ["low", "zero", "restocked"].into_iter().enumerate() {
        let events = api.get(&format!("/tenon/events?trigger=inventory_{name}")).await;
        found[place] = events.expect(200)["meta"]["pagination"]["total"].as_i64().expect("a total");
    }
    found
}
