//! What callers emit, while it waits to be stored: those who come at the same time share one commit.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde_json::Value;
use tokio::sync::oneshot;

use crate::content::ContentType;
use crate::error::{Error, Result};
use crate::triggers::Name;

/// How many events may wait; beyond it callers are told to come back.
const MOST_PENDING: usize = 16_384;
/// How many events one commit covers at most.
const BATCH: usize = 512;

/// A trigger, as a caller emits it for a document.
#[derive(Debug, Clone)]
pub struct EmitRequest {
    /// The document's type.
    pub content_type: &'static ContentType,
    /// The document.
    pub document_id: String,
    /// The trigger.
    pub trigger: Name,
    /// What the caller sends along.
    pub payload: Option<Value>,
    /// The caller's key, or the name that it is kept under: the same key within a day emits nothing new.
    pub idempotency_key: Option<String>,
}

/// A trigger that was emitted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EmitReceipt {
    /// The event's id.
    pub id: String,
    /// The trigger, in its long form.
    pub trigger: String,
    /// Whether the event was there already, under the caller's key.
    pub repeated: bool,
}

/// The emissions of one request: all of them are stored, or none.
pub struct EmitBatch {
    /// Who emits.
    pub actor: String,
    /// How many events led to it.
    pub depth: u32,
    /// What is emitted.
    pub list: Vec<EmitRequest>,
    /// Whether it was sent as a list: then errors tell which of them they are about.
    pub is_list: bool,
}

/// A request that waits to be stored.
pub struct PendingEmit {
    /// What it emits.
    pub emissions: Arc<EmitBatch>,
    /// Who waits for it.
    pub caller: oneshot::Sender<Result<Vec<EmitReceipt>>>,
}

/// The requests that wait, and how many flights are under way to store them.
#[derive(Default)]
pub struct EmitQueue(Mutex<Inner>);

#[derive(Default)]
struct Inner {
    waiting: VecDeque<PendingEmit>,
    events: usize,
    flushers: usize,
    is_fast_path_taken: bool,
}

/// A request that nobody waits beside. Dropped, it makes room for another.
pub struct IdleGuard(Arc<EmitQueue>);

/// Takes requests off the queue until it is empty. Dropped before that, it leaves room for another.
pub struct Flusher {
    queue: Arc<EmitQueue>,
    is_finished: bool,
}

impl EmitQueue {
    /// Adds a request. Returns a flight that its holder must go on with when fewer than `flushers` are under way;
    /// otherwise one of those will take the request.
    ///
    /// [`Error::Unavailable`] when too many wait already.
    pub fn add(self: &Arc<Self>, request: PendingEmit, flushers: usize) -> Result<Option<Flusher>> {
        let mut inner = self.lock();
        if inner.events + request.emissions.list.len() > MOST_PENDING {
            return Err(Error::Unavailable("too many events are waiting to be stored"));
        }
        inner.events += request.emissions.list.len();
        inner.waiting.push_back(request);
        if inner.flushers >= flushers {
            return Ok(None);
        }
        inner.flushers += 1;
        Ok(Some(Flusher { queue: Arc::clone(self), is_finished: false }))
    }

    /// A place for a request that comes while no other is under way: it is stored without waiting here.
    pub fn try_fast_path(self: &Arc<Self>) -> Option<IdleGuard> {
        let mut inner = self.lock();
        let is_idle = inner.flushers == 0 && !inner.is_fast_path_taken;
        inner.is_fast_path_taken |= is_idle;
        is_idle.then(|| IdleGuard(Arc::clone(self)))
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        // Nothing that happens under the lock can panic half-way.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Flusher {
    /// The requests to store next; `None` when nobody waits, which ends the flight.
    pub fn next_batch(&mut self) -> Option<Vec<PendingEmit>> {
        let mut inner = self.queue.lock();
        let (mut batch, mut events) = (Vec::new(), 0);
        while let Some(next) = inner.waiting.front().map(|request| request.emissions.list.len()) {
            if events > 0 && events + next > BATCH {
                break;
            }
            events += next;
            batch.extend(inner.waiting.pop_front());
        }
        inner.events -= events;
        if batch.is_empty() {
            // With the lock held: whoever adds a request now sees that no flight will take it.
            inner.flushers -= 1;
            drop(inner);
            self.is_finished = true;
            return None;
        }
        Some(batch)
    }
}

impl Drop for IdleGuard {
    fn drop(&mut self) {
        self.0.lock().is_fast_path_taken = false;
    }
}

impl Drop for Flusher {
    fn drop(&mut self) {
        if !self.is_finished {
            self.queue.lock().flushers -= 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::content::STORE;

    fn request(events: usize) -> PendingEmit {
        let emission = EmitRequest {
            content_type: &STORE,
            document_id: "a".repeat(24),
            trigger: Name::parse("post_sale").unwrap_or_else(|problem| panic!("{problem}")),
            payload: None,
            idempotency_key: None,
        };
        let emissions = EmitBatch { actor: "public".into(), depth: 0, list: vec![emission; events], is_list: true };
        PendingEmit { emissions: Arc::new(emissions), caller: oneshot::channel().0 }
    }

    fn add(queue: &Arc<EmitQueue>, events: usize) -> Option<Flusher> {
        queue.add(request(events), 1).unwrap_or_else(|error| panic!("{error}"))
    }

    #[test]
    fn one_flight_takes_what_others_add() {
        let queue = Arc::new(EmitQueue::default());
        let Some(mut flusher) = add(&queue, 1) else { panic!("the first flies") };
        assert!(add(&queue, 500).is_none() && add(&queue, 100).is_none());
        let mut sizes = Vec::new();
        while let Some(batch) = flusher.next_batch() {
            sizes.push(batch.iter().map(|request| request.emissions.list.len()).collect::<Vec<_>>());
        }
        assert_eq!(sizes, [vec![1, 500], vec![100]]);
        drop(flusher);
        assert!(add(&queue, 1).is_some(), "there is room for another");
    }

    #[test]
    fn a_flight_that_is_broken_off_leaves_room_for_another() {
        let queue = Arc::new(EmitQueue::default());
        drop(add(&queue, 1));
        let Some(mut flusher) = add(&queue, 1) else { panic!("there is room") };
        assert_eq!(flusher.next_batch().map(|batch| batch.len()), Some(2));
    }

    #[test]
    fn one_at_a_time_is_alone() {
        let queue = Arc::new(EmitQueue::default());
        let Some(guard) = queue.try_fast_path() else { panic!("nobody is there") };
        assert!(queue.try_fast_path().is_none());
        drop(guard);
        let Some(mut flusher) = add(&queue, 1) else { panic!("there is room") };
        assert!(queue.try_fast_path().is_none());
        while flusher.next_batch().is_some() {}
        assert!(queue.try_fast_path().is_some());
    }

    #[test]
    fn too_many_are_told_to_come_back() {
        let queue = Arc::new(EmitQueue::default());
        let _flight = add(&queue, MOST_PENDING);
        assert!(matches!(queue.add(request(1), 1), Err(Error::Unavailable(_))));
    }
}
