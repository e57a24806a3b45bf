//! What is in the database at last, held against what callers were told and what was delivered.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};
use tenon::db::{Conn, Row, Sql};

use super::load::{BATCH, Told};
use super::story::{self, End, follow};
use crate::support::receiver::Receiver;

/// What is in the database at last.
pub struct Found {
    /// Id, trigger, whether it reached the store, and the payload.
    events: Vec<(String, String, bool, Value)>,
    /// The events of each product, in their order.
    stories: BTreeMap<String, Vec<story::Told>>,
    /// How the stories of the products that are still there must have ended.
    products: BTreeMap<String, End>,
    /// Event id, url of the record, state.
    runs: Vec<(String, String, String)>,
    /// Url of each record, its count, and how many attempts are recorded, those included whose end nobody saw.
    records: Vec<(String, i64, i64)>,
}

impl Found {
    pub fn read(conn: &mut Conn) -> tenon::error::Result<Self> {
        let events = Sql::new("SELECT uid, trigger, owners, payload FROM events ORDER BY id");
        let runs = Sql::new(
            "SELECT e.uid, x.url, r.state FROM runs r JOIN events e ON e.id = r.event_id \
             JOIN extensions x ON x.id = r.extension_id",
        );
        let records = Sql::new(
            "SELECT url, run_count, (SELECT count(*) FROM attempts a JOIN runs r ON r.id = a.run_id \
             WHERE r.extension_id = x.id) FROM extensions x",
        );
        Ok(Self {
            events: conn.list(&events, |row| {
                let reached = row.text(2)?.contains("store.extensions");
                Ok((row.text(0)?, row.text(1)?, reached, json_of(&row, 3)?))
            })?,
            stories: stories(conn)?,
            products: products(conn)?,
            runs: conn.list(&runs, |row| Ok((row.text(0)?, row.text(1)?, row.text(2)?)))?,
            records: conn.list(&records, |row| Ok((row.text(0)?, row.int(1)?, row.int(2)?)))?,
        })
    }

    /// The events whose payload has this member, by its value.
    fn by_payload(&self, member: &str) -> BTreeMap<String, Vec<&String>> {
        let mut found: BTreeMap<String, Vec<&String>> = BTreeMap::new();
        for (id, .., payload) in &self.events {
            found.entry(payload[member].as_str().unwrap_or_default().to_owned()).or_default().push(id);
        }
        found
    }
}

fn json_of(row: &Row<'_>, place: usize) -> tenon::error::Result<Value> {
    Ok(row.find_text(place)?.map(|text| serde_json::from_str(&text)).transpose()?.unwrap_or_default())
}

fn stories(conn: &mut Conn) -> tenon::error::Result<BTreeMap<String, Vec<story::Told>>> {
    let sql = Sql::new(
        "SELECT target_document_id, trigger, occurred_at, data, changes FROM events \
         WHERE trigger LIKE 'trigger:product_%' ORDER BY id",
    );
    let mut stories: BTreeMap<String, Vec<story::Told>> = BTreeMap::new();
    conn.query(&sql, |row| {
        let told = story::Told {
            trigger: row.text(1)?,
            occurred_at: row.int(2)?,
            data: json_of(&row, 3)?,
            changes: json_of(&row, 4)?,
        };
        stories.entry(row.text(0)?).or_default().push(told);
        Ok(())
    })?;
    Ok(stories)
}

fn products(conn: &mut Conn) -> tenon::error::Result<BTreeMap<String, End>> {
    let sql = Sql::new(
        "SELECT document_id, revision, name, sku, CASE WHEN EXISTS (SELECT 1 FROM products v WHERE v.draft_id = p.id) \
         THEN 1 ELSE 0 END FROM products p WHERE draft_id IS NULL",
    );
    let found = conn.list(&sql, |row| {
        let end = End {
            changes: row.int(1)?,
            name: json!(row.find_text(2)?),
            sku: json!(row.find_text(3)?),
            is_published: row.int(4)? == 1,
            is_deleted: false,
        };
        Ok((row.text(0)?, end))
    })?;
    Ok(found.into_iter().collect())
}

/// Holds all of it together.
pub fn check(told: &Told, found: &Found, receiver: &Receiver) {
    check_answers(told, found);
    check_stories(told, found);
    check_runs(found, receiver);
    for (url, count, attempts) in &found.records {
        assert_eq!(count, attempts, "run_count of {url}");
    }
    check_deliveries(found, receiver);
}

/// Every answered event is there, once, and a batch whole or not at all.
fn check_answers(told: &Told, found: &Found) {
    let ids: BTreeSet<_> = found.events.iter().map(|(id, ..)| id).collect();
    assert_eq!(ids.len(), found.events.len(), "events are there once");
    for id in told.events.iter().chain(told.insisted.values()) {
        assert!(ids.contains(id), "{id} was answered and is lost");
    }
    let by_number = found.by_payload("number");
    for (number, id) in &told.insisted {
        let with_number = &by_number[number];
        assert!(matches!(with_number[..], [only] if only == id), "{number}: {with_number:?}, answered {id}");
    }
    let mut batches = found.by_payload("batch");
    batches.remove("");
    assert!(batches.values().all(|batch| batch.len() == BATCH), "a batch is there whole: {batches:?}");
    for number in &told.batches {
        assert!(batches.contains_key(number), "batch {number} was answered and is lost");
    }
}

/// The events of each product lead from its creation to what is stored, change by change.
fn check_stories(told: &Told, found: &Found) {
    let mut names = BTreeSet::new();
    for (product, events) in &found.stories {
        let end = follow(events).unwrap_or_else(|problem| panic!("{product}: {problem}"));
        names.extend(events.iter().filter_map(|event| event.data["Name"].as_str()));
        match found.products.get(product) {
            Some(stored) => assert_eq!(&end, stored, "{product}"),
            None => assert!(end.is_deleted, "{product} is told of and not there: {end:?}"),
        }
    }
    for product in found.products.keys() {
        assert!(found.stories.contains_key(product), "nothing tells of {product}");
    }
    for name in &told.names {
        assert!(names.contains(name.as_str()), "{name} was answered and is lost");
    }
}

/// Which of the store's records an event must reach, told without the program's own matching.
pub fn matching(trigger: &str) -> Vec<&'static str> {
    let mut paths = vec!["/slow"];
    paths.extend((trigger == "trigger:post_sale").then_some("/sales"));
    paths.extend(trigger.starts_with("trigger:product_").then_some("/products"));
    paths
}

/// Every event that reaches the store has exactly one completed run for each record that it matches.
fn check_runs(found: &Found, receiver: &Receiver) {
    let heard = found.events.iter().filter(|(_, _, reached, _)| *reached);
    let mut expected: Vec<_> = heard
        .flat_map(|(id, trigger, ..)| matching(trigger).into_iter().map(move |path| (id.clone(), receiver.url(path))))
        .collect();
    let mut runs: Vec<_> = found.runs.iter().map(|(id, url, _)| (id.clone(), url.clone())).collect();
    expected.sort();
    runs.sort();
    assert!(runs == expected, "one run for each event and record: {} runs, {} expected", runs.len(), expected.len());
    let ended_badly: Vec<_> = found.runs.iter().filter(|(.., state)| state != "completed").collect();
    assert!(ended_badly.is_empty(), "{ended_badly:?}");
}

/// Everything was delivered that was committed, and nothing else.
fn check_deliveries(found: &Found, receiver: &Receiver) {
    let ids: BTreeSet<_> = found.events.iter().map(|(id, ..)| id.as_str()).collect();
    let deliveries = receiver.received();
    let mut delivered = BTreeSet::new();
    for delivery in &deliveries {
        let event = delivery.json()["id"].as_str().expect("an event id").to_owned();
        assert!(ids.contains(event.as_str()), "{event} was delivered and never committed");
        delivered.insert((event, delivery.path.clone()));
    }
    assert_eq!(delivered.len(), found.runs.len(), "every run was delivered");
    let again = deliveries.len() - delivered.len();
    println!("{} events, {} runs, {again} delivered again after a kill", found.events.len(), found.runs.len());
}
