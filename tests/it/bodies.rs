//! What bodies may hold, and what is said of what they may not.

use serde_json::{Value, json};
use tenon::content::{ContentType, PRODUCT, Rules, STORE, SUBSCRIBER, check_keys, validate};
use tenon::error::Error;

const PUBLISH: Rules = Rules { publishing: true, creating: true };
const DRAFT: Rules = Rules { publishing: false, creating: true };

fn problems(content_type: &'static ContentType, data: &Value, rules: Rules) -> Vec<String> {
    let data = data.as_object().expect("data is an object");
    let checked = check_keys(content_type, data).and_then(|()| validate(content_type, data, rules).map(drop));
    match checked {
        Ok(()) => Vec::new(),
        Err(Error::Invalid(problems)) => problems.into_iter().map(|problem| problem.message).collect(),
        Err(other) => vec![other.to_string()],
    }
}

#[test]
#[allow(clippy::too_many_lines)] // A table.
fn bad_values_are_refused_with_their_path_and_in_strapis_words() {
    let cases: &[(&'static ContentType, Value, &[&str])] = &[
        (&STORE, json!({"title": "e"}), &["slug must be a `string` type, but the final value was: `null`."]),
        (
            &STORE,
            json!({"title": {"a": 1}, "slug": "s"}),
            &["title must be a `string` type, but the final value was: `{\n  \"a\": \"1\"\n}`."],
        ),
        (
            &STORE,
            json!({"title": "e", "slug": "s", "active": "maybe"}),
            &["active must be a `boolean` type, but the final value was: `\"maybe\"`."],
        ),
        (
            &PRODUCT,
            json!({"Name": "e", "usd_price": "abc"}),
            &["usd_price must be a `number` type, but the final value was: `NaN` (cast from the value `\"abc\"`)."],
        ),
        (&PRODUCT, json!({"Name": "e", "quantity": 1.5}), &["quantity must be an integer"]),
        (&SUBSCRIBER, json!({"Email": "nope"}), &["Email must be a valid email"]),
        (
            &SUBSCRIBER,
            json!({"Email": "a@b.co", "sync_status": "nope"}),
            &["sync_status must be one of the following values: pending, synced, failed, unsubscribed, "],
        ),
        (
            &SUBSCRIBER,
            json!({"Email": "a@b.co", "EmailVerified": "2026-02-31"}),
            &["Invalid format, expected a timestamp or an ISO date"],
        ),
        (&STORE, json!({"Title": "e"}), &["Invalid key Title"]),
        (&PRODUCT, json!({"PRICES": [{"extensions": [{"foo": 1}]}]}), &["Invalid key foo at PRICES.extensions"]),
        (
            &PRODUCT,
            json!({"Name": "x", "PRICES": [{}, {"Price": "abc"}]}),
            &[
                "PRICES[1].Price must be a `number` type, but the final value was: `NaN` (cast from the value `\"abc\"`).",
            ],
        ),
        (
            &PRODUCT,
            json!({"Name": "x", "extensions": [{"key": "custom:webhook", "triggers": ["order_[a"]}]}),
            &["extensions[0].triggers holds \"order_[a\", which is no trigger pattern"],
        ),
        (
            &STORE,
            json!({"title": "e", "slug": "s", "extensions": [{"key": "a:b", "url": "ftp://x.example"}]}),
            &["extensions[0].url must be an http or https URL"],
        ),
        (&STORE, json!({"title": "a\u{0}b", "slug": "s"}), &["title must not contain the character U+0000"]),
        (
            &STORE,
            json!({"title": 1, "slug": 2, "extensions": [{"key": 5, "run_count": "x"}]}),
            &[
                "title must be a `string` type, but the final value was: `1`.",
                "slug must be a `string` type, but the final value was: `2`.",
                "extensions[0].key must be a `string` type, but the final value was: `5`.",
                "extensions[0].run_count must be a `number` type",
            ],
        ),
    ];
    for (content_type, data, expected) in cases {
        let found = problems(content_type, data, PUBLISH);
        assert_eq!(found.len(), expected.len(), "{data}: {found:?}");
        for (found, expected) in found.iter().zip(*expected) {
            assert!(found.starts_with(expected), "{data}: {found:?}");
        }
    }
}

#[test]
fn drafts_are_spared_what_only_a_published_version_must_satisfy() {
    for (content_type, data) in [
        (&STORE, json!({})),
        (&SUBSCRIBER, json!({"Email": "not-an-email"})),
        (&STORE, json!({"extensions": [{"key": "BAD KEY"}, {"url": "u"}]})),
    ] {
        assert!(!problems(content_type, &data, PUBLISH).is_empty(), "{data}");
        assert_eq!(problems(content_type, &data, DRAFT), [""; 0], "{data}");
    }
    let pattern = json!({"extensions": [{"key": "a:b", "triggers": ["{open"]}]});
    assert_eq!(problems(&STORE, &pattern, DRAFT).len(), 1, "a pattern is in force at once, also in a draft");
}

#[test]
fn values_are_cast_as_strapi_casts_them() {
    let data =
        json!({"Name": "x", "usd_price": " 12.30 ", "quantity": 7.0, "active": "true", "PRICES": [{"Price": 1e20}]});
    assert_eq!(problems(&PRODUCT, &data, PUBLISH), [""; 0]);
    let input = validate(&PRODUCT, data.as_object().expect("an object"), PUBLISH).expect("it is valid");
    let written = format!("{:?}", input.values);
    for part in ["(usd_price, Decimal(\"12.3\"))", "(quantity, Int(7))", "(active, Bool(true))"] {
        assert!(written.contains(part), "{part} in {written}");
    }
    assert!(format!("{:?}", input.items).contains("Decimal(\"100000000000000000000\")"), "exact, whatever its size");
}

#[test]
fn a_number_is_read_as_a_moment_by_its_digits() {
    for (sent, moment) in [(json!(20260102), 1_767_312_000_000_i64), (json!(1.767_323_045_006e12), 1_767_323_045_006)] {
        let data = json!({"Email": "a@b.co", "EmailVerified": sent});
        let input = validate(&SUBSCRIBER, data.as_object().expect("an object"), PUBLISH).expect("it is valid");
        let written = format!("{:?}", input.values);
        assert!(written.contains(&format!("Time({moment})")), "{data}: {written}");
    }
}

#[test]
fn the_defaults_of_every_content_type_are_values_that_it_takes() {
    for (content_type, data) in [
        (&STORE, json!({"title": "t", "slug": "s", "URLS": [{}], "SEO": {}, "extensions": [{"key": "a:b"}]})),
        (&PRODUCT, json!({"Name": "n", "Tag": [{}], "PRICES": [{"extensions": [{"key": "a:b"}]}]})),
        (&SUBSCRIBER, json!({"Email": "a@b.co"})),
    ] {
        assert_eq!(problems(content_type, &data, PUBLISH), [""; 0]);
        let input = validate(content_type, data.as_object().expect("an object"), PUBLISH).expect("it is valid");
        for field in content_type.fields.iter().filter(|field| !field.default.is_empty()) {
            let value = input.values.iter().find(|(other, _)| other.name == field.name);
            assert!(value.is_some_and(|(_, value)| *value != tenon::content::Value::Null), "{}", field.name);
        }
    }
}
