//! Receivers that have enough for now and say for how long: a limit is no failure, and what is over it waits.

use std::sync::Arc;

use serde_json::{Value, json};
use tenon::clock::{Clock, DAY, HOUR, MINUTE, Millis, SECOND};

use crate::support::app::TestApp;
use crate::support::on_both_databases;
use crate::support::receiver::Answer;

/// Discord's limit of a webhook: five messages in two seconds; beyond it 429, and how long they still last.
fn five_in_two_seconds(clock: Arc<dyn Clock>) -> impl FnMut() -> Answer + Send {
    let mut window: (Millis, u32) = (0, 0);
    move || {
        let now = clock.now();
        if now - window.0 >= 2 * SECOND {
            window = (now, 0);
        }
        window.1 += 1;
        if window.1 <= 5 {
            return Answer::status(200).body("{}");
        }
        let rest = (window.0 + 2 * SECOND - now) as f64 / 1000.0;
        Answer::status(429).body(json!({"retry_after": rest, "global": false}).to_string())
    }
}

fn discord(app: &TestApp, path: &str) -> Value {
    let credentials = json!({"webhook_url": app.receiver.url(path)});
    json!({"key": "discord:webhook", "triggers": ["post_sale"], "credentials": credentials})
}

fn asks(status: u16, wait: &str) -> Answer {
    Answer::status(status).header("retry-after", wait)
}

on_both_databases! {
    async fn a_burst_is_delivered_at_the_rate_that_its_receiver_allows(app: &TestApp) {
        app.receiver.answers_by("/own?wait=true", five_in_two_seconds(app.clock.clone()));
        let store = app.store(vec![discord(app, "/own")]).await;
        let since = app.now();
        for number in 0..100 {
            app.emit(&store, "post_sale", json!({ "number": number })).await;
        }
        app.run_until_idle().await;
        let states = app.texts("SELECT DISTINCT state || ' ' || (attempt - limits) FROM runs").await;
        assert_eq!(states, ["completed 1"], "a limit uses up no attempt");
        let (span, sent) = (app.now() - since, app.receiver.received().len());
        assert!((38 * SECOND..60 * SECOND).contains(&span), "{span} ms");
        assert!(sent <= 250, "{sent} requests for 100 messages");
        assert_eq!(app.texts("SELECT lane FROM holds").await, [""; 0], "nothing is held back any more");
        assert_eq!(app.texts("SELECT name FROM destinations").await, [""; 0], "and no breaker has opened");
    }

    async fn a_limit_of_no_time_is_not_asked_in_a_circle(app: &TestApp) {
        let (clock, since) = (app.clock.clone(), app.now());
        app.receiver.answers_by("/hook", move || match clock.now() - since < MINUTE {
            true => asks(429, "0"),
            false => 200.into(),
        });
        let store = app.store(vec![app.webhook("trigger:post_sale")]).await;
        app.emit(&store, "post_sale", json!({})).await;
        app.run_until_idle().await;
        let run = app.only_run().await;
        assert_eq!(run["state"], "completed", "{run}");
        let sent = app.receiver.received().len();
        assert!((5..50).contains(&sent), "{sent} requests in a minute");
    }

    async fn a_receiver_that_says_no_time_is_asked_ever_more_seldom(app: &TestApp) {
        for (place, wait) in ["0", "Mon, 01 Jan 2001 00:00:00 GMT", "1"].into_iter().enumerate() {
            let (path, name) = (format!("/hook{place}"), format!("store-{place}"));
            app.receiver.answers(&path, [asks(429, wait)]);
            let store = app.store_named(&name, vec![app.webhook_to(&path, "trigger:post_sale")]).await;
            app.emit(&store, "post_sale", json!({})).await;
            let (since, sent) = (app.now(), || app.receiver.received().iter().filter(|sent| sent.path == path).count());
            while app.now() - since < 16 * SECOND {
                app.rest().await;
                app.advance(SECOND / 4);
            }
            app.rest().await;
            assert!((3..=8).contains(&sent()), "{wait}: {} requests in 16 seconds", sent());
            app.run_until_idle().await;
            assert!((100..400).contains(&sent()), "{wait}: {} requests until it was given up", sent());
        }
    }

    async fn a_receiver_that_always_has_enough_keeps_no_run_alive_for_ever(app: &TestApp) {
        for (place, (wait, most)) in [("3600", 30 * HOUR), ("31536000", 3 * DAY)].into_iter().enumerate() {
            let path = format!("/hook{place}");
            app.receiver.answers(&path, [asks(429, wait)]);
            let record = app.webhook_to(&path, "trigger:post_sale");
            let store = app.store_named(&format!("store-{place}"), vec![record]).await;
            let since = app.now();
            app.emit(&store, "post_sale", json!({})).await;
            app.run_until_idle().await;
            let run = app.runs().await.remove(0);
            let reason = run["reason"].as_str().unwrap_or_default();
            assert!(run["state"] == "dead" && reason.contains("429") && reason.contains("27 hours"), "{run}");
            assert_eq!(run["attempt"], run["limits"], "none of them used up an attempt: {run}");
            let span = app.now() - since;
            assert!((27 * HOUR..most).contains(&span), "Retry-After: {wait}: dead after {span} ms");
        }
    }

    async fn a_limit_without_a_time_is_a_failure_like_any_other(app: &TestApp) {
        app.receiver.answers("/hook", [429]);
        let store = app.store(vec![app.webhook("trigger:post_sale")]).await;
        app.emit(&store, "post_sale", json!({})).await;
        app.run_until_idle().await;
        let run = app.only_run().await;
        assert_eq!((&run["state"], &run["attempt"], &run["limits"]), (&json!("dead"), &json!(8), &json!(0)), "{run}");
    }

    async fn what_one_store_has_too_much_of_holds_up_no_other(app: &TestApp) {
        app.receiver.answers("/busy", [asks(429, "3600"), 200.into()]);
        let busy = app.store_named("busy", vec![app.webhook_to("/busy", "trigger:post_sale")]).await;
        let calm = app.store_named("calm", vec![app.webhook_to("/calm", "trigger:post_sale")]).await;
        for _ in 0..2 {
            app.emit(&busy, "post_sale", json!({})).await;
            app.rest().await;
        }
        app.emit(&calm, "post_sale", json!({})).await;
        app.rest().await;
        let paths: Vec<_> = app.receiver.received().into_iter().map(|one| one.path).collect();
        assert_eq!(paths, ["/busy", "/calm"], "the second for the busy one waits with the first");
        for run in app.runs().await.iter().filter(|run| run["store"] == json!(busy)) {
            let reason = run["reason"].as_str().unwrap_or_default();
            assert!(reason.starts_with("waits: ") && reason.contains("has enough for now; next run "), "{run}");
        }
        let explained = app.get(&format!("/api/stores/{busy}/explain?trigger=post_sale")).await;
        assert!(explained.expect(200).to_string().contains(r#""because":"limit""#), "{}", explained.text);
        app.run_until_idle().await;
        assert_eq!(app.texts("SELECT DISTINCT state FROM runs").await, ["completed"]);
        assert_eq!(app.texts("SELECT key FROM extensions WHERE failing_since IS NOT NULL").await, [""; 0]);
    }
}
