//! How the runner learns that there is work, and how others learn whether it runs.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;

use crate::clock::{Millis, SECOND, iso};

/// What the runner is woken for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Work {
    /// An event was committed.
    Events,
    /// Runs were committed, or may be due.
    Runs,
    /// The clock has jumped, so a schedule may be due. Only tests move the clock like this.
    Schedules,
}

/// Wakes the loops of this process before their next look by the clock.
#[derive(Default)]
pub struct Wake {
    events: Notify,
    runs: Notify,
    schedules: Notify,
    is_full: AtomicBool,
}

impl Wake {
    /// Wakes the loop that does this work. If it is busy, it looks again at once afterwards.
    pub fn notify(&self, work: Work) {
        self.of(work).notify_one();
    }

    /// Waits until there may be such work.
    pub async fn notified(&self, work: Work) {
        self.of(work).notified().await;
    }

    /// Notes whether the runner has as many attempts under way as it may have.
    pub fn set_full(&self, is_full: bool) {
        self.is_full.store(is_full, Ordering::Relaxed);
    }

    /// Whether the runner has as many attempts under way as it may have.
    pub fn is_full(&self) -> bool {
        self.is_full.load(Ordering::Relaxed)
    }

    fn of(&self, work: Work) -> &Notify {
        match work {
            Work::Events => &self.events,
            Work::Runs => &self.runs,
            Work::Schedules => &self.schedules,
        }
    }
}

/// Whether the runner runs in this process, and since when it makes no progress.
#[derive(Default)]
pub struct Liveness {
    is_running: AtomicBool,
    progress: Mutex<Progress>,
}

#[derive(Default)]
struct Progress {
    /// Since when every round has failed.
    failing_since: Option<Millis>,
    /// Why the latest round failed.
    reason: String,
}

/// How long rounds may fail before the runner counts as stuck.
const PATIENCE: Millis = 30 * SECOND;

/// Notes, when it is dropped, that the runner runs no more.
struct LivenessGuard<'a>(&'a AtomicBool);

impl Drop for LivenessGuard<'_> {
    fn drop(&mut self) {
        self.0.store(false, Ordering::Relaxed);
    }
}

impl Liveness {
    /// Notes that a round did all there was to do.
    pub fn note_progress(&self) {
        *self.lock() = Progress::default();
    }

    /// Notes that a round failed at `now`.
    pub fn note_failure(&self, reason: impl Into<String>, now: Millis) {
        let mut progress = self.lock();
        progress.failing_since.get_or_insert(now);
        progress.reason = reason.into();
    }

    /// Why the runner has made no progress for [`PATIENCE`] or longer; `None` as long as that is not so.
    pub fn find_stuck(&self, now: Millis) -> Option<String> {
        let progress = self.lock();
        let since = progress.failing_since.filter(|since| now - since >= PATIENCE)?;
        Some(format!("the runner has not moved since {}: {}", iso(since), progress.reason))
    }

    /// Awaits `work`, the runner, which counts as running until it ends, panics or is dropped.
    pub async fn during<T>(&self, work: impl Future<Output = T>) -> T {
        self.is_running.store(true, Ordering::Relaxed);
        let _guard = LivenessGuard(&self.is_running);
        work.await
    }

    /// Whether the runner runs in this process.
    pub fn is_running(&self) -> bool {
        self.is_running.load(Ordering::Relaxed)
    }

    fn lock(&self) -> MutexGuard<'_, Progress> {
        self.progress.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
