//! How long reads take on SQLite with 10,000 products, from the query string to the JSON, on one thread and without HTTP.
//!
//! `cargo bench --bench reads`, or with a part of a name behind `--` only the reads that have it. Each line gives the
//! shortest time, the median and the 99th percentile of a thousand requests (fewer for the slow ones), and the size of an
//! answer. On a machine with other work the shortest is the steadiest.

#![allow(clippy::expect_used)] // Nobody depends on it.

use std::fmt::Write as _;
use std::time::{Duration, Instant};

use diesel::connection::SimpleConnection as _;
use tenon::access::Access;
use tenon::content::{Catalog, PRODUCT};
use tenon::db::documents::read::Form;
use tenon::db::{Backend, Conn, DatabaseUrl, Db};
use tenon::documents::{Find, find_many, find_one};
use tenon::error::Result;

const PRODUCTS: usize = 10_000;
const STORES: usize = 500;

/// What is read: a name, how often, and the request with this number.
type Case = (&'static str, usize, fn(usize) -> Result<Find>);

const CASES: &[Case] = &[
    ("one", 1000, |number| one(number, "")),
    ("one, populate=*", 1000, |number| one(number, "populate=*")),
    ("25", 1000, |number| many(&format!("pagination[page]={}", number % 40 + 1))),
    ("25 without a count", 1000, |number| {
        many(&format!("pagination[page]={}&pagination[withCount]=false", number % 40 + 1))
    }),
    ("25 with prices, extensions, stores", 1000, |number| {
        many(&format!(
            "pagination[page]={}&populate[PRICES][populate]=extensions&populate[extensions]=true&populate[stores]=true",
            number % 40 + 1
        ))
    }),
    ("25 with the same, without a count", 1000, |number| {
        many(&format!(
            "pagination[page]={}&pagination[withCount]=false&populate[PRICES][populate]=extensions&populate[extensions]=true&populate[stores]=true",
            number % 40 + 1
        ))
    }),
    ("by slug, populate=*", 1000, |number| many(&format!("filters[slug]=p-{}&populate=*", number % PRODUCTS))),
    ("by slug of a store, populated", 1000, |number| {
        many(&format!("filters[stores][slug]=s-{}&populate=PRICES,stores,SEO&sort=updatedAt:desc", number % STORES))
    }),
    ("sort=updatedAt:desc", 100, |_| many("sort=updatedAt:desc&populate=PRICES")),
    ("any price above 10, sorted by name", 100, |number| {
        many(&format!("filters[PRICES][Price][$gt]=1{}&sort=Name", number % 10))
    }),
    ("any price above 10, sorted by name, without a count", 100, |number| {
        many(&format!("filters[PRICES][Price][$gt]=1{}&sort=Name&pagination[withCount]=false", number % 10))
    }),
    ("name contains", 50, |number| many(&format!("filters[Name][$containsi]=name%20{number}"))),
];

fn main() {
    let wanted = std::env::args().skip(1).find(|argument| !argument.starts_with("--")).unwrap_or_default();
    let folder = tempfile::tempdir().expect("a temporary folder");
    let url = DatabaseUrl::parse(&format!("sqlite:{}", folder.path().join("reads.db").display())).expect("a url");
    let catalog = Catalog::build(&[]).expect("facts that fit together");
    Db::migrate(&url, catalog).expect("the migrations run");
    let db = Db::open(&url, catalog, 1).expect("the database opens");
    seed(&db);
    let mut conn = db.connect_reader().expect("a connection");
    println!("{:<55} {:>10} {:>10} {:>10} {:>9}", "", "least", "median", "p99", "bytes");
    for (name, times, request) in CASES.iter().filter(|(name, ..)| name.contains(&wanted)) {
        let (taken, bytes) = measure(&mut conn, *times, *request);
        let [least, median, p99] = [0, times / 2, times * 99 / 100].map(|place| taken[place]);
        println!("{name:<55} {least:>10.1?} {median:>10.1?} {p99:>10.1?} {bytes:>9}");
    }
}

fn one(number: usize, query: &str) -> Result<Find> {
    find_one(&PRODUCT, &document_id('p', number * 7919 % PRODUCTS), query, Access::Full, Form::Flat)
}

fn many(query: &str) -> Result<Find> {
    find_many(&PRODUCT, query, Access::Full, Form::Flat)
}

/// The times, in ascending order, and the size of the last answer.
fn measure(conn: &mut Conn, times: usize, request: fn(usize) -> Result<Find>) -> (Vec<Duration>, usize) {
    let (mut taken, mut bytes) = (Vec::with_capacity(times), 0);
    for number in 0..times + times / 10 {
        let begin = Instant::now();
        let answer = request(number).and_then(|find| find.run(conn)).expect("an answer");
        taken.push(begin.elapsed());
        bytes = answer.body.len();
    }
    taken.drain(..times / 10); // The first ones warm up.
    taken.sort();
    (taken, bytes)
}

fn document_id(letter: char, number: usize) -> String {
    format!("{letter}{number:023}")
}

/// Stores, and products with three prices, a record on the product and on one price, SEO and two stores.
fn seed(db: &Db) {
    let mut statements = String::new();
    for number in 0..STORES {
        versions(&mut statements, "stores", number, |id| {
            format!(
                "({id}, {}, '{}', 1000, {}, 2000, 'Store {number}', 's-{number}', TRUE, 'Some words on the store, {number}', NULL)",
                draft_of(id),
                document_id('s', number),
                1000 + number
            )
        });
    }
    for number in 0..PRODUCTS {
        versions(&mut statements, "products", number, |id| {
            format!(
                "({id}, {}, '{}', 1000, {}, 2000, 'Name {}', 'p-{number}', 'SKU-{number}', 'Some words on the product, {number}', NULL, '{}.25', {}, 3, TRUE)",
                draft_of(id),
                document_id('p', number),
                1000 + number * 7919 % PRODUCTS,
                number * 4001 % PRODUCTS,
                number % 300,
                number % 50
            )
        });
        parts(&mut statements, number);
    }
    let work = db.write(move |conn| match &mut conn.backend {
        Backend::Sqlite(conn) => Ok(conn.batch_execute(&statements)?),
        Backend::Postgres(conn) => Ok(conn.batch_execute(&statements)?),
    });
    actix_web::rt::System::new().block_on(work).expect("the content is stored");
}

/// The draft and the published row of document `number`.
fn versions(statements: &mut String, table: &str, number: usize, row: impl Fn(usize) -> String) {
    let columns = match table {
        "stores" => "title, slug, active, description, settings",
        _ => "name, slug, sku, description, attributes, usd_price, quantity, amount_sold, active",
    };
    writeln!(
        statements,
        "INSERT INTO {table} (id, draft_id, document_id, created_at, updated_at, published_at, {columns}) VALUES {}, {};",
        row(2 * number + 1),
        row(2 * number + 2)
    )
    .expect("room");
}

/// Odd rows are drafts, even ones the version published from the row before.
fn draft_of(id: usize) -> String {
    if id % 2 == 1 { "NULL".into() } else { (id - 1).to_string() }
}

fn parts(statements: &mut String, number: usize) {
    let (draft, published) = (2 * number + 1, 2 * number + 2);
    for owner in [draft, published] {
        for place in 0..3 {
            writeln!(
                statements,
                "INSERT INTO prices VALUES ('product.PRICES', {owner}, {}, {place}, 'Price {place}', '{}.5', NULL, 'EUR',
                    'Some words', FALSE, '{{}}', NULL, 'one_time', NULL, 0, '[\"US\",\"MX\"]');",
                number * 10 + place,
                (number * 31 + place * 97) % 250
            )
            .expect("room");
        }
        let seo = number * 10 + 5;
        writeln!(
            statements,
            "INSERT INTO seos (owner_field, owner_id, id, position, meta_title) VALUES ('product.SEO', {owner}, {seo}, 0, 'Buy it');"
        )
        .expect("room");
    }
    for (field, owner) in [("product", draft), ("price", number * 10)] {
        writeln!(
            statements,
            "INSERT INTO extensions (owner_field, owner_id, position, key, triggers, credentials_mask, config, active)
                VALUES ('{field}.extensions', {owner}, 0, 'custom:webhook', '[\"trigger:product_*\"]',
                '{{\"secret\":\"********\"}}', '{{\"a\":{number}}}', TRUE);"
        )
        .expect("room");
    }
    for (place, store) in [(0, number % STORES), (1, number * 13 % STORES)] {
        if place == 1 && store == number % STORES {
            continue;
        }
        for published in ["FALSE", "TRUE"] {
            writeln!(
                statements,
                "INSERT INTO product_stores VALUES ({draft}, {published}, {}, {place}, {number});",
                2 * store + 1
            )
            .expect("room");
        }
    }
}
