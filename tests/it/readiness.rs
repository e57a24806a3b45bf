//! `/readyz` says that the process can work only while the database can be written, and says so within a second.

use std::fs;
use std::io::{ErrorKind, Read as _, Write as _};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use tenon::db::{Db, Kind, Sql};

use crate::support::PATIENCE;
use crate::support::api::Api;
use crate::support::database::TestDatabase;
use crate::support::database::catalog;
use crate::support::program::{Program, Settings};

/// Waits until `/readyz` answers `status`. Each answer must come long before a caller gives up, though it need not come within
/// the second that the server allows itself where the machine has other things to do.
pub async fn becomes(api: &Api, status: u16) -> String {
    let since = Instant::now();
    loop {
        let asked = Instant::now();
        let answer = api.get("/readyz").await;
        assert!(asked.elapsed() < Duration::from_secs(20), "answered after {:?}", asked.elapsed());
        if answer.status == status {
            return answer.json["reason"].as_str().unwrap_or_default().to_owned();
        }
        assert!(since.elapsed() < PATIENCE, "still {}: {}", answer.status, answer.text);
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_database_file_that_is_gone_or_overwritten_is_not_ready() {
    for damage in ["removed", "replaced by another", "overwritten"] {
        let folder = tempfile::tempdir().expect("a folder");
        let program = Program::start(&Settings::new(folder.path(), "sqlite:data/tenon.db")).await;
        let file = folder.path().join("data/tenon.db");
        match damage {
            "removed" => fs::remove_file(&file).expect("removed"),
            "replaced by another" => {
                fs::copy(&file, folder.path().join("other")).expect("a copy");
                fs::rename(folder.path().join("other"), &file).expect("replaced");
            }
            _ => {
                let mut bytes = fs::read(&file).expect("the file");
                bytes[..4096].fill(b'x');
                fs::write(&file, bytes).expect("overwritten");
            }
        }
        assert_eq!(becomes(&program.api(), 503).await, "the database cannot be written", "{damage}");
        assert!(program.log().contains("not ready: the database cannot be written: "), "{}", program.log());
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_database_that_only_reads_is_not_ready() {
    let (folder, database) = (tempfile::tempdir().expect("a folder"), TestDatabase::empty(Kind::Postgres));
    let program = Program::start(&Settings::new(folder.path(), &database.url)).await;
    let db = Db::open(&database.parsed(), catalog(), 1).expect("the database opens");
    let set = async |value: &str| {
        let end = "PERFORM pg_terminate_backend(pid) FROM pg_stat_activity \
            WHERE datname = current_database() AND pid <> pg_backend_pid();";
        let set = format!(
            "EXECUTE format('ALTER DATABASE %I SET default_transaction_read_only = {value}', current_database());"
        );
        let begin = "SET default_transaction_read_only = off;";
        let sql = Sql::new(format!("DO $$ BEGIN {begin} {set} {end} END $$").leak());
        db.read(move |conn| conn.execute(&sql)).await.expect("it is set");
    };

    set("on").await;
    assert_eq!(becomes(&program.api(), 503).await, "the database cannot be written");
    set("off").await;
    becomes(&program.api(), 200).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_database_that_does_not_answer_is_not_ready_within_a_second() {
    let (folder, database) = (tempfile::tempdir().expect("a folder"), TestDatabase::empty(Kind::Postgres));
    let url = url::Url::parse(&database.url).expect("a url");
    let server = format!("{}:{}", url.host_str().expect("a host"), url.port().unwrap_or(5432));
    let proxy = Proxy::start(server);
    let mut through = url.clone();
    through.set_port(Some(proxy.port)).expect("a port");
    let program = Program::start(&Settings::new(folder.path(), through.as_str())).await;

    proxy.is_frozen.store(true, Ordering::SeqCst);
    assert_eq!(becomes(&program.api(), 503).await, "the database has not answered within a second");
    proxy.is_frozen.store(false, Ordering::SeqCst);
    becomes(&program.api(), 200).await;
}

/// Passes connections on to a server, and nothing while it is frozen: what a network does that drops packets.
struct Proxy {
    port: u16,
    is_frozen: Arc<AtomicBool>,
}

impl Proxy {
    fn start(server: String) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let port = listener.local_addr().expect("an address").port();
        let is_frozen = Arc::new(AtomicBool::new(false));
        let frozen = Arc::clone(&is_frozen);
        std::thread::spawn(move || {
            for client in listener.incoming() {
                let (Ok(client), Ok(server)) = (client, TcpStream::connect(&server)) else { return };
                let ways = [(client.try_clone(), server.try_clone()), (server.try_clone(), client.try_clone())];
                for (from, to) in ways {
                    let (from, to, frozen) = (from.expect("a handle"), to.expect("a handle"), Arc::clone(&frozen));
                    std::thread::spawn(move || pass_on(from, to, &frozen));
                }
            }
        });
        Self { port, is_frozen }
    }
}

fn pass_on(mut from: TcpStream, mut to: TcpStream, is_frozen: &AtomicBool) {
    let mut bytes = [0; 16 * 1024];
    from.set_read_timeout(Some(Duration::from_millis(20))).expect("a timeout");
    loop {
        if is_frozen.load(Ordering::SeqCst) {
            std::thread::sleep(Duration::from_millis(10));
            continue;
        }
        match from.read(&mut bytes) {
            Ok(0) => break,
            Ok(read) => {
                while is_frozen.load(Ordering::SeqCst) {
                    std::thread::sleep(Duration::from_millis(10));
                }
                if to.write_all(&bytes[..read]).is_err() {
                    break;
                }
            }
            Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {}
            Err(_) => break,
        }
    }
    // The other way may have closed it already.
    let _ = to.shutdown(Shutdown::Both);
}
