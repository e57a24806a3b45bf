//! What the log says of records that fail: a line when one begins to, when it is switched off, and when a circuit breaker
//! opens and closes. Never one for each run, and nothing that is secret.

use serde_json::{Value, json};
use tenon::db::Kind;

use crate::support::database::TestDatabase;
use crate::support::program::{Program, Settings};
use crate::support::receiver::Receiver;

const SECRET: &str = "whsec_dGhlIHNlY3JldCB0aGF0IG5vIGxvZyBtYXkgaG9sZA==";
const IN_URL: &str = "a-token-in-the-path-of-a-url";

#[test]
fn a_record_that_fails_is_logged_once_and_not_with_each_run() {
    for kind in [Kind::Sqlite, Kind::Postgres] {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        runtime.block_on(story(kind));
    }
}

async fn story(kind: Kind) {
    let (folder, database, receiver) =
        (tempfile::tempdir().expect("a folder"), TestDatabase::fresh(kind), Receiver::start());
    let settings = Settings::new(folder.path(), &database.url).with("RUST_LOG", "info");
    let program = Program::start(&settings.with("TENON_SECRET_KEY", &"07".repeat(32))).await;
    let api = program.api();
    let (failing, gone) = (format!("/{IN_URL}/failing"), format!("/{IN_URL}/gone"));
    let record = |path: &str, trigger: &str| json!({"key": "custom:webhook", "triggers": [trigger], "url": receiver.url(path), "credentials": {"secret": SECRET}});
    let records = json!([record(&failing, "acme:fail"), record(&gone, "acme:gone")]);
    let store = api.create("stores", json!({"title": "S", "slug": "s", "extensions": records})).await;
    let ids: Vec<Value> = (0..2).map(|place| store["extensions"][place]["id"].clone()).collect();
    let store = store["documentId"].as_str().expect("an id");

    receiver.answers(&failing, [500]);
    // As many as open the breaker: none is under way any more when the receiver is well again.
    for _ in 0..5 {
        api.emit(store, "acme:fail", json!({})).await;
    }
    program.said("the circuit breaker of ").await;
    receiver.answers(&failing, [200]);
    program.said("the circuit breaker closes").await;
    receiver.answers(&gone, [410]);
    for _ in 0..3 {
        api.emit(store, "acme:gone", json!({})).await;
    }
    let log = program.said(&format!("extension record {} (custom:webhook) is switched off: ", ids[1])).await;

    let said = |part: &str| log.lines().filter(|line| line.contains(part)).map(str::to_owned).collect::<Vec<_>>();
    for (level, part) in [
        ("WARN", format!("extension record {} (custom:webhook) begins to fail: 500 ", ids[0])),
        ("WARN", format!("extension record {} (custom:webhook) begins to fail: 410 ", ids[1])),
        ("WARN", format!("extension record {} (custom:webhook) is switched off: ", ids[1])),
        ("WARN", "the circuit breaker of ".to_owned()),
        ("INFO", "the circuit breaker closes".to_owned()),
    ] {
        let lines = said(&part);
        assert!(lines.len() == 1 && lines[0].contains(level), "{part}: {lines:#?} in:\n{log}");
    }
    assert_eq!(said("begins to fail").len(), 2, "{log}");
    for forbidden in ["run_", "evt_", SECRET, &SECRET["whsec_".len()..], IN_URL] {
        assert_eq!(said(forbidden), [""; 0], "{forbidden}");
    }
}

/// Whoever reads a log must not be able to follow links of mails, or send to the addresses of records.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn tokens_in_paths_are_in_no_line_of_the_log() {
    let folder = tempfile::tempdir().expect("a folder");
    let settings = Settings::new(folder.path(), "sqlite:data/tenon.db").with("RUST_LOG", "debug");
    let program = Program::start(&settings).await;
    for path in ["/api/subscribers/confirm/", "/api/subscribers/unsubscribe/"] {
        program.api().get(&format!("{path}{IN_URL}")).await.expect(400);
        program.said(&format!("GET {path}{{token}} 400 ")).await;
    }
    program.api().post(&format!("/hooks/1/{IN_URL}"), json!({})).await.expect(404);
    let log = program.said("POST /hooks/{extensionId}/{token} 404 ").await;
    assert!(!log.contains(IN_URL), "{log}");
}
