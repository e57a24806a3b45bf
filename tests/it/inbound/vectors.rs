//! The services' own examples of signatures, as others have collected them. They lie beside the checkout or above it, or
//! where `TEST_SHARED` says, and are no part of the project: where they are not, these tests say so and pass.

use std::io::Write as _;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};
use tenon::clock::SECOND;
use tenon::handler::Delivery;

/// Whether the handler `key` takes this, `now` seconds after 1970.
fn takes(key: &str, setup: (Value, Value), headers: &[(&str, &str)], body: &str, now: i64) -> bool {
    let headers: Vec<_> = headers.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    let delivery = Delivery { headers: &headers, body: body.as_bytes(), now: now * SECOND };
    let registry = tenon::extensions::registry().expect("the handlers");
    registry.find(key).expect(key).receive(&delivery, setup.0, setup.1).is_ok()
}

/// The examples in the file of this name, or nothing, told loudly.
#[allow(clippy::disallowed_methods)] // What whoever runs the test has to tell.
fn examples(name: &str) -> Option<Value> {
    let asked = std::env::var("TEST_SHARED").ok().map(PathBuf::from);
    let beside = Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().skip(1).map(|folder| folder.join("shared"));
    let mut places = asked.into_iter().chain(beside).map(|folder| folder.join("contracts").join(name));
    let Some(found) = places.find(|place| place.is_file()) else {
        // Past the harness, which keeps what passing tests print to itself.
        let told = writeln!(
            std::io::stderr(),
            "SKIPPED: no shared/contracts/{name} beside the checkout; TEST_SHARED names its folder"
        );
        told.expect("stderr");
        return None;
    };
    let text = std::fs::read_to_string(&found).unwrap_or_else(|error| panic!("{}: {error}", found.display()));
    Some(serde_json::from_str(&text).expect("JSON"))
}

fn text<'a>(example: &'a Value, member: &str) -> &'a str {
    example[member].as_str().unwrap_or_else(|| panic!("{member} in {example}"))
}

/// Asserts that each example is judged as it says, and that there are as many as there should be.
fn judge(examples: &Value, least: usize, takes: impl Fn(&Value) -> bool) {
    let examples = examples.as_array().expect("a list");
    assert!(examples.len() >= least, "{} examples", examples.len());
    for example in examples {
        let valid = example.get("valid").is_none_or(|valid| *valid == json!(true));
        assert_eq!(takes(example), valid, "{example:#}");
    }
}

/// The time after `t=`.
fn stripe_time(header: &str) -> i64 {
    header.split(',').find_map(|part| part.strip_prefix("t=")).and_then(|time| time.parse().ok()).unwrap_or_default()
}

#[test]
fn stripes_examples_are_judged_as_stripes_library_does() {
    let Some(examples) = examples("signature-vectors.json") else { return };
    judge(&examples["stripe"]["vectors"], 16, |example| {
        let (header, setup) = (text(example, "header"), json!({"webhook_secret": example["secret"]}));
        let now = example["now"].as_i64().unwrap_or_else(|| stripe_time(header));
        let headers = [("stripe-signature", header)];
        takes("markket:stripe:webhook", (json!({}), setup), &headers, text(example, "payload"), now)
    });
}

#[test]
fn sendgrids_examples_are_judged_as_sendgrids_library_does() {
    let Some(examples) = examples("signature-vectors.json") else { return };
    judge(&examples["sendgrid_event_webhook"]["vectors"], 6, |example| {
        let (sent_at, config) = (text(example, "timestamp"), json!({"public_key": example["public_key"]}));
        let headers = [
            ("x-twilio-email-event-webhook-signature", text(example, "signature")),
            ("x-twilio-email-event-webhook-timestamp", sent_at),
        ];
        let now = sent_at.parse().unwrap_or_default();
        takes("markket:sendgrid:webhook", (config, json!({})), &headers, text(example, "payload"), now)
    });
}

#[test]
fn hexadecimal_examples_are_judged_as_they_say() {
    let Some(examples) = examples("signature-vectors.json") else { return };
    judge(&examples["hex_hmac"]["vectors"], 1, |example| {
        let credentials = json!({"secret": example["secret"], "header_name": "X-Hub-Signature-256"});
        let headers = [("x-hub-signature-256", text(example, "header"))];
        takes("custom:inbound", (json!({}), credentials), &headers, text(example, "payload"), 0)
    });
}

/// An example of Standard Webhooks in either of the forms that the files have.
fn standard(example: &Value) -> bool {
    let member = |long: &str, short: &str| example.get(long).or(example.get(short)).cloned().unwrap_or_default();
    let texts = [("webhook-id", "id"), ("webhook-timestamp", "timestamp"), ("webhook-signature", "signature")];
    let values = texts.map(|(long, short)| match member(long, short) {
        Value::String(text) => text,
        other => other.to_string(),
    });
    let headers: Vec<_> = texts.iter().map(|(long, _)| *long).zip(values.iter().map(String::as_str)).collect();
    let body = match &example["payload_repeat"] {
        Value::Array(repeat) => {
            repeat[0].as_str().expect("a text").repeat(repeat[1].as_u64().expect("a number") as usize)
        }
        _ => text(example, "payload").to_owned(),
    };
    let now = example["verify_at"].as_i64().or(values[1].parse().ok()).expect("a time");
    let setup = match example.get("public_key") {
        Some(key) => (json!({ "public_key": key }), json!({})),
        None => (json!({}), json!({"secret": example["secret"]})),
    };
    takes("custom:inbound", setup, &headers, &body, now)
}

#[test]
fn examples_of_standard_webhooks_are_judged_as_its_libraries_do() {
    if let Some(examples) = examples("signature-vectors.json") {
        judge(&examples["standard_webhooks"]["vectors"], 1, standard);
    }
    if let Some(examples) = examples("standard-webhooks-vectors.json") {
        judge(&examples["standard_webhooks"], 20, standard);
    }
}
