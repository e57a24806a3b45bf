//! What became of one record: its runs, and how it does.

use std::time::Duration;

use serde_json::{Value, json};
use tenon::clock::Clock as _;
use tenon::clock::{DAY, HOUR, iso};

use crate::support::app::TestApp;
use crate::support::on_both_databases;
use crate::support::receiver::Answer;

/// The path of the first record of a store.
async fn first(app: &TestApp, store: &str) -> String {
    format!("/api/stores/{store}/extensions/{}", app.record(store, 0).await["id"])
}

async fn stats(app: &TestApp, record: &str) -> Value {
    app.get(&format!("{record}/stats")).await.expect(200)["data"].clone()
}

on_both_databases! {
    async fn the_runs_of_a_record_are_listed_and_filtered(app: &TestApp) {
        let store = app.store(vec![app.webhook_to("/one", "*_sale"), app.webhook_to("/two", "*")]).await;
        app.run_until_idle().await;
        let record = first(app, &store).await;
        for trigger in ["pre_sale", "post_sale", "post_sale"] {
            app.emit(&store, trigger, json!({})).await;
        }
        app.run_until_idle().await;
        for (query, total) in [("", 3), ("?trigger=post_sale", 2), ("?state=dead", 0), ("?pagination[pageSize]=1", 3)] {
            let answer = app.get(&format!("{record}/runs{query}")).await;
            assert_eq!(answer.expect(200)["meta"]["pagination"]["total"], total, "{query}");
        }
        let populated = app.get(&format!("{record}/runs?populate=attempts")).await;
        let run = populated.expect(200)["data"][0].clone();
        assert_eq!(run["attempts"][0]["exchanges"][0]["answer"]["status"], 200);
        app.get(&format!("{record}/runs?extension=1")).await.expect(400);
        app.get(&format!("/api/stores/{store}/extensions/999999/runs")).await.expect(404);
        app.get(&format!("/api/stores/{store}/extensions/999999/stats")).await.expect(404);
        for path in ["runs", "stats"] {
            app.with_token(None).get(&format!("{record}/{path}")).await.expect(403);
        }
    }

    async fn statistics_tell_how_a_record_does(app: &TestApp) {
        let store = app.store(vec![app.webhook("trigger:acme:*")]).await;
        app.run_until_idle().await;
        let record = first(app, &store).await;
        let nothing = stats(app, &record).await;
        assert_eq!(nothing["week"], json!({"attempts": 0, "runs": 0, "completed": 0, "dead": 0, "successRate": null}));
        assert_eq!((&nothing["latency"], &nothing["lastTriggered"], &nothing["sentToday"]), (&Value::Null, &Value::Null, &json!(0)));

        // At half past ten in the morning, so that neither a day nor an hour ends meanwhile.
        let now = app.clock.now();
        app.advance(DAY - now.rem_euclid(DAY) + 10 * HOUR + HOUR / 2);
        app.emit(&store, "acme:first", json!({})).await;
        app.run_until_idle().await;
        app.advance(2 * DAY);
        app.receiver.answers("/hook", [Answer::status(400).body("no such order"), 200.into(), Answer::status(200).after(Duration::from_millis(60))]);
        let triggered = iso(app.clock.now());
        for number in 0..4 {
            app.emit(&store, &format!("acme:{number}"), json!({})).await;
            app.run_until_idle().await;
        }
        let told = stats(app, &record).await;
        assert_eq!(told["day"], json!({"attempts": 4, "runs": 4, "completed": 3, "dead": 1, "successRate": 0.75}));
        assert_eq!(told["week"], json!({"attempts": 5, "runs": 5, "completed": 4, "dead": 1, "successRate": 0.8}));
        assert_eq!((&told["sentToday"], &told["lastTriggered"]), (&json!(4), &json!(triggered)));
        assert_eq!(told["lastSuccess"], app.record(&store, 0).await["last_run"]);
        assert!(told["lastFailure"]["reason"].as_str().expect("a reason").contains("400"), "{told}");
        let failed = app.get(&format!("/tenon/runs/{}", told["lastFailure"]["runId"].as_str().expect("an id"))).await;
        assert_eq!(failed.expect(200)["data"]["run"]["state"], "dead");
        let latest = json!({"runs": 5, "waiting": 0, "running": 0, "completed": 4, "dead": 1, "cancelled": 0, "skipped": 0, "nextDue": null});
        assert_eq!(told["latest"], latest);
        let latency = |name: &str| told["latency"][name].as_i64().expect("a number");
        assert_eq!(latency("attempts"), 5);
        assert!(latency("p99") >= 60 && latency("p50") <= latency("p95") && latency("mean") >= 24, "{told}");
    }

    async fn what_waits_and_when_it_is_due_is_told(app: &TestApp) {
        app.receiver.answers("/hook", [503]);
        let store = app.store(vec![app.webhook("post_sale")]).await;
        app.run_until_idle().await;
        let record = first(app, &store).await;
        app.emit(&store, "post_sale", json!({})).await;
        app.until("SELECT id FROM runs WHERE state = 'retryable'").await;
        let told = stats(app, &record).await;
        assert_eq!((&told["latest"]["waiting"], &told["day"]["attempts"], &told["day"]["runs"]), (&json!(1), &json!(1), &json!(0)));
        let due = app.get(&format!("{record}/runs")).await.expect(200)["data"][0]["dueAt"].clone();
        assert_eq!((&told["latest"]["nextDue"], &told["lastSuccess"]), (&due, &Value::Null));
        app.receiver.answers("/hook", [200]);
        app.run_until_idle().await;
        assert_eq!(stats(app, &record).await["latest"]["completed"], 1);
    }

    async fn hours_go_with_the_retention(app: &TestApp) {
        let store = app.store(vec![app.webhook("post_sale")]).await;
        app.emit(&store, "post_sale", json!({})).await;
        app.run_until_idle().await;
        app.advance(29 * DAY);
        tenon::runner::prune(&app.state).await.expect("pruned");
        assert_eq!(app.texts("SELECT CAST(attempts AS TEXT) FROM extension_hours").await, ["1"]);
        app.advance(2 * DAY);
        tenon::runner::prune(&app.state).await.expect("pruned");
        assert!(app.texts("SELECT CAST(attempts AS TEXT) FROM extension_hours").await.is_empty());
    }
}
