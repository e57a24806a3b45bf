//! How much of what callers send is in memory, over all connections of this process: first the bytes of bodies that arrive,
//! then what they are parsed into. Each is bounded for all callers together and for each of them, so that one who sends much,
//! or slowly, does not keep others out.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use actix_web::rt::time::timeout;
use tokio::sync::Notify;

use crate::error::{Error, Result};

/// Bytes for all callers together; more where a single body may be larger than a share.
const ALL: usize = 64 << 20;
/// The part of it that one caller may have.
const SHARE: usize = 4;
/// How long a caller waits for others to be done.
const PATIENCE: Duration = Duration::from_secs(5);

/// What is free for bodies.
#[derive(Clone)]
pub(super) struct Intake {
    /// For bodies that arrive.
    pub arriving: Pool,
    /// For what they are parsed into, until the request is answered. Taken after the other, and never before it, so that
    /// nobody waits for those who wait.
    pub parsed: Pool,
}

impl Intake {
    /// For bodies of up to `largest` bytes.
    pub fn new(largest: usize) -> Self {
        let pool = || Pool::new(ALL.max(largest.saturating_mul(SHARE)));
        Self { arriving: pool(), parsed: pool() }
    }
}

/// A number of bytes that callers share.
#[derive(Clone)]
pub(super) struct Pool(Arc<Shared>);

struct Shared {
    all: usize,
    used: Mutex<Used>,
    freed: Notify,
}

#[derive(Default)]
struct Used {
    all: usize,
    /// Callers that have nothing are not here.
    by_caller: HashMap<String, usize>,
}

/// Bytes that a caller has; given back when this is dropped.
pub(super) struct IntakeShare {
    pool: Pool,
    caller: String,
    bytes: usize,
}

impl Pool {
    fn new(all: usize) -> Self {
        Self(Arc::new(Shared { all, used: Mutex::default(), freed: Notify::new() }))
    }

    /// Takes `bytes`, at most the whole of a share, for `caller`; waits until they are free.
    ///
    /// [`Error::Unavailable`] when they are not for some seconds.
    pub async fn take(&self, caller: &str, bytes: usize) -> Result<IntakeShare> {
        self.take_within(PATIENCE, caller, bytes).await
    }

    async fn take_within(&self, patience: Duration, caller: &str, bytes: usize) -> Result<IntakeShare> {
        let bytes = bytes.min(self.0.all / SHARE);
        let taken = async {
            loop {
                let freed = self.0.freed.notified();
                tokio::pin!(freed);
                // Before the look: what is given back in between must wake this caller.
                freed.as_mut().enable();
                if let Some(taken) = self.try_take(caller, bytes) {
                    return taken;
                }
                freed.await;
            }
        };
        timeout(patience, taken)
            .await
            .map_err(|_| Error::Unavailable("too many request bodies at once; send it again later"))
    }

    fn try_take(&self, caller: &str, bytes: usize) -> Option<IntakeShare> {
        let mut used = self.lock();
        let own = used.by_caller.get(caller).copied().unwrap_or(0);
        if used.all + bytes > self.0.all || own + bytes > self.0.all / SHARE {
            return None;
        }
        used.all += bytes;
        used.by_caller.insert(caller.to_owned(), own + bytes);
        Some(IntakeShare { pool: self.clone(), caller: caller.to_owned(), bytes })
    }

    fn lock(&self) -> MutexGuard<'_, Used> {
        // Nothing that happens under the lock can panic half-way.
        self.0.used.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for IntakeShare {
    fn drop(&mut self) {
        let mut used = self.pool.lock();
        used.all -= self.bytes;
        if let Some(own) = used.by_caller.get_mut(&self.caller) {
            *own -= self.bytes;
            if *own == 0 {
                used.by_caller.remove(&self.caller);
            }
        }
        drop(used);
        self.pool.0.freed.notify_waiters();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_caller_has_no_more_than_a_share() {
        let pool = Pool::new(100);
        let taken = pool.try_take("a", 20).expect("a part of a share");
        assert!(pool.try_take("a", 6).is_none(), "more than a share");
        let rest = pool.try_take("a", 5).expect("the rest of it");
        let others: Vec<_> = ["b", "c", "d"].iter().map(|caller| pool.try_take(caller, 25)).collect();
        assert!(others.iter().all(Option::is_some));
        assert!(pool.try_take("e", 1).is_none(), "nothing is left for anyone");
        drop((taken, rest));
        assert!(pool.try_take("e", 25).is_some_and(|taken| taken.bytes == 25));
        drop(others);
        assert!(pool.lock().by_caller.is_empty());
    }

    #[tokio::test]
    async fn who_waits_is_served_when_bytes_are_given_back_or_told_to_come_back() {
        let pool = Pool::new(100);
        let whole = pool.take("a", 1000).await.expect("a body of any size fits into a share");
        assert_eq!(whole.bytes, 25);
        let waiting = tokio::spawn({
            let pool = pool.clone();
            async move { pool.take("a", 1).await.map(|taken| taken.bytes) }
        });
        tokio::task::yield_now().await;
        drop(whole);
        assert!(matches!(waiting.await, Ok(Ok(1))));
        let _held = pool.take("a", 25).await;
        assert!(matches!(pool.take_within(Duration::ZERO, "a", 1).await, Err(Error::Unavailable(_))));
    }
}
