//! PostgreSQL over TLS: all that a server does works as without, also listening to what other processes commit.

use std::time::{Duration, Instant};

use tenon::db::{Db, Kind, Sql};

use crate::support::PATIENCE;
use crate::support::database::TestDatabase;
use crate::support::database::catalog;
use crate::support::program::{Program, Settings};

/// The authority of the server's certificate, or nothing, told loudly: where the server is somebody's own.
#[allow(clippy::disallowed_methods)] // What whoever runs the test has to tell.
fn authority() -> Option<String> {
    let file = std::env::var("TEST_DATABASE_CA").ok();
    if file.is_none() {
        eprintln!("SKIPPED: TEST_DATABASE_CA does not name the authority of a PostgreSQL server with TLS");
    }
    file
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_listens_over_tls_in_every_mode_of_libpq() {
    let Some(authority) = authority() else { return };
    for parameters in [
        "sslmode=prefer".to_owned(),
        "sslmode=require".to_owned(),
        format!("sslmode=require&sslrootcert={authority}"),
        format!("sslmode=verify-ca&sslrootcert={authority}"),
        format!("sslmode=verify-full&sslrootcert={authority}"),
    ] {
        let (folder, database) = (tempfile::tempdir().expect("a folder"), TestDatabase::empty(Kind::Postgres));
        let url = format!("{}?{parameters}", database.url);
        let program = Program::start(&Settings::new(folder.path(), &url)).await;

        let since = Instant::now();
        while program.api().get("/readyz").await.expect(200).get("warning").is_some() {
            assert!(since.elapsed() < PATIENCE, "{parameters}: {}", program.log());
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        let db = Db::open(&database.parsed(), catalog(), 1).expect("the database opens");
        let sql = Sql::new(
            "SELECT count(*) FROM pg_stat_activity JOIN pg_stat_ssl USING (pid) \
             WHERE datname = current_database() AND query LIKE 'NOTIFY tenon_beat%' AND ssl",
        );
        let listening = db.read(move |conn| conn.first(&sql, |row| row.int(0))).await.expect("an answer");
        assert_eq!(listening, Some(1), "{parameters}: one connection listens, over TLS");
        assert!(program.stop().success());
    }
}

#[test]
fn a_certificate_for_another_host_stops_the_start() {
    let Some(authority) = authority() else { return };
    let (folder, database) = (tempfile::tempdir().expect("a folder"), TestDatabase::empty(Kind::Postgres));
    let elsewhere = database.url.replace("127.0.0.1", "localhost");
    let url = format!("{elsewhere}?sslmode=verify-full&sslrootcert={authority}");
    let ended = Settings::new(folder.path(), &url).command(&["serve"]).output().expect("the program starts");
    let said = String::from_utf8_lossy(&ended.stderr);
    assert!(ended.status.code() == Some(1) && said.contains("localhost"), "{said}");
}
