//! How many statements a request costs.

use diesel::connection::{Connection as _, InstrumentationEvent};
use std::sync::{Arc, Mutex};
use tenon::db::{Backend, Conn, Db, Kind};

use super::{catalogue, get};
use crate::support::added;
use crate::support::database::TestDatabase;
use crate::support::database::catalog;

/// Requests, and what each costs: one statement for the documents, one for each populated path, one for the count.
const COSTS: [(&str, usize); 9] = [
    ("/products/product1", 1),
    ("/products/product1?populate=*", 1 + 5),
    ("/products", 1 + 1),
    ("/products?pagination[withCount]=false", 1),
    ("/products?filters[slug]=product-1&populate=*", 1 + 5 + 1),
    (
        "/products?filters[stores][slug]=store-1&populate[]=SEO.socialImage&populate[]=PRICES&sort=updatedAt:desc",
        1 + 2 + 1,
    ),
    ("/stores?populate[products][populate]=PRICES&populate[URLS]=true&pagination[pageSize]=100", 1 + 3 + 1),
    ("/stores?populate[products][count]=true", 1 + 1 + 1),
    (
        "/products?sort=Name&filters[PRICES][Price][$gt]=0&pagination[pageSize]=100&populate[extensions]=true\
         &populate[PRICES][populate]=extensions&populate[stores][populate]=SEO",
        1 + 5 + 1,
    ),
];

#[test]
fn the_number_of_statements_does_not_depend_on_the_number_of_rows() {
    for kind in [Kind::Sqlite, Kind::Postgres] {
        let database = TestDatabase::fresh(kind);
        let db = Db::open(&database.parsed(), catalog(), 1).expect("the database opens");
        let mut conn = db.connect_reader().expect("a connection");
        let seen = watch(&mut conn);
        for (from, to) in [(1, 1), (2, 100), (101, 10_000)] {
            catalogue::add(&db, from, to);
            for (target, cost) in COSTS {
                let asked = asked(&mut conn, &seen, target);
                assert_eq!(asked.len(), cost, "{target} on {kind:?} with {to} rows:\n{}", asked.join("\n"));
            }
            let found = get(&mut conn, COSTS[8].0);
            assert_eq!(found["meta"]["pagination"]["total"], to, "{kind:?}");
            assert_eq!(found["data"][0]["PRICES"][0]["extensions"][0]["key"], "custom:webhook");
        }
    }
}

#[test]
fn items_in_items_of_an_added_type_cost_one_statement_for_each_path() {
    const ASKED: &str = "/articles?status=draft&pagination[pageSize]=100&filters[Sections][Notes][Text][$startsWith]=note\
        &populate[authors]=true&populate[Sections][populate][Notes][populate]=extensions";
    for kind in [Kind::Sqlite, Kind::Postgres] {
        let database = TestDatabase::fresh(kind);
        Db::migrate(&database.parsed(), added::catalog()).expect("the migrations run");
        let db = Db::open(&database.parsed(), added::catalog(), 1).expect("the database opens");
        let mut conn = db.connect_reader().expect("a connection");
        let seen = watch(&mut conn);
        for (from, to) in [(1, 1), (2, 100)] {
            super::execute(&db, (from..=to).map(article).collect());
            let asked = asked(&mut conn, &seen, ASKED);
            assert_eq!(asked.len(), 1 + 4 + 1, "on {kind:?} with {to} rows:\n{}", asked.join("\n"));
        }
        let found = get(&mut conn, ASKED);
        assert_eq!(found["meta"]["pagination"]["total"], 100, "{kind:?}");
        assert_eq!(found["data"][99]["Sections"][0]["Notes"][0]["Text"], "note 100", "{kind:?}");
    }
}

/// The draft of an article, with a section and a note in it.
fn article(number: usize) -> String {
    format!(
        "INSERT INTO articles (id, document_id, created_at, updated_at, title) VALUES ({number}, 'article{number}', 1, 1, 'A'); \
         INSERT INTO sections (owner_field, owner_id, id, position) VALUES ('article.Sections', {number}, {number}, 0); \
         INSERT INTO notes (owner_field, owner_id, parent_id, id, position, text) \
         VALUES ('section.Notes', {number}, {number}, {number} + 1000, 0, 'note {number}');"
    )
}

/// What a connection was asked for.
pub type Seen = Arc<Mutex<Vec<String>>>;

/// Writes down what the connection asks for, without the transaction around it.
pub fn watch(conn: &mut Conn) -> Seen {
    let seen = Seen::default();
    let written = seen.clone();
    let each = move |event: InstrumentationEvent<'_>| {
        if let InstrumentationEvent::StartQuery { query, .. } = event
            && query.to_string().starts_with("SELECT")
        {
            written.lock().expect("no panic").push(query.to_string());
        }
    };
    match &mut conn.backend {
        Backend::Sqlite(conn) => conn.set_instrumentation(each),
        Backend::Postgres(conn) => conn.set_instrumentation(each),
    }
    seen
}

/// The statements that the request makes of a connection that is watched.
pub fn asked(conn: &mut Conn, seen: &Seen, target: &str) -> Vec<String> {
    seen.lock().expect("no panic").clear();
    get(conn, target);
    std::mem::take(&mut seen.lock().expect("no panic"))
}
