//! The real application under the steps: the operations that the routes call, and what the API shows afterwards.

use std::collections::BTreeMap;
use std::sync::Arc;

use actix_web::ResponseError as _;
use serde_json::{Map, Value, json};
use tenon::access::{Access, Caller};
use tenon::clock::{FixedClock, OsRandom};
use tenon::content::{ContentType, PRODUCT, STORE};
use tenon::db::documents::read::Form;
use tenon::db::{Conn, Kind, Sql};
use tenon::documents::{self, Action, TaggedAnswer};
use tenon::state::AppState;
use tokio::runtime::Runtime;

use super::request::{Changes, Doc, Label, LinkChange, Place, Refused, Request, Sent};
use crate::support::app;
use crate::support::database::TestDatabase;
use crate::support::database::catalog;

/// A program without a server, on a database of its own.
pub struct Shop {
    state: Arc<AppState>,
    conn: Conn,
    runtime: Arc<Runtime>,
    clock: Arc<FixedClock>,
    /// How many stores there were: their slugs are unique.
    stores: u32,
    /// The last event that was looked at.
    event: i64,
    _database: TestDatabase,
}

/// One sequence of requests in a shop: the ids that its documents and items have.
pub struct Visit<'a> {
    shop: &'a mut Shop,
    documents: BTreeMap<Doc, String>,
    items: BTreeMap<Label, Value>,
}

impl Shop {
    pub fn open(kind: Kind) -> Self {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        let database = TestDatabase::fresh(kind);
        let clock = Arc::new(FixedClock::at(0));
        let handlers = tenon::extensions::registry().expect("one handler for each key");
        let random = Arc::new(OsRandom::new());
        let built =
            runtime.block_on(AppState::build(app::config(&database.url), (handlers, catalog()), clock.clone(), random));
        let state = built.unwrap_or_else(|problem| panic!("{problem}"));
        let runtime = Arc::new(runtime);
        let conn = state.db.connect_reader().expect("a connection");
        Self { state, conn, runtime, clock, stores: 0, event: 0, _database: database }
    }

    pub fn visit(&mut self) -> Visit<'_> {
        Visit { shop: self, documents: BTreeMap::new(), items: BTreeMap::new() }
    }

    /// The triggers emitted since they were last asked for.
    fn triggers(&mut self) -> Vec<String> {
        let mut sql = Sql::new("SELECT id, trigger FROM events WHERE trigger NOT LIKE 'trigger:extension%' AND id > ");
        sql.int(self.event).text(" ORDER BY id");
        let events = self.conn.list(&sql, |row| Ok((row.int(0)?, row.text(1)?))).expect("the events");
        self.event = events.last().map_or(self.event, |(id, _)| *id);
        events.into_iter().map(|(_, trigger)| trigger).collect()
    }

    fn find(&mut self, content_type: &'static ContentType, query: &str) -> Value {
        let found = documents::find_many(content_type, query, Access::Full, Form::Flat);
        let body = found.and_then(|find| find.run(&mut self.conn)).unwrap_or_else(|error| panic!("{query}: {error}"));
        serde_json::from_slice(&body.body).expect("JSON")
    }
}

impl Visit<'_> {
    /// Sends the request. Returns the triggers that it emitted, sorted, and the version that the answer shows.
    pub fn perform(&mut self, request: &Request) -> Result<(Vec<String>, Value), Refused> {
        self.shop.clock.advance(1);
        let done = self.send(request);
        let mut told = self.shop.triggers();
        match done {
            Ok(answer) => {
                told.sort();
                Ok((told, self.answered(request, &answer.body)))
            }
            Err(error) => {
                assert_eq!(told, [""; 0], "what is refused is not told of");
                Err(error.status_code().as_u16())
            }
        }
    }

    fn send(&mut self, request: &Request) -> tenon::error::Result<TaggedAnswer> {
        let state = self.shop.state.clone();
        let runtime = self.shop.runtime.clone();
        let act = |doc, action| runtime.block_on(documents::act(&state, asked(doc, true), self.id(doc), action));
        match request {
            Request::Create { doc, changes, publish } => {
                let data = self.data(*doc, changes, true);
                runtime.block_on(documents::create(&state, asked(*doc, *publish), data))
            }
            Request::Save { doc, changes, publish } => {
                let data = self.data(*doc, changes, false);
                runtime.block_on(documents::update(&state, asked(*doc, *publish), self.id(*doc), data))
            }
            Request::Publish(doc) => act(*doc, Action::Publish),
            Request::Unpublish(doc) => act(*doc, Action::Unpublish),
            Request::Discard(doc) => act(*doc, Action::Discard),
            Request::Delete(doc) => runtime.block_on(documents::delete(&state, asked(*doc, true), self.id(*doc))),
        }
    }

    fn answered(&mut self, request: &Request, body: &[u8]) -> Value {
        let Some((doc, published)) = request.answered() else { return Value::Null };
        let mut body: Value = serde_json::from_slice(body).expect("JSON");
        let document = body["data"].take();
        if let Request::Create { .. } = request {
            self.documents.insert(doc, document["documentId"].as_str().expect("a documentId").to_owned());
        }
        assert_eq!(document["publishedAt"].is_null(), !published);
        self.seen(doc, &document)
    }

    /// The documentId; one that nothing has where there is no document.
    fn id(&self, doc: Doc) -> String {
        self.documents.get(&doc).cloned().unwrap_or_else(|| "nothinghasthisdocumentid".to_owned())
    }

    /// Everything of one version, by document, in the model's words.
    pub fn shown(&mut self, published: bool) -> BTreeMap<Doc, Value> {
        let mut shown = BTreeMap::new();
        for (content_type, populated) in [(&PRODUCT, PRODUCT_PARTS), (&STORE, STORE_PARTS)] {
            let is_of_type = |doc: &Doc| doc.singular() == content_type.singular;
            let ids: Vec<String> =
                self.documents.iter().filter(|(doc, _)| is_of_type(doc)).map(|(_, id)| id.clone()).collect();
            if ids.is_empty() {
                continue;
            }
            let filters: String = ids.iter().map(|id| format!("&filters[documentId][$in]={id}")).collect();
            let status = if published { "published" } else { "draft" };
            let found = self.shop.find(content_type, &format!("status={status}&{populated}{filters}"));
            for document in found["data"].as_array().expect("documents") {
                assert_eq!(document["publishedAt"].is_null(), !published);
                let doc = self.doc(&document["documentId"]);
                let seen = self.seen(doc, document);
                shown.insert(doc, seen);
            }
        }
        shown
    }

    fn doc(&self, id: &Value) -> Doc {
        let found = self.documents.iter().find(|(_, known)| *id == known.as_str());
        *found.unwrap_or_else(|| panic!("{id} is no document of this visit")).0
    }

    fn seen(&mut self, doc: Doc, document: &Value) -> Value {
        let (name, links) = match doc {
            Doc::Product(_) => ("SKU", "stores"),
            Doc::Store(_) => ("Description", "products"),
        };
        let links = document[links].as_array().expect("links");
        let links: Vec<String> = links.iter().map(|other| format!("{:?}", self.doc(&other["documentId"]))).collect();
        let mut seen = json!({
            "name": number(document[name].as_str().expect("a name")),
            "links": links,
            "records": self.seen_records(&document["extensions"]),
        });
        for field in doc.item_fields() {
            let items = match &document[*field] {
                Value::Null => Vec::new(),
                Value::Array(items) => items.clone(),
                item => vec![item.clone()],
            };
            seen[*field] = items.iter().map(|item| self.seen_item(field, item)).collect();
        }
        seen
    }

    fn seen_item(&mut self, field: &str, item: &Value) -> Value {
        let (name, value) = columns(field);
        let label = self.seen_label(name, item);
        let value = match &item[value] {
            Value::String(text) => number(text).into(),
            value => value.clone(),
        };
        let records = if field == "PRICES" { self.seen_records(&item["extensions"]) } else { Value::Null };
        json!([label, value, records])
    }

    fn seen_records(&mut self, records: &Value) -> Value {
        let records = records.as_array().expect("records");
        let record = |record: &Value| json!([self.seen_label("url", record), i32::from(record["active"] == true)]);
        records.iter().map(record).collect()
    }

    /// The label of an item, whose id must be the one that it always had.
    fn seen_label(&mut self, name: &str, item: &Value) -> Label {
        let label = number(item[name].as_str().unwrap_or_else(|| panic!("{item} has a label")));
        let known = self.items.entry(label).or_insert_with(|| item["id"].clone());
        assert_eq!(*known, item["id"], "an item keeps its id");
        label
    }

    fn data(&mut self, doc: Doc, changes: &Changes, new: bool) -> Map<String, Value> {
        let (required, name, links) = match doc {
            Doc::Product(_) => ("Name", "SKU", "stores"),
            Doc::Store(_) => ("title", "Description", "products"),
        };
        let mut data = json!({});
        if new {
            data[required] = json!("Something");
            data[name] = json!("n0");
        }
        if new && matches!(doc, Doc::Store(_)) {
            self.shop.stores += 1;
            data["slug"] = json!(format!("store-{}", self.shop.stores));
        }
        if let Some(value) = changes.name {
            data[name] = json!(format!("n{value}"));
        }
        for (field, sent) in &changes.items {
            let items: Vec<Value> = sent.iter().map(|sent| self.item(field, sent)).collect();
            data[*field] = if *field == "SEO" { items.into_iter().next().unwrap_or_default() } else { json!(items) };
        }
        if let Some(records) = &changes.records {
            data["extensions"] = self.records(records);
        }
        if let Some(change) = &changes.links {
            data[links] = self.links(change);
        }
        data.as_object().cloned().unwrap_or_default()
    }

    fn item(&self, field: &str, sent: &Sent) -> Value {
        let (name, value) = columns(field);
        let mut item = self.named(name, sent, format!("i{}", sent.label));
        if let Some(sent) = sent.value {
            item[value] = match field {
                "PRICES" => json!(sent),
                "Tag" => json!(COLORS[usize::from(sent)]),
                _ => json!(format!("v{sent}")),
            };
        }
        if let Some(records) = &sent.records {
            item["extensions"] = self.records(records);
        }
        item
    }

    fn records(&self, sent: &[Sent]) -> Value {
        let record = |sent: &Sent| {
            let mut record = self.named("url", sent, format!("http://a.example/{}", sent.label));
            if !sent.known {
                record["key"] = json!("custom:webhook");
            }
            if let Some(value) = sent.value {
                record["active"] = json!(value % 2 == 1);
            }
            record
        };
        sent.iter().map(record).collect()
    }

    /// An item by its id, or a new one by its label.
    fn named(&self, name: &str, sent: &Sent, label: String) -> Value {
        match self.items.get(&sent.label).filter(|_| sent.known) {
            Some(id) => json!({"id": id}),
            None if sent.known => panic!("item {} was never seen", sent.label),
            None => json!({name: label}),
        }
    }

    fn links(&self, change: &LinkChange) -> Value {
        let place = |place: &Place| match place {
            Place::End => json!({"end": true}),
            Place::Start => json!({"start": true}),
            Place::Before(other) => json!({"before": self.id(*other)}),
            Place::After(other) => json!({"after": self.id(*other)}),
        };
        match change {
            LinkChange::Set(others) => json!({"set": others.iter().map(|other| self.id(*other)).collect::<Vec<_>>()}),
            LinkChange::Change { connect, disconnect } => json!({
                "connect": connect
                    .iter()
                    .map(|(other, at)| json!({"documentId": self.id(*other), "position": place(at)}))
                    .collect::<Vec<_>>(),
                "disconnect": disconnect.iter().map(|other| self.id(*other)).collect::<Vec<_>>(),
            }),
        }
    }
}

const PRODUCT_PARTS: &str = "populate[PRICES][populate]=extensions&populate[Tag]=true&populate[SEO]=true&populate[extensions]=true\
     &populate[stores][fields]=documentId";
const STORE_PARTS: &str =
    "populate[URLS]=true&populate[SEO]=true&populate[extensions]=true&populate[products][fields]=documentId";
const COLORS: [&str; 4] = ["Tangerine", "Royal Blue", "Magenta", "Gold"];

/// Where items of a field have their label, and the value that is edited.
fn columns(field: &str) -> (&'static str, &'static str) {
    match field {
        "PRICES" => ("Name", "Price"),
        "Tag" => ("Label", "Color"),
        "SEO" => ("metaTitle", "metaDescription"),
        _ => ("Label", "URL"),
    }
}

/// The number in `i12`, `v3`, `http://a.example/12`, or the place of a colour.
fn number(text: &str) -> u32 {
    if let Some(place) = COLORS.iter().position(|color| *color == text) {
        return u32::try_from(place).expect("few colours");
    }
    let digits = text.trim_start_matches(|character: char| !character.is_ascii_digit());
    digits.parse().unwrap_or_else(|_| panic!("{text} has a number"))
}

fn asked(doc: Doc, publish: bool) -> documents::Request {
    let content_type = if matches!(doc, Doc::Product(_)) { &PRODUCT } else { &STORE };
    let parts = if matches!(doc, Doc::Product(_)) { PRODUCT_PARTS } else { STORE_PARTS };
    let query = format!("status={}&{parts}", if publish { "published" } else { "draft" });
    let caller = Caller { actor: "test".into(), token: None, access: Access::Full, depth: 0 };
    documents::Request {
        content_type,
        caller,
        query,
        form: Form::Flat,
        if_match: None,
        once: None,
        ignored: Vec::new(),
    }
}
