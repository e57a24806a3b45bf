//! Records that run by themselves, and records that the runner stops.

use std::time::Duration;

use serde_json::{Value, json};
use tenon::clock::{DAY, HOUR, MINUTE, Millis, iso};
use tenon::db::Sql;
use tenon::runner::Runner;

use crate::support::PATIENCE;
use crate::support::app::TestApp;
use crate::support::on_both_databases;

/// A record that listens to nothing and has this schedule.
fn scheduled(app: &TestApp, path: &str, cron: &str) -> Value {
    json!({"key": "custom:webhook", "triggers": [], "url": app.receiver.url(path), "config": {"policy": {"schedule": cron}}})
}

/// Moves the clock to the next full hour, and returns it.
async fn to_the_hour(app: &TestApp) -> Millis {
    let now = app.now();
    let next = now - now % HOUR + HOUR;
    app.advance(next - now);
    next
}

/// Waits until every moment that has come is seen.
async fn ticked(app: &TestApp) {
    let since = std::time::Instant::now();
    let next = || Sql::new("SELECT next_tick FROM extensions WHERE next_tick IS NOT NULL ORDER BY next_tick LIMIT 1");
    let due = async || {
        let next = app.state.db.read(move |conn| conn.first(&next(), |row| row.int(0))).await.expect("an answer");
        next.is_some_and(|next| next <= app.now())
    };
    while due().await {
        assert!(since.elapsed() < PATIENCE, "nobody sees that the time has come");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

async fn change(app: &TestApp, store: &str, record: Value) {
    let path = format!("/api/stores/{store}/extensions/{}", app.record(store, 0).await["id"]);
    let answer = app.request(reqwest::Method::PATCH, &path).json(&json!({ "data": record })).send().await;
    assert_eq!(answer.expect("an answer").status(), 200);
}

on_both_databases! {
    async fn a_schedule_runs_its_record_alone_once_at_each_of_its_moments(app: &TestApp) {
        let everyone = app.webhook_to("/all", "trigger:*");
        let store = app.store(vec![scheduled(app, "/hourly", "0 * * * *"), everyone]).await;
        app.run_until_idle().await;
        app.receiver.forget();
        // Two runners, as two processes on one database have them.
        let other = Runner::start(app.state.clone());
        for round in 1..=3 {
            let hour = to_the_hour(app).await;
            let deliveries = app.receiver.wait_for(round).await;
            app.run_until_idle().await;
            let event = deliveries[round - 1].json();
            assert_eq!((&event["trigger"], &event["actor"]), (&json!("trigger:schedule"), &json!("schedule")));
            assert_eq!((&event["target"]["documentId"], &event["data"]["slug"]), (&json!(store), &json!("the-store")));
            assert_eq!(event["payload"]["scheduledFor"], iso(hour));
        }
        other.stop().await;
        let deliveries = app.receiver.received();
        assert!(deliveries.len() == 3 && deliveries.iter().all(|came| came.path == "/hourly"), "{deliveries:?}");
        assert_eq!(app.record(&store, 0).await["run_count"], 3);
    }

    async fn a_price_that_stands_in_the_draft_alone_is_told_of_whole(app: &TestApp) {
        let product = app.create("products", json!({"Name": "Tea"})).await;
        let id = product["documentId"].as_str().expect("an id");
        let price = json!({"Price": 2, "extensions": [scheduled(app, "/hook", "0 * * * *")]});
        app.put(&format!("/api/products/{id}?status=draft"), json!({"data": {"PRICES": [price]}})).await.expect(200);
        to_the_hour(app).await;
        let event = app.receiver.wait_for(1).await[0].json();
        app.run_until_idle().await;
        assert_eq!((&event["target"]["type"], &event["target"]["documentId"]), (&json!("price"), &json!(id)));
        assert_eq!((&event["data"]["price"]["Price"], &event["data"]["product"]["Name"]), (&json!(2), &json!("Tea")));
    }

    async fn moments_that_nobody_saw_are_not_made_up_for_one_by_one(app: &TestApp) {
        let store = app.store(vec![scheduled(app, "/hook", "0 * * * *")]).await;
        app.advance(10 * HOUR);
        app.receiver.wait_for(1).await;
        app.run_until_idle().await;
        change(app, &store, json!({"active": false})).await;
        app.advance(10 * HOUR);
        ticked(app).await;
        change(app, &store, json!({"config": {"policy": {"schedule": "30 4 * * *"}}})).await;
        app.advance(2 * DAY);
        ticked(app).await;
        change(app, &store, json!({"active": true})).await;
        app.run_until_idle().await;
        assert_eq!(app.receiver.received().len(), 1, "one for ten hours, none for while it was off");
        app.advance(DAY);
        let deliveries = app.receiver.wait_for(2).await;
        let scheduled_for = deliveries[1].json()["payload"]["scheduledFor"].as_str().map(|at| at[10..].to_owned());
        assert_eq!(scheduled_for.as_deref(), Some("T04:30:00.000Z"));
        change(app, &store, json!({"config": null})).await;
        app.advance(DAY);
        app.run_until_idle().await;
        assert_eq!(app.receiver.received().len(), 2, "without a schedule nothing comes");
    }

    async fn a_schedule_that_is_none_is_told(app: &TestApp) {
        let body = json!({"data": {"title": "S", "slug": "s", "extensions": [scheduled(app, "/hook", "every day")]}});
        let warnings = app.post("/api/stores", body).await.expect(201)["meta"]["warnings"].clone();
        assert_eq!(warnings[0]["path"], json!(["extensions", "0", "config", "policy.schedule"]));
        assert!(warnings[0]["message"].as_str().is_some_and(|text| text.contains("cron expression")), "{warnings}");
    }

    async fn a_record_that_fails_for_five_days_is_switched_off_and_told_of(app: &TestApp) {
        app.receiver.answers("/dead", [500]);
        let alarm = app.webhook_to("/alarm", "trigger:extension_disabled");
        let store = app.store(vec![app.webhook_to("/dead", "trigger:post_sale"), alarm]).await;
        for _ in 0..5 {
            app.emit(&store, "post_sale", json!({})).await;
            app.advance(MINUTE);
            app.rest().await;
            app.advance(DAY);
        }
        app.run_until_idle().await;
        let alarms: Vec<_> = app.receiver.received().into_iter().filter(|came| came.path == "/alarm").collect();
        assert_eq!(alarms.len(), 1, "{alarms:?}");
        let event = alarms[0].json();
        assert_eq!(event["trigger"], "trigger:extension_disabled");
        assert_eq!(event["payload"]["extension"]["url"], app.receiver.url("/dead"));
        assert_eq!(event["payload"]["reason"], "it has failed for 5 days without a success");
        let (dead, alarm) = (app.record(&store, 0).await, app.record(&store, 1).await);
        assert_eq!((&dead["active"], &alarm["active"]), (&json!(false), &json!(true)));
        let ended = app.texts("SELECT DISTINCT state FROM runs WHERE state NOT IN ('dead', 'cancelled', 'completed')").await;
        assert!(ended.is_empty(), "nothing waits for it any more: {ended:?}");

        app.receiver.answers("/dead", [200]);
        let path = format!("/api/stores/{store}/extensions/{}/toggle", dead["id"]);
        app.post(&path, json!({"data": {"active": true}})).await.expect(200);
        app.emit(&store, "post_sale", json!({})).await;
        app.run_until_idle().await;
        let since = app.texts("SELECT coalesce(disabled_reason, '') || coalesce(failing_since, 0) FROM extensions").await;
        assert_eq!(since, ["0", "0"], "switched on again it begins anew");
    }

    async fn a_success_begins_the_five_days_anew(app: &TestApp) {
        let mut record = app.webhook_to("/hook", "trigger:post_sale");
        record["config"] = json!({"policy": {"max_attempts": 1}});
        let store = app.store(vec![record]).await;
        for day in 0..9 {
            app.receiver.answers("/hook", [if day == 4 { 200 } else { 400 }]);
            app.emit(&store, "post_sale", json!({})).await;
            app.run_until_idle().await;
            assert_eq!(app.record(&store, 0).await["active"], true, "day {day}");
            app.advance(DAY);
        }
        app.advance(DAY);
        app.emit(&store, "post_sale", json!({})).await;
        app.run_until_idle().await;
        assert_eq!(app.record(&store, 0).await["active"], false);
    }
}
