//! The instance's own credentials: who asks for them spends the instance's account, and can send them nowhere else.

use reqwest::Method;
use serde_json::{Value, json};
use tenon::config::Config;
use tenon::handler::Defaults;

use crate::support::api::send;
use crate::support::app::TestApp;
use crate::support::on_both_databases;
use crate::support::receiver::Receiver;

const KEY: &str = "phc_the-instances-own-key";
const SECRET: &str = "the-secret-of-the-instance";

fn with_defaults(config: &mut Config) {
    let defaults = json!({
        "posthog:track": {"credentials": {"api_key": KEY}},
        "custom:webhook": {"credentials": {"secret": SECRET}, "url": "http://127.0.0.1:9/hook"},
        "custom:inbound": {"credentials": {"secret": SECRET, "header_name": "X-Signed"}},
        "discord:webhook": {"credentials": {"webhook_url": "https://discord.com/api/webhooks/1/instance-token"}},
        "slack:events": {"credentials": {"signing_secret": SECRET}},
    });
    config.defaults = Defaults::parse(&defaults.to_string()).expect("defaults");
}

/// The same, but PostHog is at `receiver`.
fn lead_to(receiver: &Receiver) -> Defaults {
    let url = receiver.url("");
    let defaults = json!({"posthog:track": {"credentials": {"api_key": KEY}, "url": url}});
    Defaults::parse(&defaults.to_string()).expect("defaults")
}

static POSTHOG: std::sync::LazyLock<Receiver> = std::sync::LazyLock::new(Receiver::start);

/// The way to the receiver of webhooks of the instance's own, which whoever knows it can post to.
const WAY: &str = "a-way-that-nobody-guesses";

/// The instance's own account with a program that is sent credentials.
fn with_program(config: &mut Config) {
    let account = json!({
        "credentials": {"secret": SECRET, "api": KEY, "host": "crm.example", "database": "redis://crm.example"},
        "url": "https://program.example/hook",
    });
    config.defaults =
        Defaults::parse(&json!({"external:crm": account, "posthog:track": account}).to_string()).expect("defaults");
}

fn with_secret_url(config: &mut Config) {
    let defaults = json!({"custom:webhook": {"credentials": {}, "url": POSTHOG.url(&format!("/{WAY}"))}});
    config.defaults = Defaults::parse(&defaults.to_string()).expect("defaults");
}

fn with_posthog(config: &mut Config) {
    POSTHOG.answers("/i/v0/e/", [crate::support::receiver::Answer::status(200).body(r#"{"status": "Ok"}"#)]);
    config.defaults = lead_to(&POSTHOG);
}

async fn because(app: &TestApp, store: &str, place: usize) -> (Value, Value, String) {
    let explained = app.get(&format!("/api/stores/{store}/explain?trigger=post_sale")).await;
    let record = explained.expect(200)["data"]["records"][place].clone();
    (record["because"].clone(), record["path"].clone(), record["message"].as_str().unwrap_or_default().to_owned())
}

on_both_databases! {
    async fn a_record_that_asks_for_them_is_executed_with_the_instances_own(app: &TestApp) with with_posthog; {
        let record = json!({"key": "posthog:track", "triggers": ["post_sale"], "credentials": {"use_default": true}});
        let store = app.store(vec![record]).await;
        let id = app.record(&store, 0).await["id"].clone();
        // The receiver serves both databases' stories at once.
        let mine = || POSTHOG.received().into_iter().filter(|came| came.json().to_string().contains(&store)).collect::<Vec<_>>();
        app.emit(&store, "post_sale", json!({"note": format!("it echoes {KEY}")})).await;
        app.run_until_idle().await;
        let run = app.only_run().await;
        assert_eq!(run["state"], "completed", "{run:#}");
        assert_eq!(mine()[0].json()["api_key"], KEY);
        let tried = app.post(&format!("/api/stores/{store}/extensions/{id}/test"), json!({"trigger": "post_sale"})).await;
        assert_eq!(tried.expect(200)["data"]["outcome"], "done", "{}", tried.text);
        assert_eq!(mine().len(), 2);
        let shown = app.record(&store, 0).await;
        assert_eq!(shown["credentials"], json!({"use_default": true}), "it is no secret whose they are");
        for text in [run.to_string(), tried.text, shown.to_string()] {
            assert!(!text.contains(KEY), "{text}");
        }
        let kept = app.texts("SELECT coalesce(config, '') || coalesce(meta, '') || coalesce(credentials_mask, '') || coalesce(url, '') FROM extensions").await;
        assert!(kept.iter().all(|text| !text.contains(KEY)), "{kept:?}");
    }

    async fn what_is_secret_in_the_instances_url_is_told_to_nobody(app: &TestApp) with with_secret_url; {
        let record = json!({"key": "custom:webhook", "triggers": ["post_sale"], "credentials": {"use_default": true}});
        let store = app.store(vec![record]).await;
        app.emit(&store, "post_sale", json!({})).await;
        app.run_until_idle().await;
        let run = app.only_run().await;
        assert_eq!(run["state"], "completed", "{run:#}");
        let url = &run["attempts"][0]["exchanges"][0]["request"]["url"];
        assert_eq!(url, &json!(POSTHOG.url("/********")), "{run:#}");
    }

    async fn single_values_of_the_record_stand_in_place_of_the_instances(app: &TestApp) with with_posthog; {
        let own = json!({"use_default": true, "api_key": "phc_of-the-shop-itself", "unknown": null});
        let store = app.store(vec![json!({"key": "posthog:track", "triggers": ["post_sale"], "credentials": own})]).await;
        app.emit(&store, "post_sale", json!({})).await;
        app.run_until_idle().await;
        let came = POSTHOG.received().into_iter().find(|came| came.json().to_string().contains(&store));
        assert_eq!(came.expect("a request").json()["api_key"], "phc_of-the-shop-itself");
        let run = app.only_run().await.to_string();
        assert!(run.contains("completed") && !run.contains("phc_of-the-shop-itself"), "{run}");
    }

    async fn the_instances_credentials_go_nowhere_but_where_the_instance_says(app: &TestApp) with with_defaults; {
        let elsewhere = app.receiver.url("/mine");
        let default = json!({"use_default": true});
        let store = app.store(vec![
            json!({"key": "posthog:track", "triggers": ["post_sale"], "credentials": default, "url": elsewhere}),
            json!({"key": "custom:webhook", "triggers": ["post_sale"], "credentials": default, "url": elsewhere}),
            json!({"key": "discord:webhook", "triggers": ["post_sale"], "credentials": {"use_default": true, "webhook_url": elsewhere}}),
            json!({"key": "discord:webhook", "triggers": ["post_sale"], "credentials": {"use_default": true, "webhook_url": "127.0.0.1"}}),
        ]).await;
        for (place, path) in [(0, json!(["url"])), (1, json!(["url"])), (2, json!(["credentials", "webhook_url"])), (3, json!(["credentials", "webhook_url"]))] {
            let (because, at, message) = because(app, &store, place).await;
            assert_eq!((because, at), (json!("bad_credentials"), path), "{message}");
            assert!(message.contains("use_default"), "{message}");
        }
        app.emit(&store, "post_sale", json!({})).await;
        app.run_until_idle().await;
        assert!(app.receiver.received().is_empty(), "nothing was sent");
        assert!(app.runs().await.iter().all(|run| run["state"] == "dead"));
        let list = format!("/api/stores/{store}/extensions");
        let refused = app.post(&list, json!({"data": {"key": "posthog:track", "credentials": default, "url": elsewhere}})).await;
        assert_eq!(refused.expect(400)["error"]["details"]["errors"][0]["path"], json!(["url"]));
        app.post(&list, json!({"data": {"key": "posthog:track", "credentials": default}})).await.expect(201);
        // Later too: a record cannot be led away by a change.
        let id = app.record(&store, 4).await["id"].clone();
        let change = app.request(Method::PATCH, &format!("{list}/{id}")).json(&json!({"data": {"url": elsewhere}}));
        send(change).await.expect(400);
    }

    async fn a_record_says_nothing_of_where_the_instances_credentials_go(app: &TestApp) with with_program; {
        let store = app.store(Vec::new()).await;
        let list = format!("/api/stores/{store}/extensions");
        let made = async |key: &str, mut config: Value, mut credentials: Value, member: (&str, &str, Value)| {
            let into = if member.0 == "config" { &mut config } else { &mut credentials };
            into[member.1] = member.2.clone();
            let record = json!({"key": key, "triggers": ["post_sale"], "config": config, "credentials": credentials});
            (app.post(&list, json!({ "data": record })).await, record)
        };
        let sends = || json!({"send_credentials": true});
        let default = || json!({"use_default": true});
        for (name, value) in [
            ("host", json!("evil.example")), ("base_url", json!("evil.example")), ("api_base", json!("evil.example")),
            ("shop", json!("evil.example:443")), ("ip", json!("203.0.113.9")), ("db", json!("redis://evil.example")),
            ("gateway", json!("//evil.example")), ("to", json!(["evil.example"])), ("more", json!({"tenant": "evil"})),
            ("database", json!("redis://evil.example")),
        ] {
            for member in ["config", "credentials"] {
                let (refused, record) = made("external:crm", sends(), default(), (member, name, value.clone())).await;
                let problem = &refused.expect(400)["error"]["details"]["errors"][0];
                let path = problem["path"].as_array().expect("a path").iter().filter_map(Value::as_str).collect::<Vec<_>>().join(".");
                assert!(path.starts_with(&format!("{member}.{name}")), "{record}: {problem}");
                assert!(problem["message"].as_str().is_some_and(|why| why.contains("use_default")), "{problem}");
            }
        }
        for (key, config, member) in [
            ("external:crm", json!({}), ("config", "base_url", json!("https://evil.example"))),
            ("external:crm", json!({}), ("config", "db", json!("redis://evil.example"))),
            ("posthog:track", json!({}), ("credentials", "endpoint", json!("evil.example"))),
        ] {
            made(key, config, default(), member).await.0.expect(400);
        }
        for (config, member) in [
            (sends(), ("credentials", "api", json!(null))),
            (sends(), ("credentials", "host", json!("crm.example"))),
            (sends(), ("credentials", "secret", json!("another secret"))),
            (sends(), ("config", "policy", json!({"timeout_s": 5}))),
            (json!({}), ("config", "pipeline", json!("north"))),
        ] {
            made("external:crm", config, default(), member).await.0.expect(201);
        }
        // What a document brings is stored and reported, and is not executed.
        let evil = json!({
            "key": "external:crm", "triggers": ["post_sale"], "config": {"send_credentials": true},
            "credentials": {"use_default": true, "host": "evil.example"},
        });
        let other = app.store_named("other", vec![evil]).await;
        let (because, path, _) = because(app, &other, 0).await;
        assert_eq!((because, path), (json!("bad_credentials"), json!(["credentials", "host"])));
        app.emit(&other, "post_sale", json!({})).await;
        app.run_until_idle().await;
        assert_eq!(app.only_run().await["state"], "dead");
        let one = format!("/api/stores/{other}/extensions/{}", app.record(&other, 0).await["id"]);
        send(app.request(Method::PATCH, &one).json(&json!({"data": {"credentials": default()}}))).await.expect(200);
    }

    async fn what_the_instance_has_not_is_named(app: &TestApp) with with_defaults; {
        let record = |key: &str, credentials: Value| json!({"key": key, "triggers": ["post_sale"], "credentials": credentials});
        let store = app.store(vec![
            record("custom:inbound", json!({"use_default": "yes"})),
            record("markket:sendgrid:webhook", json!({"use_default": true})),
        ]).await;
        let (kind, path, message) = because(app, &store, 0).await;
        assert_eq!((kind, path), (json!("bad_credentials"), json!(["credentials", "use_default"])));
        assert!(message.contains("true or false"), "{message}");
        let (kind, _, message) = because(app, &store, 1).await;
        assert_eq!(kind, json!("bad_credentials"));
        assert!(message.contains("TENON_DEFAULT_CREDENTIALS") && message.contains("markket:sendgrid"), "{message}");
        for (key, has) in [("posthog:track", true), ("discord:webhook", true), ("markket:sendgrid:webhook", false)] {
            let shown = app.get(&format!("/tenon/handlers/{key}")).await.expect(200)["data"].clone();
            assert_eq!(shown["hasDefault"], has, "{key}");
            // A handler that needs no credentials has nothing to use.
            let property = &shown["credentialsSchema"]["properties"]["use_default"];
            assert_eq!((property["title"].is_string(), property["description"].is_string()), (has, has), "{shown:#}");
            assert!(!shown.to_string().contains(KEY));
        }
    }

    async fn what_is_sent_to_an_address_is_verified_with_the_instances_own(app: &TestApp) with with_defaults; {
        let store = app.store(vec![
            json!({"key": "custom:inbound", "triggers": [], "credentials": {"use_default": true}}),
            json!({"key": "markket:sendgrid:webhook", "triggers": [], "credentials": {"use_default": true}}),
        ]).await;
        let address = async |place: usize| {
            let id = app.record(&store, place).await["id"].clone();
            let url = app.get(&format!("/tenon/extensions/{id}/inbound")).await.expect(200)["data"]["url"].clone();
            url::Url::parse(url.as_str().expect("a url")).expect("a url").path().to_owned()
        };
        let body = r#"{"type": "contact.created"}"#;
        let signed = async |path: String, secret: &str| {
            let signature = tenon::handler::signature::hex_hmac("sha256", secret, body.as_bytes()).expect("known");
            let request = app.with_token(None).request(Method::POST, &path).header("X-Signed", signature);
            send(request.header("Content-Type", "application/json").body(body)).await
        };
        signed(address(0).await, SECRET).await.expect(200);
        signed(address(0).await, "another").await.expect(401);
        let refused = signed(address(1).await, SECRET).await;
        assert!(refused.expect(401)["error"]["message"].as_str().is_some_and(|why| why.contains("credentials")));
        app.run_until_idle().await;
    }
}

#[test]
fn a_bad_default_stops_the_start_and_names_its_class_and_nothing_else() {
    for (text, parts) in [
        (r#"["SG.key"]"#, ["a JSON object", "line 1"]),
        (r#"{"markket:sendgrid": {"api_key": "SG.key"}}"#, ["markket:sendgrid", r#""credentials""#]),
        (r#"{"markket:sendgrid": {"credentials": "SG.key"}}"#, ["markket:sendgrid", r#""credentials""#]),
        (r#"{"markket": {"credentials": {}}}"#, ["markket", "no class"]),
        (r#"{"markket:sendgrid:welcome": {"credentials": {}}}"#, ["markket:sendgrid:welcome", "no class"]),
        (r#"{"markket:odoo": {"credentials": {}, "url": "erp.example"}}"#, ["markket:odoo", "http"]),
        (r#"{"markket:odoo": {"credentials": {}, "ulr": "SG.key"}}"#, ["markket:odoo", "ulr"]),
        (r#"{"a:b": {"credentials": {"use_default": true}}}"#, ["a:b", "use_default"]),
    ] {
        let problem = Defaults::parse(text).err().unwrap_or_else(|| panic!("{text} is refused"));
        assert!(parts.iter().all(|part| problem.contains(part)) && !problem.contains("SG."), "{text}: {problem}");
    }
    let handlers = tenon::extensions::registry().expect("one handler for each key");
    for (text, part) in [
        (r#"{"posthog:trak": {"credentials": {}}}"#, "did you mean posthog:track?"),
        (
            r#"{"posthog:track": {"credentials": {"api_key": ["SG.key"]}}}"#,
            "posthog:track: credentials.api_key: expected",
        ),
    ] {
        let problem = Defaults::parse(text).and_then(|defaults| defaults.check(&handlers)).err().unwrap_or_default();
        assert!(problem.contains(part) && !problem.contains("SG."), "{text}: {problem}");
    }
    let half = Defaults::parse(r#"{"posthog:track": {"credentials": {}}}"#).expect("defaults");
    assert_eq!(half.check(&handlers), Ok(()), "records may add the rest");
}
