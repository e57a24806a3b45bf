//! Writes that would only wait for each other's row on PostgreSQL, such as the sales of one product. They stand in line
//! without holding a connection, and are done in groups: a hundred callers pay for one commit, as on SQLite.

use std::collections::hash_map::Entry;
use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use diesel::r2d2::Pool;

use super::conn::Conn;
use super::notify::{Notice, Watch};
use super::open::Manager;
use super::type_versions::TypeVersions;
use super::writer::{Completion, Job, commit};
use crate::error::{Error, Result};

/// How many writes may stand in one line; beyond it callers are told to come back.
const LONGEST: usize = 8192;
/// How many writes one commit covers at most: other processes wait for the row meanwhile.
const GROUP: usize = 64;

/// The lines of this process, each named by what its writes change. One that nobody stands in is not here.
#[derive(Clone, Default)]
pub(super) struct SerialQueues(Arc<Mutex<HashMap<String, VecDeque<Job>>>>);

/// The duty to do what stands in a line until nothing does. Dropped before that, it lets the line go: its callers learn
/// that nothing was written.
pub(super) struct DrainGuard {
    queues: SerialQueues,
    name: String,
    done: bool,
}

impl SerialQueues {
    /// Puts `job` in the line `name`. Returns the duty to do it when nobody has that yet.
    ///
    /// [`Error::Unavailable`] when the line is too long.
    pub fn enqueue(&self, name: String, job: Job) -> Result<Option<DrainGuard>> {
        match self.lock().entry(name) {
            Entry::Occupied(queue) if queue.get().len() >= LONGEST => {
                Err(Error::Unavailable("too many writes are waiting"))
            }
            Entry::Occupied(mut queue) => {
                queue.get_mut().push_back(job);
                Ok(None)
            }
            Entry::Vacant(queue) => {
                let name = queue.key().clone();
                queue.insert(VecDeque::from([job]));
                Ok(Some(DrainGuard { queues: self.clone(), name, done: false }))
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<String, VecDeque<Job>>> {
        // Nothing that happens under the lock can panic half-way.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Where groups are done.
#[derive(Clone)]
pub(super) struct GroupWriter {
    pool: Pool<Manager>,
    watch: Arc<Watch>,
    type_versions: Arc<TypeVersions>,
}

/// A group that was done, or rolled back.
struct FinishedGroup {
    answers: Vec<Completion>,
    committed: bool,
    /// What other servers are told of it.
    notice: Option<Notice>,
}

impl GroupWriter {
    pub fn new(pool: &Pool<Manager>, watch: &Arc<Watch>, type_versions: &Arc<TypeVersions>) -> Self {
        Self { pool: pool.clone(), watch: Arc::clone(watch), type_versions: Arc::clone(type_versions) }
    }

    /// Does `work` in a transaction of its own. Returns what other servers are told of it, too.
    pub fn transact<T>(&self, work: &mut impl FnMut(&mut Conn) -> Result<T>) -> Result<(T, Option<Notice>)> {
        let mut conn = self.pool.get().map_err(super::no_connection)?;
        conn.forget();
        let (done, types, notice) = conn.transaction(|conn| {
            let done = work(conn)?;
            let types = conn.take_touched();
            let notice = if types.is_empty() { None } else { Some(self.watch.notify(conn, &types)?) };
            Ok((done, types, notice))
        })?;
        self.type_versions.advance(&types);
        conn.committed();
        Ok((done, notice))
    }

    /// Does a group in one transaction. An error before any of it is done drops its jobs, which tells their callers.
    fn commit(&self, group: Vec<Job>) -> Result<FinishedGroup> {
        let mut conn = self.pool.get().map_err(super::no_connection)?;
        conn.forget();
        conn.begin()?;
        let answers = group.into_iter().map(|job| job(&mut conn)).collect();
        let types = conn.take_touched();
        let notice = if types.is_empty() { Ok(None) } else { self.watch.notify(&mut conn, &types).map(Some) };
        let notice = match notice {
            Ok(notice) => notice,
            Err(error) => {
                log::error!("other servers could not be told of a group of writes: {error}");
                conn.roll_back()?;
                return Ok(FinishedGroup { answers, committed: false, notice: None });
            }
        };
        let committed = commit(&mut conn);
        self.type_versions.advance(&types);
        Ok(FinishedGroup { answers, committed, notice })
    }
}

impl FinishedGroup {
    /// Tells the callers, once other servers know.
    async fn answer_callers(self) {
        if let Some(notice) = self.notice.filter(|_| self.committed) {
            notice.has_come().await;
        }
        for answer in self.answers {
            answer(self.committed);
        }
    }
}

impl DrainGuard {
    /// Does what stands in the line, group after group.
    pub async fn take(mut self, writer: GroupWriter) {
        while let Some(group) = self.next_group() {
            let writer = writer.clone();
            match super::off_thread(move || writer.commit(group)).await {
                // The next group need not wait until the news has gone around.
                Ok(done) => drop(tokio::spawn(done.answer_callers())),
                Err(error) => log::error!("a group of writes could not be done: {error}"),
            }
        }
    }

    fn next_group(&mut self) -> Option<Vec<Job>> {
        let mut queues = self.queues.lock();
        let queue = queues.get_mut(&self.name)?;
        let group: Vec<Job> = queue.drain(..queue.len().min(GROUP)).collect();
        if group.is_empty() {
            // With the lock held: whoever comes next begins the line anew.
            queues.remove(&self.name);
            self.done = true;
            return None;
        }
        Some(group)
    }
}

impl Drop for DrainGuard {
    fn drop(&mut self) {
        if !self.done {
            self.queues.lock().remove(&self.name);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::db::writer::job;

    #[test]
    fn one_has_the_duty_for_those_behind_it() {
        let queues = SerialQueues::default();
        let enqueue = |name: &str| queues.enqueue(name.to_owned(), job(|_| Ok(())).0).expect("there is room");
        let Some(mut turn) = enqueue("tea") else { panic!("the first has the duty") };
        assert!(enqueue("tea").is_none() && enqueue("coffee").is_some());
        assert_eq!(turn.next_group().map(|group| group.len()), Some(2));
        assert!(enqueue("tea").is_none(), "while the group is under way");
        assert_eq!(turn.next_group().map(|group| group.len()), Some(1));
        assert!(turn.next_group().is_none());
        let Some(next) = enqueue("tea") else { panic!("the line begins anew") };
        drop(turn);
        assert!(enqueue("tea").is_none(), "an old duty has nothing to do with it");
        drop(next);
        assert!(queues.lock().is_empty(), "a duty that is broken off lets its line go");
    }

    #[test]
    fn a_line_has_an_end() {
        let queues = SerialQueues::default();
        let enqueue = || queues.enqueue("tea".to_owned(), job(|_| Ok(())).0);
        let duties: Vec<_> = (0..LONGEST).map(|_| enqueue()).collect();
        assert!(duties.iter().all(Result::is_ok));
        assert!(matches!(enqueue(), Err(Error::Unavailable(_))));
    }
}
