//! Searches that cost more than their answer is worth: they end, and no other request or write waits for them.

use std::time::{Duration, Instant};

use futures_util::future::join_all;
use serde_json::json;

use crate::support::app::TestApp;
use crate::support::on_both_databases;

/// Products that stand in every one of the stores.
const PRODUCTS: usize = 200;

/// Each of the stores that hold a product, all products of each of these, and so on: 200 × 600 × 600 × 600 rows.
const ENDLESS: &str = "sort=stores.products.stores.products.stores.products.Name";

async fn shop(app: &TestApp) {
    let stores = join_all(["a", "b", "c"].map(|slug| app.store_named(slug, Vec::new()))).await;
    for number in 0..PRODUCTS {
        app.create("products", json!({"Name": format!("p{number}"), "stores": stores})).await;
    }
}

on_both_databases! {
    async fn a_search_that_takes_too_long_ends_and_leaves_the_others_alone(app: &TestApp) {
        shop(app).await;
        let endless = (1..=12).map(async |page: usize| {
            let started = Instant::now();
            let path = format!("/api/products?{ENDLESS}&pagination[page]={page}");
            (app.get(&path).await.expect(503)["error"]["name"].clone(), started.elapsed())
        });
        let others = async {
            let (mut slowest, started) = (Duration::ZERO, Instant::now());
            while started.elapsed() < Duration::from_secs(8) {
                let asked = Instant::now();
                app.get("/api/products?filters[stores][slug][$eq]=a&populate[PRICES]=true&sort=Name").await.expect(200);
                app.get("/tenon/runs").await.expect(200);
                let id = app.store_named(&format!("s{}", started.elapsed().as_nanos()), Vec::new()).await;
                app.get(&format!("/api/stores/{id}")).await.expect(200);
                slowest = slowest.max(asked.elapsed());
            }
            slowest
        };

        let (ended, slowest) = tokio::join!(join_all(endless), others);
        // Loose: a wait for a connection ends after five seconds, with a 503.
        assert!(slowest < Duration::from_secs(20), "another visitor waited {slowest:?}");
        for (name, took) in ended {
            assert_eq!(name, "ServiceUnavailableError");
            assert!(took < Duration::from_secs(50), "{took:?}");
        }
    }

    async fn a_filter_through_relations_of_relations_looks_at_each_link_once(app: &TestApp) {
        shop(app).await;
        let through = "[stores][products]".repeat(3);
        for (filter, found) in [
            (format!("filters{through}[Name][$containsi]=nowhere"), 0),
            (format!("filters{through}[Name][$containsi]=P19"), PRODUCTS),
            (format!("filters[$not]{through}[Name][$containsi]=nowhere"), PRODUCTS),
            (format!("filters{through}[PRICES][id][$null]=true"), PRODUCTS),
        ] {
            let answer = app.get(&format!("/api/products?{filter}")).await;
            assert_eq!(answer.expect(200)["meta"]["pagination"]["total"], found, "{filter}");
        }
    }
}
