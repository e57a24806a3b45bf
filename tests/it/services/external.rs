//! Programs of the user's own behind the keys of `external`: what they are sent, and what may come back.

use std::time::Duration;

use serde_json::{Value, json};
use tenon::handler::Failure;

use super::trial::{Trial, Tried};
use crate::support::app::{SECRET, TestApp};
use crate::support::on_both_databases;
use crate::support::receiver::{Answer, Receiver};

fn trial(receiver: &Receiver) -> Trial {
    Trial::of("external:crm:lead").url(receiver.url("/crm"))
}

async fn answered(answer: impl Into<Answer>) -> Tried {
    let receiver = Receiver::start();
    receiver.answers("/crm", [answer.into()]);
    trial(&receiver).meta(json!({"lead": 7})).run().await
}

#[tokio::test]
async fn the_program_is_sent_all_that_a_handler_is_given() {
    let receiver = Receiver::start();
    let credentials = json!({"secret": SECRET, "api_key": "key-of-the-crm"});
    let config = json!({"pipeline": "north", "policy": {"timeout_s": 5}});
    let tried = trial(&receiver).config(config).credentials(credentials).meta(json!({"lead": 7})).run().await;
    tried.accepted();
    let came = receiver.only();
    let told = came.json();
    assert_eq!((&told["key"], &told["trigger"]), (&json!("external:crm:lead"), &json!("trigger:post_sale")));
    assert_eq!((&told["event"]["payload"]["order"]["id"], &told["entity"]["slug"]), (&json!("1001"), &json!("north")));
    assert_eq!((&told["config"], &told["meta"]), (&json!({"pipeline": "north"}), &json!({"lead": 7})));
    assert_eq!(
        told["run"],
        json!({"id": "run_01kah4h3t6x4c8n2w9z5q7r1yn", "attempt": 1, "maxAttempts": 8, "idempotencyKey": "run_01kah4h3t6x4c8n2w9z5q7r1yn"})
    );
    assert_eq!(told["credentials"], Value::Null);
    assert!(!String::from_utf8_lossy(&came.body).contains("key-of-the-crm"));
    let official = standardwebhooks::Webhook::new(SECRET).expect("a secret");
    let at = came.header("webhook-timestamp").parse().expect("a number");
    assert_eq!(
        came.header("webhook-signature"),
        official.sign(came.header("webhook-id"), at, &came.body).expect("signs")
    );
}

#[tokio::test]
async fn credentials_are_sent_only_when_asked_for_and_where_nobody_can_read_them() {
    let receiver = Receiver::start();
    let asking = || {
        let credentials = json!({"secret": SECRET, "api_key": "key-of-the-crm", "account": {"id": 12345}});
        trial(&receiver).config(json!({"send_credentials": true})).credentials(credentials)
    };
    let tried = asking().run().await;
    let told = receiver.only().json();
    assert_eq!(
        told["credentials"],
        json!({"api_key": "key-of-the-crm", "account": {"id": 12345}}),
        "without the secret"
    );
    let kept = serde_json::to_string(&tried.exchanges).expect("JSON");
    assert!(!kept.contains("key-of-the-crm") && !kept.contains("12345"), "{kept}");
    tried.accepted();
    let tried = asking().url("http://crm.example/hook").run().await;
    assert!(tried.exchanges.is_empty());
    assert!(tried.failure().reason().contains("https://"));
}

#[tokio::test]
async fn what_the_program_answers_is_what_came_of_it() {
    let body = |value: Value| Answer::status(200).body(value.to_string());
    let done = answered(body(
        json!({"message": "lead made", "data": {"score": 9}, "meta": {"lead": 8, "old": null}, "ok": true}),
    ))
    .await;
    let done = done.accepted();
    assert_eq!((done.message.as_str(), done.data), ("lead made", Some(json!({"score": 9}))));
    assert_eq!(Value::Object(done.meta), json!({"lead": 8, "old": null}));
    for empty in [Answer::status(204), Answer::status(200).body(" \n"), body(json!({}))] {
        assert!(answered(empty).await.accepted().meta.is_empty());
    }
    // What the program did is done, even if it does not say so in JSON: to ask again would do it twice.
    for plain in ["OK", "\"OK\"", "true", "done: lead 8 <made>"] {
        let done = answered(Answer::status(200).body(plain)).await.accepted();
        assert!(done.message.starts_with("200 OK") && done.message.contains("JSON"), "{plain}: {}", done.message);
        assert!(done.meta.is_empty() && done.data.is_none());
    }
    for (told, expected) in [
        (
            json!({"outcome": "retry", "message": "CRM is closed", "retry_after": 90.5}),
            Failure::Retry { reason: "CRM is closed".into(), after: Some(Duration::from_millis(90_500)) },
        ),
        (
            json!({"retry_after": 1e99, "message": "later"}),
            Failure::Retry { reason: "later".into(), after: Some(Duration::from_secs(86_400)) },
        ),
        (
            json!({"outcome": "retry"}),
            Failure::Retry { reason: "the external handler does not say why".into(), after: None },
        ),
        (
            json!({"outcome": "discard", "message": "no such pipeline"}),
            Failure::Discard { reason: "no such pipeline".into() },
        ),
        (json!({"outcome": "gone", "message": "moved out"}), Failure::Gone { reason: "moved out".into() }),
    ] {
        assert_eq!(answered(body(told.clone())).await.failure(), expected, "{told}");
    }
}

#[tokio::test]
async fn a_bad_answer_is_a_failure_that_says_what_is_wrong_with_it() {
    let body = |text: &str| Answer::status(200).body(text);
    let long =
        |member: &str, length: usize| Answer::status(200).body(json!({member: {"x": "y".repeat(length)}}).to_string());
    for (answer, retried, parts) in [
        (body("<html>Sign in</html>"), true, ["200 OK", "cannot be read"]),
        (body("\n <!doctype html>"), true, ["200 OK", "cannot be read"]),
        (body("[1]"), false, ["200 OK", "no JSON object"]),
        (body(r#"{"outcome": "ret"#), false, ["200 OK", "is no JSON object"]),
        (body(r#"{"meta": [1]}"#), false, ["meta", "expected a map"]),
        (body(r#"{"outcome": "finished"}"#), false, ["outcome", "done"]),
        (body(r#"{"retry_after": -5}"#), false, ["retry_after", "no number of seconds"]),
        (body(r#"{"message": {"text": "hi"}}"#), false, ["message", "expected a string"]),
        (long("meta", 70_000), false, ["meta would have", "65536"]),
        (long("data", 20_000), false, ["data would have", "16384"]),
        (Answer::status(422).body(r#"{"message": "no such pipeline"}"#), false, ["422", "no such pipeline"]),
        (Answer::status(500).body("<html>"), true, ["500", "Internal"]),
        (Answer::status(429), true, ["429", "Too Many"]),
    ] {
        let failure = answered(answer).await.failure();
        assert!(parts.iter().all(|part| failure.reason().contains(part)), "{parts:?}: {failure:?}");
        assert_eq!(matches!(failure, Failure::Retry { .. }), retried, "{failure:?}");
    }
    assert!(matches!(answered(410).await.failure(), Failure::Gone { .. }));
    let full = Receiver::start();
    full.answers("/crm", [body(r#"{"meta": {"b": "yyyyyyyyyy"}}"#)]);
    let failure = trial(&full).meta(json!({"a": "x".repeat(65_520)})).run().await.failure();
    assert!(failure.reason().contains("meta would have"), "with what is there already: {failure:?}");
}

on_both_databases! {
    async fn every_key_of_the_namespace_is_a_handler(app: &TestApp) {
        app.receiver.answers("/crm", [
            Answer::status(200).body(r#"{"meta": {"lead": 7, "visits": 1}}"#),
            Answer::status(200).body(r#"{"meta": {"visits": 2}, "message": "lead 7 again"}"#),
        ]);
        let record = |key: &str| json!({"key": key, "triggers": ["post_sale"], "url": app.receiver.url("/crm")});
        let store = app.store(vec![record("external:crm:lead"), json!({"key": "extrenal:crm:lead", "triggers": []})]).await;
        for _ in 0..2 {
            app.emit(&store, "post_sale", json!({})).await;
            app.run_until_idle().await;
        }
        assert_eq!(app.record(&store, 0).await["meta"], json!({"lead": 7, "visits": 2}));
        assert_eq!(app.receiver.received()[1].json()["meta"], json!({"lead": 7, "visits": 1}), "it is told what it said");
        let runs = app.runs().await;
        assert_eq!((&runs[0]["key"], &runs[0]["state"]), (&json!("external:crm:lead"), &json!("completed")));
        assert_eq!(runs[0]["attempts"][0]["message"], "lead 7 again");
        let shown = app.get("/tenon/handlers/external:*").await.expect(200)["data"].clone();
        assert_eq!((&shown["key"], &shown["inUse"]), (&json!("external:*"), &json!(1)));
        let listed = app.get("/tenon/handlers?namespace=external").await;
        assert_eq!(listed.expect(200)["data"], json!([shown]));
        let unknown = app.get(&format!("/api/stores/{store}/explain?trigger=post_sale")).await;
        let nearest = &unknown.expect(200)["data"]["records"][1];
        assert_eq!(nearest["because"], "no_pattern_matches");
        let tried = app.post(&format!("/api/stores/{store}/extensions"), json!({"data": record("extrenal:crm:lead")})).await;
        assert!(tried.expect(400)["error"]["details"]["errors"][0]["message"].as_str().is_some_and(|why| why.contains("did you mean external:crm:lead?")), "{}", tried.text);
        let activate = async |key: &str, again: bool| {
            let target = json!({"type": "store", "documentId": store});
            let body = json!({"data": {"targets": [target], "url": app.receiver.url("/crm"), "again": again}});
            app.post(&format!("/tenon/handlers/{key}/activate"), body).await
        };
        // Two keys of the namespace are two programs.
        activate("external:other", false).await.expect(201);
        activate("external:crm:lead", false).await.expect(400);
        activate("external:*", false).await.expect(400);
    }
}
