//! The loop that turns the wheel: waits for something to do, takes a turn, starts the attempts it claimed.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{mpsc, watch};
use tokio::task::AbortHandle;
use tokio::time::Instant;

use super::claim::Round;
use super::rescue;
use super::tick::{self, TickRequest};
use crate::clock::Millis;
use crate::db::runs::{Lost, RunLease, Upcoming};
use crate::queue::handoff::{Handoff, HandoffResult};
use crate::queue::permits::Permits;
use crate::queue::wake::Work;
use crate::runner::execute::finished::{FinishedAttempt, TakenRun};
use crate::runner::execute::worker;
use crate::state::AppState;

/// How long at most until it is looked for events and runs again, when nobody wakes the loop: other processes
/// make them too where the database is shared.
const TICK_SHARED: Duration = Duration::from_millis(200);
const TICK_ALONE: Duration = Duration::from_secs(1);
/// How soon it is looked again for what another process was at.
const BUSY: Duration = Duration::from_millis(20);
/// How often it is looked for runs whose worker vanished.
const RESCUE: Duration = Duration::from_secs(5);
/// How long to wait after a turn that failed; twice as long after each further one, up to the most.
const FAILED: Duration = Duration::from_millis(100);
const FAILED_MOST: Duration = Duration::from_secs(5);
/// How long to wait for what was lent before the turns go on without it: a commit takes milliseconds.
const PATIENCE: Duration = Duration::from_secs(1);

/// The loop's own state.
pub struct RunnerLoop {
    state: Arc<AppState>,
    stopped: watch::Receiver<bool>,
    /// Whether the one who could say so is gone.
    stopping: bool,
    ended: (mpsc::UnboundedSender<FinishedAttempt>, mpsc::UnboundedReceiver<FinishedAttempt>),
    /// The way back of what is lent.
    results: (mpsc::UnboundedSender<HandoffResult>, mpsc::UnboundedReceiver<HandoffResult>),
    /// Whether something is lent.
    is_offered: bool,
    /// Attempts under way, by run.
    under_way: HashMap<i64, UnderWay>,
    /// Attempts that ended and are to be recorded.
    unrecorded: Vec<FinishedAttempt>,
    /// Whether events may be waiting.
    events: bool,
    /// Whether runs may be due.
    runs: bool,
    /// Whether there are runs that no turn made.
    runs_came: bool,
    /// Whether runs are due for which there was no room.
    blocked: bool,
    /// Whether runs are left to be let go that wait for nothing any more.
    orphans: bool,
    /// Where the lanes are in taking turns, if more is due than one look sees.
    round: Option<Round>,
    /// When the next run and the next probe are due, as far as is known, and whether any destination has failed.
    upcoming: Upcoming,
    next_rescue: Instant,
    /// When to look for events and runs at the latest.
    next_look: Instant,
    /// How many turns failed one after the other.
    failures: u32,
}

struct UnderWay {
    attempt: u32,
    lost: u32,
    limited_since: Option<Millis>,
    extension_id: i64,
    destination: String,
    store: Option<String>,
    ordering_key: Option<String>,
    is_probe: bool,
    lease_until: Millis,
    task: AbortHandle,
}

impl RunnerLoop {
    pub fn new(state: Arc<AppState>, stopped: watch::Receiver<bool>) -> Self {
        Self {
            state,
            stopped,
            stopping: false,
            ended: mpsc::unbounded_channel(),
            results: mpsc::unbounded_channel(),
            is_offered: false,
            under_way: HashMap::new(),
            unrecorded: Vec::new(),
            events: true,
            runs: true,
            runs_came: false,
            blocked: false,
            orphans: false,
            round: None,
            upcoming: Upcoming { any_failing: true, ..Upcoming::default() },
            next_rescue: Instant::now(),
            next_look: Instant::now(),
            failures: 0,
        }
    }

    /// Turns until it is stopped, then lets attempts under way finish.
    pub async fn run(mut self) {
        while !self.stopping && !*self.stopped.borrow() {
            self.tick(true).await;
            self.wait().await;
        }
        self.drain().await;
    }

    /// Waits until there is something to do. What it has meanwhile is lent to those who store events.
    async fn wait(&mut self) {
        let may_claim = !self.is_offered && (self.events || self.runs && self.free() > 0);
        if self.failures == 0 && (may_claim || self.orphans || !self.unrecorded.is_empty()) {
            self.collect();
            return;
        }
        let until = self.until();
        self.offer_permits();
        let wake = &self.state.queue.wake;
        tokio::select! {
            Some(results) = self.results.1.recv() => self.accept_result(results),
            Some(finished) = self.ended.1.recv() => self.unrecorded.push(finished),
            () = wake.notified(Work::Events) => self.events = true,
            () = wake.notified(Work::Runs) => (self.runs, self.runs_came) = (true, true),
            () = self.state.db.work() => (self.events, self.runs) = (true, true),
            changed = self.stopped.changed() => self.stopping |= changed.is_err(),
            () = tokio::time::sleep_until(until) => {}
        }
        self.revoke_handoff().await;
        self.collect();
    }

    /// Lends the room there is. What waits for room does so because its destination or its store has its share, to which
    /// whoever borrows keeps as well.
    fn offer_permits(&mut self) {
        if self.failures == 0 && self.round.is_none() && self.free() > 0 && !self.is_offered {
            let lease = i64::try_from(self.state.config.runner.lease.as_millis()).unwrap_or(i64::MAX / 2);
            let handoff = Handoff::new(self.permits(), self.upcoming.due_at, lease, self.results.0.clone());
            self.state.queue.handoff.offer(handoff);
            self.is_offered = true;
        }
    }

    /// Calls in what is lent. Until it is back nothing is claimed, since there may be no room; but whoever has it may hang,
    /// and leases must go on.
    async fn revoke_handoff(&mut self) {
        if self.is_offered {
            self.state.queue.handoff.revoke();
            if let Ok(Some(results)) = tokio::time::timeout(PATIENCE, self.results.1.recv()).await {
                self.accept_result(results);
            }
        }
    }

    fn accept_result(&mut self, results: HandoffResult) {
        self.is_offered = false;
        for run in results.runs {
            self.begin(TakenRun { run, probe: None }, results.lease_until);
        }
        self.update_full();
    }

    /// Tells those who commit something for runners whether another process would sooner come to it.
    fn update_full(&self) {
        self.state.queue.wake.set_full(self.free() == 0 || self.blocked);
    }

    /// Takes the attempts that have ended.
    fn collect(&mut self) {
        while let Ok(results) = self.results.1.try_recv() {
            self.accept_result(results);
        }
        while let Ok(finished) = self.ended.1.try_recv() {
            self.unrecorded.push(finished);
        }
    }

    /// When to look again if nobody wakes the loop.
    fn until(&self) -> Instant {
        let now = Instant::now();
        if self.failures == 1 {
            // Carefully, at once: it may have been for what one run is.
            return now;
        }
        if self.failures > 0 {
            return now + FAILED_MOST.min(FAILED * 2_u32.saturating_pow(self.failures - 1));
        }
        let next = self.upcoming.due_at.into_iter().chain(self.upcoming.probe_at).min().filter(|_| self.free() > 0);
        let due = next.map(|due| due.saturating_sub(self.state.clock.now()));
        let due = due.map(|wait| Duration::from_millis(u64::try_from(wait).unwrap_or(0).max(1)));
        due.map_or(self.next_look, |wait| self.next_look.min(now + wait)).min(self.next_rescue)
    }

    fn interval(&self) -> Duration {
        let of_database = || if self.state.db.is_shared() { TICK_SHARED } else { TICK_ALONE };
        self.state.config.runner.look_every.unwrap_or_else(of_database)
    }

    fn free(&self) -> usize {
        self.state.config.runner.concurrency.saturating_sub(self.under_way.len() + self.unrecorded.len())
    }

    fn permits(&self) -> Permits {
        let config = &self.state.config.runner;
        let mut permits = Permits::new(config.concurrency, config.per_host);
        for one in self.under_way.values() {
            permits.add(&one.destination, one.store.as_deref().unwrap_or_default());
        }
        permits
    }

    /// Takes one turn. When it fails, nothing of it happened, and what ended is recorded with the next.
    async fn tick(&mut self, claim: bool) {
        let finished = Arc::new(std::mem::take(&mut self.unrecorded));
        for one in finished.iter() {
            self.under_way.remove(&one.lease.0);
        }
        let request = self.request(claim, Arc::clone(&finished));
        if request.is_empty() {
            return;
        }
        let (state, now) = (Arc::clone(&self.state), self.state.clock.now());
        let (events, runs) = (request.dispatch, request.claim);
        let (rescue, renewed) = (request.rescue.is_some(), request.renew.clone());
        (self.events, self.runs, self.runs_came) = (false, false, false);
        match self.state.db.write(move |conn| tick::tick(conn, &state, &request, now)).await {
            Ok(result) => {
                self.failures = 0;
                match result.stuck {
                    true => self.state.queue.liveness.note_failure("events cannot be dispatched, as the log says", now),
                    false if events => self.state.queue.liveness.note_progress(),
                    false => {}
                }
                if rescue {
                    self.next_rescue = Instant::now() + RESCUE;
                }
                if events && runs {
                    self.next_look = Instant::now() + self.interval();
                }
                if result.busy {
                    let soon = Instant::now() + BUSY;
                    (self.next_rescue, self.next_look) = (self.next_rescue.min(soon), self.next_look.min(soon));
                }
                self.events |= result.more_events;
                self.orphans = result.orphans;
                match result.upcoming {
                    Some(upcoming) => self.upcoming = upcoming,
                    None => self.upcoming.due_at = self.upcoming.due_at.into_iter().chain(result.retry_at).min(),
                }
                self.keep(&renewed, &result);
                if let Some(claim) = result.claim {
                    (self.runs, self.blocked, self.round) = (self.runs || claim.more, claim.blocked, claim.round);
                    for taken in claim.taken {
                        self.begin(taken, result.lease_until);
                    }
                }
                self.update_full();
            }
            Err(error) => {
                if self.failures == 0 {
                    log::error!("a turn of the runner failed and is tried again: {error}");
                }
                self.state.queue.liveness.note_failure(error.to_string(), now);
                self.failures += 1;
                self.unrecorded.extend(finished.iter().cloned());
                (self.events, self.runs) = (events, runs);
            }
        }
    }

    fn request(&self, claim: bool, finished: Arc<Vec<FinishedAttempt>>) -> TickRequest {
        let now = self.state.clock.now();
        let half_a_lease = i64::try_from(self.state.config.runner.lease.as_millis() / 2).unwrap_or(i64::MAX);
        let ending = self.under_way.iter().filter(|(_, one)| one.lease_until - now < half_a_lease);
        let (renew, probing): (Vec<_>, Vec<_>) =
            ending.map(|(id, one)| ((*id, one.attempt), one.is_probe.then(|| one.destination.clone()))).unzip();
        let claim = claim && !self.is_offered;
        let look = self.next_look <= Instant::now();
        let due = self.upcoming.due_at.is_some_and(|due| due <= now);
        let probes = self.upcoming.probe_at.is_some_and(|at| at <= now);
        // Whoever has ended makes room.
        let unblocked = self.blocked && !finished.is_empty();
        let mut round = self.round.clone();
        if let Some(round) = round.as_mut().filter(|_| self.runs_came) {
            round.expect_more();
        }
        TickRequest {
            finished,
            any_failing: self.upcoming.any_failing,
            renew,
            probing: probing.into_iter().flatten().collect(),
            // What is begun on a loan is not known yet, and would be taken for lost.
            rescue: (!self.is_offered && self.next_rescue <= Instant::now())
                .then(|| self.under_way.keys().copied().collect()),
            dispatch: claim && (self.events || look),
            careful: self.failures > 0,
            claim: claim && (self.runs || look || due || probes || unblocked),
            probes: claim && probes,
            orphans: self.orphans,
            permits: if claim { self.permits() } else { Permits::default() },
            round,
        }
    }

    /// Notes which leases go on; attempts whose run was given to someone else are stopped.
    fn keep(&mut self, renewed: &[RunLease], result: &tick::TickResult) {
        for (id, _) in renewed {
            if result.lost.contains(id) {
                if let Some(lost) = self.under_way.remove(id) {
                    lost.task.abort();
                }
            } else if let Some(kept) = self.under_way.get_mut(id) {
                kept.lease_until = result.lease_until;
            }
        }
    }

    fn begin(&mut self, taken: TakenRun, lease_until: Millis) {
        let (state, ended) = (Arc::clone(&self.state), self.ended.0.clone());
        let run = &taken.run;
        let (id, attempt, lost, limited_since) = (run.id, run.attempt, run.lost, run.limited_since);
        let (extension_id, destination, store) = (run.extension_id, run.destination.clone(), run.store.clone());
        let (ordering_key, is_probe) = (run.ordering_key.clone(), taken.probe.is_some());
        let task = tokio::spawn(async move {
            // Nobody takes it when the loop has ended; the run is given back by its lease.
            let _ = ended.send(worker::execute(&state, taken).await);
        });
        let task = task.abort_handle();
        self.under_way.insert(
            id,
            UnderWay {
                attempt,
                lost,
                limited_since,
                extension_id,
                destination,
                store,
                ordering_key,
                is_probe,
                lease_until,
                task,
            },
        );
    }

    /// Lets attempts under way finish for the grace, gives up the others, and records all of it.
    async fn drain(&mut self) {
        let deadline = Instant::now() + self.state.config.runner.shutdown_grace;
        while !self.under_way.is_empty() && Instant::now() < deadline {
            if let Ok(Some(finished)) = tokio::time::timeout_at(deadline, self.ended.1.recv()).await {
                self.unrecorded.push(finished);
                self.collect();
                self.tick(false).await;
            }
        }
        let now = self.state.clock.now();
        for (id, one) in self.under_way.drain() {
            one.task.abort();
            let lease = (id, one.attempt);
            let UnderWay { lost, limited_since, extension_id, destination, store, ordering_key, .. } = one;
            let lost = Lost { lease, lost, limited_since, extension_id, destination, store, ordering_key };
            self.unrecorded.push(rescue::given_back(&lost, now));
        }
        if !self.unrecorded.is_empty() {
            log::warn!("{} attempts did not end within the grace and are given back", self.unrecorded.len());
            self.tick(false).await;
        }
    }
}

impl Drop for RunnerLoop {
    fn drop(&mut self) {
        // Nobody would execute what is begun on it.
        self.state.queue.handoff.revoke();
    }
}
