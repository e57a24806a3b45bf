//! The loop that turns the wheel: waits for something to do, takes a turn, starts the attempts it claimed.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use tokio::sync::{mpsc, watch};
use tokio::task::AbortHandle;
use tokio::time::Instant;

use super::claim::{Round, Taken};
use super::record::Finished;
use super::turn::{self, Asked};
use super::{rescue, worker};
use crate::clock::Millis;
use crate::db::Kind;
use crate::db::runs::{Held, Lost, State, Upcoming};
use crate::room::Room;
use crate::standby::{Begun, Loan};
use crate::state::AppState;

/// How long at most until it is looked for events and runs again, when nobody wakes the loop: on PostgreSQL other
/// processes make them too.
const TICK_POSTGRES: Duration = Duration::from_millis(200);
const TICK_SQLITE: Duration = Duration::from_secs(1);
/// How soon it is looked again for what another process was at.
const BUSY: Duration = Duration::from_millis(20);
/// How often it is looked for runs whose worker vanished.
const RESCUE: Duration = Duration::from_secs(5);
/// How long to wait after a turn that failed; twice as long after each further one, up to the most.
const FAILED: Duration = Duration::from_millis(100);
const FAILED_MOST: Duration = Duration::from_secs(5);

/// The loop's own state.
pub(super) struct Pump {
    state: Arc<AppState>,
    stopped: watch::Receiver<bool>,
    /// Whether the one who could say so is gone.
    stopping: bool,
    ended: (mpsc::UnboundedSender<Finished>, mpsc::UnboundedReceiver<Finished>),
    /// The way back of what is lent.
    lent: (mpsc::UnboundedSender<Begun>, mpsc::UnboundedReceiver<Begun>),
    /// Attempts under way, by run.
    under_way: HashMap<i64, UnderWay>,
    /// Attempts that ended and are to be recorded.
    unrecorded: Vec<Finished>,
    /// Whether events may be waiting.
    events: bool,
    /// Whether runs may be due.
    runs: bool,
    /// Whether runs are due for which there was no room.
    blocked: bool,
    /// Where the lanes are in taking turns, if more is due than one look sees.
    round: Option<Round>,
    /// When the next run and the next probe are due, as far as is known, and whether any destination has failed.
    upcoming: Upcoming,
    next_rescue: Instant,
    /// How many turns failed one after the other.
    failures: u32,
}

struct UnderWay {
    attempt: u32,
    lost: u32,
    extension_id: i64,
    destination: String,
    store: String,
    line: Option<String>,
    is_probe: bool,
    lease_until: Millis,
    task: AbortHandle,
}

impl Pump {
    pub(super) fn new(state: Arc<AppState>, stopped: watch::Receiver<bool>) -> Self {
        Self {
            state,
            stopped,
            stopping: false,
            ended: mpsc::unbounded_channel(),
            lent: mpsc::unbounded_channel(),
            under_way: HashMap::new(),
            unrecorded: Vec::new(),
            events: true,
            runs: true,
            blocked: false,
            round: None,
            upcoming: Upcoming { troubled: true, ..Upcoming::default() },
            next_rescue: Instant::now(),
            failures: 0,
        }
    }

    /// Turns until it is stopped, then lets attempts under way finish.
    pub(super) async fn run(mut self) {
        while !self.stopping && !*self.stopped.borrow() {
            self.turn(true).await;
            self.wait().await;
        }
        self.drain().await;
    }

    /// Waits until there is something to do. What it has meanwhile is lent to those who store events.
    async fn wait(&mut self) {
        if self.failures == 0 && (self.events || self.runs && self.free() > 0 || !self.unrecorded.is_empty()) {
            self.collect();
            return;
        }
        let until = self.until();
        let mut is_lent = self.lend();
        let wake = &self.state.wake;
        tokio::select! {
            Some(begun) = self.lent.1.recv() => {
                is_lent = false;
                self.begin_all(begun);
            }
            Some(finished) = self.ended.1.recv() => self.unrecorded.push(finished),
            () = wake.events.notified() => self.events = true,
            () = wake.runs.notified() => self.runs = true,
            () = self.state.db.work() => (self.events, self.runs) = (true, true),
            changed = self.stopped.changed() => self.stopping |= changed.is_err(),
            () = tokio::time::sleep_until(until) => {
                self.events = true;
                self.runs = true;
            }
        }
        if is_lent {
            self.state.standby.end();
            if let Some(begun) = self.lent.1.recv().await {
                self.begin_all(begun);
            }
        }
        self.collect();
    }

    /// Lends the room there is, unless someone waits for it. Returns whether it did.
    fn lend(&self) -> bool {
        let is_free = self.failures == 0 && !self.blocked && self.round.is_none() && self.free() > 0;
        if is_free {
            let lease = i64::try_from(self.state.config.runner.lease.as_millis()).unwrap_or(i64::MAX / 2);
            self.state.standby.lend(Loan::new(self.room(), self.upcoming.due_at, lease, self.lent.0.clone()));
        }
        is_free
    }

    /// Takes the attempts that have ended.
    fn collect(&mut self) {
        while let Ok(finished) = self.ended.1.try_recv() {
            self.unrecorded.push(finished);
        }
    }

    /// When to look again if nobody wakes the loop.
    fn until(&self) -> Instant {
        let now = Instant::now();
        if self.failures > 0 {
            return now + FAILED_MOST.min(FAILED * 2_u32.saturating_pow(self.failures - 1));
        }
        let tick = if self.state.db.kind() == Kind::Postgres { TICK_POSTGRES } else { TICK_SQLITE };
        let next = self.upcoming.due_at.into_iter().chain(self.upcoming.probe_at).min().filter(|_| self.free() > 0);
        let due = next.map(|due| due.saturating_sub(self.state.clock.now()));
        let due = due.map(|wait| Duration::from_millis(u64::try_from(wait).unwrap_or(0).max(1)));
        self.next_rescue.min(now + due.map_or(tick, |wait| wait.min(tick)))
    }

    fn free(&self) -> usize {
        self.state.config.runner.concurrency.saturating_sub(self.under_way.len() + self.unrecorded.len())
    }

    fn room(&self) -> Room {
        let config = &self.state.config.runner;
        let mut room = Room::new(config.concurrency, config.per_host);
        for one in self.under_way.values() {
            room.add(&one.destination, &one.store);
        }
        room
    }

    /// Takes one turn. When it fails, nothing of it happened, and what ended is recorded with the next.
    async fn turn(&mut self, claim: bool) {
        let finished = Arc::new(std::mem::take(&mut self.unrecorded));
        for one in finished.iter() {
            self.under_way.remove(&one.step.held.0);
        }
        let asked = self.asked(claim, Arc::clone(&finished));
        if asked.is_nothing() {
            return;
        }
        let (state, now) = (Arc::clone(&self.state), self.state.clock.now());
        let (events, runs) = (asked.dispatch, asked.claim);
        let (rescue, renewed) = (asked.rescue.is_some(), asked.renew.clone());
        (self.events, self.runs) = (false, false);
        match self.state.db.write(move |conn| turn::turn(conn, &state, &asked, now)).await {
            Ok(done) => {
                self.failures = 0;
                if rescue {
                    self.next_rescue = Instant::now() + RESCUE;
                }
                if done.busy {
                    self.next_rescue = self.next_rescue.min(Instant::now() + BUSY);
                }
                self.events |= done.more_events;
                let again = finished.iter().filter(|one| one.step.state == State::Retryable).map(|one| one.step.due_at);
                match done.upcoming {
                    Some(upcoming) => self.upcoming = upcoming,
                    None => self.upcoming.due_at = self.upcoming.due_at.into_iter().chain(again).min(),
                }
                self.keep(&renewed, &done);
                if let Some(claim) = done.claim {
                    (self.runs, self.blocked, self.round) = (self.runs || claim.more, claim.blocked, claim.round);
                    for taken in claim.taken {
                        self.begin(taken, done.lease_until);
                    }
                }
                self.state.wake.is_full.store(self.free() == 0 || self.blocked, Ordering::Relaxed);
            }
            Err(error) => {
                if self.failures == 0 {
                    log::error!("a turn of the runner failed and is tried again: {error}");
                }
                self.failures += 1;
                self.unrecorded.extend(finished.iter().cloned());
                (self.events, self.runs) = (events, runs);
            }
        }
    }

    fn asked(&self, claim: bool, finished: Arc<Vec<Finished>>) -> Asked {
        let now = self.state.clock.now();
        let half_a_lease = i64::try_from(self.state.config.runner.lease.as_millis() / 2).unwrap_or(i64::MAX);
        let ending = self.under_way.iter().filter(|(_, one)| one.lease_until - now < half_a_lease);
        let (renew, probing): (Vec<_>, Vec<_>) =
            ending.map(|(id, one)| ((*id, one.attempt), one.is_probe.then(|| one.destination.clone()))).unzip();
        let due = self.upcoming.due_at.is_some_and(|due| due <= now);
        let probes = self.upcoming.probe_at.is_some_and(|at| at <= now);
        // Whoever has ended makes room.
        let unblocked = self.blocked && !finished.is_empty();
        Asked {
            finished,
            troubled: self.upcoming.troubled,
            renew,
            probing: probing.into_iter().flatten().collect(),
            rescue: (self.next_rescue <= Instant::now()).then(|| self.under_way.keys().copied().collect()),
            dispatch: claim && self.events,
            careful: self.failures > 0,
            claim: claim && (self.runs || due || probes || unblocked),
            probes: claim && probes,
            room: if claim { self.room() } else { Room::default() },
            round: self.round.clone(),
        }
    }

    /// Notes which leases go on; attempts whose run was given to someone else are stopped.
    fn keep(&mut self, renewed: &[Held], done: &turn::Done) {
        for (id, _) in renewed {
            if done.lost.contains(id) {
                if let Some(lost) = self.under_way.remove(id) {
                    lost.task.abort();
                }
            } else if let Some(kept) = self.under_way.get_mut(id) {
                kept.lease_until = done.lease_until;
            }
        }
    }

    fn begin_all(&mut self, begun: Begun) {
        for run in begun.runs {
            self.begin(Taken { run, probe: None }, begun.lease_until);
        }
    }

    fn begin(&mut self, taken: Taken, lease_until: Millis) {
        let (state, ended) = (Arc::clone(&self.state), self.ended.0.clone());
        let run = &taken.run;
        let (id, attempt, lost, extension_id) = (run.id, run.attempt, run.lost, run.extension_id);
        let (destination, store) = (run.destination.clone(), run.store.clone().unwrap_or_default());
        let (line, is_probe) = (run.line.clone(), taken.probe.is_some());
        let task = tokio::spawn(async move {
            // Nobody takes it when the loop has ended; the run is given back by its lease.
            let _ = ended.send(worker::execute(&state, taken).await);
        });
        let task = task.abort_handle();
        let begun = UnderWay { attempt, lost, extension_id, destination, store, line, is_probe, lease_until, task };
        self.under_way.insert(id, begun);
    }

    /// Lets attempts under way finish for the grace, gives up the others, and records all of it.
    async fn drain(&mut self) {
        let deadline = Instant::now() + self.state.config.runner.shutdown_grace;
        while !self.under_way.is_empty() && Instant::now() < deadline {
            if let Ok(Some(finished)) = tokio::time::timeout_at(deadline, self.ended.1.recv()).await {
                self.unrecorded.push(finished);
                self.collect();
                self.turn(false).await;
            }
        }
        let now = self.state.clock.now();
        for (id, one) in self.under_way.drain() {
            one.task.abort();
            let held = (id, one.attempt);
            let lost = Lost { held, lost: one.lost, extension_id: one.extension_id, line: one.line };
            self.unrecorded.push(rescue::given_back(&lost, now));
        }
        if !self.unrecorded.is_empty() {
            log::warn!("{} attempts did not end within the grace and are given back", self.unrecorded.len());
            self.turn(false).await;
        }
    }
}
