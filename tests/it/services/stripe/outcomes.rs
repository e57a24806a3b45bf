//! What Stripe's answers come to.

use std::time::Duration;

use serde_json::{Value, json};
use tenon::handler::Failure;

use super::{INVOICE, trial};
use crate::support::receiver::{Answer, Receiver};

fn error(status: u16, error: Value) -> Answer {
    Answer::status(status).body(json!({ "error": error }).to_string())
}

/// What asking for the first customer comes to.
async fn tested(answer: Answer) -> Result<String, Failure> {
    let stripe = Receiver::start();
    stripe.answers("/v1/customers?limit=1", [answer]);
    let tried = trial(INVOICE, &stripe.url("")).test().await;
    assert_eq!(tried.requests(), ["GET /v1/customers?limit=1"]);
    tried.outcome.map(|done| done.message)
}

#[tokio::test]
async fn a_key_is_proved_by_asking() {
    let list = Answer::status(200).body(r#"{"object": "list", "data": []}"#);
    assert_eq!(tested(list).await, Ok("Stripe takes credentials.test_key, in test mode".to_owned()));
    let refused = trial(INVOICE, "http://127.0.0.1:9").credentials(json!({"live_key": "pk_live_1"})).test().await;
    assert_eq!(refused.exchanges.len(), 0);
    assert!(refused.failure().reason().contains("credentials.live_key is a publishable key"));
}

#[tokio::test]
async fn what_is_final_is_told_with_the_way_out() {
    let invalid = |more: Value| {
        let mut told = json!({"type": "invalid_request_error", "message": "Told so."});
        told.as_object_mut().expect("an object").extend(more.as_object().expect("an object").clone());
        told
    };
    for (answer, reason) in [
        (
            error(401, json!({"message": "Invalid API Key provided: sk_test_*1"})),
            "credentials.test_key was refused by Stripe (401): Invalid API Key provided: sk_test_*1",
        ),
        (
            error(403, invalid(json!({"code": "more_permissions_required"}))),
            "credentials.test_key may not GET /v1/customers at Stripe (403, more_permissions_required): Told so.",
        ),
        (
            error(
                402,
                json!({"type": "card_error", "code": "card_declined", "decline_code": "lost_card", "message": "No."}),
            ),
            "Stripe: the payment failed at GET /v1/customers (402, card_declined, lost_card): No.",
        ),
        (
            error(400, invalid(json!({"code": "parameter_unknown", "param": "foo"}))),
            "Stripe did not take GET /v1/customers (400, parameter_unknown, param foo): Told so.",
        ),
        (
            error(400, json!({"type": "idempotency_error", "message": "Keys can only be used once."})),
            "replay it as a new run (400): Keys can only be used once.",
        ),
        (error(404, invalid(json!({"code": "resource_missing"}))), "(404, resource_missing): Told so."),
        // Stripe's word goes before the status.
        (error(500, json!({"message": "Broken."})).header("stripe-should-retry", "false"), "(500): Broken."),
        (error(429, json!({"message": "Slow."})).header("stripe-should-retry", "false"), "(429): Slow."),
        (
            Answer::status(404).header("content-type", "text/html").body("<h1>Not here</h1>"),
            "GET /v1/customers was answered with 404 Not Found and no JSON of Stripe's: does the record's url lead to Stripe?",
        ),
        (Answer::redirect("https://elsewhere.example/"), "no JSON of Stripe's"),
    ] {
        let failure = tested(answer.clone()).await.expect_err(reason);
        let is_final = matches!(failure, Failure::Discard { .. }) || reason == "no JSON of Stripe's";
        assert!(is_final && failure.reason().contains(reason), "{reason}: {failure:?}");
    }
}

#[tokio::test]
async fn what_may_pass_is_tried_again() {
    let limit = || error(429, json!({"code": "rate_limit", "message": "Slow down."}));
    let seconds = |seconds| Some(Duration::from_secs(seconds));
    for (answer, after) in [
        (limit(), None),
        (limit().header("retry-after", "7"), seconds(7)),
        (error(409, json!({"type": "idempotency_error", "message": "Another is under way."})), None),
        (error(500, json!({"type": "api_error", "message": "Broken."})), None),
        (error(503, json!({"message": "Away."})).header("retry-after", "3"), seconds(3)),
        (error(400, json!({"message": "Odd."})).header("stripe-should-retry", "true"), None),
        (
            error(402, json!({"message": "Odd."})).header("stripe-should-retry", "true").header("retry-after", "1"),
            seconds(1),
        ),
        (Answer::status(502).body("<html>Bad Gateway</html>"), None),
        (Answer::status(200).body("<html>Log in to the network</html>"), None),
        (Answer::status(200).body("[]"), None),
        (Answer::cut_short(), None),
    ] {
        let told = tested(answer.clone()).await;
        let found = match &told {
            Err(Failure::Retry { after, .. }) => *after,
            Err(Failure::Limit { after, .. }) => Some(*after),
            other => panic!("{answer:?}: {other:?}"),
        };
        assert_eq!(found, after, "{answer:?}: {told:?}");
    }
}

#[tokio::test]
async fn calls_are_made_for_a_connected_account_and_below_a_path() {
    let stripe = Receiver::start();
    stripe.answers("/stripe/v1/customers?limit=1", [Answer::status(200).body("{}")]);
    let tried = trial(INVOICE, &stripe.url("/stripe/")).config(json!({"account": "acct_1"})).test().await;
    assert_eq!(tried.header(0, "stripe-account"), "acct_1");
    assert!(tried.outcome.is_ok(), "{tried:?}");
}
