//! How many statements a request costs.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use diesel::connection::{Connection as _, InstrumentationEvent};
use tenon::db::{Backend, Conn, Db, Kind};

use super::{execute, get};
use crate::support::database::TestDatabase;

const LIST: &str = "products?sort=Name&filters[PRICES][Price][$gt]=0&pagination[pageSize]=100\
    &populate[PRICES][populate]=extensions&populate[stores][populate]=SEO&populate[extensions]=true";

#[test]
fn the_number_of_statements_does_not_depend_on_the_number_of_rows() {
    for kind in [Kind::Sqlite, Kind::Postgres] {
        let database = TestDatabase::fresh(kind);
        let db = Db::open(&database.parsed(), 1).expect("the database opens");
        let mut conn = db.connect_reader().expect("a connection");
        let count = count_selects(&mut conn);
        for (from, to) in [(1, 1), (2, 100), (101, 1000)] {
            execute(&db, products(from, to));
            count.store(0, Ordering::SeqCst);
            let found = get(&mut conn, LIST);
            assert_eq!(found["meta"]["pagination"]["total"], to, "{kind:?}");
            assert_eq!(found["data"][0]["PRICES"][0]["extensions"][0]["key"], "custom:webhook");
            // The page, five populated paths, the count.
            assert_eq!(count.load(Ordering::SeqCst), 7, "{kind:?} with {to} rows");
        }
    }
}

/// Counts what the connection asks for, without the transaction around it.
fn count_selects(conn: &mut Conn) -> Arc<AtomicUsize> {
    let count = Arc::new(AtomicUsize::new(0));
    let counted = count.clone();
    let each = move |event: InstrumentationEvent<'_>| {
        if let InstrumentationEvent::StartQuery { query, .. } = event
            && query.to_string().starts_with("SELECT")
        {
            counted.fetch_add(1, Ordering::SeqCst);
        }
    };
    match &mut conn.backend {
        Backend::Sqlite(conn) => conn.set_instrumentation(each),
        Backend::Postgres(conn) => conn.set_instrumentation(each),
    }
    count
}

/// Published products with a price, an extension record on each, and two stores.
fn products(from: i64, to: i64) -> String {
    let mut statements = String::new();
    if from == 1 {
        for store in [1, 3] {
            statements += &format!(
                "INSERT INTO stores (id, draft_id, document_id, created_at, updated_at, title) VALUES
                    ({store}, NULL, 'store{store}', 0, 0, 'S'), ({store} + 1, {store}, 'store{store}', 0, 0, 'S');"
            );
        }
    }
    for number in from..=to {
        let (draft, published) = (2 * number, 2 * number + 1);
        statements += &format!(
            "INSERT INTO products (id, draft_id, document_id, created_at, updated_at, name) VALUES
                ({draft}, NULL, 'product{number}', 0, 0, 'P'), ({published}, {draft}, 'product{number}', 0, 0, 'P');
             INSERT INTO prices (owner_field, owner_id, id, position, price) VALUES
                ('product.PRICES', {draft}, {number}, 1, '5'), ('product.PRICES', {published}, {number}, 1, '5');
             INSERT INTO extensions (id, owner_field, owner_id, position, key) VALUES
                ({draft}, 'product.extensions', {draft}, 1, 'custom:webhook'),
                ({published}, 'price.extensions', {number}, 1, 'custom:webhook');
             INSERT INTO product_stores (product_id, published, store_id, position, inverse_position) VALUES
                ({draft}, TRUE, 1, 1, {number}), ({draft}, TRUE, 3, 2, {number});"
        );
    }
    statements
}
