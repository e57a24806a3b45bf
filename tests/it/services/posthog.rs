//! PostHog: events, people, flags, and what its answers mean.

use std::time::Duration;

use serde_json::{Value, json};
use tenon::handler::Failure;

use super::peers::contract;
use super::trial::Trial;
use crate::support::receiver::{Answer, Receiver};

const CAPTURE: &str = "/i/v0/e/";
const FLAGS: &str = "/flags/?v=2";
const KEYS: [&str; 3] = ["posthog:track", "posthog:identify", "posthog:feature_flag"];

fn trial(key: &'static str) -> Trial {
    Trial::of(key).credentials(json!({"api_key": "phc_of-the-tests"}))
}

fn subscriber() -> Value {
    json!({"documentId": "u".repeat(24), "Email": "grace@example.com", "active": true, "EmailVerified": null})
}

/// A receiver that takes events, and has two flags.
fn taking() -> Receiver {
    let receiver = Receiver::start();
    receiver.answers(CAPTURE, [Answer::status(200).body(r#"{"status": "Ok"}"#)]);
    let payload = json!({"metadata": {"payload": "{\"color\": \"green\"}"}, "enabled": true, "variant": null});
    receiver.answers(FLAGS, [flags(json!({"checkout": payload, "button": {"enabled": true, "variant": "b"}}), false)]);
    receiver
}

fn flags(flags: Value, errors: bool) -> Answer {
    let body = json!({"flags": flags, "errorsWhileComputingFlags": errors, "requestId": "r"});
    Answer::status(200).body(body.to_string())
}

#[tokio::test]
async fn everything_sent_is_what_posthog_takes() {
    let Some(posthog) = contract("posthog") else { return };
    let all = json!({
        "mapping": {"post_sale": "Order Completed"}, "properties": {"site": "demo"}, "store_group": "store",
        "distinct_id": "payload.customer.email", "flags": ["my-flag"],
    });
    for key in KEYS {
        for config in [json!({}), all.clone()] {
            trial(key).config(config.clone()).url(&posthog).run().await.accepted();
            let payload = json!({"anonymous_id": "anon-1", "email": "ada@example.com", "$set": "x", "distinct_id": 7, "alias": 5});
            trial(key).payload(payload).config(config.clone()).url(&posthog).run().await.accepted();
            let subscribed = trial(key).about("new_subscriber", "subscriber", subscriber());
            subscribed.config(config).url(&posthog).run().await.accepted();
        }
        let proved = trial(key).url(&posthog).test().await;
        assert_eq!(proved.requests(), ["POST /flags/?v=2"]);
        assert_eq!(proved.sent(0)["disable_flags"], true, "nothing is evaluated, and nothing captured");
        assert_eq!(proved.accepted().message, format!("PostHog knows the key, at {posthog}"));
    }
    let missing = trial(KEYS[2]).config(json!({"flags": ["my-flag", "gone"]})).url(&posthog).run().await.accepted();
    assert_eq!(missing.meta["flags:ada@example.com"]["values"]["gone"], false);
}

#[tokio::test]
async fn an_event_is_captured_with_what_reports_of_revenue_look_for() {
    let receiver = taking();
    let config =
        json!({"mapping": {"post_sale": "Order Completed"}, "properties": {"site": "demo"}, "store_group": "store"});
    let tried = trial(KEYS[0]).config(config).url(receiver.url("")).run().await;
    let sent = tried.sent(0);
    assert_eq!(tried.requests(), ["POST /i/v0/e/"]);
    assert_eq!((&sent["event"], &sent["distinct_id"]), (&json!("Order Completed"), &json!("ada@example.com")));
    assert_eq!(sent["timestamp"], "2026-11-21T10:00:00.000Z");
    let properties = &sent["properties"];
    let told = ["revenue", "currency", "order_id", "site", "$geoip_disable"].map(|name| properties[name].clone());
    assert_eq!(json!(told), json!([25.8, "EUR", "1001", "demo", true]));
    assert_eq!(
        (&properties["$groups"]["store"], &properties["customer"]["name"]),
        (&json!("s".repeat(24)), &json!("Ada Lovelace"))
    );
    assert_eq!(tried.accepted().message, "captured Order Completed");
}

#[tokio::test]
async fn a_second_delivery_has_the_same_uuid_and_another_event_another() {
    let receiver = taking();
    let uuid = async |key, id: &str| {
        let id = id.to_owned();
        trial(key).url(receiver.url("")).run_info("run_2", 2).event(|event| event.id = id).run().await.sent(0)["uuid"]
            .clone()
    };
    let first = uuid(KEYS[0], "evt_1").await;
    assert_eq!(first, uuid(KEYS[0], "evt_1").await);
    assert_ne!(first, uuid(KEYS[0], "evt_2").await);
    assert_ne!(first, uuid(KEYS[1], "evt_1").await, "that someone is identified is another event of the project's");
}

#[tokio::test]
async fn a_store_or_product_makes_no_person() {
    let receiver = taking();
    let store = json!({"documentId": "s".repeat(24), "title": "North"});
    let sent = trial(KEYS[0]).about("store_updated", "store", store.clone()).url(receiver.url("")).run().await.sent(0);
    assert_eq!(sent["distinct_id"], "s".repeat(24));
    assert_eq!(sent["properties"]["$process_person_profile"], false);
    let guest = json!({"distinct_id": "anonymous", "customer": {"id": 42}});
    let sent = trial(KEYS[0]).payload(guest).url(receiver.url("")).run().await.sent(0);
    assert_eq!((&sent["distinct_id"], &sent["properties"]["$process_person_profile"]), (&json!("42"), &Value::Null));
    let nobody = trial(KEYS[1]).about("store_updated", "store", store).url("http://127.0.0.1:9").run().await;
    assert!(nobody.exchanges.is_empty() && nobody.failure().reason().contains("trigger:new_subscriber"));
}

#[tokio::test]
async fn people_are_identified_with_who_they_were_before() {
    let receiver = taking();
    let payload = json!({"anonymous_id": "anon-1", "customer": {"email": "ada@example.com", "name": "Ada", "id": 7}});
    let sent = trial(KEYS[1]).payload(payload).url(receiver.url("")).run().await.sent(0);
    assert_eq!((&sent["event"], &sent["distinct_id"]), (&json!("$identify"), &json!("ada@example.com")));
    assert_eq!(sent["properties"]["$set"], json!({"email": "ada@example.com", "name": "Ada", "customer_id": "7"}));
    assert_eq!(sent["properties"]["$set_once"]["first_seen_at"], "2026-11-21T10:00:00.000Z");
    assert_eq!(sent["properties"]["$anon_distinct_id"], "anon-1");

    let config = json!({"properties": {"plan": "free"}});
    let known = trial(KEYS[1]).about("subscriber_unsubscribed", "subscriber", subscriber()).config(config);
    let sent = known.payload(json!({"anonymous_id": "undefined"})).url(receiver.url("")).run().await.sent(0);
    let set = json!({"email": "grace@example.com", "subscribed": false, "email_verified": false, "plan": "free"});
    assert_eq!((&sent["properties"]["$set"], &sent["properties"]["$anon_distinct_id"]), (&set, &Value::Null));
}

#[tokio::test]
async fn flags_are_evaluated_for_person_and_store_and_kept() {
    let receiver = taking();
    let config = json!({"flags": ["checkout", "gone"], "store_group": "store"});
    let tried = trial(KEYS[2]).config(config).meta(json!({"flags:other": 1})).url(receiver.url("")).run().await;
    let sent = tried.sent(0);
    assert_eq!((&sent["distinct_id"], &sent["groups"]), (&json!("ada@example.com"), &json!({"store": "s".repeat(24)})));
    assert_eq!(sent["group_properties"], json!({"store": {"name": "North", "slug": "north"}}));
    assert_eq!(sent["person_properties"], json!({"email": "ada@example.com", "name": "Ada Lovelace"}));
    assert_eq!(sent["flag_keys_to_evaluate"], json!(["checkout", "gone"]));
    let done = tried.accepted();
    let kept = json!({
        "values": {"button": "b", "checkout": true, "gone": false}, "payloads": {"checkout": {"color": "green"}},
        "evaluatedAt": "2026-11-21T10:00:00.000Z",
    });
    assert_eq!(done.meta["flags:ada@example.com"], kept);
    assert!(done.message.contains("gone"), "{}", done.message);
}

/// What a record remembers stays small, however many flags a project has and however long their payloads are.
#[tokio::test]
async fn flags_are_kept_within_bounds() {
    let flag =
        |payload: &str| json!({"enabled": true, "variant": null, "metadata": {"payload": json!(payload).to_string()}});
    let receiver = Receiver::start();
    receiver.answers(FLAGS, [flags(json!({"a": flag(&"x".repeat(5000)), "b": flag("small")}), false)]);
    let evaluated = |wanted: Value| trial(KEYS[2]).config(json!({"flags": wanted})).url(receiver.url(""));
    let done = evaluated(json!([])).run().await.accepted();
    let kept = &done.meta["flags:ada@example.com"];
    assert_eq!((&kept["values"]["a"], &kept["payloads"]), (&json!(true), &json!({})), "none that nobody asked for");

    // Others of 5 kB each stand there: the oldest make room.
    let old: Value = (0..12).map(|place| (format!("flags:{place:02}"), json!("y".repeat(5000)))).collect();
    let mut meta = old.clone();
    meta["other"] = json!("z".repeat(1000));
    let done = evaluated(json!(["a"])).meta(meta.clone()).run().await.accepted();
    assert_eq!(done.meta.get("flags:00"), Some(&Value::Null), "{:?}", done.meta.keys());
    assert!(!done.meta.contains_key("flags:05") && !done.meta.contains_key("other"), "{:?}", done.meta.keys());
    let mut all = meta.as_object().cloned().expect("an object");
    all.extend(done.meta);
    all.retain(|_, value| !value.is_null());
    assert!(Value::Object(all).to_string().len() <= 64 * 1024);

    receiver.answers(FLAGS, [flags(json!({"a": flag(&"x".repeat(70_000))}), false)]);
    let failure = evaluated(json!(["a"])).run().await.failure();
    assert!(matches!(&failure, Failure::Discard { reason } if reason.contains("config.flags")), "{failure}");
}

#[tokio::test]
async fn flags_that_cannot_be_computed_are_asked_for_again() {
    let on = json!({"enabled": true, "variant": null});
    let failed = json!({"enabled": false, "variant": null, "failed": true});
    for (wanted, told, is_done) in [
        (json!([]), json!({"a": on}), false),
        (json!(["a"]), json!({"a": on}), true),
        (json!(["a"]), json!({"a": failed}), false),
        (json!(["a", "b"]), json!({"a": on}), false),
    ] {
        let receiver = Receiver::start();
        receiver.answers(FLAGS, [flags(told, true)]);
        let tried = trial(KEYS[2]).config(json!({"flags": wanted})).url(receiver.url("")).run().await;
        match &tried.outcome {
            Ok(_) => assert!(is_done, "{wanted}"),
            Err(failure) => {
                let may_pass =
                    matches!(failure, Failure::Retry { reason, .. } if reason.contains("errorsWhileComputingFlags"));
                assert!(!is_done && may_pass, "{failure}");
            }
        }
    }
}

#[tokio::test]
async fn posthogs_own_answers_are_understood() {
    let text = |status: u16, body: &str| Answer::status(status).body(body);
    let discard = |text: &'static str| (false, None, text);
    let retry = |seconds: Option<u64>, text: &'static str| (true, seconds.map(Duration::from_secs), text);
    let page = "<html>hello</html>";
    for (answer, (is_retry, after, told)) in [
        (
            text(401, "API key is not valid: personal_api_key"),
            discard("credentials.api_key was refused by PostHog (401): API key is not valid"),
        ),
        (text(401, ""), discard("credentials.api_key was refused by PostHog (401)")),
        (text(400, "event submitted without an api_key"), discard("credentials.api_key was refused by PostHog (400)")),
        (
            text(400, "event submitted with an empty event name"),
            discard("PostHog refused the request (400): event submitted with an empty"),
        ),
        (text(402, "Billing limit reached."), discard("billing limit")),
        (text(404, page), discard("is the record's url PostHog's host?")),
        (text(413, "maximum event size exceeded"), discard("too large for PostHog (413): maximum event size exceeded")),
        (text(429, "billing limit reached"), discard("billing limit")),
        (text(429, "rate limited"), retry(None, "429 Too Many Requests: rate limited")),
        (text(429, "rate limited").header("retry-after", "9"), retry(Some(9), "rate limited")),
        (text(503, "transient error, please retry"), retry(None, "transient error")),
        (text(500, page), retry(None, "is the record's url PostHog's host?")),
        (text(200, page), retry(None, "cannot be read")),
        (Answer::redirect("https://login.example"), retry(None, "redirects are not followed")),
        (
            text(
                200,
                r#"{"status": "Ok", "quota_limited": ["events"], "quotaLimited": ["feature_flags"], "flags": {}}"#,
            ),
            discard("over its quota"),
        ),
    ] {
        for key in KEYS {
            let receiver = Receiver::start();
            receiver.answers(CAPTURE, [answer.clone()]);
            receiver.answers(FLAGS, [answer.clone()]);
            let failure = trial(key).url(receiver.url("/")).run().await.failure();
            let found = match &failure {
                Failure::Retry { after, .. } => (true, *after),
                Failure::Limit { after, .. } => (true, Some(*after)),
                Failure::Discard { .. } => (false, None),
                Failure::Gone { reason } => panic!("{reason}"),
            };
            assert_eq!(found, (is_retry, after), "{answer:?}: {failure}");
            assert!(failure.reason().contains(told), "{failure}: {told}");
        }
    }
    let older = Receiver::start();
    older.answers(CAPTURE, [text(200, r#"{"status": 1}"#)]);
    trial(KEYS[0]).url(older.url("")).run().await.accepted();
}

#[tokio::test]
async fn a_key_that_is_no_projects_is_never_sent() {
    for key in KEYS {
        for (credentials, told) in [
            (json!({"api_key": "phx_personal"}), "a personal key (phx_)"),
            (json!({"api_key": " phx_personal"}), "a personal key (phx_)"),
            (json!({"api_key": ""}), "credentials.api_key is empty"),
            (json!({}), "credentials: missing field `api_key`"),
        ] {
            for is_test in [false, true] {
                let trial = Trial::of(key).credentials(credentials.clone()).url("http://127.0.0.1:9");
                let tried = if is_test { trial.test().await } else { trial.run().await };
                assert!(tried.exchanges.is_empty());
                let failure = tried.failure();
                assert!(matches!(&failure, Failure::Discard { reason } if reason.contains(told)), "{failure}");
            }
        }
    }
    let unnamed = trial(KEYS[0]).config(json!({"mapping": {"post_sale": " "}})).url("http://127.0.0.1:9").run().await;
    assert!(unnamed.failure().reason().contains("config.mapping.post_sale is empty"));
}

#[tokio::test]
async fn a_test_event_says_so() {
    let receiver = taking();
    for key in &KEYS[..2] {
        let sent = trial(key).event(|event| event.test = true).url(receiver.url("")).run().await.sent(0);
        assert_eq!(sent["properties"]["test"], true);
    }
}
