//! A disk that is full: writes are answered 503, reads go on, nothing that was answered is lost, and when there is room
//! again all goes on by itself.

use std::collections::BTreeSet;
use std::time::Instant;

use serde_json::json;
use tenon::db::{DatabaseUrl, Db, Sql};

use crate::readiness;
use crate::support::PATIENCE;
use crate::support::database::catalog;
use crate::support::program::{Program, Settings};
use crate::support::receiver::Receiver;
use crate::support::waiting::no_run_is_left;

/// How much room there is at first, in bytes: enough for some triggers.
const ROOM: u64 = 1024 * 1024;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn on_a_full_disk_writes_wait_and_nothing_is_lost() {
    let folder = tempfile::tempdir().expect("a folder");
    let url = format!("sqlite:{}", folder.path().join("tenon.db").display());
    let mut settings = Settings::new(folder.path(), &url).with("TENON_SECRET_KEY", &"07".repeat(32));
    // A write beyond the limit shall fail, as it does on a full disk, and not end the process by a signal.
    settings.under = &["bash", "-c", r#"trap "" XFSZ; exec "$0" "$@""#];
    let (program, receiver) = (Program::start(&settings).await, Receiver::start());
    let api = program.api();
    let record = json!({"key": "custom:webhook", "triggers": ["trigger:post_sale"], "url": receiver.url("/")});
    let store = api.create("stores", json!({"title": "S", "slug": "s", "extensions": [record]})).await;
    let store = store["documentId"].as_str().expect("an id");
    let emit = async || {
        let path = format!("/api/stores/{store}/triggers/post_sale");
        let answer = api.post(&path, json!({"payload": {"note": "n".repeat(1000)}})).await;
        match answer.status {
            202 => answer.json["data"]["id"].as_str().map(str::to_owned),
            _ => {
                assert_eq!(answer.expect(503)["error"]["name"], "ServiceUnavailableError");
                None
            }
        }
    };

    let largest =
        ["tenon.db", "tenon.db-wal"].map(|file| folder.path().join(file).metadata().map_or(0, |file| file.len()));
    program.limit_files(Some(largest[0].max(largest[1]) + ROOM));
    let mut accepted = BTreeSet::new();
    let since = Instant::now();
    for refused in 0.. {
        while let Some(event) = emit().await {
            accepted.insert(event);
            assert!(since.elapsed() < PATIENCE, "the disk was never full");
        }
        if refused == 5 {
            break;
        }
    }
    assert!(accepted.len() > 10, "some were accepted: {}", accepted.len());
    api.get(&format!("/api/stores/{store}")).await.expect(200);
    api.put(&format!("/api/stores/{store}"), json!({"data": {"title": "T"}})).await.expect(503);
    readiness::becomes(&api, 503).await;

    program.limit_files(None);
    accepted.insert(emit().await.expect("there is room again"));
    api.put(&format!("/api/stores/{store}"), json!({"data": {"title": "T"}})).await.expect(200);
    readiness::becomes(&api, 200).await;
    let db = Db::open(&DatabaseUrl::parse(&url).expect("a url"), catalog(), 1).expect("the database opens");
    no_run_is_left(&db).await;
    let stored = Sql::new("SELECT uid FROM events WHERE trigger = 'trigger:post_sale'");
    let stored = db.read(move |conn| conn.list(&stored, |row| row.text(0))).await.expect("the events");
    assert_eq!(stored.into_iter().collect::<BTreeSet<_>>(), accepted, "what was answered is there, and nothing else");
    let delivered: Vec<_> = receiver.received().iter().map(|came| came.header("webhook-id").to_owned()).collect();
    assert_eq!(delivered.len(), accepted.len(), "each was delivered, once");
    assert_eq!(delivered.into_iter().collect::<BTreeSet<_>>(), accepted);
}
