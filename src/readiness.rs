//! Whether the database can be written, asked seldom enough that the question is no load: anyone may put it.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use tokio::time::timeout;

use crate::error::Result;

/// How long a good answer counts, and how long a bad one is waited for.
const SECOND: Duration = Duration::from_secs(1);

/// The latest answer of the database, and who asks it.
#[derive(Default)]
pub struct Readiness(Arc<Shared>);

#[derive(Default)]
struct Shared {
    /// When the database was last written.
    written: Mutex<Option<Instant>>,
    /// Held by the one check that is under way, for as long as the database takes.
    checking: Arc<tokio::sync::Mutex<()>>,
}

impl Readiness {
    /// Why the database cannot be written; `None` when it can, or could within the last second. Answers within a second
    /// whatever the database does, with one check under way at a time.
    /// `write` writes the database.
    pub async fn obstacle(&self, write: impl Future<Output = Result<()>> + Send + 'static) -> Option<&'static str> {
        if self.0.is_recent() {
            return None;
        }
        let checked = timeout(SECOND, Arc::clone(&self.0).check(write));
        checked.await.unwrap_or(Some("the database has not answered within a second"))
    }
}

impl Shared {
    async fn check(self: Arc<Self>, write: impl Future<Output = Result<()>> + Send + 'static) -> Option<&'static str> {
        let turn = Arc::clone(&self.checking).lock_owned().await;
        if self.is_recent() {
            return None;
        }

        // A task of its own keeps the turn until the database has answered, also when the caller does not wait for it.
        let shared = Arc::clone(&self);
        let check = tokio::spawn(async move {
            let done = write.await;
            if done.is_ok() {
                *shared.written.lock().unwrap_or_else(PoisonError::into_inner) = Some(Instant::now());
            }
            drop(turn);
            done
        });

        match check.await {
            Ok(Ok(())) => None,
            Ok(Err(error)) => {
                log::error!("not ready: the database cannot be written: {error}");
                Some("the database cannot be written")
            }
            Err(error) => {
                log::error!("not ready: the check of the database ended badly: {error}");
                Some("the database could not be checked")
            }
        }
    }

    fn is_recent(&self) -> bool {
        let written = *self.written.lock().unwrap_or_else(PoisonError::into_inner);
        written.is_some_and(|written| written.elapsed() < SECOND)
    }
}
