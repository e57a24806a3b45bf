//! The services' own examples of signatures, as others have collected them.

use serde_json::{Value, json};
use tenon::clock::SECOND;
use tenon::handler::Delivery;

use crate::support::shared;

/// Whether the handler `key` takes this, `now` seconds after 1970.
fn takes(key: &str, setup: (Value, Value), headers: &[(&str, &str)], body: &str, now: i64) -> bool {
    let headers: Vec<_> = headers.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    let delivery = Delivery { headers: &headers, body: body.as_bytes(), now: now * SECOND };
    let registry = tenon::extensions::registry().expect("the handlers");
    registry.find(key).expect(key).receive(&delivery, setup.0, setup.1).is_ok()
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
    let Some(examples) = shared::json("contracts/signature-vectors.json") else { return };
    judge(&examples["stripe"]["vectors"], 16, |example| {
        let (header, setup) = (text(example, "header"), json!({"webhook_secret": example["secret"]}));
        let now = example["now"].as_i64().unwrap_or_else(|| stripe_time(header));
        let headers = [("stripe-signature", header)];
        takes("markket:stripe:webhook", (json!({}), setup), &headers, text(example, "payload"), now)
    });
}

#[test]
fn sendgrids_examples_are_judged_as_sendgrids_library_does() {
    let Some(examples) = shared::json("contracts/signature-vectors.json") else { return };
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
    let Some(examples) = shared::json("contracts/signature-vectors.json") else { return };
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
    if let Some(examples) = shared::json("contracts/signature-vectors.json") {
        judge(&examples["standard_webhooks"]["vectors"], 1, standard);
    }
    if let Some(examples) = shared::json("contracts/standard-webhooks-vectors.json") {
        judge(&examples["standard_webhooks"], 20, standard);
    }
}
