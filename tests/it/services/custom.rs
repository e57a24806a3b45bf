//! Webhooks that say who they are: by a token, a password, a header, or OAuth 2.0.

use std::time::Duration;

use serde_json::{Value, json};
use tenon::clock::{Clock as _, FixedClock};
use tenon::handler::{Failure, Http, Masker};
use tenon::outbound::Client;
use tenon::services::oauth::{self, Tokens};

use super::trial::{Trial, Tried};
use crate::support::app::TestApp;
use crate::support::on_both_databases;
use crate::support::receiver::{Answer, Receiver};

const KEY: &str = "custom:webhook-authenticated";
const TOKEN: &str = "eyJhbGciOi.a-token.of-the-endpoint";

fn token(value: &str, expires_in: Value) -> Answer {
    let body = json!({"access_token": value, "token_type": "Bearer", "expires_in": expires_in, "refresh_token": "another-secret"});
    Answer::status(200).header("content-type", "application/json").body(body.to_string())
}

fn client(receiver: &Receiver) -> Value {
    json!({"type": "oauth2", "token_url": receiver.url("/token"), "client_id": "tenon", "client_secret": "s3cret of the client"})
}

async fn post(credentials: Value, receiver: &Receiver) -> Tried {
    Trial::of(KEY).credentials(credentials).url(receiver.url("/hook")).run().await
}

#[tokio::test]
async fn every_way_to_say_who_one_is_reaches_the_receiver_and_no_record() {
    for (credentials, header, expected) in [
        (json!({"type": "bearer", "token": "tok-12345"}), "authorization", "Bearer tok-12345"),
        (json!({"type": "basic", "username": "ada", "password": "pá:ss"}), "authorization", "Basic YWRhOnDDoTpzcw=="),
        (json!({"type": "basic", "username": "ada"}), "authorization", "Basic YWRhOg=="),
        (json!({"type": "header", "header": "X-Api-Key", "value": "k1"}), "x-api-key", "k1"),
    ] {
        let receiver = Receiver::start();
        let tried = post(credentials.clone(), &receiver).await;
        let came = receiver.only();
        assert_eq!(came.header(header), expected, "{credentials}");
        assert_eq!(
            (came.json()["trigger"].as_str(), came.header("webhook-id")),
            (Some("trigger:post_sale"), "evt_01kah4h3t6x4c8n2w9z5q7r1ym")
        );
        assert_eq!(tried.exchanges[0].request.headers[header], "********", "{:#?}", tried.exchanges);
        assert_eq!(tried.accepted().message, "200 OK");
    }
    let receiver = Receiver::start();
    let signed = json!({"type": "bearer", "token": "tok-12345", "secret": "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"});
    post(signed, &receiver).await.accepted();
    assert!(receiver.only().header("webhook-signature").starts_with("v1,"), "signed as custom:webhook");
}

#[tokio::test]
async fn a_token_is_asked_for_by_the_grant_and_shown_to_the_receiver() {
    for (more, form, authorization) in [
        (json!({}), "grant_type=client_credentials", "Basic dGVub246czNjcmV0K29mK3RoZStjbGllbnQ="),
        (
            json!({"client_auth": "body", "scope": "orders:write read", "audience": "https://erp.example"}),
            "grant_type=client_credentials&scope=orders%3Awrite+read&audience=https%3A%2F%2Ferp.example&client_id=tenon&client_secret=s3cret+of+the+client",
            "",
        ),
    ] {
        let receiver = Receiver::start();
        receiver.answers("/token", [token(TOKEN, json!(3600))]);
        receiver.answers("/hook", [Answer::status(200).body(format!("it echoes {TOKEN}"))]);
        let mut credentials = client(&receiver);
        credentials.as_object_mut().expect("an object").extend(more.as_object().expect("an object").clone());
        let tried = post(credentials, &receiver).await;
        let came = receiver.received();
        assert_eq!((came[0].method.as_str(), came[0].path.as_str()), ("POST", "/token"));
        assert_eq!((std::str::from_utf8(&came[0].body), came[0].header("authorization")), (Ok(form), authorization));
        assert_eq!(came[0].header("content-type"), "application/x-www-form-urlencoded");
        assert_eq!(came[1].header("authorization"), format!("Bearer {TOKEN}"));
        let kept = serde_json::to_string(&tried.exchanges).expect("JSON");
        for secret in [TOKEN, "another-secret", "s3cret", "dGVub246"] {
            assert!(!kept.contains(secret), "{secret}: {kept}");
        }
        assert!(kept.contains("expires_in"), "what is no secret can be read: {kept}");
        tried.accepted();
    }
}

#[tokio::test]
async fn what_the_token_endpoint_says_is_told_to_a_person() {
    let error = |error: &str| json!({"error": error, "error_description": "Ask Grace."}).to_string();
    let html = "<html><h1>Sign in</h1></html>".to_owned();
    for (status, body, retried, parts) in [
        (
            401,
            error("invalid_client"),
            false,
            ["credentials.client_id or credentials.client_secret", "invalid_client (Ask Grace.)"],
        ),
        (400, error("invalid_scope"), false, ["credentials.scope", "400 Bad Request"]),
        (400, error("unauthorized_client"), false, ["client_credentials", "unauthorized_client"]),
        (400, error("invalid_request"), false, ["client_auth", "Ask Grace."]),
        (200, error("invalid_client"), false, ["credentials.client_id", "invalid_client"]),
        (401, html.clone(), false, ["credentials.client_id", "401 Unauthorized"]),
        (404, html.clone(), false, ["credentials.token_url", "404 Not Found"]),
        (503, html.clone(), true, ["token endpoint", "503"]),
        (400, error("temporarily_unavailable"), true, ["temporarily_unavailable", "Ask Grace."]),
        (429, error("slow_down"), true, ["slow_down", "429"]),
        (200, html, true, ["token endpoint", "cannot be read"]),
        (200, json!({"token_type": "Bearer"}).to_string(), false, ["without an access_token", "200 OK"]),
        (200, json!({"access_token": "x", "token_type": "DPoP"}).to_string(), false, ["DPoP", "bearer"]),
    ] {
        let receiver = Receiver::start();
        receiver.answers("/token", [Answer::status(status).header("retry-after", "30").body(body.clone())]);
        let failure = post(client(&receiver), &receiver).await.failure();
        assert!(parts.iter().all(|part| failure.reason().contains(part)), "{status} {body}: {failure:?}");
        assert!(failure.reason().contains("127.0.0.1"), "where it was asked: {failure:?}");
        match &failure {
            Failure::Retry { after, .. } => {
                assert!(retried && (status == 200 || *after == Some(Duration::from_secs(30))), "{failure:?}")
            }
            Failure::Limit { after, .. } => assert!(retried && after.as_secs() == 30, "{failure:?}"),
            _ => assert!(!retried, "{failure:?}"),
        }
        assert_eq!(receiver.received().len(), 1, "nothing goes out without a token");
    }
}

#[tokio::test]
async fn a_token_that_is_refused_is_asked_for_anew_once() {
    let receiver = Receiver::start();
    receiver.answers("/token", [token("first-token", json!(3600)), token("second-token", json!(3600))]);
    receiver.answers("/hook", [401, 200]);
    let tried = post(client(&receiver), &receiver).await;
    let asked: Vec<_> = receiver.received().into_iter().map(|came| came.path).collect();
    assert_eq!(asked, ["/token", "/hook", "/token", "/hook"]);
    assert_eq!(receiver.received()[3].header("authorization"), "Bearer second-token");
    assert_eq!(receiver.received()[3].header("idempotency-key"), receiver.received()[1].header("idempotency-key"));
    tried.accepted();
    let receiver = Receiver::start();
    receiver.answers("/token", [token("first-token", json!(3600)), token("second-token", json!(3600))]);
    receiver.answers("/hook", [401]);
    let tried = post(client(&receiver), &receiver).await;
    assert_eq!(receiver.received().len(), 4, "and not for ever");
    let failure = tried.failure();
    assert!(matches!(&failure, Failure::Discard { reason } if reason.contains("credentials.audience")), "{failure:?}");
}

#[tokio::test]
async fn credentials_that_cannot_be_used_say_what_is_missing() {
    let receiver = Receiver::start();
    for (credentials, part) in [
        (json!({}), "missing field `type`"),
        (json!({"type": "magic"}), "credentials"),
        (json!({"type": "bearer"}), "token is missing"),
        (json!({"type": "basic", "username": "a:b"}), "colon"),
        (json!({"type": "header", "header": "Content-Length", "value": "1"}), "cannot be set"),
        (json!({"type": "header", "header": "a b", "value": "1"}), "cannot be set"),
        (json!({"type": "oauth2", "client_id": "x", "client_secret": "y"}), "token_url is missing"),
        (json!({"type": "bearer", "token": "a\nb"}), "letters that cannot be sent"),
    ] {
        let failure = post(credentials.clone(), &receiver).await.failure();
        let told = failure.reason();
        assert!(matches!(failure, Failure::Discard { .. }) && told.contains(part), "{credentials}: {told}");
    }
    let refused = Receiver::start();
    refused.answers("/hook", [401]);
    let failure = post(json!({"type": "bearer", "token": "tok-1"}), &refused).await.failure();
    assert!(failure.reason().contains("the credentials were refused"), "{failure:?}");
    assert!(receiver.received().is_empty());
}

/// What we send of our own is nothing that credentials can replace, above all not what ends loops.
#[tokio::test]
async fn no_header_of_ours_can_be_replaced() {
    let receiver = Receiver::start();
    let ours = [
        "tenon-depth",
        "Webhook-Id",
        "webhook-timestamp",
        "webhook-signature",
        "Content-Type",
        "content-length",
        "host",
        "idempotency-key",
    ];
    for name in ours {
        let signed = json!({"secret": "abcd", "header_name": name});
        let mut bearer = signed.clone();
        (bearer["type"], bearer["token"]) = (json!("bearer"), json!("tok-1"));
        let header = json!({"type": "header", "header": name, "value": "1"});
        for (key, credentials) in
            [("custom:webhook", signed.clone()), ("external:crm", signed), (KEY, bearer), (KEY, header)]
        {
            let failure = Trial::of(key).credentials(credentials).url(receiver.url("/hook")).run().await.failure();
            let told = failure.reason();
            let is_told = told.contains("cannot be set: requests have it for another reason");
            assert!(matches!(failure, Failure::Discard { .. }) && is_told, "{key} {name}: {told}");
        }
    }
    for (name, part) in [("authorization", "says who we are"), ("a b", "no name of a header")] {
        let credentials = json!({"secret": "abcd", "header_name": name});
        let failure =
            Trial::of("custom:webhook").credentials(credentials).url(receiver.url("/hook")).run().await.failure();
        assert!(failure.reason().contains(part), "{failure:?}");
    }
    assert!(receiver.received().is_empty());
    let own = json!({"type": "header", "header": "Authorization", "value": "Token k1"});
    post(own, &receiver).await.accepted();
    assert_eq!(receiver.only().header("authorization"), "Token k1", "whoever says so is what it is for");
}

#[tokio::test]
async fn what_a_form_leaves_empty_is_not_set() {
    let secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
    for key in ["custom:webhook", "external:crm"] {
        let receiver = Receiver::start();
        let credentials = json!({"secret": secret, "algorithm": "", "header_name": " "});
        Trial::of(key).credentials(credentials).url(receiver.url("/hook")).run().await.accepted();
        let came = receiver.only();
        assert!(came.header("webhook-signature").starts_with("v1,"), "{key}");
        assert!(came.header("x-webhook-signature").is_empty(), "no second signature was asked for: {key}");
        let receiver = Receiver::start();
        let credentials = json!({"secret": secret, "algorithm": "sha512", "header_name": ""});
        Trial::of(key).credentials(credentials).url(receiver.url("/hook")).run().await.accepted();
        assert_eq!(receiver.only().header("x-webhook-signature").len(), 128, "{key}");
    }
}

#[tokio::test]
async fn the_test_asks_the_token_endpoint_and_nobody_else() {
    let receiver = Receiver::start();
    receiver.answers("/token", [token(TOKEN, json!("3600"))]);
    let trial = || Trial::of(KEY).credentials(client(&receiver)).url(receiver.url("/hook"));
    let done = trial().test().await.accepted();
    assert!(done.message.contains("3600 s") && !done.message.contains(TOKEN), "{}", done.message);
    assert_eq!(receiver.received().len(), 1);
    let bearer = Trial::of(KEY).credentials(json!({"type": "bearer", "token": "tok-12345"})).url(receiver.url("/hook"));
    assert!(bearer.test().await.failure().reason().contains("with a sample"));
    assert_eq!(receiver.received().len(), 1);
}

fn way_out(clock: &std::sync::Arc<FixedClock>) -> Http {
    let client = Client::new(vec!["127.0.0.0/8".parse().expect("a network")]).expect("a client");
    let deadline = std::time::Instant::now() + Duration::from_secs(15);
    Http::new(client, std::sync::Arc::<FixedClock>::clone(clock), deadline, Masker::default())
}

fn asking(receiver: &Receiver) -> oauth::Client {
    oauth::Client {
        token_url: receiver.url("/token"),
        id: "tenon".into(),
        secret: "s3cret".into(),
        in_body: false,
        scope: None,
        audience: None,
    }
}

#[tokio::test]
async fn a_token_is_kept_until_shortly_before_it_expires() {
    for (expires_in, kept_s) in [(json!(3600), 3540), (json!(100), 90), (json!(null), 300), (json!("soon"), 300)] {
        let receiver = Receiver::start();
        receiver.answers("/token", [token(TOKEN, expires_in.clone())]);
        let (clock, tokens) = (std::sync::Arc::new(FixedClock::at(1_795_255_200_000)), Tokens::default());
        let (http, client) = (way_out(&clock), asking(&receiver));
        let ask = async || tokens.get(&client, &http, &*clock).await.expect("a token");
        ask().await;
        clock.advance(kept_s * 1000 - 1);
        ask().await;
        assert_eq!(receiver.received().len(), 1, "{expires_in}: {}", clock.now());
        clock.advance(1);
        ask().await;
        assert_eq!(receiver.received().len(), 2, "{expires_in}");
    }
}

#[tokio::test]
async fn of_all_who_need_a_token_at_once_one_asks() {
    let clock = std::sync::Arc::new(FixedClock::at(1_795_255_200_000));
    for (answer, works) in [(token(TOKEN, json!(3600)), true), (Answer::status(401), false)] {
        let receiver = Receiver::start();
        receiver.answers("/token", [answer.after(Duration::from_millis(100))]);
        let (http, client, tokens) = (way_out(&clock), asking(&receiver), Tokens::default());
        let all = futures_util::future::join_all((0..50).map(|_| tokens.get(&client, &http, &*clock))).await;
        assert!(all.iter().all(|asked| asked.is_ok() == works), "{all:?}");
        assert_eq!(receiver.received().len(), 1, "and all have its answer");
        let other = oauth::Client { scope: Some("other".into()), ..client };
        let _ = tokens.get(&other, &http, &*clock).await;
        assert_eq!(receiver.received().len(), 2, "what is asked for otherwise is another token");
    }
}

/// A dry_run asks nobody: that it did not is no answer for a run that waited behind it.
#[tokio::test]
async fn a_rehearsal_fails_nobody_but_itself() {
    let receiver = Receiver::start();
    receiver.answers("/token", [token(TOKEN, json!(0)).after(Duration::from_millis(100))]);
    let clock = std::sync::Arc::new(FixedClock::at(1_795_255_200_000));
    let (http, client, tokens) = (way_out(&clock), asking(&receiver), Tokens::default());
    let outbound = Client::new(vec!["127.0.0.0/8".parse().expect("a network")]).expect("a client");
    let deadline = std::time::Instant::now() + Duration::from_secs(15);
    let dry_run = Http::dry_run(outbound, std::sync::Arc::<FixedClock>::clone(&clock), deadline, Masker::default());
    // The token has no life, so that each who waits asks anew.
    let (first, shown, last) = tokio::join!(
        tokens.get(&client, &http, &*clock),
        tokens.get(&client, &dry_run, &*clock),
        tokens.get(&client, &http, &*clock),
    );
    assert!(first.is_ok() && shown.is_err(), "{first:?} {shown:?}");
    assert!(last.is_ok(), "{last:?}");
    assert_eq!(receiver.received().len(), 2);
}

on_both_databases! {
    async fn runs_share_a_token_that_is_written_nowhere(app: &TestApp) {
        app.receiver.answers("/token", [token(TOKEN, json!(3600))]);
        app.receiver.answers("/hook", [Answer::status(200).body(format!("it echoes {TOKEN}"))]);
        let record = json!({
            "key": "custom:webhook:authenticated", "triggers": ["post_sale"],
            "credentials": client(&app.receiver), "url": app.receiver.url("/hook"),
        });
        let store = app.store(vec![record]).await;
        for _ in 0..5 {
            app.emit(&store, "post_sale", json!({})).await;
        }
        app.run_until_idle().await;
        let asked = app.receiver.received().iter().filter(|came| came.path == "/token").count();
        assert_eq!((asked, app.receiver.received().len()), (1, 6), "one asks, five deliver");
        let runs = app.runs().await;
        assert!(runs.iter().all(|run| run["state"] == "completed"), "{runs:#?}");
        let kept = app.texts("SELECT exchanges || coalesce(data, '') || message FROM attempts").await.concat();
        assert!(!kept.contains(TOKEN) && kept.contains("it echoes ********"), "{kept}");
        assert_eq!(app.record(&store, 0).await["meta"], Value::Null);
    }
}
