//! Plain grouped commits: how fast rows like those of triggers can be made durable at all, without HTTP and without
//! anything being read.

use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use diesel::connection::SimpleConnection as _;
use diesel::{Connection as _, PgConnection, RunQueryDsl as _, SqliteConnection};
use tokio::sync::oneshot;

use crate::Outcome;

/// How many rows one commit covers at most, as in Tenon.
const GROUP: usize = 512;
/// Commits side by side on PostgreSQL, as in Tenon; SQLite has one writer.
const WRITERS: usize = 4;

/// A row that waits for its commit.
type Row = oneshot::Sender<()>;

/// Threads that commit what comes in.
pub struct Commits {
    rows: Sender<Row>,
}

impl Commits {
    /// Writers to the database that Tenon serves. The rows are copies of the last event, marked as dispatched.
    pub fn start(url: &str) -> Outcome<Self> {
        let (rows, waiting) = channel();
        let waiting = Arc::new(Mutex::new(waiting));
        if let Some(file) = url.strip_prefix("sqlite:") {
            let mut conn = SqliteConnection::establish(file)?;
            conn.batch_execute("PRAGMA busy_timeout = 5000; PRAGMA synchronous = FULL;")?;
            std::thread::spawn(move || commit(&waiting, |count| store(&mut conn, SQLITE, count)));
        } else {
            for _ in 0..WRITERS {
                let (mut conn, waiting) = (PgConnection::establish(url)?, waiting.clone());
                std::thread::spawn(move || commit(&waiting, |count| store(&mut conn, POSTGRES, count)));
            }
        }
        Ok(Self { rows })
    }

    /// Rows a second that `clients` get committed, each waiting for its own, for as long as `span`.
    pub async fn run(self, clients: usize, span: Duration) -> Outcome<f64> {
        let since = Instant::now();
        let callers: Vec<_> = (0..clients)
            .map(|_| {
                let rows = self.rows.clone();
                tokio::spawn(async move {
                    let mut count = 0_u64;
                    while since.elapsed() < span {
                        let (row, committed) = oneshot::channel();
                        rows.send(row).map_err(|_| "the writer has ended")?;
                        committed.await?;
                        count += 1;
                    }
                    Outcome::Ok(count)
                })
            })
            .collect();
        let mut count = 0;
        for caller in callers {
            count += caller.await??;
        }
        Ok(count as f64 / since.elapsed().as_secs_f64())
    }
}

/// One insert of the columns that Tenon writes, for as many copies as the statement says.
macro_rules! copies {
    ($numbers:literal, $uid:literal) => {
        concat!(
            "INSERT INTO events (uid, trigger, occurred_at, target, target_document_id, store, store_document_id, \
             owners, data, changes, payload, actor, dispatched_at) SELECT ",
            $uid,
            ", trigger, occurred_at, target, target_document_id, store, store_document_id, owners, data, changes, \
             payload, actor, occurred_at FROM (SELECT * FROM events ORDER BY id DESC LIMIT 1) last CROSS JOIN ",
            $numbers
        )
    };
}

const SQLITE: &str = copies!(
    "(WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {}) SELECT i FROM n) n",
    "'plain_' || hex(randomblob(16))"
);
const POSTGRES: &str = copies!("generate_series(1, {}) n", "'plain_' || gen_random_uuid()");

fn store<C>(conn: &mut C, insert: &str, count: usize) -> diesel::QueryResult<usize>
where
    C: diesel::Connection,
    diesel::query_builder::SqlQuery: diesel::query_dsl::methods::ExecuteDsl<C>,
{
    diesel::sql_query(insert.replace("{}", &count.to_string())).execute(conn)
}

/// Commits whatever waits, again and again, until nobody is left to wait.
fn commit(waiting: &Mutex<Receiver<Row>>, mut store: impl FnMut(usize) -> diesel::QueryResult<usize>) {
    loop {
        let group: Vec<Row> = {
            let Ok(waiting) = waiting.lock() else { return };
            let Ok(first) = waiting.recv() else { return };
            std::iter::once(first).chain(waiting.try_iter().take(GROUP - 1)).collect()
        };
        match store(group.len()) {
            // Nobody waits any more when the time is up.
            Ok(_) => group.into_iter().for_each(|row| row.send(()).unwrap_or_default()),
            // Their callers learn from it that the rows are dropped.
            Err(error) => eprintln!("a commit failed: {error}"),
        }
    }
}
