//! How an attempt under way is told that its run was cancelled.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;

/// The attempts under way in this process, by run.
#[derive(Default)]
pub struct CancellationRegistry(Mutex<HashMap<i64, Arc<Notify>>>);

/// Tells one attempt that it is cancelled. Dropped, it leaves the registry.
pub struct CancellationToken<'a> {
    registry: &'a CancellationRegistry,
    run: i64,
    cancelled: Arc<Notify>,
}

impl CancellationRegistry {
    /// Enters an attempt of `run`, in place of an earlier attempt of the same run.
    pub fn register(&self, run: i64) -> CancellationToken<'_> {
        let cancelled = Arc::new(Notify::new());
        self.lock().insert(run, Arc::clone(&cancelled));
        CancellationToken { registry: self, run, cancelled }
    }

    /// Cancels the attempt of `run`, if this process has one under way.
    pub fn cancel(&self, run: i64) {
        if let Some(cancelled) = self.lock().get(&run) {
            cancelled.notify_one();
        }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<i64, Arc<Notify>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl CancellationToken<'_> {
    /// Waits until the attempt is cancelled, which may be never.
    pub async fn cancelled(&self) {
        self.cancelled.notified().await;
    }
}

impl Drop for CancellationToken<'_> {
    fn drop(&mut self) {
        let mut attempts = self.registry.lock();
        // A later attempt of the same run has a token of its own.
        if attempts.get(&self.run).is_some_and(|cancelled| Arc::ptr_eq(cancelled, &self.cancelled)) {
            attempts.remove(&self.run);
        }
    }
}
