//! The one thread that writes to SQLite. Whatever waits is done in one transaction, each in a savepoint of its own, and
//! committed once: a hundred callers pay for one flush of the disk.

use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};

use tokio::sync::oneshot;

use super::conn::Conn;
use super::sql::Sql;
use super::type_versions::TypeVersions;
use crate::error::{Error, Result};

/// How many writes may wait; beyond it callers are told to come back.
const QUEUE: usize = 8192;
/// How many writes one commit covers at most: it bounds how long the first of them waits for the last.
const GROUP: usize = 512;

/// Does the work within the group's transaction; what it returns tells the caller, once the commit's fate is known.
pub(super) type Job = Box<dyn FnOnce(&mut Conn) -> Completion + Send>;
pub(super) type Completion = Box<dyn FnOnce(bool) + Send>;

/// The way to the thread. It ends when this is dropped and the queue is empty.
pub(super) struct WriterThread {
    jobs: SyncSender<Job>,
}

impl WriterThread {
    pub(super) fn start(conn: Conn, type_versions: Arc<TypeVersions>) -> Result<Self, String> {
        let (jobs, queue) = sync_channel(QUEUE);
        std::thread::Builder::new()
            .name("tenon-writer".into())
            .spawn(move || write_all(conn, &queue, &type_versions))
            .map_err(|error| format!("cannot start the writer: {error}"))?;
        Ok(Self { jobs })
    }

    pub(super) async fn write<T, F>(&self, work: F) -> Result<T>
    where
        F: FnOnce(&mut Conn) -> Result<T> + Send + 'static,
        T: Send + 'static,
    {
        let (job, answer) = job(work);
        self.jobs.try_send(job).map_err(|error| match error {
            TrySendError::Full(_) => Error::Unavailable("too many writes are waiting"),
            TrySendError::Disconnected(_) => Error::internal("the writer has ended"),
        })?;
        answer.await.map_err(|_| not_written())?
    }
}

/// The error of a write whose job was dropped, or whose group was not committed.
pub(super) fn not_written() -> Error {
    Error::Unavailable("the database cannot be written at the moment")
}

/// Work for a group, and where its outcome will be told.
pub(super) fn job<T, F>(work: F) -> (Job, oneshot::Receiver<Result<T>>)
where
    F: FnOnce(&mut Conn) -> Result<T> + Send + 'static,
    T: Send + 'static,
{
    let (sender, answer) = oneshot::channel();
    let job = move |conn: &mut Conn| -> Completion {
        // A panic must end this job alone, not the group nor the thread that everyone writes through.
        let done = conn.contained(work);
        Box::new(move |committed| {
            let answer = if committed { done } else { done.and(Err(not_written())) };
            // A caller that has gone away does not need the answer.
            let _ = sender.send(answer);
        })
    };
    (Box::new(job), answer)
}

fn write_all(mut conn: Conn, queue: &Receiver<Job>, type_versions: &TypeVersions) {
    let mut version = None;
    while let Ok(first) = queue.recv() {
        let group = std::iter::once(first).chain(std::iter::from_fn(|| queue.try_recv().ok())).take(GROUP);
        let (answers, committed) = match conn.begin() {
            Ok(()) => {
                let others = others_wrote(&mut conn, &mut version);
                let answers: Vec<Completion> = group.map(|job| job(&mut conn)).collect();
                // A group that was rolled back makes answers old that are not: they are read once more.
                let touched = conn.take_touched();
                let committed = commit(&mut conn);
                if others {
                    type_versions.advance_all()
                } else {
                    type_versions.advance(&touched)
                }
                (answers, committed)
            }
            Err(error) => {
                log::error!("no write transaction could be opened: {error}");
                // Each job finds no transaction open and would open one: it must not run at all.
                drop(group.collect::<Vec<_>>());
                continue;
            }
        };
        for answer in answers {
            answer(committed);
        }
    }
}

/// Whether another process has written since the last group: nobody else serves this file, but a person may work on it
/// with a tool of his own. SQLite tells by a number that this connection's own commits leave as it is.
fn others_wrote(conn: &mut Conn, version: &mut Option<i64>) -> bool {
    match conn.first(&Sql::new("PRAGMA data_version"), |row| row.int(0)) {
        Ok(now) => now != std::mem::replace(version, now),
        Err(error) => {
            log::error!("whether another process has written is not known: {error}");
            true
        }
    }
}

pub(super) fn commit(conn: &mut Conn) -> bool {
    let Err(error) = conn.commit() else {
        conn.committed();
        return true;
    };
    log::error!("a group of writes could not be committed: {error}");
    conn.forget();
    if let Err(error) = conn.roll_back() {
        log::debug!("after the failed commit: {error}");
    }
    false
}
