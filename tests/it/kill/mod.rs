//! What was answered survives the death of the process, and events tell of exactly what was committed: ten thousand
//! random writes, and SIGKILL at two hundred random moments.
//!
//! `PROPTEST_CASES` asks for another number of writes.

mod check;
mod load;
mod story;

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use serde_json::{Value, json};
use tenon::clock::{OsRandom, Random as _};
use tenon::db::{Db, Kind};

use self::check::{Found, check};
use self::load::{Load, Told};
use crate::support::api::Api;
use crate::support::app::SECRET;
use crate::support::cases;
use crate::support::database::TestDatabase;
use crate::support::database::catalog;
use crate::support::program::{Program, Settings};
use crate::support::receiver::{Answer, Receiver};
use crate::support::waiting::no_run_is_left;

const WRITES: u32 = 10_000;
/// Writes for each kill.
const PER_KILL: u32 = 50;

#[test]
fn events_tell_of_what_was_committed_whenever_the_process_dies_sqlite() {
    run(Kind::Sqlite);
}

#[test]
fn events_tell_of_what_was_committed_whenever_the_process_dies_postgres() {
    run(Kind::Postgres);
}

fn run(kind: Kind) {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
    runtime.expect("a runtime").block_on(async {
        let database = TestDatabase::empty(kind);
        let folder = tempfile::tempdir().expect("a folder");
        let settings = Settings::new(folder.path(), &database.url)
            .with("TENON_RUNNER_LEASE_S", "1")
            .with("TENON_SECRET_KEY", &"07".repeat(32))
            .with("RUST_LOG", "warn");
        let receiver = Arc::new(Receiver::start());
        receiver.answers("/slow", [Answer::status(200).after(Duration::from_millis(30))]);
        let told = kill_under_load(&settings, &receiver).await;
        let found = settle(&settings, &database).await;
        check(&told, &found, &receiver);
    });
}

/// Kills the program at random moments while callers write and trigger.
async fn kill_under_load(settings: &Settings, receiver: &Arc<Receiver>) -> Told {
    let writes = cases(WRITES);
    let program = Program::start(settings).await;
    let api = program.api();
    let store = create_store(&api, receiver).await;
    let load = Arc::new(Load::new(api, store));
    let callers = load.start(receiver);
    let (mut program, random) = (Some(program), OsRandom::new());
    for _ in 0..writes.div_ceil(PER_KILL) {
        tokio::time::sleep(Duration::from_millis(20 + random.below(300))).await;
        program.take().expect("it runs").kill();
        program = Some(Program::start(settings).await);
    }
    while load.count.load(Ordering::Relaxed) < writes as usize {
        assert!(callers.iter().all(|caller| !caller.is_finished()), "a caller saw something wrong");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    load.stop.store(true, Ordering::Relaxed);
    for caller in callers {
        caller.await.expect("the caller saw nothing wrong");
    }
    program.expect("it runs").kill();
    load.told()
}

/// A store whose records are named by their url; see [`check::matching`].
async fn create_store(api: &Api, receiver: &Receiver) -> String {
    let record = |path: &str, triggers: Value, active: bool| {
        json!({
            "key": "custom:webhook",
            "triggers": triggers,
            "credentials": { "secret": SECRET },
            "url": receiver.url(path),
            "active": active,
        })
    };
    let store = api.create(
        "stores",
        json!({ "title": "Killed", "slug": "killed", "extensions": [
            record("/sales", json!(["trigger:post_sale"]), true),
            record("/slow", json!(["trigger:*"]), true),
            record("/products", json!(["trigger:nothing", "trigger:product_*"]), true),
            record("/off", json!(["trigger:*"]), false),
            record("/manual", json!([]), true),
        ]}),
    );
    store.await["documentId"].as_str().expect("an id").to_owned()
}

/// Starts the program once more, waits until nothing is left to do, and reads what there is.
async fn settle(settings: &Settings, database: &TestDatabase) -> Found {
    let program = Program::start(settings).await;
    let db = Db::open(&database.parsed(), catalog(), 1).expect("the database opens");
    no_run_is_left(&db).await;
    assert!(program.stop().success(), "it stops in order");
    db.read(Found::read).await.expect("the tables")
}
