//! The host of handlers: locks by name in the database, and the shop's own products.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::{Instant, sleep, timeout_at};

use crate::clock::Millis;
use crate::db::documents as rows;
use crate::db::external_locks;
use crate::error::Error;
use crate::handler::{ExternalLock, Failure, Host, Hosted};
use crate::ids;
use crate::links::{Link, Purpose};
use crate::queue::lock_queues::QueuePlace;
use crate::state::AppState;

/// How long an attempt waits for a lock at most. Whoever holds one makes a few calls.
const PATIENCE: Duration = Duration::from_secs(20);
/// How often an attempt looks whether another process has released a lock.
const AGAIN: Duration = Duration::from_millis(50);

/// The host of one attempt.
pub struct RunnerHost {
    pub state: Arc<AppState>,
    /// The documentId of the event's store.
    pub store: Option<String>,
    /// How long the attempt may take: a lock that it never gives back is free after that.
    pub timeout: Duration,
}

/// A lock that is held in this process and in the database.
struct HeldLock {
    state: Arc<AppState>,
    name: String,
    holder: String,
    as_of: Option<Millis>,
    /// The first place in the queue of this process, until it is given back.
    place: Option<QueuePlace>,
}

impl Host for RunnerHost {
    fn lock(&self, name: String) -> Hosted<'_, Result<Box<dyn ExternalLock>, Failure>> {
        Box::pin(async move {
            let late =
                || Failure::retry(format!("another run has been at the same thing for {} s", PATIENCE.as_secs()));
            let deadline = Instant::now() + PATIENCE;
            let place = timeout_at(deadline, self.state.queue.lock_queues.join(&name)).await.map_err(|_| late())?;

            let holder = ids::sortable("lock", self.state.clock.now(), &*self.state.random);
            // Made before it is taken: an attempt that is broken off in between gives it back.
            let mut held = HeldLock { state: Arc::clone(&self.state), name, holder, as_of: None, place: Some(place) };
            loop {
                if let Some(taken) = held.take(self.timeout).await.map_err(failed)? {
                    held.as_of = taken.as_of;
                    return Ok(Box::new(held) as Box<dyn ExternalLock>);
                }
                if Instant::now() >= deadline {
                    return Err(late());
                }
                sleep(AGAIN).await;
            }
        })
    }

    fn find_sku<'a>(&'a self, product: &'a str) -> Hosted<'a, Result<Option<String>, Failure>> {
        let (product, store) = (product.to_owned(), self.store.clone());
        Box::pin(async move {
            let found = self.state.db.read(move |conn| rows::find_sku(conn, &product, store.as_deref())).await;
            found.map_err(failed)
        })
    }

    fn unsubscribe_url(&self, email: &str) -> Option<String> {
        let (email, store) = (email.trim().to_ascii_lowercase(), self.store.clone()?);
        let link = Link { purpose: Purpose::Unsubscribe, email, store, issued_at: self.state.clock.now() };
        Some(link.url(&self.state.config.base_url(), &self.state.sealer))
    }
}

fn failed(error: Error) -> Failure {
    log::error!("an attempt could not ask its own database: {error}");
    Failure::retry("the database of this instance did not answer")
}

impl HeldLock {
    async fn take(&self, timeout: Duration) -> Result<Option<external_locks::AcquiredLock>, Error> {
        let (name, holder, now) = (self.name.clone(), self.holder.clone(), self.state.clock.now());
        let until = now + i64::try_from((timeout + PATIENCE).as_millis()).unwrap_or(i64::MAX / 2);
        self.state.db.write(move |conn| external_locks::take(conn, &name, &holder, (now, until))).await
    }

    /// Gives the name back, in a task of its own: also when the attempt is broken off meanwhile.
    fn give_back(&mut self, as_of: Option<Millis>) -> Option<tokio::task::JoinHandle<()>> {
        let place = self.place.take()?;
        let (state, name, holder) = (Arc::clone(&self.state), self.name.clone(), self.holder.clone());
        let runtime = tokio::runtime::Handle::try_current().ok()?;
        Some(runtime.spawn(async move {
            let now = state.clock.now();
            let given = state.db.write(move |conn| external_locks::release(conn, &name, &holder, (now, as_of))).await;
            if let Err(error) = given {
                log::warn!("a lock could not be released, and is free when its time is over: {error}");
            }
            // Only now the next attempt of this process may ask for it.
            drop(place);
        }))
    }
}

impl ExternalLock for HeldLock {
    fn as_of(&self) -> Option<Millis> {
        self.as_of
    }

    fn release(mut self: Box<Self>, as_of: Option<Millis>) -> Hosted<'static, ()> {
        Box::pin(async move {
            if let Some(task) = self.give_back(as_of) {
                // It ends with the runtime at the latest, and has logged what went wrong.
                drop(task.await);
            }
        })
    }
}

impl Drop for HeldLock {
    fn drop(&mut self) {
        drop(self.give_back(None));
    }
}
