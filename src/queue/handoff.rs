//! What the runner lends while it waits for something to do: whoever stores an event can then begin the event's runs with
//! the same commit, and the runner need not look for them.

use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio::sync::mpsc::UnboundedSender;

use super::permits::Room;
use crate::clock::Millis;
use crate::db::runs::{Claimed, NewRun};

/// Where the runner leaves its room while it waits.
#[derive(Default)]
pub struct Standby(Mutex<Option<Loan>>);

/// The runner's room. It goes back when it is dropped, and the runner with it, which waits for that.
pub struct Loan {
    room: Room,
    /// When something older is due.
    until: Option<Millis>,
    /// How long a run is held, in milliseconds.
    lease: Millis,
    returned: Returned,
    back: UnboundedSender<Returned>,
}

/// What comes back with a loan: the runs that were begun on it.
#[derive(Default)]
pub struct Returned {
    /// The runs.
    pub runs: Vec<Claimed>,
    /// Until when they are held.
    pub lease_until: Millis,
}

impl Standby {
    /// Leaves a loan for whoever comes first.
    pub fn lend(&self, loan: Loan) {
        *self.lock() = Some(loan);
    }

    /// Takes the loan, unless somebody has, or something older is due at `now`, or the room is not what is `wanted`: the
    /// runner waits for a loan, so none is taken in vain.
    pub fn borrow(&self, now: Millis, wanted: impl Fn(&Room) -> bool) -> Option<Loan> {
        let is_free = |loan: &mut Loan| loan.until.is_none_or(|until| until > now) && wanted(&loan.room);
        let mut loan = self.lock().take_if(is_free)?;
        loan.returned.lease_until = now + loan.lease;
        Some(loan)
    }

    /// Calls the loan in: it goes back at once, or when whoever has it is done.
    pub fn end(&self) {
        let loan = self.lock().take();
        drop(loan);
    }

    fn lock(&self) -> MutexGuard<'_, Option<Loan>> {
        // Nothing that happens under the lock can panic half-way.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Loan {
    /// Lends `room` for runs that are held for `lease` milliseconds, as long as nothing older is due, which will be at
    /// `until`. It goes back by way of `back`.
    pub fn new(room: Room, until: Option<Millis>, lease: Millis, back: UnboundedSender<Returned>) -> Self {
        Self { room, until, lease, returned: Returned::default(), back }
    }

    /// Makes room for a run that waits for nothing. Returns until when it is held, or `None` when it must wait.
    pub fn admit(&mut self, run: &NewRun) -> Option<Millis> {
        let admits = self.room.admits_run(run);
        admits.then(|| {
            self.room.add(&run.destination, run.store.as_deref().unwrap_or_default());
            self.returned.lease_until
        })
    }

    /// Gives it back with the runs that were admitted and are committed, to be executed.
    pub fn give_back(mut self, runs: Vec<Claimed>) {
        self.returned.runs = runs;
    }
}

impl Drop for Loan {
    fn drop(&mut self) {
        // A runner that has ended is told nothing: another gives its runs back when they are held no longer.
        let _ = self.back.send(std::mem::take(&mut self.returned));
    }
}

#[cfg(test)]
mod tests {
    use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};

    use super::*;

    fn lent(until: Option<Millis>) -> (Standby, UnboundedReceiver<Returned>) {
        let (standby, (back, returned)) = (Standby::default(), unbounded_channel());
        standby.lend(Loan::new(Room::new(4, 1), until, 30, back));
        (standby, returned)
    }

    #[test]
    fn a_loan_is_for_one_and_comes_back_once() {
        let (standby, mut returned) = lent(None);
        let loan = standby.borrow(100, |_| true).expect("it is there");
        assert!(standby.borrow(100, |_| true).is_none(), "somebody has it");
        standby.end();
        assert!(returned.try_recv().is_err(), "it is not back yet");
        loan.give_back(Vec::new());
        assert_eq!(returned.try_recv().expect("it is back").lease_until, 130);
        assert!(returned.try_recv().is_err(), "once");
    }

    #[test]
    fn a_loan_that_nobody_took_comes_back_when_it_is_called_in() {
        let (standby, mut returned) = lent(None);
        standby.end();
        assert!(returned.try_recv().is_ok() && standby.borrow(100, |_| true).is_none());
    }

    #[test]
    fn nobody_takes_what_he_does_not_want() {
        let (standby, _returned) = lent(None);
        assert!(standby.borrow(100, |room| room.free() > 4).is_none());
        assert!(standby.borrow(100, |room| room.free() == 4).is_some());
    }

    #[test]
    fn what_is_due_already_goes_first() {
        let (standby, _returned) = lent(Some(100));
        assert!(standby.borrow(100, |_| true).is_none() && standby.borrow(99, |_| true).is_some());
    }
}
