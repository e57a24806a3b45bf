//! What Odoo's answers mean: to try again, or what a person has to change.

use std::time::Duration;

use serde_json::{Value, json};
use tenon::handler::Failure;

use super::double::{DATABASE, Double, KEY, USER};
use super::{VERSIONS, credentials, odoo_of, trial};
use crate::services::trial::Trial;
use crate::support::receiver::{Answer, Receiver};

/// Whether it is tried again.
#[derive(Debug, PartialEq, Eq)]
enum Means {
    Retry,
    Discard,
}

fn means(failure: &Failure) -> Means {
    match failure {
        Failure::Retry { .. } | Failure::Limit { .. } => Means::Retry,
        Failure::Discard { .. } => Means::Discard,
        Failure::Gone { reason } => panic!("{reason}"),
    }
}

fn subscriber(odoo: &Double) -> Trial {
    trial("markket:odoo", odoo).about(
        "new_subscriber",
        "subscriber",
        json!({"documentId": "u", "Email": "a@example.com"}),
    )
}

/// Exceptions with what they say, what they mean, and what of it is told.
const ERRORS: [(&str, &str, Means, &str); 17] = [
    ("odoo.exceptions.AccessDenied", "Access Denied", Means::Discard, "credentials.api_key was refused by Odoo"),
    (
        "odoo.exceptions.AccessDenied",
        "Too many login failures, please wait a bit",
        Means::Retry,
        "Too many login failures",
    ),
    (
        "odoo.exceptions.AccessError",
        "You are not allowed to create 'Contact'",
        Means::Discard,
        "may not do res.partner.create in Odoo, and needs more rights there: You are not",
    ),
    (
        "odoo.exceptions.ValidationError",
        "The operation cannot be completed:\n- Contacts  require a name",
        Means::Discard,
        "Odoo refused res.partner.create: The operation cannot be completed: - Contacts require a name",
    ),
    (
        "odoo.exceptions.UserError",
        "You cannot do that",
        Means::Discard,
        "Odoo refused res.partner.create: You cannot do that",
    ),
    (
        "odoo.exceptions.UserError",
        "Object res.partner doesn't exist",
        Means::Discard,
        "Odoo has no res.partner: the app that brings it must be installed there (Contacts)",
    ),
    ("odoo.exceptions.RedirectWarning", "Configure first", Means::Discard, "Configure first"),
    (
        "odoo.exceptions.MissingError",
        "Record does not exist or has been deleted.",
        Means::Retry,
        "Record does not exist",
    ),
    ("odoo.exceptions.LockError", "locked", Means::Retry, "Odoo was busy"),
    (
        "builtins.ValueError",
        "Invalid field 'customer_rank' on model 'res.partner'",
        Means::Discard,
        "for want of an app (it needs Contacts) or because of its version: Invalid field 'customer_rank'",
    ),
    ("builtins.KeyError", "o18", Means::Discard, r#"credentials.database: Odoo has no database "o18""#),
    (
        "psycopg2.OperationalError",
        "FATAL:  database \"o18\" does not exist",
        Means::Discard,
        r#"credentials.database: Odoo has no database "o18""#,
    ),
    ("psycopg2.OperationalError", "could not connect to server", Means::Retry, "could not connect"),
    (
        "psycopg2.errors.SerializationFailure",
        "could not serialize access due to concurrent update",
        Means::Retry,
        "could not serialize access",
    ),
    ("psycopg2.errors.DeadlockDetected", "deadlock detected", Means::Retry, "deadlock detected"),
    ("builtins.MemoryError", "", Means::Retry, "builtins.MemoryError"),
    ("acme.Odd", "what", Means::Retry, "acme.Odd: what"),
];

#[tokio::test]
async fn an_error_of_odoos_says_whether_it_may_pass_or_what_to_change() {
    for (name, message, expected, reason) in ERRORS {
        let error = json!({"name": name, "message": message, "arguments": [message], "debug": "Traceback"});
        let within =
            json!({"jsonrpc": "2.0", "id": 1, "error": {"code": 200, "message": "Odoo Server Error", "data": error}});
        for (version, status, body) in [(18, 200, &within), (19, 422, &error), (19, 500, &error)] {
            let odoo = odoo_of(version);
            odoo.answer("res.partner.create", status, body.clone());
            let failure = subscriber(&odoo).run().await.failure();
            assert_eq!(means(&failure), expected, "{name} {status}: {failure}");
            assert!(failure.reason().contains(reason), "{name}: {failure}");
        }
    }
}

#[tokio::test]
async fn what_stands_before_odoo_is_told_apart() {
    use Means::{Discard, Retry};
    let page = json!("<html>Bad gateway</html>");
    for (status, body, expected, reason) in [
        (200, page.clone(), Retry, "answered res.partner.search_read with something else than JSON: a proxy"),
        (404, page.clone(), Discard, "(404)"),
        (429, page.clone(), Retry, "Odoo answered 429 Too Many Requests"),
        (502, page.clone(), Retry, "Odoo answered 502 Bad Gateway"),
        (503, json!({"name": "odoo.exceptions.UserError", "message": "x"}), Retry, "Odoo answered 503"),
        (401, page.clone(), Discard, "Odoo answered 401 Unauthorized"),
        (200, json!({"odd": true}), Retry, "res.partner.search_read"),
    ] {
        for version in VERSIONS {
            let odoo = odoo_of(version);
            odoo.answer("res.partner.search_read", status, body.clone());
            let failure = subscriber(&odoo).run().await.failure();
            assert_eq!(means(&failure), expected, "{version} {status}: {failure}");
            assert!(failure.reason().contains(reason), "{version} {status}: {failure}");
        }
    }
}

#[tokio::test]
async fn credentials_that_are_wrong_are_named() {
    let with = |field: &str, value: Value| {
        let mut told = credentials();
        told[field] = value;
        told
    };
    for (version, told, reason) in [
        (
            18,
            with("api_key", json!("other-key")),
            r#"credentials.username or credentials.api_key was refused by Odoo for the database "o18""#,
        ),
        (18, with("username", json!("eve")), "credentials.username or credentials.api_key was refused"),
        (18, with("username", json!("")), "credentials.username is missing: Odoo 18 and earlier ask"),
        (18, with("username", json!(null)), "credentials.username is missing"),
        (18, with("database", json!("o17")), r#"credentials.database: Odoo has no database "o17""#),
        (
            19,
            with("api_key", json!("other-key")),
            r#"credentials.api_key was refused by Odoo for the database "o18": Invalid apikey"#,
        ),
        (19, with("database", json!("o17")), "credentials.database does not exist there"),
        (
            19,
            with("api_key", json!("line\nbreak")),
            "the value of the header Authorization has letters that cannot be sent",
        ),
        (19, json!({"database": DATABASE}), "credentials: missing field `api_key`"),
        (19, json!({"api_key": KEY}), "credentials: missing field `database`"),
        (19, with("api_key", json!(5)), "credentials.api_key"),
    ] {
        let odoo = odoo_of(version);
        for key in ["markket:odoo", "markket:odoo:newsletter", "markket:odoo:order", "markket:odoo:product"] {
            let failure = trial(key, &odoo).credentials(told.clone()).test().await.failure();
            assert_eq!(means(&failure), Means::Discard, "{failure}");
            assert!(failure.reason().contains(reason), "{key} {version}: {failure}");
        }
        let failure = subscriber(&odoo).credentials(told).run().await.failure();
        assert!(failure.reason().contains(reason), "{version}: {failure}");
    }
}

#[tokio::test]
async fn a_test_proves_the_credentials_and_changes_nothing() {
    for (version, calls) in [(18, vec!["authenticate"]), (19, vec!["version", "res.users.context_get"])] {
        for key in ["markket:odoo", "markket:odoo:order", "markket:odoo:product"] {
            let odoo = odoo_of(version);
            let done = trial(key, &odoo).test().await.accepted();
            let told = if version == 19 { "Odoo 19" } else { "Odoo" };
            assert_eq!(done.message, format!("{told} knows the credentials: they are of user 2 of the database o18"));
            assert_eq!(odoo.calls(), calls);
        }
    }
}

#[tokio::test]
async fn odoo_is_spoken_to_as_the_config_says() {
    let with = |odoo: &Double, protocol: &str| subscriber(odoo).config(json!({"protocol": protocol})).run();
    for (version, protocol, first) in [
        (18, "jsonrpc", "authenticate"),
        (19, "jsonrpc", "authenticate"),
        (19, "json2", "res.partner.search_read"),
        (19, "auto", "version"),
    ] {
        let odoo = odoo_of(version);
        with(&odoo, protocol).await.accepted();
        assert_eq!(odoo.calls()[0], first, "{version} {protocol}");
    }
    for (version, protocol, reason) in [
        (18, "json2", "Odoo is older than 19 and config.protocol must be jsonrpc"),
        (20, "jsonrpc", "Odoo 20 needs config.protocol json2"),
        (19, "xmlrpc", "config.protocol"),
    ] {
        let failure = with(&odoo_of(version), protocol).await.failure();
        assert_eq!(means(&failure), Means::Discard, "{failure}");
        assert!(failure.reason().contains(reason), "{failure}");
    }
    // An Odoo 19 that is spoken to in the old language has the new names all the same.
    let odoo = odoo_of(19);
    let config = json!({"protocol": "jsonrpc", "taxes": "none"});
    trial("markket:odoo:order", &odoo).config(config).run().await.accepted();
    assert_eq!(odoo.only("sale.order.line")["tax_ids"], json!([[6, 0, []]]));
}

#[tokio::test]
async fn the_address_is_the_records_or_that_of_the_credentials() {
    let odoo = odoo_of(19);
    let mut told = credentials();
    told["url"] = json!(format!("{}/", odoo.url()));
    subscriber(&odoo).url("").credentials(told.clone()).run().await.accepted();
    let failure = subscriber(&odoo).url("").run().await.failure();
    assert!(failure.reason().contains("set the record's url, or credentials.url"), "{failure}");
    told["url"] = json!("http://192.0.2.1:1");
    subscriber(&odoo).credentials(told).run().await.accepted();
    let failure = subscriber(&odoo).url(format!("{}/web", odoo.url())).run().await.failure();
    assert!(failure.reason().contains("url must be the address of Odoo alone"), "{failure}");
}

#[tokio::test]
async fn a_version_that_is_not_told_is_asked_for_again() {
    for (answer, expected) in [
        (Answer::status(429).header("retry-after", "7"), Some(Duration::from_secs(7))),
        (Answer::status(429), None),
        (Answer::status(500), None),
    ] {
        let receiver = Receiver::start();
        receiver.answers("/web/version", [answer]);
        let told = json!({"database": DATABASE, "username": USER, "api_key": KEY});
        let tried = Trial::of("markket:odoo").url(receiver.url("")).credentials(told).run().await;
        let failure = tried.failure();
        let found = match &failure {
            Failure::Limit { after, .. } => Some(*after),
            Failure::Retry { after: None, .. } => None,
            other => panic!("{other:?}"),
        };
        assert_eq!(found, expected, "{failure:?}");
        assert!(failure.reason().starts_with("Odoo did not tell its version: "), "{failure}");
    }
}

#[tokio::test]
async fn a_version_that_is_hidden_is_no_old_odoo() {
    for (answer, expected) in [
        (Answer::status(403), "/web/version answered 403 (a proxy before it?): set config.protocol to json2"),
        (Answer::status(401), "/web/version answered 401"),
        (Answer::status(200).body("<html>Welcome</html>"), "/web/version answered something else than a version"),
        (Answer::status(200).body("{}"), "/web/version answered something else than a version"),
        (Answer::status(404), "credentials.username is missing: Odoo 18 and earlier ask"),
    ] {
        let receiver = Receiver::start();
        receiver.answers("/web/version", [answer]);
        let told = json!({"database": DATABASE, "api_key": KEY});
        let failure = Trial::of("markket:odoo").url(receiver.url("")).credentials(told).run().await.failure();
        assert_eq!(means(&failure), Means::Discard, "{failure}");
        assert!(failure.reason().contains(expected), "{failure}");
        assert_eq!(receiver.received().len(), 1);
    }
}

#[tokio::test]
async fn keys_stay_out_of_what_is_kept_of_an_attempt() {
    for version in VERSIONS {
        let odoo = odoo_of(version);
        let tried = subscriber(&odoo).run().await;
        assert!(tried.exchanges.len() >= 3 && tried.outcome.is_ok());
        assert!(!serde_json::to_string(&tried.exchanges).expect("JSON").contains(KEY));
    }
}
