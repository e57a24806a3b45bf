//! What the runner lends while it waits for something to do: whoever stores an event can then begin the event's runs with
//! the same commit, and the runner need not look for them.

use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio::sync::mpsc::UnboundedSender;

use super::permits::Permits;
use crate::clock::Millis;
use crate::db::runs::{Claimed, NewRun};

/// Where the runner leaves its room while it waits.
#[derive(Default)]
pub struct PermitHandoff(Mutex<Option<Handoff>>);

/// The runner's room. It goes back when it is dropped, and the runner with it, which waits for that.
pub struct Handoff {
    permits: Permits,
    /// When something older is due.
    until: Option<Millis>,
    /// How long a run is held, in milliseconds.
    lease: Millis,
    result: HandoffResult,
    back: UnboundedSender<HandoffResult>,
}

/// What comes back with a loan: the runs that were begun on it.
#[derive(Default)]
pub struct HandoffResult {
    /// The runs.
    pub runs: Vec<Claimed>,
    /// Until when they are held.
    pub lease_until: Millis,
}

impl PermitHandoff {
    /// Leaves a loan for whoever comes first.
    pub fn offer(&self, handoff: Handoff) {
        *self.lock() = Some(handoff);
    }

    /// Takes the loan, unless somebody has, or something older is due at `now`, or the room is not what is `wanted`: the
    /// runner waits for a loan, so none is taken in vain.
    pub fn take(&self, now: Millis, wanted: impl Fn(&Permits) -> bool) -> Option<Handoff> {
        let is_free = |handoff: &mut Handoff| handoff.until.is_none_or(|until| until > now) && wanted(&handoff.permits);
        let mut handoff = self.lock().take_if(is_free)?;
        handoff.result.lease_until = now + handoff.lease;
        Some(handoff)
    }

    /// Calls the loan in: it goes back at once, or when whoever has it is done.
    pub fn revoke(&self) {
        let handoff = self.lock().take();
        drop(handoff);
    }

    fn lock(&self) -> MutexGuard<'_, Option<Handoff>> {
        // Nothing that happens under the lock can panic half-way.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Handoff {
    /// Lends `permits` for runs that are held for `lease` milliseconds, as long as nothing older is due, which will be at
    /// `until`. It goes back by way of `back`.
    pub fn new(permits: Permits, until: Option<Millis>, lease: Millis, back: UnboundedSender<HandoffResult>) -> Self {
        Self { permits, until, lease, result: HandoffResult::default(), back }
    }

    /// Makes room for a run that waits for nothing. Returns until when it is held, or `None` when it must wait.
    pub fn try_acquire(&mut self, run: &NewRun) -> Option<Millis> {
        let would_allow = self.permits.would_allow_run(run);
        would_allow.then(|| {
            self.permits.add(&run.destination, run.store.as_deref().unwrap_or_default());
            self.result.lease_until
        })
    }

    /// Gives it back with the runs that were admitted and are committed, to be executed.
    pub fn complete(mut self, runs: Vec<Claimed>) {
        self.result.runs = runs;
    }
}

impl Drop for Handoff {
    fn drop(&mut self) {
        // A runner that has ended is told nothing: another gives its runs back when they are held no longer.
        let _ = self.back.send(std::mem::take(&mut self.result));
    }
}

#[cfg(test)]
mod tests {
    use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};

    use super::*;

    fn offered(until: Option<Millis>) -> (PermitHandoff, UnboundedReceiver<HandoffResult>) {
        let (standby, (back, result)) = (PermitHandoff::default(), unbounded_channel());
        standby.offer(Handoff::new(Permits::new(4, 1), until, 30, back));
        (standby, result)
    }

    #[test]
    fn a_loan_is_for_one_and_comes_back_once() {
        let (standby, mut result) = offered(None);
        let handoff = standby.take(100, |_| true).expect("it is there");
        assert!(standby.take(100, |_| true).is_none(), "somebody has it");
        standby.revoke();
        assert!(result.try_recv().is_err(), "it is not back yet");
        handoff.complete(Vec::new());
        assert_eq!(result.try_recv().expect("it is back").lease_until, 130);
        assert!(result.try_recv().is_err(), "once");
    }

    #[test]
    fn a_loan_that_nobody_took_comes_back_when_it_is_called_in() {
        let (standby, mut result) = offered(None);
        standby.revoke();
        assert!(result.try_recv().is_ok() && standby.take(100, |_| true).is_none());
    }

    #[test]
    fn nobody_takes_what_he_does_not_want() {
        let (standby, _returned) = offered(None);
        assert!(standby.take(100, |permits| permits.free() > 4).is_none());
        assert!(standby.take(100, |permits| permits.free() == 4).is_some());
    }

    #[test]
    fn what_is_due_already_goes_first() {
        let (standby, _returned) = offered(Some(100));
        assert!(standby.take(100, |_| true).is_none() && standby.take(99, |_| true).is_some());
    }
}
