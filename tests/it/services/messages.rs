//! Messages to Slack and Discord: what their contracts take, and what their answers mean.

use std::time::Duration;

use serde_json::{Value, json};
use tenon::handler::Failure;

use super::peers::contract;
use super::trial::Trial;
use crate::support::app::TestApp;
use crate::support::on_both_databases;
use crate::support::receiver::{Answer, Receiver};

/// What an outcome is, without its reason.
#[derive(Debug, PartialEq)]
enum Told {
    Done,
    Retry(Option<u64>),
    Limit(u64),
    Discard,
    Gone,
}

fn millis(wait: Duration) -> u64 {
    u64::try_from(wait.as_millis()).expect("short")
}

fn told(failure: &Failure) -> Told {
    match failure {
        Failure::Retry { after, .. } => Told::Retry(after.map(millis)),
        Failure::Limit { after, .. } => Told::Limit(millis(*after)),
        Failure::Discard { .. } => Told::Discard,
        Failure::Gone { .. } => Told::Gone,
    }
}

/// Events that are hard to tell of: a payload with everything, texts that are too long, texts that mean something to the
/// service, and nothing at all.
pub fn hard() -> Vec<Value> {
    let long = "é<&>*_`|[]()\"'\\🍵".repeat(700);
    let many: Value = (0..60).map(|place| (format!("field {place}"), json!(long))).collect();
    let items: Vec<_> = (0..300).map(|place| json!({"name": format!("{place} {long}"), "price": "1.5"})).collect();
    vec![
        json!({"order": {"id": "1001", "total": 25.80, "currency": "EUR", "url": "https://shop.example/o?a=1&b=\"2\""},
            "customer": {"name": "<!channel> [Pay](https://evil.example) <b>", "email": "ada@example.com"},
            "items": [{"name": "Sencha & <Matcha>", "quantity": 2, "price": 12.90}]}),
        json!({"order": {"id": long, "url": format!("https://shop.example/{}", "x".repeat(5000))}, "items": items}),
        many,
        json!({"items": "none", "customer": 5, "note": " ", "": "nameless"}),
        json!({}),
    ]
}

fn trial(key: &'static str, place: usize, payload: Value) -> Trial {
    let title = if place == 1 { json!({"title": "t".repeat(400)}) } else { json!({}) };
    let mut config = title;
    if key == "slack:message" {
        config["channel"] = json!("C123");
    }
    let entity =
        json!({"documentId": "s".repeat(24), "title": if place == 2 { "n".repeat(9000) } else { "North <&>".into() }});
    let about = if place == 3 { "a_trigger_of_their_own" } else { "post_sale" };
    Trial::of(key).about(about, "store", entity).payload(payload).config(config)
}

#[tokio::test]
async fn whatever_happens_makes_a_message_that_slack_and_discord_take() {
    let (Some(slack), Some(discord)) = (contract("slack"), contract("discord")) else { return };
    let hook = json!({"webhook_url": format!("{slack}/services/T123/B456/{}", "x".repeat(24))});
    let wait = json!({"webhook_url": format!("{discord}/webhooks/223704706495545344/{}", "t".repeat(68))});
    for (place, payload) in hard().into_iter().enumerate() {
        let by_hook = trial("slack:message", place, payload.clone()).credentials(hook.clone());
        by_hook.run().await.accepted();
        let by_app = trial("slack:message", place, payload.clone()).credentials(json!({"token": "xoxb-1"})).url(&slack);
        assert_eq!(by_app.run().await.accepted().data.expect("data")["ts"], "1795290000.000100");
        let tried = trial("discord:webhook", place, payload).credentials(wait.clone()).run().await;
        assert_eq!(tried.accepted().data, Some(json!({"messageId": "1310000000000000001"})));
    }
    let threads = json!({"channel": "C1", "thread_ts": "1795290000.000100", "username": "Tea", "icon_emoji": ":tea:"});
    let slack_thread = Trial::of("slack:message").config(threads).credentials(json!({"token": "xoxb-1"})).url(&slack);
    slack_thread.run().await.accepted();
    let config = json!({"username": "Shop", "avatar_url": "https://shop.example/a.png", "color": 5793266, "thread_id": "1310000000000000002"});
    Trial::of("discord:webhook").config(config).credentials(wait.clone()).run().await.accepted();
    let known = Trial::of("slack:message").config(json!({"channel": "C1"})).credentials(json!({"token": "xoxb-1"}));
    let known = known.url(&slack).test().await.accepted();
    assert_eq!(
        (known.message.as_str(), known.data.expect("data")["teamId"].as_str()),
        ("Slack knows the token as bot in T", Some("T123ABC456"))
    );
    assert!(Trial::of("discord:webhook").credentials(wait).test().await.accepted().message.contains("is there"));
}

#[tokio::test]
async fn what_a_customer_writes_is_text_and_nothing_else() {
    let receiver = Receiver::start();
    receiver.answers("/services/T1/B1/x", ["ok"].map(|text| Answer::status(200).body(text)));
    receiver.answers("/webhooks/1/x?wait=true", [Answer::status(200).body(r#"{"id": "1"}"#)]);
    let sent = async |key: &'static str, path: &str| {
        let credentials = json!({"webhook_url": receiver.url(path)});
        let tried =
            trial(key, 0, hard()[0].clone()).credentials(credentials).event(|event| event.test = true).run().await;
        let body = tried.sent(0);
        tried.accepted();
        body
    };
    let slack = sent("slack:message", "/services/T1/B1/x").await;
    assert_eq!(slack["text"], "Test: A sale is done. North &lt;&amp;&gt;", "a test can be told from a sale");
    let text = slack.to_string();
    assert!(
        !text.contains("<!channel>")
            && text.contains("&lt;!channel&gt;")
            && text.contains("Sencha &amp; &lt;Matcha&gt;: 12.90 EUR"),
        "{text}"
    );
    let button =
        slack["blocks"].as_array().expect("blocks").iter().find(|block| block["type"] == "actions").expect("a link");
    assert!(
        button["elements"][0]["url"].as_str().is_some_and(|url| url.starts_with("https://shop.example/o?a=1&b=")),
        "{button}"
    );
    let discord = sent("discord:webhook", "/webhooks/1/x").await;
    let embed = &discord["embeds"][0];
    assert_eq!(embed["title"], "Test: A sale is done.");
    assert!(embed.to_string().contains(r"\\[Pay\\]\\(https://evil.example\\)"), "{embed}");
    assert_eq!(discord["allowed_mentions"], json!({"parse": []}));
}

#[tokio::test]
async fn what_a_form_leaves_empty_is_not_set() {
    let receiver = Receiver::start();
    receiver.answers("/webhooks/1/x?wait=true", [Answer::status(200).body(r#"{"id": "1"}"#)]);
    receiver.answers("/chat.postMessage", [Answer::status(200).body(r#"{"ok": true}"#)]);
    let discord = async |config: Value| {
        let tried = Trial::of("discord:webhook").config(config).url(receiver.url("/webhooks/1/x")).run().await;
        (tried.requests(), tried.sent(0), tried.accepted().message)
    };
    let empty = json!({"username": "", "avatar_url": " ", "title": "", "thread_id": ""});
    assert_eq!(discord(empty).await, discord(json!({})).await);
    let slack = async |config: Value| {
        let trial = Trial::of("slack:message").credentials(json!({"token": "xoxb-1"})).config(config);
        trial.url(receiver.url("")).run().await.sent(0)
    };
    let empty = json!({"channel": "C1", "username": " ", "icon_emoji": "", "title": "", "thread_ts": ""});
    assert_eq!(slack(empty).await, slack(json!({"channel": "C1"})).await);
}

#[tokio::test]
async fn what_slack_says_to_an_app_is_told_to_a_person() {
    for (error, expected, part) in [
        ("invalid_auth", Told::Discard, "credentials.token was refused by Slack"),
        ("token_revoked", Told::Discard, "credentials.token"),
        ("channel_not_found", Told::Discard, "config.channel"),
        ("not_in_channel", Told::Discard, "invite the app to the channel C1"),
        ("is_archived", Told::Gone, "archived"),
        ("missing_scope", Told::Discard, "chat:write"),
        ("restricted_action", Told::Discard, "does not allow"),
        ("msg_too_long", Told::Discard, "refused the message: msg_too_long"),
        ("invalid_blocks", Told::Discard, "must provide an object"),
        ("ratelimited", Told::Limit(30_000), "enough"),
        ("internal_error", Told::Retry(Some(30_000)), "cannot at the moment"),
        ("something_new", Told::Discard, "something_new"),
    ] {
        let receiver = Receiver::start();
        let body = json!({"ok": false, "error": error, "needed": "chat:write", "response_metadata": {"messages": ["[ERROR] must provide an object"]}});
        receiver.answers("/chat.postMessage", [Answer::status(200).header("retry-after", "30").body(body.to_string())]);
        let failure = to_slack(&receiver).await;
        assert_eq!((told(&failure), failure.reason().contains(part)), (expected, true), "{error}: {failure:?}");
    }
    for (answer, expected, part) in [
        (
            Answer::status(429).header("retry-after", "30").body(r#"{"ok":false,"error":"ratelimited"}"#),
            Told::Limit(30_000),
            "429",
        ),
        (Answer::status(429), Told::Retry(None), "429"),
        (Answer::status(503).body("<html>"), Told::Retry(None), "503"),
        (Answer::status(200).body("<html>"), Told::Retry(None), "cannot be read"),
        (Answer::status(200).body("{}"), Told::Discard, "without ok"),
    ] {
        let receiver = Receiver::start();
        receiver.answers("/chat.postMessage", [answer]);
        let failure = to_slack(&receiver).await;
        assert_eq!((told(&failure), failure.reason().contains(part)), (expected, true), "{failure:?}");
    }
    let receiver = Receiver::start();
    for (credentials, config, part) in [
        (json!({"token": "xoxb-1"}), json!({}), "config.channel is missing"),
        (json!({}), json!({"channel": "C1"}), "credentials.webhook_url or credentials.token is missing"),
    ] {
        let trial = Trial::of("slack:message").credentials(credentials).config(config).url(receiver.url(""));
        assert!(trial.run().await.failure().reason().contains(part));
    }
    assert!(receiver.received().is_empty());
}

#[tokio::test]
async fn what_slack_says_at_length_is_cut() {
    for (body, part) in [
        (json!({"error": "e".repeat(9000)}), "refused the message: eee"),
        (json!({"error": "bad", "response_metadata": {"messages": vec!["m".repeat(9000); 9]}}), "bad (mmm"),
        (json!({"error": "missing_scope", "needed": "n".repeat(9000)}), "lacks the scope nnn"),
    ] {
        let receiver = Receiver::start();
        receiver.answers("/chat.postMessage", [Answer::status(200).body(body.to_string())]);
        let failure = to_slack(&receiver).await;
        assert!(failure.reason().contains(part) && failure.reason().chars().count() < 800, "{failure:?}");
    }
}

async fn to_slack(receiver: &Receiver) -> Failure {
    let trial = Trial::of("slack:message").config(json!({"channel": "C1"})).credentials(json!({"token": "xoxb-1"}));
    trial.url(receiver.url("/")).run().await.failure()
}

#[tokio::test]
async fn what_a_webhook_of_slack_says_is_understood() {
    for (status, word, expected, part) in [
        (404, "no_service", Told::Gone, "deleted"),
        (404, "no_team", Told::Gone, "no_team"),
        (410, "channel_is_archived", Told::Gone, "archived"),
        (403, "invalid_token", Told::Discard, "credentials.webhook_url"),
        (403, "action_prohibited", Told::Discard, "does not allow"),
        (404, "channel_not_found", Told::Discard, "channel is not there"),
        (400, "invalid_payload", Told::Discard, "refused the message: invalid_payload"),
        (429, "rate_limited", Told::Limit(30_000), "429"),
        (500, "rollup_error", Told::Retry(None), "500"),
    ] {
        let receiver = Receiver::start();
        receiver
            .answers("/services/T1/B1/secret-of-it", [Answer::status(status).header("retry-after", "30").body(word)]);
        let credentials = json!({"webhook_url": receiver.url("/services/T1/B1/secret-of-it")});
        let tried = Trial::of("slack:message").credentials(credentials.clone()).run().await;
        assert!(
            !serde_json::to_string(&tried.exchanges).expect("JSON").contains("secret-of-it"),
            "the url is a secret"
        );
        let failure = tried.failure();
        assert_eq!((told(&failure), failure.reason().contains(part)), (expected, true), "{word}: {failure:?}");
        // One that is there says that nothing was said.
        let tested = Trial::of("slack:message").credentials(credentials).test().await;
        assert_eq!(tested.outcome.is_ok(), word == "invalid_payload", "{word}");
    }
}

#[tokio::test]
async fn what_discord_says_is_understood() {
    let body = |code: i64, message: &str| json!({"code": code, "message": message});
    let form =
        json!({"code": 50035, "message": "Invalid Form Body", "errors": {"embeds": {"0": {"_errors": ["too long"]}}}});
    let limit = json!({"message": "You are being rate limited.", "retry_after": 0.65, "global": true});
    for (status, body, expected, part) in [
        (404, body(10015, "Unknown Webhook"), Told::Gone, "deleted"),
        (404, body(10003, "Unknown Channel"), Told::Discard, "config.thread_id"),
        (401, body(50027, "Invalid Webhook Token"), Told::Discard, "credentials.webhook_url"),
        (400, form, Told::Discard, "too long"),
        (429, limit, Told::Limit(650), "from this machine"),
        (429, json!("<html>"), Told::Limit(2000), "429"),
        (502, json!("<html>"), Told::Retry(None), "502"),
        (200, json!("<html>"), Told::Done, ""), // It is JSON, and the message is there.
    ] {
        let receiver = Receiver::start();
        let answer = Answer::status(status).header("x-ratelimit-reset-after", "2.000").body(body.to_string());
        receiver.answers("/webhooks/1/x?wait=true", [answer]);
        let tried =
            Trial::of("discord:webhook").credentials(json!({"webhook_url": receiver.url("/webhooks/1/x")})).run().await;
        let (outcome, reason) = match &tried.outcome {
            Ok(_) => (Told::Done, String::new()),
            Err(failure) => (told(failure), failure.reason().to_owned()),
        };
        assert_eq!((outcome, reason.contains(part)), (expected, true), "{status}: {:?}", tried.outcome);
    }
    for status in [200, 204] {
        let quiet = Receiver::start();
        quiet.answers("/webhooks/1/x?wait=true", [status]);
        let trial = Trial::of("discord:webhook").credentials(json!({"webhook_url": quiet.url("/webhooks/1/x")}));
        assert_eq!(trial.run().await.accepted().data, Some(json!({"messageId": null})), "{status}");
    }
    let proxy = Receiver::start();
    proxy.answers("/webhooks/1/x?wait=true", [Answer::status(200).body("<html>Sign in</html>")]);
    let trial = Trial::of("discord:webhook").credentials(json!({"webhook_url": proxy.url("/webhooks/1/x")}));
    assert_eq!(told(&trial.run().await.failure()), Told::Retry(None));
}

on_both_databases! {
    async fn a_store_tells_slack_of_its_sales_and_a_deleted_webhook_switches_the_record_off(app: &TestApp) {
        app.receiver.answers("/services/T1/B1/secret-of-it", [Answer::status(200).body("ok"), Answer::status(404).body("no_service")]);
        let credentials = json!({"webhook_url": app.receiver.url("/services/T1/B1/secret-of-it")});
        let store = app.store(vec![json!({"key": "slack:message", "triggers": ["post_sale"], "credentials": credentials})]).await;
        app.emit(&store, "post_sale", hard()[0].clone()).await;
        app.run_until_idle().await;
        assert!(app.receiver.only().json()["text"].as_str().is_some_and(|text| text.contains("The store")));
        assert_eq!(app.record(&store, 0).await["active"], true);
        app.emit(&store, "post_sale", hard()[0].clone()).await;
        app.run_until_idle().await;
        assert_eq!(app.record(&store, 0).await["active"], false);
        let runs = app.runs().await;
        assert_eq!((&runs[1]["state"], &runs[0]["state"]), (&json!("completed"), &json!("dead")));
        assert!(!serde_json::to_string(&runs).expect("JSON").contains("secret-of-it"));
    }
}
