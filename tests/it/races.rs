//! Requests that change the same at the same moment: each is answered as if it had come by itself.

use std::collections::BTreeMap;
use std::sync::{Arc, Barrier};

use futures_util::future::join_all;
use reqwest::Method;
use serde_json::{Value, json};
use tenon::db::{Kind, Sql};

use crate::support::api::{Answered, send};
use crate::support::app::TestApp;
use crate::support::on_both_databases;

/// How many come at once.
const AT_ONCE: usize = 12;

/// Sends all `requests`, [`AT_ONCE`] of them at any time, and returns how often each status was answered.
async fn send_all(app: &TestApp, requests: Vec<(Method, String, Value)>) -> (BTreeMap<u16, usize>, Vec<Answered>) {
    let requests: Vec<_> =
        requests.into_iter().map(|(method, path, body)| app.request(method, &path).json(&body)).collect();
    let mut lanes: Vec<Vec<_>> = (0..AT_ONCE).map(|_| Vec::new()).collect();
    for (place, request) in requests.into_iter().enumerate() {
        lanes[place % AT_ONCE].push(request);
    }
    let lane = async |requests: Vec<_>| {
        let mut answers = Vec::new();
        for request in requests {
            answers.push(send(request).await);
        }
        answers
    };
    let answers: Vec<Answered> = join_all(lanes.into_iter().map(lane)).await.into_iter().flatten().collect();
    let mut statuses = BTreeMap::new();
    for answer in &answers {
        *statuses.entry(answer.status).or_default() += 1;
    }
    (statuses, answers)
}

fn post(path: &str, data: Value) -> (Method, String, Value) {
    (Method::POST, path.to_owned(), json!({ "data": data }))
}

fn put(path: String, data: Value) -> (Method, String, Value) {
    (Method::PUT, path, json!({ "data": data }))
}

/// How many deadlocks PostgreSQL has ended in this test's database; none on SQLite, which has one writer.
async fn deadlocks(app: &TestApp) -> Option<String> {
    let of_postgres = app.state.db.kind() == Kind::Postgres;
    let counted = "SELECT deadlocks || '' FROM pg_stat_database WHERE datname = current_database()";
    if of_postgres { app.texts(counted).await.pop() } else { None }
}

on_both_databases! {
    async fn many_products_are_created_in_one_store_at_once(app: &TestApp) {
        let store = app.store(Vec::new()).await;
        let create = |number| post("/api/products", json!({"Name": format!("p{number}"), "stores": [store]}));
        let (statuses, _) = send_all(app, (0..96).map(create).collect()).await;
        assert_eq!(statuses, BTreeMap::from([(201, 96)]));
        let listed = app.get(&format!("/api/stores/{store}?populate[products][count]=true")).await;
        assert_eq!(listed.expect(200)["data"]["products"]["count"], 96);
    }

    async fn visitors_subscribe_to_two_stores_in_either_order_at_once(app: &TestApp) {
        let [a, b] = [app.store_named("a", Vec::new()).await, app.store_named("b", Vec::new()).await];
        let subscribe = |number: usize| {
            let stores = if number.is_multiple_of(2) { [&a, &b] } else { [&b, &a] };
            // Every address comes several times, in both orders.
            post("/api/subscribers/subscribe", json!({"Email": format!("v{}@example.com", number / 4), "stores": stores}))
        };
        let (statuses, _) = send_all(app, (0..96).map(subscribe).collect()).await;
        assert_eq!(statuses, BTreeMap::from([(200, 96)]));
        for store in [&a, &b] {
            let listed = app.get(&format!("/api/stores/{store}?populate[subscribers][count]=true")).await;
            assert_eq!(listed.expect(200)["data"]["subscribers"]["count"], 24);
        }
        let subscribe = |number: usize| match number % 3 {
            0 => post("/api/subscribers/subscribe", json!({"Email": "v1@example.com", "stores": [a, b]})),
            1 => post("/api/subscribers/unsubscribe", json!({"Email": "v1@example.com", "stores": [b, a]})),
            _ => put(format!("/api/stores/{}", if number.is_multiple_of(2) { &a } else { &b }), json!({"title": number.to_string()})),
        };
        let (statuses, _) = send_all(app, (0..60).map(subscribe).collect()).await;
        assert_eq!(statuses, BTreeMap::from([(200, 60)]));
    }

    async fn links_are_changed_from_both_ends_at_once(app: &TestApp) {
        let (mut stores, mut products) = (Vec::new(), Vec::new());
        for number in 0..4 {
            stores.push(app.store_named(&format!("s{number}"), Vec::new()).await);
            let product = app.create("products", json!({"Name": format!("p{number}")})).await;
            products.push(product["documentId"].as_str().expect("an id").to_owned());
        }
        let rotated = |list: &[String], by: usize| list.iter().cycle().skip(by).take(3).cloned().collect::<Vec<_>>();
        let change = |number: usize| {
            let member = if number.is_multiple_of(3) { "set" } else { "connect" };
            let (place, by) = (number / 2 % 4, number / 5);
            match number % 2 {
                0 => put(format!("/api/products/{}", products[place]), json!({"stores": {member: rotated(&stores, by)}})),
                _ => put(format!("/api/stores/{}", stores[place]), json!({"products": {member: rotated(&products, by)}})),
            }
        };
        let (statuses, _) = send_all(app, (0..120).map(change).collect()).await;
        assert_eq!(statuses, BTreeMap::from([(200, 120)]));
        // Both ends show the same links.
        for product in &products {
            let read = app.get(&format!("/api/products/{product}?populate[stores][populate]=products")).await;
            for store in read.expect(200)["data"]["stores"].as_array().into_iter().flatten() {
                let seen = store["products"].as_array().into_iter().flatten().any(|one| one["documentId"] == product.as_str());
                assert!(seen, "{store} has {product}");
            }
        }
    }

    async fn relations_are_set_from_both_sides_at_once_without_a_deadlock(app: &TestApp) {
        let (mut stores, mut products) = (Vec::new(), Vec::new());
        for number in 0..4 {
            stores.push(app.store_named(&format!("s{number}"), Vec::new()).await);
        }
        for number in 0..6 {
            let product = app.create("products", json!({"Name": format!("p{number}")})).await;
            products.push(product["documentId"].as_str().expect("an id").to_owned());
        }
        // Always the same and in no order: a step that has nothing in common with the length of the list.
        let some = |list: &[String], from: usize, step: usize, count: usize| {
            (0..count).map(|place| list[(from + place * step) % list.len()].clone()).collect::<Vec<_>>()
        };
        let change = |number: usize| {
            let mixed = number.wrapping_mul(2_654_435_761) >> 7;
            match number % 2 {
                0 => put(format!("/api/products/{}", products[mixed % 6]), json!({"stores": {"set": some(&stores, mixed / 6, 3, 3)}})),
                _ => put(format!("/api/stores/{}", stores[mixed % 4]), json!({"products": {"set": some(&products, mixed / 4, 5, 4)}})),
            }
        };
        let begun = std::time::Instant::now();
        let before = deadlocks(app).await;
        let (statuses, _) = send_all(app, (0..120).map(change).collect()).await;
        println!("120 changes took {:?}", begun.elapsed());
        assert_eq!(statuses, BTreeMap::from([(200, 120)]));
        // The server counts with a delay of up to a second.
        let mut after = deadlocks(app).await;
        for _ in 0..if before.is_some() { 15 } else { 0 } {
            tokio::time::sleep(std::time::Duration::from_millis(100)).await;
            after = deadlocks(app).await;
        }
        assert_eq!(after, before, "no two waited for each other");
    }

    async fn a_value_that_is_unique_is_refused_with_its_path_also_when_the_race_is_lost(app: &TestApp) {
        for round in 0..4 {
            let create = |_| post("/api/stores", json!({"title": "s", "slug": format!("one-{round}")}));
            let (statuses, answers) = send_all(app, (0..AT_ONCE).map(create).collect()).await;
            assert_eq!(statuses, BTreeMap::from([(201, 1), (400, AT_ONCE - 1)]));
            for refused in answers.iter().filter(|answer| answer.status == 400) {
                let problem = &refused.json["error"]["details"]["errors"][0];
                assert_eq!((&problem["path"], &problem["message"]), (&json!(["slug"]), &json!("This attribute must be unique")));
            }
        }
    }

    async fn a_document_that_is_deleted_meanwhile_is_one_that_is_not_there(app: &TestApp) {
        for round in 0..6 {
            let store = app.store_named(&format!("gone-{round}"), Vec::new()).await;
            let product = app.create("products", json!({"Name": "p", "stores": [store]})).await;
            let product = product["documentId"].as_str().expect("an id").to_owned();
            let change = |number: usize| match number {
                0 => (Method::DELETE, format!("/api/stores/{store}"), Value::Null),
                1 => put(format!("/api/products/{product}"), json!({"stores": [store]})),
                2 => put(format!("/api/stores/{store}"), json!({"title": "t"})),
                _ => post("/api/products", json!({"Name": "q", "stores": [store]})),
            };
            let (statuses, answers) = send_all(app, (0..AT_ONCE).map(change).collect()).await;
            assert!(statuses.keys().all(|status| [200, 201, 204, 400, 404].contains(status)), "{statuses:?} {answers:#?}");
        }
    }
}

/// The locks of documents are taken in one order, so that this happens to no request that is known; a transaction that it
/// happens to all the same is done again.
#[test]
fn transactions_that_wait_for_each_other_in_a_circle_are_both_done() {
    TestApp::tell(
        Kind::Postgres,
        |_| (),
        async |app| {
            for slug in ["a", "b"] {
                app.store_named(slug, Vec::new()).await;
            }
            let both = Arc::new(Barrier::new(2));
            let change = |order: [&'static str; 2]| {
                let (both, mut is_first) = (Arc::clone(&both), true);
                app.state.db.write(move |conn| {
                    for slug in order {
                        let mut sql = Sql::new(
                            "UPDATE stores SET title = coalesce(title, '') || 'x' WHERE draft_id IS NULL AND slug = ",
                        );
                        conn.execute(sql.str(slug))?;
                        // Each has one of them; whoever comes again comes alone.
                        if std::mem::take(&mut is_first) {
                            both.wait();
                        }
                    }
                    Ok(())
                })
            };
            let (one, other) = tokio::join!(change(["a", "b"]), change(["b", "a"]));
            assert!(one.is_ok() && other.is_ok(), "{one:?} {other:?}");
            let titles = app.texts("SELECT title FROM stores WHERE draft_id IS NULL").await;
            assert!(
                titles.len() == 2 && titles.iter().all(|title| title.ends_with("xx") && !title.ends_with("xxx")),
                "{titles:?}"
            );
        },
    );
}
