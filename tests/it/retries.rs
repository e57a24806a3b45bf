//! Receivers that fail, and what becomes of the runs: tried again, given up, or switched off, always on the record.

use serde_json::{Value, json};
use tenon::clock::{HOUR, MINUTE, Millis, SECOND};

use crate::support::app::TestApp;
use crate::support::on_both_databases;
use crate::support::receiver::{Answer, Gate};

/// Emits a sale for a store whose only record posts to a receiver that answers like this, lets the runner work until
/// nothing is left, and returns the store and the run.
async fn sell(app: &TestApp, answers: Vec<Answer>) -> (String, Value) {
    app.receiver.answers("/hook", answers);
    let store = app.store(vec![app.webhook("trigger:post_sale")]).await;
    app.emit(&store, "post_sale", json!({})).await;
    app.run_until_idle().await;
    (store, app.only_run().await)
}

/// How the run ended, and how many attempts it took.
fn end(run: &Value) -> (&str, usize) {
    (run["state"].as_str().unwrap_or_default(), run["attempts"].as_array().map_or(0, Vec::len))
}

/// The time from the start of one attempt to the start of the next.
fn gaps(run: &Value) -> Vec<Millis> {
    let started = |attempt: &Value| {
        let text = attempt["startedAt"].as_str().expect("a time");
        chrono::DateTime::parse_from_rfc3339(text).expect("a time").timestamp_millis()
    };
    let starts: Vec<_> = run["attempts"].as_array().expect("attempts").iter().map(started).collect();
    starts.windows(2).map(|pair| pair[1] - pair[0]).collect()
}

on_both_databases! {
    async fn a_receiver_that_never_recovers_ends_as_a_dead_letter(app: &TestApp) {
        let (store, run) = sell(app, vec![503.into()]).await;
        assert_eq!(end(&run), ("dead", 8), "{run}");
        let gaps = gaps(&run);
        for (gap, planned) in gaps.iter().zip([5 * SECOND, 5 * MINUTE, 30 * MINUTE, 2 * HOUR, 5 * HOUR, 10 * HOUR]) {
            assert!((planned * 7 / 10..=planned * 13 / 10).contains(gap), "{gap} for {planned} in {gaps:?}");
        }
        let record = app.record(&store, 0).await;
        assert_eq!((&record["run_count"], &record["last_run"]), (&json!(8), &Value::Null), "{record}");
    }

    async fn every_attempt_has_the_same_ids(app: &TestApp) {
        sell(app, vec![500.into(), 500.into(), 200.into()]).await;
        let received = app.receiver.received();
        for name in ["webhook-id", "idempotency-key"] {
            let ids: Vec<_> = received.iter().map(|delivery| delivery.header(name)).collect();
            assert!(ids.len() == 3 && ids[0] == ids[1] && ids[1] == ids[2] && !ids[0].is_empty(), "{name}: {ids:?}");
        }
        assert!(received.windows(2).all(|pair| pair[0].body == pair[1].body), "every attempt sends the same body");
    }

    async fn a_receiver_that_recovers_is_reached(app: &TestApp) {
        let (store, run) = sell(app, vec![503.into(), 500.into(), 200.into()]).await;
        assert_eq!(end(&run), ("completed", 3), "{run}");
        let record = app.record(&store, 0).await;
        assert_eq!((&record["run_count"], record["last_run"].is_string()), (&json!(3), true));
    }

    async fn retry_after_never_shortens_the_schedule(app: &TestApp) {
        for (number, asked) in ["0", "1", "Sat, 21 Nov 2020 10:00:00 GMT"].into_iter().enumerate() {
            let path = format!("/hook{number}");
            app.receiver.answers(&path, [Answer::status(503).header("retry-after", asked)]);
            let store = app.store_named(&format!("store-{number}"), vec![app.webhook_to(&path, "trigger:post_sale")]).await;
            app.emit(&store, "post_sale", json!({})).await;
            app.run_until_idle().await;
            let run = app.runs().await.remove(0);
            assert_eq!(end(&run), ("dead", 8), "{asked}: {run}");
            let all: Millis = gaps(&run).iter().sum();
            assert!(all > 20 * HOUR, "{asked}: dead after {all} ms");
        }
    }

    async fn retry_after_is_kept_to(app: &TestApp) {
        let busy = |status| Answer::status(status).header("retry-after", "1800");
        let (_, run) = sell(app, vec![busy(503), busy(429), 200.into()]).await;
        assert_eq!(end(&run), ("completed", 3), "{run}");
        assert!(gaps(&run).iter().all(|gap| (30 * MINUTE..40 * MINUTE).contains(gap)), "{:?}", gaps(&run));
    }

    async fn a_refusal_is_not_tried_again(app: &TestApp) {
        for status in [400, 401, 404, 422] {
            app.receiver.answers("/hook", [status]);
            let slug = format!("store-{status}");
            let store = app.store_named(&slug, vec![app.webhook("trigger:post_sale")]).await;
            app.emit(&store, "post_sale", json!({})).await;
            app.run_until_idle().await;
            let run = app.runs().await.remove(0);
            assert_eq!(end(&run), ("dead", 1), "{status}: {run}");
            assert_eq!(app.record(&store, 0).await["active"], true);
        }
    }

    async fn gone_switches_the_record_off(app: &TestApp) {
        let (store, run) = sell(app, vec![410.into()]).await;
        assert_eq!(end(&run), ("dead", 1), "{run}");
        assert_eq!(app.record(&store, 0).await["active"], false);
        app.emit(&store, "post_sale", json!({})).await;
        app.run_until_idle().await;
        app.only_run().await;
    }

    async fn a_redirect_is_not_followed(app: &TestApp) {
        let (_, run) = sell(app, vec![Answer::redirect(&app.receiver.url("/elsewhere"))]).await;
        assert_eq!(run["state"], "dead", "{run}");
        assert!(app.receiver.received().iter().all(|delivery| delivery.path == "/hook"));
    }

    async fn an_answer_that_is_cut_short_is_a_failure(app: &TestApp) {
        let (_, run) = sell(app, vec![Answer::cut_short(), 200.into()]).await;
        assert_eq!(end(&run), ("completed", 2), "{run}");
    }

    async fn a_receiver_that_hangs_or_drips_is_given_up_on_in_time(app: &TestApp) {
        app.receiver.answers("/hook", [Answer::hang(), Answer::drip()]);
        let mut record = app.webhook("trigger:post_sale");
        record["config"] = json!({ "policy": { "timeout_s": 1, "max_attempts": 2 } });
        let store = app.store(vec![record]).await;
        app.emit(&store, "post_sale", json!({})).await;
        app.run_until_idle().await;
        let run = app.only_run().await;
        assert_eq!(end(&run), ("dead", 2));
        for attempt in run["attempts"].as_array().expect("a list") {
            // One deadline for connecting, sending and the whole answer, however it comes: that would take half an hour.
            assert!((900..60_000).contains(&attempt["durationMs"].as_i64().expect("a number")), "{attempt}");
        }
        assert_eq!(app.receiver.received().len(), 2);
    }

    async fn whatever_comes_with_a_200_is_a_success(app: &TestApp) {
        let bodies = [&b""[..], b"<html>not JSON", b"\xff\xfe\x00garbage", b"{\"ok\": false}"];
        app.receiver.answers("/hook", bodies.map(|body| Answer::status(200).body(body)));
        let store = app.store(vec![app.webhook("trigger:post_sale")]).await;
        for _ in bodies {
            app.emit(&store, "post_sale", json!({})).await;
        }
        app.run_until_idle().await;
        let runs = app.runs().await;
        assert!(runs.len() == 4 && runs.iter().all(|run| end(run) == ("completed", 1)), "{runs:?}");
    }

    async fn a_clock_that_is_set_back_stops_nothing(app: &TestApp) {
        app.receiver.answers("/hook", [500, 200]);
        let store = app.store(vec![app.webhook("trigger:post_sale")]).await;
        app.emit(&store, "post_sale", json!({})).await;
        app.rest().await;
        app.advance(-3 * HOUR);
        app.emit(&store, "post_sale", json!({})).await;
        app.receiver.wait_for(2).await;
        app.run_until_idle().await;
        assert!(app.runs().await.iter().all(|run| run["state"] == "completed"), "{:?}", app.runs().await);
        assert_eq!(app.receiver.received().len(), 3, "the one that failed is tried again when its time comes");
    }

    async fn a_huge_answer_is_read_no_further_than_its_cap(app: &TestApp) {
        let (_, run) = sell(app, vec![Answer::status(200).body(vec![b'x'; 8 << 20])]).await;
        let attempt = run["attempts"][0].to_string();
        assert_eq!(end(&run), ("completed", 1), "what was accepted was accepted");
        assert!(attempt.len() < 40_000, "{} bytes: {attempt:.1000}", attempt.len());
    }

    async fn a_slow_receiver_holds_up_nobody_else(app: &TestApp) {
        let gate = Gate::closed();
        app.receiver.answers("/slow", [Answer::status(200).behind(&gate)]);
        let records = vec![app.webhook_to("/slow", "trigger:post_sale"), app.webhook_to("/quick", "trigger:post_sale")];
        let store = app.store(records).await;
        app.emit(&store, "post_sale", json!({})).await;
        app.until("SELECT 1 FROM runs WHERE state = 'completed'").await;
        app.receiver.wait_for(2).await;
        gate.open();
        app.run_until_idle().await;
    }

    async fn nobody_listens_on_the_port(app: &TestApp) {
        let mut record = app.webhook("trigger:post_sale");
        record["url"] = json!(format!("http://127.0.0.1:{}/", crate::support::program::free_port()));
        let store = app.store(vec![record]).await;
        app.emit(&store, "post_sale", json!({})).await;
        app.run_until_idle().await;
        assert_eq!(end(&app.only_run().await), ("dead", 8));
    }

    async fn a_private_address_is_refused(app: &TestApp) with |config| config.outbound_allow.clear(); {
        let (_, run) = sell(app, vec![200.into()]).await;
        assert_eq!(run["state"], "dead", "{run}");
        assert!(app.receiver.received().is_empty());
        assert!(run["attempts"][0]["message"].as_str().is_some_and(|text| text.contains("127.0.0.1")), "{run}");
    }

    async fn a_name_that_leads_to_a_private_address_is_refused(app: &TestApp)
    with |config| config.outbound_allow.clear(); {
        let mut record = app.webhook("trigger:post_sale");
        record["url"] = json!(app.receiver.url("/hook").replace("127.0.0.1", "localhost"));
        let store = app.store(vec![record]).await;
        app.emit(&store, "post_sale", json!({})).await;
        app.run_until_idle().await;
        assert_eq!(app.only_run().await["state"], "dead");
        assert!(app.receiver.received().is_empty());
    }

    async fn a_run_whose_worker_vanished_is_given_back(app: &TestApp) {
        app.receiver.answers("/hook", [500, 200]);
        let store = app.store(vec![app.webhook("trigger:post_sale")]).await;
        app.emit(&store, "post_sale", json!({})).await;
        app.receiver.wait_for(1).await;
        app.until("SELECT 1 FROM runs WHERE state = 'retryable'").await;
        // As a process leaves it that was killed within an attempt.
        app.sql("UPDATE runs SET state = 'running', attempt = 2, lease_until = 1").await;
        app.run_until_idle().await;
        assert_eq!(app.only_run().await["state"], "completed");
    }
}
