//! What stories do to a shop, and what they look at afterwards, over the API wherever it shows it.

use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tenon::db::Sql;

use super::PATIENCE;
use super::app::{SECRET, TestApp};

impl TestApp {
    /// An extension record that posts to the receiver's `/hook`, signed with [`SECRET`].
    pub fn webhook(&self, trigger: &str) -> Value {
        self.webhook_to("/hook", trigger)
    }

    /// The same, to another path.
    pub fn webhook_to(&self, path: &str, trigger: &str) -> Value {
        json!({
            "key": "custom:webhook",
            "triggers": [trigger],
            "credentials": { "secret": SECRET },
            "url": self.receiver.url(path),
        })
    }

    /// Creates a store with these extension records, and returns its documentId.
    pub async fn store(&self, records: Vec<Value>) -> String {
        self.store_named("the-store", records).await
    }

    /// The same, with another slug.
    pub async fn store_named(&self, slug: &str, records: Vec<Value>) -> String {
        let store = self.create("stores", json!({ "title": "The store", "slug": slug, "extensions": records })).await;
        store["documentId"].as_str().expect("a documentId").to_owned()
    }

    /// The extension record in this place of a store.
    pub async fn record(&self, store: &str, place: usize) -> Value {
        let store = self.get(&format!("/api/stores/{store}?populate=extensions")).await;
        store.expect(200)["data"]["extensions"][place].clone()
    }

    /// All runs with their attempts, the latest first.
    pub async fn runs(&self) -> Vec<Value> {
        let runs = self.get("/tenon/runs?populate=attempts").await;
        runs.expect(200)["data"].as_array().expect("a list").clone()
    }

    /// The only run that there is.
    pub async fn only_run(&self) -> Value {
        let mut runs = self.runs().await;
        assert_eq!(runs.len(), 1, "one run was expected: {runs:#?}");
        runs.remove(0)
    }

    /// Does to the tables what no caller could.
    pub async fn sql(&self, statement: &'static str) {
        let done = self.state.db.write(move |conn| conn.execute(&Sql::new(statement)));
        done.await.unwrap_or_else(|error| panic!("{statement}: {error}"));
    }

    /// The first column of all rows.
    pub async fn texts(&self, query: &'static str) -> Vec<String> {
        let found = self.state.db.read(move |conn| conn.list(&Sql::new(query), |row| row.text(0)));
        found.await.unwrap_or_else(|error| panic!("{query}: {error}"))
    }

    /// Waits until `query` finds something.
    pub async fn until(&self, query: &'static str) {
        let since = Instant::now();
        while self.state.db.read(move |conn| conn.first(&Sql::new(query), |_| Ok(()))).await.expect(query).is_none() {
            assert!(since.elapsed() < PATIENCE, "never true: {query}");
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    }
}
