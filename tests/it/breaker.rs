//! Destinations that fail: their runs wait, one probe at a time goes out, and the first success lets all of them go.

use std::collections::BTreeSet;

use serde_json::{Value, json};
use tenon::clock::{HOUR, MINUTE, Millis, SECOND};

use crate::support::app::{SECRET, TestApp};
use crate::support::on_both_databases;
use crate::support::receiver::Answer;

/// A moment that was answered.
fn moment(text: &Value) -> Millis {
    let text = text.as_str().unwrap_or_else(|| panic!("no time: {text}"));
    chrono::DateTime::parse_from_rfc3339(text).expect("a time").timestamp_millis()
}

/// A store whose only record posts to `path`.
async fn shop(app: &TestApp, slug: &str, path: &str) -> String {
    app.store_named(slug, vec![app.webhook_to(path, "trigger:post_sale")]).await
}

/// Emits a sale whose receiver fails, and moves the clock to each retry until it has failed five times in a row.
async fn fail_five_times(app: &TestApp) -> Value {
    let store = shop(app, "the-store", "/hook").await;
    app.emit(&store, "post_sale", json!({})).await;
    app.rest().await;
    for _ in 1..5 {
        let due = moment(&app.only_run().await["dueAt"]);
        app.advance(due - app.now());
        app.rest().await;
    }
    app.only_run().await
}

/// Lets the time pass in small steps, so that every probe goes out when it is due.
async fn pass(app: &TestApp, span: Millis, step: Millis) {
    for _ in 0..span / step {
        app.advance(step);
        app.rest().await;
    }
}

/// The events that were delivered, those twice that were delivered twice.
fn events(app: &TestApp) -> Vec<String> {
    app.receiver.received().iter().map(|one| one.header("webhook-id").to_owned()).collect()
}

on_both_databases! {
    async fn an_outage_uses_up_no_tries_and_its_backlog_is_delivered_when_it_ends(app: &TestApp) {
        app.receiver.answers("/hook", [503]);
        let store = shop(app, "the-store", "/hook").await;
        let mut emitted = BTreeSet::new();
        // 20 seconds of it.
        for _ in 0..100 {
            emitted.insert(app.emit(&store, "post_sale", json!({})).await);
            app.advance(200);
            app.rest().await;
        }
        let tried = app.receiver.received().len();
        assert!((10..40).contains(&tried), "{tried} requests while nobody could answer");
        app.receiver.answers("/hook", [200]);
        app.receiver.forget();
        pass(app, 5 * SECOND, 200).await;
        let delivered = events(app);
        assert_eq!((delivered.len(), delivered.into_iter().collect::<BTreeSet<_>>()), (100, emitted), "each once");
        let most = app.texts("SELECT max(attempt - probes) || '' FROM runs").await;
        assert!(most[0].parse::<i64>().expect("a number") <= 5, "{most:?} tries");
        assert_eq!(app.texts("SELECT name FROM destinations").await, [""; 0]);
    }

    async fn a_service_that_answers_is_not_left_alone_for_what_it_says(app: &TestApp) {
        // Nothing that PostHog says: a run to try again, but no reason to keep others from there.
        app.receiver.answers("/i/v0/e/", [Answer::status(200).body("<html>")]);
        let (credentials, url) = (json!({"api_key": "phc_a"}), app.receiver.url(""));
        let record = json!({"key": "posthog:track", "triggers": ["post_sale"], "credentials": credentials, "url": url});
        let store = app.store(vec![record]).await;
        for _ in 0..6 {
            app.emit(&store, "post_sale", json!({})).await;
        }
        app.rest().await;
        assert_eq!(app.receiver.received().len(), 6);
        assert_eq!(app.texts("SELECT name FROM destinations").await, [""; 0]);
        assert!(app.runs().await.iter().all(|run| run["state"] == "retryable"));
        app.sql("UPDATE runs SET state = 'cancelled'").await;
    }

    async fn what_one_shops_account_refuses_holds_up_no_other(app: &TestApp) {
        app.receiver.answers("/own?wait=true", [503]);
        let record = |path: &str| {
            let credentials = json!({"webhook_url": app.receiver.url(path)});
            json!({"key": "discord:webhook", "triggers": ["post_sale"], "credentials": credentials})
        };
        let ill = app.store_named("ill", vec![record("/own")]).await;
        let well = app.store_named("well", vec![record("/other")]).await;
        for _ in 0..6 {
            app.emit(&ill, "post_sale", json!({})).await;
            app.rest().await;
        }
        assert_eq!(app.texts("SELECT name FROM destinations WHERE opened_at IS NOT NULL").await.len(), 1);
        app.emit(&well, "post_sale", json!({})).await;
        app.rest().await;
        assert!(app.receiver.received().iter().any(|one| one.path.starts_with("/other")));
        app.sql("UPDATE runs SET state = 'cancelled' WHERE state <> 'completed'").await;
    }

    async fn a_run_that_waits_says_for_what(app: &TestApp) {
        app.receiver.answers("/hook", [503]);
        let run = fail_five_times(app).await;
        let (reason, host) = (run["reason"].as_str().expect("a reason"), app.receiver.url(""));
        let waits = format!("waits: {} has failed since ", host.trim_start_matches("http://"));
        assert!(reason.starts_with(&waits) && reason.ends_with("; before: 503 Service Unavailable"), "{reason}");
        app.run_until_idle().await;
    }

    async fn a_probe_ahead_of_its_time_finds_the_receiver_well(app: &TestApp) {
        app.receiver.answers("/hook", [503, 503, 503, 503, 503, 200]);
        let run = fail_five_times(app).await;
        assert!(moment(&run["dueAt"]) - app.now() > 4 * HOUR, "{run}");
        pass(app, 6 * MINUTE, MINUTE).await;
        app.until("SELECT 1 FROM runs WHERE state = 'completed'").await;
        let run = app.only_run().await;
        assert_eq!((run["attempts"].as_array().map(Vec::len), &run["probes"]), (Some(6), &json!(0)), "{run}");
    }

    async fn a_probe_ahead_of_its_time_that_fails_uses_up_no_try(app: &TestApp) {
        app.receiver.answers("/hook", [503]);
        let before = fail_five_times(app).await;
        app.advance(6 * MINUTE);
        app.until("SELECT 1 FROM runs WHERE probes = 1 AND state = 'retryable'").await;
        let run = app.only_run().await;
        assert_eq!((&run["dueAt"], &run["attempt"]), (&before["dueAt"], &json!(6)), "{run}");
        app.run_until_idle().await;
        let run = app.only_run().await;
        assert_eq!((&run["state"], &run["attempt"], &run["probes"]), (&json!("dead"), &json!(9), &json!(1)), "{run}");
    }

    async fn a_receiver_that_asks_for_time_is_not_probed_before(app: &TestApp) {
        let asks = Answer::status(503).header("retry-after", "1800");
        app.receiver.answers("/hook", [503.into(), 503.into(), 503.into(), 503.into(), asks, 200.into()]);
        fail_five_times(app).await;
        pass(app, 28 * MINUTE, 4 * MINUTE).await;
        assert_eq!(app.receiver.received().len(), 5);
        app.run_until_idle().await;
        assert_eq!(app.only_run().await["state"], "completed");
    }

    async fn a_record_whose_path_is_broken_keeps_the_host_from_nobody(app: &TestApp) {
        app.receiver.answers("/broken", [500]);
        let broken = shop(app, "broken", "/broken").await;
        let well = shop(app, "well", "/well").await;
        for _ in 0..5 {
            app.emit(&broken, "post_sale", json!({})).await;
        }
        app.rest().await;
        app.emit(&well, "post_sale", json!({})).await;
        app.until("SELECT 1 FROM runs WHERE parked = 1 AND attempt = 0").await;
        pass(app, 2 * SECOND, 500).await;
        assert_eq!(app.receiver.received().iter().filter(|one| one.path == "/well").count(), 1);
        app.receiver.answers("/broken", [200]);
        app.run_until_idle().await;
    }

    async fn a_refusal_says_that_the_receiver_is_there(app: &TestApp) {
        app.receiver.answers("/hook", [503, 503, 503, 503, 503, 400]);
        fail_five_times(app).await;
        app.run_until_idle().await;
        assert_eq!(app.only_run().await["state"], "dead");
        assert_eq!(app.texts("SELECT name FROM destinations").await, [""; 0]);
    }

    async fn runs_that_wait_follow_their_record_to_another_url(app: &TestApp) {
        let mut record = app.webhook("trigger:post_sale");
        record["url"] = json!(format!("http://127.0.0.1:{}/", crate::support::program::free_port()));
        let store = app.store(vec![record]).await;
        for _ in 0..6 {
            app.emit(&store, "post_sale", json!({})).await;
        }
        app.rest().await;
        app.until("SELECT 1 FROM runs WHERE parked = 1").await;
        let mut record = app.record(&store, 0).await;
        record["url"] = json!(app.receiver.url("/moved"));
        record["credentials"] = json!({"secret": SECRET});
        app.put(&format!("/api/stores/{store}"), json!({ "data": { "extensions": [record] } })).await.expect(200);
        assert_eq!(app.texts("SELECT uid FROM runs WHERE parked = 1").await, [""; 0]);
        app.run_until_idle().await;
        assert_eq!(app.receiver.received().len(), 6);
    }
}
