use serde::Deserialize;
use serde_json::json;
use utoipa::ToSchema;

use super::*;
use crate::handler::{Context, Descriptor, Done, Handler, Outcome};

struct Crm(&'static str);

#[derive(Deserialize, ToSchema)]
#[allow(dead_code)] // The schema is what is looked at.
struct Config {
    #[schema(format = "uri")]
    base: Option<String>,
    #[schema(extensions(("x-destination" = json!(true))))]
    send: bool,
    picture_url: Option<String>,
    #[schema(value_type = Object)]
    properties: Map<String, Value>,
}

#[derive(Deserialize, ToSchema)]
#[allow(dead_code)] // The same.
struct Credentials {
    #[schema(format = Password)]
    token: String,
    user: Option<String>,
    #[schema(format = Hostname)]
    host: Option<String>,
}

impl Handler for Crm {
    type Config = Config;
    type Credentials = Credentials;

    fn descriptor(&self) -> Descriptor {
        let aliases: &[&str] = if self.0 == "a:crm" { &["a:crm:old"] } else { &[] };
        Descriptor { key: self.0, aliases, name: self.0, ..Descriptor::default() }
    }

    async fn run(&self, _: Context<Self>) -> Outcome {
        Ok(Done::default())
    }
}

fn registry() -> Registry {
    let registry = Registry::default().with(Crm("a:crm")).and_then(|registry| registry.with(Crm("any:*")));
    registry.unwrap_or_else(|problem| panic!("{problem}"))
}

/// The paths at which a record with `before` in place of its members leads elsewhere than one with `after`.
fn redirects(before: Value, after: Value) -> Vec<String> {
    let text = |record: &Value, name: &str| record[name].as_str().unwrap_or_default().to_owned();
    let [key, other] = [text(&before, "key"), text(&after, "key")];
    let [url, now] = [text(&before, "url"), text(&after, "url")];
    let wiring = |record, key, url| {
        let record: &Value = record;
        Wiring { key, url: Some(url), config: &record["config"], credentials: &record["credentials"] }
    };
    let found = registry().redirects(wiring(&before, &key, &url), wiring(&after, &other, &now));
    found.iter().map(|path| path.join(".")).collect()
}

#[test]
fn whatever_decides_where_secrets_go_is_found() {
    let record = |key: &str, more: Value| {
        let mut record = json!({"key": key, "url": "https://a.example/x", "config": {}, "credentials": {"token": "t"}});
        for (name, value) in more.as_object().expect("members") {
            record[name] = value.clone();
        }
        record
    };
    for (key, before, after, expected) in [
        ("a:crm", json!({}), json!({"url": "https://a.example/y?z"}), &[][..]),
        ("a:crm", json!({}), json!({"url": " HTTPS://A.example:443"}), &[]),
        ("a:crm", json!({}), json!({"url": "http://a.example/x"}), &["url"]),
        ("a:crm", json!({}), json!({"url": "https://a.example:8443/x"}), &["url"]),
        ("a:crm", json!({}), json!({"url": "https://a.example@b.example/x"}), &["url"]),
        ("a:crm", json!({}), json!({"url": "https://a.example.b.example/x"}), &["url"]),
        ("a:crm", json!({}), json!({"url": ""}), &["url"]),
        ("a:crm", json!({"url": ""}), json!({"url": " "}), &[]),
        ("a:crm", json!({}), json!({"key": "a:crm:old"}), &[]),
        ("a:crm", json!({}), json!({"key": "any:thing"}), &["key"]),
        ("any:a", json!({}), json!({"key": "any:b"}), &["key"]),
        ("no:handler", json!({}), json!({"key": "no:other"}), &["key"]),
        ("a:crm", json!({}), json!({"config": {"base": "https://b.example"}}), &["config.base"]),
        (
            "a:crm",
            json!({"config": {"base": "https://b.example/1"}}),
            json!({"config": {"base": "https://b.example/2"}}),
            &[],
        ),
        ("a:crm", json!({"config": {"base": ""}}), json!({"config": {"base": null}}), &[]),
        ("a:crm", json!({}), json!({"config": {"send": true}}), &["config.send"]),
        ("a:crm", json!({}), json!({"config": {"send": false}}), &[]),
        ("a:crm", json!({}), json!({"config": {"picture_url": "https://b.example"}}), &[]),
        ("a:crm", json!({}), json!({"config": {"properties": {"page": "https://b.example"}}}), &[]),
        ("a:crm", json!({}), json!({"credentials": {"token": "t", "host": "b.example"}}), &["credentials.host"]),
        ("a:crm", json!({}), json!({"credentials": {"token": "t", "user": "u"}}), &[]),
        ("a:crm", json!({}), json!({"credentials": {"token": "t", USE_DEFAULT: true}}), &["credentials.use_default"]),
        ("a:crm", json!({}), json!({"credentials": {"token": "t", USE_DEFAULT: false}}), &[]),
        ("a:crm", json!({}), json!({"config": {"more": {"list": ["https://b.example/"]}}}), &["config.more.list.0"]),
        ("a:crm", json!({}), json!({"config": {"more": {"crm_host": "b"}}}), &["config.more.crm_host"]),
        ("a:crm", json!({}), json!({"config": {"db": "redis://b.example/0"}}), &["config.db"]),
        ("a:crm", json!({}), json!({"config": {"gateway": " //b.example"}}), &["config.gateway"]),
        ("a:crm", json!({}), json!({"config": {"note": "re: tea"}}), &[]),
        ("a:crm", json!({}), json!({"config": {"more": {"folder": "b.example"}}}), &[]),
        ("no:handler", json!({}), json!({"credentials": {"token": "t", "base_url": "b"}}), &["credentials.base_url"]),
    ] {
        let found = redirects(record(key, before.clone()), record(key, after.clone()));
        assert_eq!(found, expected, "{key}: {before} to {after}");
    }
}

#[test]
fn all_that_is_passed_on_with_secrets_binds_them() {
    let passed_on = json!({"send": true, "properties": {}, "list": ["a"], "more": {"x": 1, "y": 2}});
    let record = |config: &Value, credentials: Value| json!({"key": "any:a", "url": "https://a.example/x", "config": config, "credentials": credentials});
    let (same, token) = (json!({"token": "t", "api": "k"}), json!({"token": "new", "api": "k"}));
    for (name, value, expected) in [
        ("db", json!("redis://b.example"), &["config.db"][..]),
        ("gateway", json!("//b.example"), &["config.gateway"]),
        ("shop", json!("b.example:443"), &["config.shop"]),
        ("ip", json!("203.0.113.9"), &["config.ip"]),
        ("x", json!(["b.example"]), &["config.x.0"]),
        ("list", json!(["a", "b.example"]), &["config.list.1"]),
        ("list", json!([]), &["config.list.0", "config.list"]),
        ("list", json!(null), &["config.list.0"]),
        ("more", json!({"y": 2, "x": 1}), &[]),
        ("more", json!({"y": 3, "x": 1}), &["config.more.y"]),
        ("number", json!(7), &["config.number"]),
        ("flag", json!(false), &["config.flag"]),
        ("nothing", json!(null), &[]),
        ("policy", json!({"timeout_s": 3}), &[]),
        ("properties", json!({"page": "https://b.example"}), &[]),
        ("send", json!(false), &["config.send"]),
    ] {
        let mut config = passed_on.clone();
        config[name] = value.clone();
        let found = redirects(record(&passed_on, same.clone()), record(&config, same.clone()));
        assert_eq!(found, expected, "{name}: {value}");
    }
    let found = redirects(record(&passed_on, same.clone()), record(&passed_on, token));
    assert!(found.is_empty(), "what the schema knows as a password is no destination: {found:?}");
    let more = json!({"token": "t", "api": "k", "tenant": "b.example"});
    assert_eq!(redirects(record(&passed_on, same.clone()), record(&passed_on, more)), ["credentials.tenant"]);
    let off = |shop: &str| json!({"send": false, "shop": shop});
    let found = redirects(record(&off("a"), same.clone()), record(&off("b"), same));
    assert!(found.is_empty(), "secrets are not sent: {found:?}");
}

#[test]
fn a_secret_stays_where_a_mask_stands_for_it_or_nothing_is_sent() {
    let stored = json!({"token": "t", "user": "u", "host": "h", "list": [null, {"pin": 1}], USE_DEFAULT: false});
    for (sent, expected) in [
        (None, true),
        (Some(json!({"token": MASK})), true),
        (Some(json!({"token": "new", "user": MASK, "host": MASK})), false),
        (Some(json!({"token": "new"})), false),
        (Some(json!({"list": [MASK]})), false),
        (Some(json!({"list": [null, {"pin": MASK}]})), true),
        (Some(json!({"list": [null, MASK]})), true),
        (Some(json!(MASK)), true),
        (Some(json!({})), false),
        (Some(Value::Null), false),
    ] {
        assert_eq!(registry().keeps_secret("a:crm", &stored, sent.as_ref()), expected, "{sent:?}");
    }
    let no_secret = json!({"token": null, "user": "u", USE_DEFAULT: true});
    assert!(!registry().keeps_secret("a:crm", &no_secret, None));
    assert!(registry().keeps_secret("no:handler", &no_secret, None), "nobody says that the user is no secret");
    assert!(registry().keeps_secret("a:crm", &json!("whole"), None));
}
