//! What was answered survives the death of the process: SIGKILL, thirty times, under load.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use reqwest::{Method, RequestBuilder};
use serde_json::{Value, json};
use tenon::clock::{OsRandom, Random as _};
use tenon::db::{Db, Kind, Sql};

use crate::support::api::{Answered, Api, try_send};
use crate::support::app::SECRET;
use crate::support::database::TestDatabase;
use crate::support::program::{Program, Settings};
use crate::support::receiver::{Answer, Receiver};
use crate::support::waiting::no_run_is_left;

const KILLS: usize = 30;
const CALLERS: usize = 6;

#[test]
fn what_was_answered_survives_thirty_kills_sqlite() {
    run(Kind::Sqlite);
}

#[test]
fn what_was_answered_survives_thirty_kills_postgres() {
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
        let receiver = Receiver::start();
        receiver.answers("/slow", [Answer::status(200).after(Duration::from_millis(30))]);
        let answered = kill_under_load(&settings, &receiver).await;
        let found = settle(&settings, &database).await;
        check(&answered, &found, &receiver);
    });
}

/// What callers were told.
#[derive(Default)]
struct Told {
    /// Ids of events, each once for every answer that named it.
    events: Vec<String>,
    /// Names of products.
    products: Vec<String>,
    /// The number in the payload of a trigger that was sent with a key until it was answered, and the event's id.
    insisted: BTreeMap<String, String>,
}

/// Kills the program [`KILLS`] times at random moments while callers write and trigger.
async fn kill_under_load(settings: &Settings, receiver: &Receiver) -> Told {
    let program = Program::start(settings).await;
    let api = program.api();
    let store = create_store(&api, receiver).await;
    let load = Arc::new(Load { api, store, told: Mutex::default(), count: AtomicUsize::new(0), stop: false.into() });
    let callers: Vec<_> = (0..CALLERS).map(|caller| tokio::spawn(load.clone().call(caller))).collect();
    let (mut program, random) = (Some(program), OsRandom::new());
    for _ in 0..KILLS {
        tokio::time::sleep(Duration::from_millis(100 + random.below(600))).await;
        program.take().expect("it runs").kill();
        program = Some(Program::start(settings).await);
    }
    load.stop.store(true, Ordering::Relaxed);
    for caller in callers {
        caller.await.expect("the caller saw nothing wrong");
    }
    program.expect("it runs").kill();
    std::mem::take(&mut load.told.lock().expect("no panic"))
}

/// A store whose records are named by their url; see [`matching`].
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

/// Which of the store's records an event must reach, told without the program's own matching.
fn matching(trigger: &str) -> Vec<&'static str> {
    let mut paths = vec!["/slow"];
    paths.extend((trigger == "trigger:post_sale").then_some("/sales"));
    paths.extend(trigger.starts_with("trigger:product_").then_some("/products"));
    paths
}

struct Load {
    api: Api,
    store: String,
    told: Mutex<Told>,
    count: AtomicUsize,
    stop: AtomicBool,
}

impl Load {
    /// Triggers and writes until told to stop, and notes what was answered.
    async fn call(self: Arc<Self>, caller: usize) {
        while !self.stop.load(Ordering::Relaxed) {
            let number = format!("n{}", self.count.fetch_add(1, Ordering::Relaxed));
            match caller % 3 {
                0 => self.emit(&number).await,
                1 => self.insist(&number).await,
                _ => self.create(&number).await,
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }

    async fn emit(&self, number: &str) {
        if let Some(answer) = answer_to(self.trigger(number)).await {
            self.told.lock().expect("no panic").events.push(event_of(&answer));
        }
    }

    /// Sends the same with the same key until it is answered, as a careful caller does.
    async fn insist(&self, number: &str) {
        loop {
            if let Some(answer) = answer_to(self.trigger(number).header("idempotency-key", number)).await {
                let event = event_of(&answer);
                self.told.lock().expect("no panic").insisted.insert(number.to_owned(), event);
                return;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }

    async fn create(&self, number: &str) {
        let product = json!({ "data": {
            "Name": number, "stores": [self.store], "PRICES": [{ "Name": "One", "Price": 1 }],
        }});
        if answer_to(self.api.request(Method::POST, "/api/products").json(&product)).await.is_some() {
            self.told.lock().expect("no panic").products.push(number.to_owned());
        }
    }

    fn trigger(&self, number: &str) -> RequestBuilder {
        let path = format!("/api/stores/{}/triggers/post_sale", self.store);
        self.api.request(Method::POST, &path).json(&json!({ "payload": { "number": number } }))
    }
}

/// The answer, when there was one and it promised something.
async fn answer_to(request: RequestBuilder) -> Option<Answered> {
    let answer = try_send(request).await.ok()?;
    assert!([200, 201, 202, 503].contains(&answer.status), "{}: {}", answer.status, answer.text);
    (answer.status != 503).then_some(answer)
}

fn event_of(answer: &Answered) -> String {
    answer.json["data"]["id"].as_str().expect("an event id").to_owned()
}

/// What is in the database at last.
struct Found {
    /// Id, trigger, and the number in the payload.
    events: Vec<(String, String, Option<String>)>,
    /// Names of the drafts of products, and how many events tell of their creation.
    products: Vec<(String, i64)>,
    /// Events of products that are not there.
    orphans: i64,
    /// Event id, url of the record, state.
    runs: Vec<(String, String, String)>,
    /// Url of each record, its count, and how many attempts are recorded, those included whose end nobody saw.
    records: Vec<(String, i64, i64)>,
}

/// Starts the program once more, waits until nothing is left to do, and reads what there is.
async fn settle(settings: &Settings, database: &TestDatabase) -> Found {
    let program = Program::start(settings).await;
    let db = Db::open(&database.parsed(), 1).expect("the database opens");
    no_run_is_left(&db).await;
    assert!(program.stop().success(), "it stops in order");
    db.read(read_all).await.expect("the tables")
}

fn read_all(conn: &mut tenon::db::Conn) -> tenon::error::Result<Found> {
    let events = Sql::new("SELECT uid, trigger, payload FROM events ORDER BY id");
    let products = Sql::new(
        "SELECT name, (SELECT count(*) FROM events e WHERE e.target_document_id = p.document_id \
         AND e.trigger = 'trigger:product_created') FROM products p WHERE draft_id IS NULL",
    );
    let orphans = Sql::new(
        "SELECT count(*) FROM events WHERE trigger LIKE 'trigger:product_%' \
         AND target_document_id NOT IN (SELECT document_id FROM products)",
    );
    let runs = Sql::new(
        "SELECT e.uid, x.url, r.state FROM runs r JOIN events e ON e.id = r.event_id \
         JOIN extensions x ON x.id = r.extension_id",
    );
    let records = Sql::new(
        "SELECT url, run_count, (SELECT count(*) FROM attempts a JOIN runs r ON r.id = a.run_id \
         WHERE r.extension_id = x.id) FROM extensions x",
    );
    let number = |payload: Option<String>| {
        let payload: Value = serde_json::from_str(&payload?).ok()?;
        Some(payload["number"].as_str()?.to_owned())
    };
    Ok(Found {
        events: conn.list(&events, |row| Ok((row.text(0)?, row.text(1)?, number(row.find_text(2)?))))?,
        products: conn.list(&products, |row| Ok((row.text(0)?, row.int(1)?)))?,
        orphans: conn.first(&orphans, |row| row.int(0))?.unwrap_or_default(),
        runs: conn.list(&runs, |row| Ok((row.text(0)?, row.text(1)?, row.text(2)?)))?,
        records: conn.list(&records, |row| Ok((row.text(0)?, row.int(1)?, row.int(2)?)))?,
    })
}

fn check(told: &Told, found: &Found, receiver: &Receiver) {
    check_answers(told, found);
    let ids = check_runs(found, receiver);
    for (url, count, attempts) in &found.records {
        assert_eq!(count, attempts, "run_count of {url}");
    }
    let deliveries = receiver.received();
    let mut runs = BTreeSet::new();
    for delivery in &deliveries {
        let event = delivery.json()["id"].as_str().expect("an event id").to_owned();
        assert!(ids.contains(&event), "{event} was delivered and never committed");
        runs.insert((event, delivery.path.clone()));
    }
    assert_eq!(runs.len(), found.runs.len(), "every run was delivered");
    let again = deliveries.len() - runs.len();
    println!("{} events, {} runs, {again} delivered again after a kill", found.events.len(), found.runs.len());
}

/// Every answered event and product is there, once, and products have exactly the event of their creation.
fn check_answers(told: &Told, found: &Found) {
    assert!(told.events.len() > 100 && told.insisted.len() > 50 && told.products.len() > 50, "there was load");
    let ids: BTreeSet<_> = found.events.iter().map(|(id, ..)| id).collect();
    assert_eq!(ids.len(), found.events.len(), "events are there once");
    for id in told.events.iter().chain(told.insisted.values()) {
        assert!(ids.contains(id), "{id} was answered and is lost");
    }
    for (number, id) in &told.insisted {
        let with_number: Vec<_> = found.events.iter().filter(|(.., sent)| sent.as_ref() == Some(number)).collect();
        assert!(matches!(with_number[..], [(only, ..)] if only == id), "{number}: {with_number:?}, answered {id}");
    }
    let names: BTreeSet<_> = found.products.iter().map(|(name, _)| name).collect();
    assert_eq!(names.len(), found.products.len(), "products are there once");
    for name in &told.products {
        assert!(names.contains(name), "{name} was answered and is lost");
    }
    let without: Vec<_> = found.products.iter().filter(|(_, created)| *created != 1).collect();
    assert!(without.is_empty(), "products and their events are committed together: {without:?}");
    assert_eq!(found.orphans, 0, "events of products that were never committed");
}

/// Every event has exactly one completed run for each record that it matches. Returns the ids of all events.
fn check_runs(found: &Found, receiver: &Receiver) -> BTreeSet<String> {
    let mut expected: Vec<_> = found
        .events
        .iter()
        .flat_map(|(id, trigger, _)| matching(trigger).into_iter().map(move |path| (id.clone(), receiver.url(path))))
        .collect();
    let mut runs: Vec<_> = found.runs.iter().map(|(id, url, _)| (id.clone(), url.clone())).collect();
    expected.sort();
    runs.sort();
    assert!(runs == expected, "one run for each event and record: {} runs, {} expected", runs.len(), expected.len());
    let ended_badly: Vec<_> = found.runs.iter().filter(|(.., state)| state != "completed").collect();
    assert!(ended_badly.is_empty(), "{ended_badly:?}");
    found.events.iter().map(|(id, ..)| id.clone()).collect()
}
