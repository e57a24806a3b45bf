//! The whole program in the test's process: real server, real runner, a clock that is set by hand.

use std::net::{SocketAddr, TcpListener};
use std::ops::Deref;
use std::sync::Arc;
use std::time::{Duration, Instant};

use actix_web::dev::ServerHandle;
use serde_json::{Value, json};
use tenon::clock::{Clock as _, FixedClock, Millis, OsRandom, SystemClock};
use tenon::config::Config;
use tenon::content::Catalog;
use tenon::db::{Kind, Sql};
use tenon::http;
use tenon::runner::Runner;
use tenon::state::AppState;

use super::PATIENCE;
use super::api::{Api, TOKEN};
use super::database::TestDatabase;
use super::database::catalog;
use super::receiver::Receiver;
use tenon::queue::wake::Work;

/// The secret that [`TestApp::webhook`] records sign with.
pub const SECRET: &str = "whsec_dGhlIHNlY3JldCBvZiB0aGUgdGVzdHMgb2YgdGVub24=";

/// A running program on a database of its own, and a receiver for what its handlers send. It is a caller too: see
/// [`Api`].
pub struct TestApp {
    api: Api,
    pub receiver: Receiver,
    pub clock: Arc<FixedClock>,
    pub state: Arc<AppState>,
    address: SocketAddr,
    server: ServerHandle,
    runner: Runner,
    database: TestDatabase,
}

impl Deref for TestApp {
    type Target = Api;

    fn deref(&self) -> &Api {
        &self.api
    }
}

impl TestApp {
    /// Starts a program with `change` to its configuration, tells it `story`, and sees that nothing is left undone.
    pub fn tell(kind: Kind, change: impl FnOnce(&mut Config), story: impl AsyncFnOnce(&Self)) {
        Self::tell_of(kind, catalog(), change, story);
    }

    /// The same for a program with these content types.
    pub fn tell_of(
        kind: Kind,
        catalog: &'static Catalog,
        change: impl FnOnce(&mut Config),
        story: impl AsyncFnOnce(&Self),
    ) {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
        runtime.expect("a runtime").block_on(async {
            let app = Self::start(kind, catalog, change).await;
            story(&app).await;
            app.finish().await;
        });
    }

    async fn start(kind: Kind, catalog: &'static Catalog, change: impl FnOnce(&mut Config)) -> Self {
        let database = TestDatabase::fresh(kind);
        let mut config = config(&database.url);
        change(&mut config);
        // Signatures carry the time, and who verifies them looks at the machine's clock.
        let clock = Arc::new(FixedClock::at(SystemClock.now()));
        let handlers = tenon::extensions::registry().expect("one handler for each key");
        let built = AppState::build(config, (handlers, catalog), clock.clone(), Arc::new(OsRandom::new())).await;
        let state = built.unwrap_or_else(|problem| panic!("{problem}"));
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let address = listener.local_addr().expect("an address");
        let server = http::serve(state.clone(), listener).expect("the server starts");
        let handle = server.handle();
        tokio::spawn(server);
        let api = Api::new(format!("http://{address}"));
        let runner = Runner::start(state.clone());
        Self { api, receiver: Receiver::start(), clock, state, address, server: handle, runner, database }
    }

    /// Fails when runs are left that would be tried later: a story that makes such calls [`Self::run_until_idle`].
    async fn finish(self) {
        let now = self.clock.now();
        let left = self.settle(|left| left.next_due.is_none_or(|due| due > now)).await;
        assert_eq!(left.next_due, None, "runs were left undone: call run_until_idle");
        self.server.stop(false).await;
        self.runner.stop().await;
        drop(self.database);
    }

    /// Where the server listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Lets the runner work until nothing is left to do. When all that is left is due later, moves the clock there.
    pub async fn run_until_idle(&self) {
        loop {
            let now = self.clock.now();
            match self.settle(|left| left.next_due.is_none_or(|due| due > now)).await.next_due {
                Some(due) => self.advance(due - now),
                None => return,
            }
        }
    }

    /// What the clock shows.
    pub fn now(&self) -> Millis {
        self.clock.now()
    }

    /// Lets the runner do what is due, and leaves the clock as it is.
    pub async fn rest(&self) {
        let now = self.clock.now();
        self.settle(|left| left.next_due.is_none_or(|due| due > now)).await;
    }

    /// Waits until every event is dispatched, no attempt is under way, and `enough` holds.
    async fn settle(&self, enough: impl Fn(&Undone) -> bool) -> Undone {
        let since = Instant::now();
        loop {
            let left = self.undone().await;
            if left.events == 0 && left.running == 0 && enough(&left) {
                return left;
            }
            assert!(since.elapsed() < PATIENCE, "nothing moves: {left:?}");
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    }

    /// Moves the clock and wakes the runner, which sleeps by the machine's.
    pub fn advance(&self, by: Millis) {
        self.clock.advance(by);
        self.state.queue.wake.notify(Work::Events);
        self.state.queue.wake.notify(Work::Runs);
        self.state.queue.wake.notify(Work::Schedules);
    }

    async fn undone(&self) -> Undone {
        let counted = self.state.db.read(|conn| {
            // One statement, and so one moment: between two of them a run could move out of sight.
            let left = Sql::new(
                "SELECT (SELECT count(*) FROM events WHERE dispatched_at IS NULL), \
                 (SELECT count(*) FROM runs WHERE state = 'running'), \
                 (SELECT min(CASE WHEN d.next_probe_at > r.due_at THEN d.next_probe_at WHEN h.until > r.due_at THEN h.until \
                 ELSE r.due_at END) FROM runs r \
                 LEFT JOIN destinations d ON r.parked = 1 AND d.name = r.destination \
                 LEFT JOIN holds h ON r.parked = 3 AND h.lane = r.destination || ' ' || coalesce(r.store_document_id, '') \
                 WHERE r.state IN ('available', 'retryable') AND r.parked <> 2)",
            );
            conn.first(&left, |row| {
                Ok(Undone { events: row.int(0)?, running: row.int(1)?, next_due: row.find_int(2)? })
            })
        });
        counted.await.expect("the database answers").expect("a row")
    }
}

/// What the runner still has to do.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Undone {
    events: i64,
    running: i64,
    next_due: Option<Millis>,
}

/// The configuration that tests run with.
pub fn config(database_url: &str) -> Config {
    let told = |name: &str| match name {
        "DATABASE_URL" => Some(database_url),
        "TENON_BOOTSTRAP_TOKEN" => Some(TOKEN),
        "TENON_SECRET_KEY" => Some("0707070707070707070707070707070707070707070707070707070707070707"),
        "TENON_OUTBOUND_ALLOW" => Some("127.0.0.0/8"),
        "TENON_HTTP_WORKERS" => Some("1"),
        "TENON_DB_CONNECTIONS" => Some("4"),
        _ => None,
    };
    Config::read(|name| told(name).map(str::to_owned)).unwrap_or_else(|problem| panic!("{problem}"))
}
