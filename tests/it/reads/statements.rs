//! How many statements a request costs.

use diesel::connection::{Connection as _, InstrumentationEvent};
use std::sync::{Arc, Mutex};
use tenon::db::{Backend, Conn, Db, Kind};

use super::{catalogue, get};
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
