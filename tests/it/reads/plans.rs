//! How the databases find what storefronts ask for: no request of theirs reads a large table from end to end.

use std::collections::BTreeMap;

use tenon::db::{Conn, Db, Kind, Sql};

use super::statements::{asked, watch};
use super::{catalogue, execute, get};
use crate::support::database::TestDatabase;
use crate::support::database::catalog;

/// Stores and products, as many of each.
const ROWS: i64 = 10_000;

/// What storefronts ask for, the most frequent first, and the headline of the benchmark.
const ASKED: [&str; 20] = [
    "/stores?filters[slug]=store-7&populate[]=Logo&populate[]=SEO&populate[]=SEO.socialImage&populate[]=URLS",
    "/products?filters[stores][slug][$eq]=store-7&filters[slug][$eq]=product-7&populate[]=SEO.socialImage\
     &populate[]=PRICES&populate[]=stores&populate[]=Slides",
    "/stores?filters[active][$eq]=true&populate[]=SEO&populate[]=URLS&pagination[pageSize]=12&sort=updatedAt:desc",
    "/stores?filters[active]=true&populate=SEO&populate[1]=SEO.socialImage&populate=URLS&pagination[limit]=25\
     &sort=updatedAt:desc",
    "/stores?filters[slug][$eq]=store-7&status=draft&populate[]=SEO&populate[]=URLS&pagination[pageSize]=1",
    "/stores?filters[documentId][$eq]=store7&status=published&populate[]=SEO&pagination[pageSize]=1",
    "/products?filters[stores][slug][$eq]=store-7&populate[]=PRICES&populate[]=stores&pagination[pageSize]=6\
     &sort=updatedAt:desc",
    "/products?filters[stores][slug][$eq]=store-7&populate[]=PRICES&pagination[pageSize]=50&sort=createdAt:desc",
    "/products?filters[stores][slug][$eq]=store-7&populate[]=PRICES&populate[]=stores&pagination[pageSize]=100",
    "/products?&status=published&populate[]=SEO&populate[]=PRICES&populate[]=stores.Logo&pagination[pageSize]=240\
     &sort=updatedAt:desc",
    "/products?filters[stores][id][$eq]=14&pagination[limit]=1",
    "/products?filters[stores][$eq]=14&populate[]=SEO&sort=updatedAt:desc",
    "/products?sort[0]=updatedAt:desc&populate[]=PRICES&populate[]=stores&pagination[pageSize]=8",
    "/stores?filters[$or][0][id][$eq]=-1&filters[$or][1][documentId][$eq]=store7&pagination[pageSize]=1",
    "/stores?filters[slug][$eq]=store-7&populate[]=URLS&populate[]=Logo&pagination[pageSize]=1",
    "/products/product7?populate=*",
    "/products?filters[$or][0][Name]=Product+7&filters[$or][1][slug]=product-8&sort=createdAt:desc",
    "/stores?filters[products][Name]=Product+7&status=draft",
    "/products",
    "/products?filters[PRICES][Price][$gt]=10&sort=Name&pagination[withCount]=false",
];

#[test]
fn sqlite_reads_no_table_from_end_to_end_for_a_storefront() {
    let database = TestDatabase::fresh(Kind::Sqlite);
    let db = Db::open(&database.parsed(), catalog(), 1).expect("the database opens");
    catalogue::add(&db, 1, ROWS);
    for analyzed in [false, true] {
        if analyzed {
            execute(&db, "ANALYZE".into());
        }
        let mut conn = db.connect_reader().expect("a connection");
        let seen = watch(&mut conn);
        for target in ASKED {
            for statement in asked(&mut conn, &seen, target) {
                let steps = explain(&mut conn, &statement);
                assert!(!reads_everything(&statement, &steps), "{target}\n{statement}\n{steps:#?}");
            }
        }
    }
}

/// The steps of SQLite's plan. What is bound does not matter to it (`SQLITE_ENABLE_QPSG`), so nothing is.
pub fn explain(conn: &mut Conn, statement: &str) -> Vec<String> {
    let sql: &'static str = format!("EXPLAIN QUERY PLAN {statement}").leak();
    conn.list(&Sql::new(sql), |row| row.text(3)).unwrap_or_else(|error| panic!("{statement}: {error}"))
}

/// A plan that goes through all rows, or all of one version, reads everything; unless it goes in the order asked for and
/// stops after a page, or counts them and needs no more than an index for it.
fn reads_everything(statement: &str, steps: &[String]) -> bool {
    let sorts = steps.iter().any(|step| step == "USE TEMP B-TREE FOR ORDER BY");
    let stops = statement.contains(" LIMIT ") && !sorts;
    let counts = |step: &str| statement.starts_with("SELECT count(*)") && step.contains(" COVERING INDEX ");
    let mut wide = steps.iter().filter(|step| step.starts_with("SCAN t") || step.ends_with("(draft_id>?)"));
    wide.any(|step| !stops && !counts(step))
}

#[test]
fn postgres_reads_no_table_from_end_to_end_for_a_storefront() {
    let database = TestDatabase::fresh(Kind::Postgres);
    let db = Db::open(&database.parsed(), catalog(), 1).expect("the database opens");
    catalogue::add(&db, 1, ROWS);
    let mut conn = db.connect_reader().expect("a connection");
    conn.execute(&Sql::new("VACUUM ANALYZE")).expect("what autovacuum does in time");
    for target in ASKED {
        // Of the sixth execution on, one plan may serve whatever is bound.
        for time in 1..=7 {
            let scans = conn.transaction(|conn| {
                let before = full_scans(conn);
                get(conn, target);
                Ok(full_scans(conn).into_iter().filter(|(table, scans)| before.get(table) != Some(scans)).collect())
            });
            let scans: Vec<_> = scans.expect("a transaction");
            assert_eq!(scans, [], "{target}, for the {time}. time");
        }
    }
}

/// How often this transaction has read each large table from end to end.
pub fn full_scans(conn: &mut Conn) -> BTreeMap<String, i64> {
    let counters = Sql::new(
        "SELECT s.relname::text, s.seq_scan FROM pg_stat_xact_user_tables s, pg_class c
            WHERE c.oid = s.relid AND c.reltuples >= 10000 AND s.seq_scan > 0",
    );
    conn.list(&counters, |row| Ok((row.text(0)?, row.int(1)?))).expect("the counters").into_iter().collect()
}
