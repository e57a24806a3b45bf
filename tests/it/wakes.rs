//! Work that is made in a process whose runner has its hands full wakes the runners of other processes, whoever makes it.

use std::future::Future;
use std::sync::Arc;

use serde_json::{Value, json};
use tenon::clock::{Clock, HOUR, OsRandom};
use tenon::db::Kind;
use tenon::state::AppState;

use crate::support::PATIENCE;
use crate::support::app::TestApp;
use crate::support::database::catalog;
use crate::support::receiver::{Answer, Gate};

/// A store with a record that keeps the runner busy, and one that has a run which has ended.
struct Shop<'a> {
    app: &'a TestApp,
    store: String,
    record: Value,
    ended: String,
}

impl Shop<'_> {
    /// The API's path to the second record.
    fn path(&self) -> String {
        format!("/api/stores/{}/extensions/{}", self.store, self.record)
    }
}

/// What makes work.
const WAYS: [&str; 6] = ["an event", "a change", "run now", "a replay", "a replay of many", "a schedule"];

async fn make_work(way: &str, shop: &Shop<'_>) {
    let Shop { app, store, ended, .. } = shop;
    match way {
        "an event" => drop(app.emit(store, "acme:done", json!({})).await),
        "a change" => {
            let renamed = json!({"data": {"title": "Another title"}});
            app.put(&format!("/api/stores/{store}?status=draft"), renamed).await.expect(200);
        }
        "run now" => drop(app.post(&format!("{}/run", shop.path()), json!({})).await.expect(202).clone()),
        "a replay" => drop(app.post(&format!("/tenon/runs/{ended}/replay"), json!({})).await.expect(202).clone()),
        "a replay of many" => {
            drop(app.post("/tenon/runs/replay", json!({"ids": [ended]})).await.expect(202).clone());
        }
        _ => app.advance(HOUR),
    }
}

#[test]
fn work_of_every_kind_wakes_other_processes_when_this_one_has_its_hands_full() {
    for way in WAYS {
        TestApp::tell(
            Kind::Postgres,
            |config| config.runner.concurrency = 1,
            async |app| {
                let gate = Gate::closed();
                app.receiver.answers("/busy", [Answer::status(200).behind(&gate)]);
                let mut done = app.webhook_to("/done", "acme:done");
                done["config"] = json!({"policy": {"schedule": "0 * * * *"}});
                let store = app.store(vec![app.webhook_to("/busy", "acme:busy"), done]).await;
                app.emit(&store, "acme:done", json!({})).await;
                app.run_until_idle().await;
                let ended = app.only_run().await["id"].as_str().expect("an id").to_owned();
                let shop = Shop { app, record: app.record(&store, 1).await["id"].clone(), store, ended };

                app.emit(&shop.store, "acme:busy", json!({})).await;
                app.receiver.wait_for(2).await;
                let other = other_process(app).await;
                until("the processes listen", || app.state.db.listens() && other.db.listens()).await;
                make_work(way, &shop).await;
                within(way, other.db.work()).await;

                gate.open();
                app.run_until_idle().await;
            },
        );
    }
}

/// The state of another process on the same database, in which no runner runs.
async fn other_process(app: &TestApp) -> Arc<AppState> {
    let handlers = tenon::extensions::registry().expect("one handler for each key");
    let clock: Arc<dyn Clock> = app.clock.clone();
    let built =
        AppState::build(app.state.config.clone(), (handlers, catalog()), clock, Arc::new(OsRandom::new())).await;
    built.unwrap_or_else(|problem| panic!("{problem}"))
}

async fn until(what: &str, is_so: impl Fn() -> bool) {
    within(what, async {
        while !is_so() {
            tokio::time::sleep(std::time::Duration::from_millis(2)).await;
        }
    })
    .await;
}

async fn within(what: &str, comes: impl Future<Output = ()>) {
    tokio::time::timeout(PATIENCE, comes).await.unwrap_or_else(|_| panic!("{what}: it never comes to that"));
}
