//! How long the statements of an answer may take.
//!
//! PostgreSQL ends them itself. SQLite has no such setting, and diesel does not pass on the handler that could end a
//! statement from outside. So each step of a search asks a function of ours whether there is time left; once there is
//! none, nothing more is found and the statement ends by itself.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use crate::error::{Error, Result};

/// The longest that one statement of an answer may take.
pub(super) const LONGEST: Duration = Duration::from_secs(10);

/// The deadline of the statement that a connection runs, shared with the function that SQLite calls.
#[derive(Clone)]
pub(super) struct Deadline(Arc<Shared>);

struct Shared {
    origin: Instant,
    /// When the statement must be done, in nanoseconds from `origin`.
    end: AtomicU64,
    is_over: AtomicBool,
}

impl Deadline {
    pub fn new() -> Self {
        Self(Arc::new(Shared {
            origin: Instant::now(),
            end: AtomicU64::new(u64::MAX),
            is_over: AtomicBool::new(false),
        }))
    }

    /// Whether the statement may go on.
    pub fn is_ahead(&self) -> bool {
        let is_ahead = self.now() < self.0.end.load(Ordering::Relaxed);
        if !is_ahead {
            self.0.is_over.store(true, Ordering::Relaxed);
        }
        is_ahead
    }

    /// Runs `statement`, which may take as long as `longest`.
    ///
    /// Fails with [`Error::Unavailable`] when it takes longer, whatever it found until then.
    pub fn keep(&self, longest: Duration, statement: impl FnOnce() -> Result<()>) -> Result<()> {
        let started = Instant::now();
        self.0.end.store(self.now().saturating_add(nanoseconds(longest)), Ordering::Relaxed);
        let done = statement();
        self.0.end.store(u64::MAX, Ordering::Relaxed);

        // PostgreSQL says only in its own words, which may be of any language, that the time was up.
        let is_over = self.0.is_over.swap(false, Ordering::Relaxed) || done.is_err() && started.elapsed() >= longest;
        if is_over {
            log::warn!("a statement was ended after {longest:?}");
            return Err(Error::Unavailable(
                "the query takes too long: ask for less, or filter by what is indexed first",
            ));
        }
        done
    }

    fn now(&self) -> u64 {
        nanoseconds(self.0.origin.elapsed())
    }
}

fn nanoseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_statement_that_takes_longer_fails_and_the_next_has_time_again() {
        let deadline = Deadline::new();
        assert!(deadline.is_ahead(), "without a statement there is none");

        let late = deadline.keep(Duration::ZERO, || {
            assert!(!deadline.is_ahead());
            Ok(())
        });
        assert!(matches!(late, Err(Error::Unavailable(_))), "{late:?}");

        let done = deadline.keep(LONGEST, || {
            assert!(deadline.is_ahead());
            Ok(())
        });
        assert!(done.is_ok(), "{done:?}");
    }

    #[test]
    fn a_failure_of_another_kind_stays_what_it_is() {
        let failed = Deadline::new().keep(LONGEST, || Err(Error::internal("broken")));
        assert!(matches!(failed, Err(Error::Internal(_))), "{failed:?}");
    }
}
