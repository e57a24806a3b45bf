//! Hourly limits, and what a policy that cannot be understood is answered with.

use serde_json::json;
use tenon::clock::HOUR;

use crate::support::app::TestApp;
use crate::support::on_both_databases;

/// A store whose record may have three attempts an hour, and five sales at the beginning of an hour.
async fn five_sales(app: &TestApp, on_limit: &str) {
    app.advance(HOUR - app.now() % HOUR);
    let mut record = app.webhook("trigger:post_sale");
    record["config"] = json!({ "policy": { "rate_limit_per_hour": 3, "on_limit": on_limit } });
    let store = app.store(vec![record]).await;
    for _ in 0..5 {
        app.emit(&store, "post_sale", json!({})).await;
    }
    app.rest().await;
    assert_eq!(app.receiver.received().len(), 3);
}

on_both_databases! {
    async fn what_is_beyond_the_limit_waits_for_the_next_hour(app: &TestApp) {
        five_sales(app, "defer").await;
        let waiting: Vec<_> = app.runs().await.into_iter().filter(|run| run["state"] == "available").collect();
        assert_eq!(waiting.len(), 2);
        for run in &waiting {
            let reason = run["reason"].as_str().expect("a reason");
            assert!(reason.starts_with("waits: the limit of this record, 3 an hour, is used up until "), "{reason}");
            assert_eq!((&run["attempt"], &run["attempts"]), (&json!(0), &json!([])));
        }
        app.advance(HOUR - 1);
        app.rest().await;
        assert_eq!(app.receiver.received().len(), 3, "the hour is not over");
        app.run_until_idle().await;
        assert_eq!(app.receiver.received().len(), 5);
    }

    async fn what_is_beyond_the_limit_is_skipped_where_the_policy_says_so(app: &TestApp) {
        five_sales(app, "skip").await;
        app.run_until_idle().await;
        let skipped = app.get("/tenon/runs?state=skipped").await;
        let skipped = skipped.expect(200)["data"].as_array().expect("a list").clone();
        assert!(skipped.len() == 2 && skipped.iter().all(|run| run["finishedAt"].is_string()), "{skipped:?}");
        assert_eq!(app.receiver.received().len(), 3);
    }

    async fn retries_count_and_a_handler_of_the_users_own_has_no_limit(app: &TestApp) {
        app.receiver.answers("/hook", [503, 200]);
        five_sales(app, "defer").await;
        app.run_until_idle().await;
        assert_eq!(app.receiver.received().len(), 6);
        let handlers = app.get("/tenon/handlers/custom:webhook").await;
        assert_eq!(handlers.expect(200)["data"]["rateLimitPerHour"], json!(null));
    }

    async fn hours_that_are_over_are_forgotten(app: &TestApp) {
        five_sales(app, "skip").await;
        app.run_until_idle().await;
        let kept = async || {
            tenon::runner::prune(&app.state).await.expect("pruned");
            app.texts("SELECT scope FROM hourly_uses").await.len()
        };
        assert_eq!(kept().await, 1);
        app.advance(2 * HOUR);
        assert_eq!(kept().await, 0);
    }

    async fn a_policy_that_cannot_be_understood_is_warned_of(app: &TestApp) {
        let mut record = app.webhook("trigger:post_sale");
        record["config"] = json!({ "policy": { "on_limit": "drop", "max_attempts": 1000 } });
        let data = json!({ "title": "T", "slug": "t", "extensions": [record] });
        let answer = app.post("/api/stores?populate=extensions", json!({ "data": data })).await;
        let warnings = answer.expect(201)["meta"]["warnings"].as_array().expect("warnings").clone();
        let paths: Vec<_> = warnings.iter().map(|one| one["path"].clone()).collect();
        let path = |name| json!(["extensions", "0", "config", format!("policy.{name}")]);
        assert_eq!(paths, [path("max_attempts"), path("on_limit")], "{warnings:?}");
    }
}
