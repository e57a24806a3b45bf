//! Runs and events by the command line, beside a running server.

use std::process::Output;
use std::time::Instant;

use serde_json::json;
use tenon::db::Kind;

use crate::support::PATIENCE;
use crate::support::database::TestDatabase;
use crate::support::program::{Program, Settings};
use crate::support::receiver::Receiver;

/// A folder, a database, a receiver, and how the program is started with them.
struct Place {
    _folder: tempfile::TempDir,
    _database: TestDatabase,
    receiver: Receiver,
    settings: Settings,
}

impl Place {
    fn new(kind: Kind) -> Self {
        let (folder, database) = (tempfile::tempdir().expect("a folder"), TestDatabase::fresh(kind));
        let settings = Settings::new(folder.path(), &database.url).with("RUST_LOG", "warn");
        Self { _folder: folder, _database: database, receiver: Receiver::start(), settings }
    }

    fn run(&self, arguments: &[&str]) -> Output {
        self.settings.command(arguments).output().expect("the program runs")
    }

    /// What it says when it succeeds.
    #[track_caller]
    fn said(&self, arguments: &[&str]) -> String {
        let output = self.run(arguments);
        assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).expect("text").trim().to_owned()
    }

    /// What it says when it ends with this code.
    #[track_caller]
    fn refused(&self, arguments: &[&str], code: i32) -> String {
        let output = self.run(arguments);
        let told = String::from_utf8(output.stderr).expect("text");
        assert_eq!(output.status.code(), Some(code), "{arguments:?}: {told}");
        told
    }

    /// A store whose record tries once to reach the receiver.
    async fn store(&self, program: &Program) -> String {
        let record = json!({
            "key": "custom:webhook", "triggers": ["trigger:post_sale"], "url": self.receiver.url("/hook"),
            "config": { "policy": { "max_attempts": 1 } },
        });
        let store = program.api().create("stores", json!({ "title": "S", "slug": "s", "extensions": [record] })).await;
        store["documentId"].as_str().expect("an id").to_owned()
    }

    /// Waits until this many runs are in a state, and returns how they are listed.
    fn until(&self, state: &str, count: usize) -> Vec<String> {
        let since = Instant::now();
        loop {
            let listed = self.said(&["runs", "list", "--state", state, "--limit", "100"]);
            let lines: Vec<_> = listed.lines().map(str::to_owned).collect();
            if lines.len() == count {
                return lines;
            }
            assert!(since.elapsed() < PATIENCE, "{count} {state} were expected: {listed}");
        }
    }
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime")
}

#[test]
fn what_is_done_by_the_command_line_a_running_server_carries_out() {
    for kind in [Kind::Sqlite, Kind::Postgres] {
        let place = Place::new(kind);
        runtime().block_on(async {
            let program = Program::start(&place.settings).await;
            let store = place.store(&program).await;
            place.receiver.answers("/hook", [500]);
            let emit = ["events", "emit", "stores", &store, "post_sale", "--payload", r#"{"order": 1}"#];
            let mut events = vec![place.said(&emit), place.said(&emit)];
            events.sort();
            let dead = place.until("dead", 2);
            assert!(dead.iter().all(|line| line.contains("custom:webhook\ttrigger:post_sale")), "{dead:?}");
            let event = place.receiver.received()[0].json();
            assert_eq!((&event["payload"]["order"], &event["actor"]), (&json!(1), &json!("command line")));

            place.receiver.answers("/hook", [200]);
            place.receiver.forget();
            let window = ["runs", "replay", "--trigger", "post_sale", "--from", "2020-01-01"];
            let would = place.said(&[&window[..], &["--dry-run"]].concat());
            assert!(would.starts_with("2 of 2 runs would be replayed\nrun_"), "{would}");
            let done = place.said(&[&window[..], &["--reason", "the receiver is back"]].concat());
            assert_eq!(done, "2 of 2 runs are replayed");
            let deliveries = place.receiver.wait_for(2).await;
            let mut reached: Vec<_> = deliveries.iter().map(|delivery| delivery.header("webhook-id")).collect();
            reached.sort_unstable();
            assert_eq!(reached, events);
            let completed = place.until("completed", 2);
            assert!(completed[0].ends_with("replayed by command line: the receiver is back"), "{completed:?}");
            assert_eq!(place.said(&window), "0 of 2 runs are replayed\n2 skipped: replayed before");
            assert_eq!(place.receiver.received().len(), 2);
        });
    }
}

#[test]
fn what_is_done_while_no_server_runs_waits_for_one() {
    for kind in [Kind::Sqlite, Kind::Postgres] {
        let place = Place::new(kind);
        runtime().block_on(async {
            let program = Program::start(&place.settings).await;
            let store = place.store(&program).await;
            assert!(program.stop().success());
            let keyed = ["events", "emit", "store", &store, "trigger:post_sale", "--idempotency-key", "once"];
            let event = place.said(&keyed);
            assert!(place.said(&keyed).starts_with(&format!("{event}\t")), "it was there already");
            let program = Program::start(&place.settings).await;
            assert_eq!(place.receiver.wait_for(1).await[0].header("webhook-id"), event);
            let completed = place.until("completed", 1);
            assert!(program.stop().success());

            let id = completed[0].split('\t').next().expect("an id");
            assert!(place.refused(&["runs", "cancel", id], 1).contains("is completed already"));
            assert_eq!(place.said(&["runs", "replay", id]), "1 of 1 runs are replayed");
            let waiting = place.until("available", 1);
            let replay = waiting[0].split('\t').next().expect("an id");
            let cancelled = place.said(&["runs", "cancel", replay, "--reason", "a mistake"]);
            assert_eq!(cancelled, format!("{replay} is cancelled"));
            assert!(place.until("cancelled", 1)[0].ends_with("cancelled by command line: a mistake"));
            assert!(Program::start(&place.settings).await.stop().success());
            assert_eq!(place.receiver.received().len(), 1);
        });
    }
}

#[test]
fn what_is_asked_wrongly_is_refused_with_the_reason() {
    let place = Place::new(Kind::Sqlite);
    let nothing = "a".repeat(24);
    for (arguments, code, part) in [
        (&["runs", "replay"][..], 2, "name ids, or a window"),
        (&["runs", "replay", "run_1", "--state", "dead"], 2, "ids go without a window"),
        (&["runs", "replay", "--state", "running"], 2, "ended"),
        (&["runs", "replay", "--state", "lost"], 2, "available, running"),
        (&["runs", "replay", "--from", "yesterday"], 2, "a moment"),
        (&["runs", "cancel", "run_1"], 1, "there is no run run_1"),
        (&["events", "emit", "shops", &nothing, "post_sale"], 2, "stores, products, subscribers"),
        (&["events", "emit", "stores", &nothing, "post_sale"], 1, "there is no store a"),
        (&["events", "emit", "stores", &nothing, "post sale"], 2, "letters"),
        (&["events", "emit", "stores", &nothing, "post_sale", "--payload", "{"], 2, "not JSON"),
    ] {
        let told = place.refused(arguments, code);
        assert!(told.contains(part), "{arguments:?}: {told}");
    }
    assert_eq!(place.said(&["runs", "replay", "run_1"]), "0 of 0 runs are replayed\n1 left out: there is no such run");
    for command in ["replay", "list", "cancel"] {
        assert!(place.said(&["runs", command, "--help"]).contains("Usage: tenon runs"));
    }
    assert!(place.said(&["runs", "replay", "--help"]).contains("--dry-run\n"), "with examples");
    assert!(place.said(&["events", "emit", "--help"]).contains("--payload '{"), "with examples");
}
