//! The attempts of this process that wait for an external lock: the first of each queue asks the database, in turn.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::{Mutex as Queue, OwnedMutexGuard};

/// The queues by the names of their locks. One that nobody waits in or leads is not here.
#[derive(Default)]
pub struct LockQueues(Arc<Mutex<HashMap<String, Arc<Queue<()>>>>>);

/// The first place in a queue, or a place further back whose turn has not come. Dropped, it lets the next one go on.
pub struct QueuePlace {
    queues: LockQueues,
    name: String,
    first: Option<OwnedMutexGuard<()>>,
}

impl LockQueues {
    /// Waits until nobody stands before the caller in the queue `name`. May be broken off.
    pub async fn join(&self, name: &str) -> QueuePlace {
        let queue = Arc::clone(self.lock().entry(name.to_owned()).or_default());
        // Made before the wait: it cleans up when that is broken off.
        let mut place = QueuePlace { queues: Self(Arc::clone(&self.0)), name: name.to_owned(), first: None };
        place.first = Some(queue.lock_owned().await);
        place
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<String, Arc<Queue<()>>>> {
        // Nothing that happens under the lock can panic half-way.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for QueuePlace {
    fn drop(&mut self) {
        self.first = None;
        let mut queues = self.queues.lock();
        // With the map locked, nobody can join the queue between the count and its removal.
        if queues.get(&self.name).is_some_and(|queue| Arc::strong_count(queue) == 1) {
            queues.remove(&self.name);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[tokio::test]
    async fn one_is_first_and_an_empty_queue_is_forgotten() {
        let queues = LockQueues::default();
        let (first, other) = (queues.join("tea").await, queues.join("coffee").await);
        let second = tokio::time::timeout(Duration::from_millis(5), queues.join("tea")).await;
        assert!(second.is_err(), "the first has not left");
        drop(first);
        let second = queues.join("tea").await;
        assert_eq!(queues.lock().len(), 2);
        drop((second, other));
        assert!(queues.lock().is_empty());
    }
}
