//! Runs put right by hand: cancelled, and replayed one by one, by a selection, or by a window.

use std::collections::HashSet;

use serde_json::{Value, json};
use tenon::access::Access;
use tenon::clock::{HOUR, SECOND, iso};
use tenon::runner::{self, Operator};

use crate::support::api::Answered;
use crate::support::app::TestApp;
use crate::support::on_both_databases;
use crate::support::receiver::Answer;

/// A store whose record posts to the receiver, once for each run.
async fn shop(app: &TestApp) -> String {
    app.store(vec![once(app, "/hook", "trigger:post_sale")]).await
}

/// A record that posts to this path and tries no second time.
fn once(app: &TestApp, path: &str, trigger: &str) -> Value {
    let mut record = app.webhook_to(path, trigger);
    record["config"] = json!({ "policy": { "max_attempts": 1 } });
    record
}

/// Emits this many sales at once, and lets them run.
async fn sell(app: &TestApp, store: &str, count: usize) {
    let sale = |number| {
        json!({
            "trigger": "post_sale", "target": { "type": "store", "documentId": store }, "payload": { "order": number },
        })
    };
    let sales: Vec<_> = (0..count).map(sale).collect();
    app.post("/api/triggers", json!({ "data": sales })).await.expect(202);
    app.run_until_idle().await;
}

/// What a replay says it came to: selected, replayed, skipped, left out.
fn counts(answer: &Answered, status: u16) -> [i64; 4] {
    let data = &answer.expect(status)["data"];
    let left_out =
        data["leftOut"].as_array().expect("a list").iter().map(|one| one["count"].as_i64().expect("a count"));
    let number = |name: &str| data[name].as_i64().expect("a number");
    [number("selected"), number("replayed"), number("skipped"), left_out.sum()]
}

/// The ids of all runs in this state.
async fn in_state(app: &TestApp, state: &str) -> Vec<String> {
    let runs = app.get(&format!("/tenon/runs?state={state}&pagination[pageSize]=100")).await;
    let ids = runs.expect(200)["data"].as_array().expect("a list").iter();
    ids.map(|run| run["id"].as_str().expect("an id").to_owned()).collect()
}

async fn switch_off(app: &TestApp, store: &str) {
    let mut record = app.record(store, 0).await;
    record["active"] = json!(false);
    app.put(&format!("/api/stores/{store}"), json!({ "data": { "extensions": [record] } })).await.expect(200);
}

on_both_databases! {
    async fn a_window_of_dead_runs_reaches_the_receiver_that_is_back_each_once(app: &TestApp) {
        app.receiver.answers("/hook", [503]);
        let store = shop(app).await;
        let from = app.state.clock.now();
        sell(app, &store, 500).await;
        assert_eq!(app.texts("SELECT uid FROM runs WHERE state = 'dead'").await.len(), 500);
        app.advance(HOUR);
        let to = app.state.clock.now();
        app.receiver.answers("/hook", [200]);
        app.receiver.forget();

        let reason = "the receiver is back";
        let window = json!({ "from": iso(from), "to": iso(to), "key": "custom:webhook", "reason": reason });
        let mut rehearsed = window.clone();
        rehearsed["dryRun"] = json!(true);
        let rehearsed = app.post("/tenon/runs/replay", rehearsed).await;
        assert_eq!(counts(&rehearsed, 200), [500, 500, 0, 0]);
        assert_eq!(rehearsed.json["data"]["runs"].as_array().map(Vec::len), Some(25));
        app.run_until_idle().await;
        assert!(app.receiver.received().is_empty(), "nothing was done");

        let replayed = app.post("/tenon/runs/replay", window.clone()).await;
        assert_eq!(counts(&replayed, 202), [500, 500, 0, 0]);
        let new = &replayed.json["data"]["runs"][0];
        assert_eq!((&new["replay"], new["replayOf"].is_string()), (&json!(1), true), "{new}");
        assert_eq!(new["cause"], "replayed by token:bootstrap: the receiver is back");
        app.run_until_idle().await;
        let deliveries = app.receiver.received();
        let events: HashSet<_> = deliveries.iter().map(|delivery| delivery.header("webhook-id").to_owned()).collect();
        let emitted = app.texts("SELECT uid FROM events WHERE trigger = 'trigger:post_sale'").await;
        let emitted: HashSet<_> = emitted.into_iter().collect();
        assert_eq!((deliveries.len(), events), (500, emitted));

        let again = app.post("/tenon/runs/replay", window).await;
        assert_eq!(counts(&again, 202), [500, 0, 500, 0], "what went well is not sent once more");
        app.run_until_idle().await;
        assert_eq!(app.receiver.received().len(), 500);
    }

    async fn a_replay_has_the_attempts_that_the_policy_now_allows(app: &TestApp) {
        app.receiver.answers("/hook", [500]);
        let store = shop(app).await;
        sell(app, &store, 1).await;
        let dead = app.only_run().await;
        let mut record = app.record(&store, 0).await;
        record["config"] = json!({ "policy": { "max_attempts": 3 } });
        app.put(&format!("/api/stores/{store}"), json!({ "data": { "extensions": [record] } })).await.expect(200);
        app.receiver.answers("/hook", [500, 500, 200]);
        let path = format!("/tenon/runs/{}/replay", dead["id"].as_str().expect("an id"));
        let replay = app.post(&path, json!({ "reason": "try again" })).await;
        let replay = &replay.expect(202)["data"];
        assert_eq!((&replay["replayOf"], &replay["maxAttempts"]), (&dead["id"], &json!(3)));
        assert_eq!(replay["eventId"], dead["eventId"]);
        app.run_until_idle().await;
        let run = app.runs().await.remove(0);
        assert_eq!((&run["state"], run["attempts"].as_array().map(Vec::len)), (&json!("completed"), Some(3)));
        assert_eq!(run["cause"], "replayed by token:bootstrap: try again", "kept through its attempts");
        let keys: HashSet<_> =
            app.receiver.received().iter().map(|delivery| delivery.header("idempotency-key").to_owned()).collect();
        assert_eq!(keys.len(), 2, "the replay is another run");
        app.post(&path, json!({})).await.expect(202);
        app.run_until_idle().await;
        assert_eq!(app.runs().await[0]["replay"], 2, "a run that is named is replayed as often as someone asks");
    }

    async fn a_run_that_is_on_its_way_is_not_replayed(app: &TestApp) {
        app.receiver.answers("/hook", [500]);
        let store = shop(app).await;
        sell(app, &store, 1).await;
        let id = app.only_run().await["id"].as_str().expect("an id").to_owned();
        app.receiver.answers("/hook", [Answer::hang()]);
        let replay = app.post(&format!("/tenon/runs/{id}/replay"), json!({})).await;
        let refused = app.post(&format!("/tenon/runs/{id}/replay"), json!({})).await;
        assert!(refused.expect(409)["error"]["message"].as_str().is_some_and(|text| text.contains("on its way")));
        let named = app.post("/tenon/runs/replay", json!({ "ids": [id, id, "run_nothing"] })).await;
        assert_eq!(counts(&named, 202), [1, 0, 1, 1]);
        assert_eq!(counts(&app.post("/tenon/runs/replay", json!({ "state": "dead" })).await, 202), [1, 0, 1, 0]);
        app.receiver.wait_for(2).await;
        let replay = replay.expect(202)["data"]["id"].as_str().expect("an id").to_owned();
        app.post(&format!("/tenon/runs/{replay}/cancel"), json!({})).await.expect(200);
        app.run_until_idle().await;
        assert_eq!(app.receiver.received().len(), 2);
    }

    async fn two_runs_of_one_event_that_are_both_named_go_out_once(app: &TestApp) {
        app.receiver.answers("/hook", [500]);
        let store = shop(app).await;
        sell(app, &store, 1).await;
        let first = in_state(app, "dead").await;
        app.post(&format!("/tenon/runs/{}/replay", first[0]), json!({})).await.expect(202);
        app.run_until_idle().await;
        let both = in_state(app, "dead").await;
        for (dry_run, status) in [(true, 200), (false, 202)] {
            let named = app.post("/tenon/runs/replay", json!({ "ids": both, "dryRun": dry_run })).await;
            assert_eq!(counts(&named, status), [2, 1, 1, 0]);
        }
        app.run_until_idle().await;
        assert_eq!(app.receiver.received().len(), 3);
    }

    async fn replays_at_the_same_moment_send_each_event_once(app: &TestApp) {
        app.receiver.answers("/hook", [500]);
        let store = shop(app).await;
        sell(app, &store, 300).await;
        app.receiver.answers("/hook", [200]);
        app.receiver.forget();
        let all = || app.post("/tenon/runs/replay", json!({ "state": "dead" }));
        let some = in_state(app, "dead").await;
        let named = app.post("/tenon/runs/replay", json!({ "ids": some }));
        let (first, second, third, fourth) = tokio::join!(all(), all(), named, all());
        let replayed = [first, second, third, fourth].map(|answer| counts(&answer, 202)[1]);
        assert_eq!(replayed.iter().sum::<i64>(), 300, "{replayed:?}");
        app.run_until_idle().await;
        let deliveries = app.receiver.received();
        let events: HashSet<_> = deliveries.iter().map(|delivery| delivery.header("webhook-id")).collect();
        assert_eq!((deliveries.len(), events.len()), (300, 300));
    }

    async fn runs_that_die_again_do_not_prolong_a_replay(app: &TestApp) {
        app.receiver.answers("/hook", [404]);
        let store = shop(app).await;
        for _ in 0..3 {
            sell(app, &store, 400).await;
        }
        let replayed = app.post("/tenon/runs/replay", json!({ "state": "dead" })).await;
        assert_eq!(counts(&replayed, 202), [1200, 1200, 0, 0]);
        app.run_until_idle().await;
        assert_eq!(app.receiver.received().len(), 2400);
    }

    async fn what_cannot_be_replayed_is_left_out_with_the_reason(app: &TestApp) {
        app.receiver.answers("/hook", [400]);
        let off = shop(app).await;
        sell(app, &off, 2).await;
        let gone = app.store_named("gone", vec![once(app, "/hook", "trigger:post_sale")]).await;
        sell(app, &gone, 3).await;
        let unknown = app.store_named("unknown", vec![once(app, "/hook", "trigger:post_sale")]).await;
        sell(app, &unknown, 4).await;
        switch_off(app, &off).await;
        app.put(&format!("/api/stores/{gone}"), json!({ "data": { "extensions": [] } })).await.expect(200);
        let mut record = app.record(&unknown, 0).await;
        record["key"] = json!("custom:nothing");
        record["credentials"] = json!({"secret": "given again, since another handler gets it"});
        app.put(&format!("/api/stores/{unknown}"), json!({ "data": { "extensions": [record] } })).await.expect(200);
        let replayed = app.post("/tenon/runs/replay", json!({ "state": "dead" })).await;
        assert_eq!(counts(&replayed, 202), [9, 0, 0, 9]);
        let mut left_out: Vec<_> = replayed.json["data"]["leftOut"].as_array().expect("a list").iter()
            .map(|one| (one["count"].as_i64(), one["reason"].as_str().expect("a text").to_owned())).collect();
        left_out.sort();
        assert_eq!((left_out[0].0, &*left_out[0].1), (Some(2), "the extension record is switched off"));
        assert_eq!((left_out[1].0, &*left_out[1].1), (Some(3), "the extension record is gone"));
        assert!(left_out[2].0 == Some(4) && left_out[2].1.contains("custom:nothing"), "{left_out:?}");
        let id = in_state(app, "dead").await.remove(0);
        let refused = app.post(&format!("/tenon/runs/{id}/replay"), json!({})).await;
        assert!(refused.expect(409)["error"]["message"].as_str().is_some_and(|text| text.contains("custom:nothing")));
    }

    async fn a_window_is_as_wide_as_it_is_asked_for(app: &TestApp) {
        app.receiver.answers("/hook", [400]);
        let store = shop(app).await;
        let other = app.store_named("other", vec![once(app, "/other", "trigger:post_sale")]).await;
        app.receiver.answers("/other", [400]);
        let mut moments = Vec::new();
        for _ in 0..3 {
            moments.push(iso(app.state.clock.now()));
            sell(app, &store, 2).await;
            sell(app, &other, 1).await;
            app.advance(HOUR);
        }
        for (window, selected) in [
            (json!({ "from": moments[0] }), 9),
            (json!({ "from": moments[1] }), 6),
            (json!({ "to": moments[1] }), 3),
            (json!({ "from": moments[1], "to": moments[2] }), 3),
            (json!({ "from": moments[1], "to": moments[2], "store": store }), 2),
            (json!({ "from": moments[1], "key": "discord:webhook" }), 0),
            (json!({ "from": moments[1], "trigger": "order_created" }), 0),
            (json!({ "trigger": "post_sale", "state": "completed,cancelled" }), 0),
            (json!({ "trigger": "post_sale", "state": "dead,cancelled" }), 9),
            (json!({ "document": other }), 3),
            (json!({ "extension": app.record(&store, 0).await["id"] }), 6),
        ] {
            let mut asked = window.clone();
            asked["dryRun"] = json!(true);
            assert_eq!(counts(&app.post("/tenon/runs/replay", asked).await, 200)[0], selected, "{window}");
            let query: Vec<_> = window.as_object().expect("members").iter()
                .map(|(name, value)| format!("{name}={}", value.as_str().map_or(value.to_string(), str::to_owned)))
                .collect();
            let states = if window.get("state").is_some() { "" } else { "&state=dead" };
            let listed = app.get(&format!("/tenon/runs?{}{states}", query.join("&"))).await;
            assert_eq!(listed.expect(200)["meta"]["pagination"]["total"], selected, "{window}");
        }
        let events = app.get(&format!("/tenon/events?from={}&to={}", moments[1], moments[2])).await;
        assert_eq!(events.expect(200)["meta"]["pagination"]["total"], 3);
    }

    async fn a_replay_says_which_runs_it_means(app: &TestApp) {
        for (body, path) in [
            (json!({}), "ids"),
            (json!({ "reason": "all of them" }), "ids"),
            (json!({ "ids": ["run_1"], "state": "dead" }), "ids"),
            (json!({ "ids": vec!["run_1"; 1001] }), "ids"),
            (json!({ "state": "running" }), "state"),
            (json!({ "state": "dead,lost" }), "state"),
            (json!({ "from": "yesterday" }), "from"),
            (json!({ "trigger": "no good" }), "trigger"),
            (json!({ "ids": ["run_1"], "reason": "x".repeat(501) }), "reason"),
        ] {
            let refused = app.post("/tenon/runs/replay", body.clone()).await;
            assert_eq!(refused.expect(400)["error"]["details"]["errors"][0]["path"], json!([path]), "{body}");
        }
        assert_eq!(counts(&app.post("/tenon/runs/replay", json!({ "ids": [] })).await, 202), [0, 0, 0, 0]);
        app.post("/tenon/runs/run_nothing/replay", json!({})).await.expect(404);
        app.get("/tenon/runs?state=lost").await.expect(400);
        app.get("/tenon/runs?from=yesterday").await.expect(400);
    }

    async fn a_run_that_waits_is_cancelled(app: &TestApp) {
        app.receiver.answers("/hook", [500]);
        let store = app.store(vec![app.webhook("trigger:post_sale")]).await;
        app.emit(&store, "post_sale", json!({})).await;
        app.until("SELECT 1 FROM runs WHERE state = 'retryable'").await;
        let path = format!("/tenon/runs/{}/cancel", app.only_run().await["id"].as_str().expect("an id"));
        let cancelled = app.post(&path, json!({ "reason": "sold by telephone" })).await;
        let run = &cancelled.expect(200)["data"];
        assert_eq!((&run["state"], &run["dueAt"]), (&json!("cancelled"), &Value::Null));
        assert!(run["finishedAt"].is_string());
        assert_eq!(run["reason"], "cancelled by token:bootstrap: sold by telephone");
        app.run_until_idle().await;
        assert_eq!(app.receiver.received().len(), 1);
        let refused = app.post(&path, json!({})).await;
        assert_eq!(refused.expect(409)["error"]["message"], "the run is cancelled already");
        app.post("/tenon/runs/run_nothing/cancel", json!({})).await.expect(404);
        let replay = app.post(&path.replace("cancel", "replay"), json!({})).await;
        app.receiver.answers("/hook", [200]);
        replay.expect(202);
        app.run_until_idle().await;
    }

    async fn an_attempt_that_is_under_way_is_broken_off(app: &TestApp) with |config| config.runner.concurrency = 1; {
        app.receiver.answers("/hook", [Answer::hang()]);
        let store = app.store(vec![app.webhook("trigger:post_sale")]).await;
        app.emit(&store, "post_sale", json!({})).await;
        app.receiver.wait_for(1).await;
        let path = format!("/tenon/runs/{}/cancel", app.only_run().await["id"].as_str().expect("an id"));
        app.post(&path, json!({})).await.expect(200);
        let run = app.only_run().await;
        assert_eq!(run["state"], "cancelled", "{run}");
        let attempt = &run["attempts"][0];
        assert_eq!(attempt["outcome"], "cancelled");
        assert!(attempt["message"].as_str().is_some_and(|text| text.contains("may have reached")), "{attempt}");
        assert_eq!(app.record(&store, 0).await["run_count"], 1);
        // The only worker is free again, long before the attempt would have ended by itself.
        app.receiver.answers("/hook", [200]);
        app.emit(&store, "post_sale", json!({})).await;
        app.receiver.wait_for(2).await;
        app.run_until_idle().await;
        let found = app.get(&path.replace("/cancel", "")).await;
        assert_eq!(found.expect(200)["data"]["run"], run);
    }

    async fn an_attempt_that_another_process_cancelled_ends_with_its_lease(app: &TestApp)
    with |config| config.runner.concurrency = 1; {
        app.receiver.answers("/hook", [Answer::hang()]);
        let store = app.store(vec![app.webhook("trigger:post_sale")]).await;
        app.emit(&store, "post_sale", json!({})).await;
        app.receiver.wait_for(1).await;
        let id = app.only_run().await["id"].as_str().expect("an id").to_owned();
        // As the command line does it, which cannot reach into the server.
        let operator = Operator::new(&app.state, "command line".into());
        runner::cancel(&operator, Access::Full, id, None).await.expect("cancelled");
        app.receiver.answers("/hook", [200]);
        app.emit(&store, "post_sale", json!({})).await;
        app.advance(20 * SECOND);
        app.receiver.wait_for(2).await;
        app.run_until_idle().await;
        let states: Vec<_> = app.runs().await.iter().map(|run| run["state"].clone()).collect();
        assert_eq!(states, ["completed", "cancelled"]);
    }

    async fn who_may_run_some_records_replays_and_cancels_theirs_alone(app: &TestApp) {
        app.receiver.answers("/hook", [500]);
        let store = shop(app).await;
        sell(app, &store, 2).await;
        let product = json!({ "Name": "Tea", "extensions": [once(app, "/hook", "trigger:product_created")] });
        app.create("products", product).await;
        app.run_until_idle().await;
        let new = json!({ "data": { "name": "fitter", "kind": "custom", "permissions": ["product.run"] } });
        let token = app.post("/tenon/tokens", new).await.expect(201)["data"]["token"].clone();
        let fitter = app.with_token(token.as_str());
        let replayed = fitter.post("/tenon/runs/replay", json!({ "state": "dead", "dryRun": true })).await;
        assert_eq!(counts(&replayed, 200), [1, 1, 0, 0], "the product's");
        let sales = app.get("/tenon/runs?trigger=post_sale").await.expect(200)["data"][0]["id"].clone();
        for what in ["replay", "cancel"] {
            let path = format!("/tenon/runs/{}/{what}", sales.as_str().expect("an id"));
            fitter.post(&path, json!({})).await.expect(403);
            app.with_token(None).post(&path, json!({})).await.expect(403);
        }
        app.with_token(None).post("/tenon/runs/replay", json!({ "state": "dead" })).await.expect(403);
    }
}
