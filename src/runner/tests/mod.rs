//! The runner on both databases, from an emission to what is on the record.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use serde_json::json;

use super::*;
use crate::access::{Access, Caller};
use crate::clock::{Clock as _, DAY, FixedClock, HOUR, Millis, OsRandom};
use crate::config::Config;
use crate::content::{STORE, test_catalog};
use crate::db::events::{NewEvent, Target};
use crate::db::testing::TestDatabase;
use crate::db::{Kind, Sql};
use crate::error::Error;
use crate::handler::{Context, Descriptor, Done, Empty, Failure, Handler, Outcome, Registry};
use crate::ids;
use crate::queue::ingest::EmitRequest;
use crate::queue::wake::Work;
use crate::runner::cycle::{claim, complete};
use crate::runner::execute::finished::TakenRun;
use crate::runner::execute::worker;
use crate::triggers::Name;

const NOON: Millis = 1_795_262_400_000;
/// How long a test waits for what must come: only what never comes is told of so late.
const PATIENCE: Duration = Duration::from_secs(60);

mod inline;
mod effects;
mod isolation;
mod plans;
mod retention;
mod several;
mod slices;

/// What a puppet did, over all processes of a stage.
#[derive(Default)]
struct Acts {
    count: AtomicUsize,
    /// For which events, in their order.
    events: Mutex<Vec<String>>,
    /// Whether those that hold their thread let go of it.
    released: AtomicBool,
}

impl Acts {
    fn load(&self, order: Ordering) -> usize {
        self.count.load(order)
    }
}

/// Does what its config says, and counts.
struct Puppet(Arc<Acts>);

#[derive(serde::Deserialize, utoipa::ToSchema)]
struct Part {
    act: String,
}

impl Handler for Puppet {
    type Config = Part;
    type Credentials = Empty;

    fn descriptor(&self) -> Descriptor {
        Descriptor { key: "test:puppet", name: "Puppet", ..Descriptor::default() }
    }

    async fn run(&self, context: Context<Self>) -> Outcome {
        self.0.count.fetch_add(1, Ordering::SeqCst);
        self.0.events.lock().expect("no panic").push(context.event.id.clone());
        match context.config.act.as_str() {
            "panic" => panic!("the strings are torn"),
            "fail" => Err(Failure::retry("not now")),
            "gone" => Err(Failure::Gone { reason: "no more of this".to_owned() }),
            "rename" => Ok(Done::new("renamed")
                .with_change("title", format!("{}'", context.entity()["title"].as_str().unwrap_or_default()))),
            "misname" => Ok(Done::new("renamed").with_change("titel", "x")),
            "misprice" => Ok(Done::new("priced").with_price_change(7, "STRIPE_ID", "x")),
            "block" => {
                while !self.0.released.load(Ordering::SeqCst) {
                    std::thread::sleep(Duration::from_millis(5));
                }
                Ok(Done::new("slept"))
            }
            _ => Ok(Done::new("bowed").with_meta("seen", context.run.attempt)),
        }
    }
}

struct Stage {
    state: Arc<AppState>,
    clock: Arc<FixedClock>,
    acts: Arc<Acts>,
    database: TestDatabase,
}

impl Drop for Stage {
    /// Also when a test fails: its runtime waits for the threads that are held.
    fn drop(&mut self) {
        self.acts.released.store(true, Ordering::SeqCst);
    }
}

impl Stage {
    async fn build(kind: Kind) -> Self {
        let database = TestDatabase::fresh(kind);
        let (clock, acts) = (Arc::new(FixedClock::at(NOON)), Arc::<Acts>::default());
        let state = Self::process(&database, &clock, &acts).await;
        Self { state, clock, acts, database }
    }

    /// The state of a process on this database.
    async fn process(database: &TestDatabase, clock: &Arc<FixedClock>, acts: &Arc<Acts>) -> Arc<AppState> {
        let config = Config::read(|name| match name {
            "DATABASE_URL" => Some(database.url.clone()),
            "TENON_SECRET_KEY" => Some("07".repeat(32)),
            "TENON_SHUTDOWN_GRACE_S" => Some("0".to_owned()),
            _ => None,
        });
        let handlers = Registry::default().with(Puppet(Arc::clone(acts))).expect("one handler");
        let random = Arc::new(OsRandom::new());
        let built = AppState::build(
            config.expect("a config"),
            (handlers, test_catalog()),
            Arc::<FixedClock>::clone(clock),
            random,
        );
        built.await.expect("a state")
    }

    async fn sql(&self, text: &'static str) {
        self.state.db.write(|conn| conn.execute(&Sql::new(text))).await.expect(text);
    }

    /// A store with one record.
    async fn store(&self, record: &'static str) {
        self.sql("INSERT INTO stores (document_id, created_at, updated_at, slug) VALUES ('s', 0, 0, 'north')").await;
        self.sql(record).await;
    }

    async fn emit(&self, key: Option<&str>) -> Result<String, Error> {
        self.emit_for("s", "post_sale", key).await
    }

    async fn emit_for(&self, store: &str, trigger: &str, key: Option<&str>) -> Result<String, Error> {
        emit_from(&self.state, store, trigger, key).await
    }

    async fn texts(&self, text: &'static str) -> Vec<String> {
        let read = move |conn: &mut crate::db::Conn| conn.list(&Sql::new(text), |row| row.text(0));
        self.state.db.read(read).await.expect(text)
    }

    async fn until(&self, state: &str) {
        let since = Instant::now();
        while self.texts("SELECT state FROM runs").await != [state] {
            let runs = self.texts("SELECT state || attempt || coalesce(reason, '') FROM runs").await;
            assert!(since.elapsed() < PATIENCE, "not {state}: {runs:?}");
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    }
}

/// Emits a sale, as a caller of this process.
async fn emit_from(state: &Arc<AppState>, store: &str, trigger: &str, key: Option<&str>) -> Result<String, Error> {
    let emission = EmitRequest {
        content_type: &STORE,
        document_id: store.into(),
        trigger: Name::parse(trigger).expect("a name"),
        payload: Some(json!({"total": 1})),
        idempotency_key: key.map(str::to_owned),
    };
    let caller = Caller { actor: "public".to_owned(), token: None, access: Access::Full, depth: 0 };
    Ok(emit(state, &caller, emission).await?.id)
}

/// A sale, as it is stored.
fn sale(state: &AppState) -> NewEvent {
    NewEvent {
        uid: ids::sortable("evt", NOON, &*state.random),
        trigger: "trigger:post_sale".into(),
        occurred_at: NOON,
        target: Target { type_name: "store".into(), document_id: "s".into(), price_id: None },
        store: None,
        owners: vec![("store.extensions".into(), 1)],
        data: None,
        changes: None,
        payload: None,
        actor: "public".into(),
        depth: 0,
        idempotency_key: None,
    }
}

/// The statement that stores a record with this key and config.
macro_rules! record {
    ($key:literal, $config:literal) => {
        concat!(
            "INSERT INTO extensions (id, owner_field, owner_id, position, key, triggers, config, active) ",
            "VALUES (7, 'store.extensions', 1, 0, '",
            $key,
            "', '[\"post_*\"]', '",
            $config,
            "', TRUE)"
        )
    };
}

const RECORD: &str = record!("test:puppet", r#"{"act": "bow"}"#);
const FAILING: &str = record!("test:puppet", r#"{"act": "fail"}"#);
const GONE: &str = record!("test:puppet", r#"{"act": "gone"}"#);
const PANICKING: &str = record!("test:puppet", r#"{"act": "panic"}"#);
const BLOCKING: &str = record!("test:puppet", r#"{"act": "block", "policy": {"timeout_s": 1, "max_attempts": 1}}"#);
const HOLDING: &str = record!("test:puppet", r#"{"act": "block", "policy": {"timeout_s": 900}}"#);
const MISFIT: &str = record!("test:puppet", r#"{"act": 5}"#);
const LIMITED: &str = record!("test:puppet", r#"{"act": "bow", "policy": {"rate_limit_per_hour": 50}}"#);
const ORDERED: &str = record!("test:puppet", r#"{"act": "bow", "policy": {"ordering": "target"}}"#);
const RENAMING: &str = record!("test:puppet", r#"{"act": "rename"}"#);
const MISPRICING: &str = record!("test:puppet", r#"{"act": "misprice"}"#);
const MISNAMING: &str = record!("test:puppet", r#"{"act": "misname"}"#);
const UNKNOWN: &str = record!("test:pupet", "{}");

/// Takes what is due, as another process does.
fn take_due(conn: &mut crate::db::Conn, lease_until: Millis) -> crate::error::Result<Vec<crate::db::runs::Claimed>> {
    let due = crate::db::runs::find_due(conn, NOON, 10)?;
    Ok(crate::db::runs::take(conn, due.into_iter().map(|run| run.id).collect(), lease_until)?.claimed)
}

fn on_both(story: impl AsyncFn(&Stage)) {
    for kind in [Kind::Sqlite, Kind::Postgres] {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
        runtime.expect("a runtime").block_on(async {
            let stage = Stage::build(kind).await;
            story(&stage).await;
        });
    }
}

#[test]
fn an_emission_is_executed_once_and_recorded() {
    on_both(async |stage| {
        stage.store(RECORD).await;
        let runner = Runner::start(Arc::clone(&stage.state));
        let id = stage.emit(None).await.expect("emitted");
        stage.until("completed").await;
        runner.stop().await;
        assert!(id.starts_with("evt_"));
        assert_eq!(stage.acts.load(Ordering::SeqCst), 1);
        let told = "SELECT run_count || ' ' || last_run || ' ' || meta FROM extensions";
        assert_eq!(stage.texts(told).await, [format!("1 {NOON} {}", r#"{"seen":1}"#)]);
        assert_eq!(stage.texts("SELECT outcome || ' ' || message FROM attempts").await, ["done bowed"]);
        assert_eq!(stage.texts("SELECT pattern FROM runs").await, ["post_*"]);
    });
}

#[test]
fn a_failing_run_is_tried_eight_times() {
    on_both(async |stage| {
        stage.store(FAILING).await;
        let runner = Runner::start(Arc::clone(&stage.state));
        stage.emit(None).await.expect("emitted");
        for attempt in 1..8 {
            stage.until("retryable").await;
            assert_eq!(stage.acts.load(Ordering::SeqCst), attempt);
            stage.clock.advance(12 * HOUR);
            stage.state.queue.wake.notify(Work::Runs);
            while stage.acts.load(Ordering::SeqCst) == attempt {
                tokio::time::sleep(Duration::from_millis(2)).await;
            }
        }
        stage.until("dead").await;
        runner.stop().await;
        assert_eq!(stage.texts("SELECT run_count || coalesce(meta, ' none') FROM extensions").await, ["8 none"]);
        assert_eq!(stage.texts("SELECT message FROM attempts WHERE outcome = 'retry'").await, ["not now"; 8]);
    });
}

#[test]
fn a_handler_that_panics_or_blocks_is_told_of_and_harms_nobody() {
    for (record, state, message) in [
        (PANICKING, "retryable", "the handler panicked: the strings are torn"),
        (BLOCKING, "dead", "not done within 1 s"),
        (MISFIT, "dead", "config.act: invalid type: number, expected a string"),
        (UNKNOWN, "dead", "no handler for the key test:pupet; did you mean test:puppet?"),
    ] {
        on_both(async |stage| {
            stage.store(record).await;
            let runner = Runner::start(Arc::clone(&stage.state));
            stage.emit(None).await.expect("emitted");
            stage.until(state).await;
            runner.stop().await;
            assert_eq!(stage.texts("SELECT reason FROM runs").await, [message]);
            let reached = i64::from(!message.contains("config") && !message.contains("no handler"));
            assert_eq!(stage.texts("SELECT run_count || '' FROM extensions").await, [reached.to_string()]);
        });
    }
}

#[test]
fn a_run_whose_worker_vanished_is_given_back() {
    on_both(async |stage| {
        stage.store(RECORD).await;
        stage.emit(None).await.expect("emitted");
        assert_eq!(stage.state.db.write(|conn| take_due(conn, NOON - 1)).await.expect("claimed").len(), 1);
        let runner = Runner::start(Arc::clone(&stage.state));
        stage.until("completed").await;
        runner.stop().await;
        let attempts = "SELECT number || ' ' || outcome FROM attempts ORDER BY number";
        assert_eq!(stage.texts(attempts).await, ["1 lost", "2 done"]);
    });
}

#[test]
fn what_waits_for_nothing_is_let_go() {
    for blocked in ["UPDATE runs SET parked = 1", "UPDATE runs SET parked = 2, line = '7 s'"] {
        on_both(async |stage| {
            stage.store(RECORD).await;
            stage.emit(None).await.expect("emitted");
            stage.sql(blocked).await;
            let runner = Runner::start(Arc::clone(&stage.state));
            stage.until("completed").await;
            runner.stop().await;
        });
    }
}

#[test]
fn what_does_not_end_within_the_grace_is_given_back() {
    on_both(async |stage| {
        stage.store(HOLDING).await;
        let runner = Runner::start(Arc::clone(&stage.state));
        stage.emit(None).await.expect("emitted");
        while stage.acts.load(Ordering::SeqCst) == 0 {
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
        runner.stop().await;
        assert_eq!(stage.texts("SELECT state || ' ' || lost FROM runs").await, ["retryable 1"]);
        assert_eq!(stage.texts("SELECT outcome FROM attempts").await, ["lost"]);
    });
}

#[test]
fn only_the_holder_renews_a_lease() {
    on_both(async |stage| {
        stage.store(RECORD).await;
        stage.emit(None).await.expect("emitted");
        let renewed = stage.state.db.write(|conn| {
            let lease = take_due(conn, NOON + 1)?.remove(0).id;
            let mut renew = |attempt| crate::db::runs::renew(conn, &[(lease, attempt)], NOON + HOUR);
            Ok((renew(1)?.len(), renew(2)?.len()))
        });
        assert_eq!(renewed.await.expect("renewed"), (1, 0));
        assert_eq!(stage.texts("SELECT lease_until || '' FROM runs").await, [(NOON + HOUR).to_string()]);
    });
}

#[test]
fn a_worker_that_lost_its_lease_records_nothing() {
    on_both(async |stage| {
        stage.store(RECORD).await;
        stage.emit(None).await.expect("emitted");
        let first = stage.state.db.write(|conn| take_due(conn, NOON - 1)).await.expect("claimed").remove(0);
        stage.sql("UPDATE runs SET attempt = 2").await;
        let finished = worker::execute(&stage.state, TakenRun { run: first, probe: None }).await;
        let finished = [finished];
        let random = Arc::clone(&stage.state.random);
        let record =
            move |conn: &mut crate::db::Conn| complete::record(conn, &*random, &finished, true, NOON).map(drop);
        stage.state.db.write(record).await.expect("recorded");
        assert_eq!(stage.texts("SELECT state FROM runs").await, ["running"]);
        assert!(stage.texts("SELECT outcome FROM attempts").await.is_empty());
        assert_eq!(stage.texts("SELECT run_count || '' FROM extensions").await, ["0"]);
    });
}

#[test]
fn the_same_key_emits_once_within_a_day() {
    on_both(async |stage| {
        stage.store(RECORD).await;
        let first = stage.emit(Some("k")).await.expect("emitted");
        let together = futures_util::future::join_all((0..20).map(|_| stage.emit(Some("k")))).await;
        assert!(together.into_iter().all(|id| id.is_ok_and(|id| id == first)));
        let refused = stage.emit_for("s", "pre_sale", Some("k")).await;
        assert!(matches!(refused, Err(Error::Conflict(_))), "{refused:?}");
        stage.clock.advance(DAY);
        assert_ne!(stage.emit(Some("k")).await.expect("emitted"), first);
        assert_eq!(stage.texts("SELECT uid FROM events").await.len(), 2);
        assert!(matches!(stage.emit_for("t", "post_sale", None).await, Err(Error::NotFound)));
    });
}
