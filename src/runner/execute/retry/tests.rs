use super::*;

/// Chance that always comes out the same.
struct Always(u64);

impl Random for Always {
    fn fill(&self, bytes: &mut [u8]) {
        bytes.copy_from_slice(&self.0.to_le_bytes()[..bytes.len()]);
    }
}

const NOW: Millis = 1_000 * DAY;

fn observation(ending: Ending, health: Health) -> Observation {
    Observation { ending, health, destination: "a.example".into(), shard: "a.example s".into() }
}

fn tried(tries: u32) -> History {
    History { tries, max_attempts: 8, ..History::default() }
}

fn after(ending: Ending, history: History) -> Next {
    let past = Past { run: history, ..Past::default() };
    decide(&observation(ending, Health::Unknown), past, (NOW, &Always(0))).run
}

#[test]
fn every_answer_moves_a_run_on() {
    let limited = |ago| History { limited_since: Some(NOW - ago), ..tried(1) };
    let limited_times = |limits| History { limits, ..tried(1) };
    let probing = |tries| History { ahead_of: Some(NOW + HOUR), ..tried(tries) };
    for (ending, history, state, uses, wait) in [
        (Ending::Done, tried(1), State::Completed, Uses::Try, 0),
        (Ending::Refused, tried(1), State::Dead, Uses::Try, 0),
        (Ending::Nobody, tried(1), State::Cancelled, Uses::Try, 0),
        // The schedule, at its earliest.
        (Ending::Failed(None), tried(1), State::Retryable, Uses::Try, 4_500),
        (Ending::Failed(None), tried(7), State::Retryable, Uses::Try, 9 * HOUR),
        (Ending::Failed(None), tried(8), State::Dead, Uses::Try, 0),
        // What the receiver asks for never shortens it, and of a year a day is waited.
        (Ending::Failed(Some(0)), tried(1), State::Retryable, Uses::Try, 4_500),
        (Ending::Failed(Some(SECOND)), tried(7), State::Retryable, Uses::Try, 9 * HOUR),
        (Ending::Failed(Some(HOUR)), tried(1), State::Retryable, Uses::Try, HOUR),
        (Ending::Failed(Some(365 * DAY)), tried(1), State::Retryable, Uses::Try, DAY),
        // A probe ahead of its time uses up nothing, whatever it was.
        (Ending::Failed(None), probing(8), State::Retryable, Uses::Probe, HOUR),
        (Ending::Failed(Some(2 * HOUR)), probing(1), State::Retryable, Uses::Probe, 2 * HOUR),
        (Ending::Limit(0), probing(8), State::Retryable, Uses::Limit, HOUR),
        // A limit uses up nothing either, until it has lasted as long as the schedule.
        (Ending::Limit(2 * SECOND), tried(8), State::Retryable, Uses::Limit, 2 * SECOND),
        (Ending::Limit(0), tried(1), State::Retryable, Uses::Limit, SECOND),
        (Ending::Limit(-DAY), tried(1), State::Retryable, Uses::Limit, SECOND),
        (Ending::Limit(500), limited_times(LIMITS_BY_CHANCE), State::Retryable, Uses::Limit, SECOND),
        (Ending::Limit(500), limited_times(LIMITS_BY_CHANCE + 3), State::Retryable, Uses::Limit, 8 * SECOND),
        (Ending::Limit(MINUTE), limited_times(LIMITS_BY_CHANCE + 3), State::Retryable, Uses::Limit, MINUTE),
        (Ending::Limit(0), limited_times(u32::MAX), State::Retryable, Uses::Limit, 5 * MINUTE),
        (Ending::Limit(365 * DAY), tried(1), State::Retryable, Uses::Limit, DAY),
        (Ending::Limit(SECOND), limited(LIMITED_FOR - 1), State::Retryable, Uses::Limit, SECOND),
        (Ending::Limit(SECOND), limited(LIMITED_FOR), State::Dead, Uses::Limit, 0),
        (Ending::HourlyLimit(NOW + MINUTE, false), tried(1), State::Available, Uses::Nothing, MINUTE),
        (Ending::HourlyLimit(NOW + MINUTE, true), tried(2), State::Skipped, Uses::Nothing, 0),
        (Ending::Lost, tried(0), State::Retryable, Uses::Lost, 0),
        (Ending::Lost, History { lost: 10, ..tried(0) }, State::Retryable, Uses::Lost, 5 * SECOND),
        (Ending::Lost, History { lost: 99, ..tried(0) }, State::Dead, Uses::Lost, 0),
    ] {
        let next = after(ending, history);
        assert_eq!((next.state, next.uses, next.due_at - NOW), (state, uses, wait), "{ending:?} {history:?}");
        assert_eq!(next.state.is_end(), wait == 0 && ending != Ending::Lost || next.state == State::Dead, "{ending:?}");
    }
}

#[test]
fn eight_attempts_are_spread_over_about_27_hours() {
    let all: Millis = WAITS.iter().sum();
    assert!((LIMITED_FOR..LIMITED_FOR + MINUTE).contains(&all), "{all}");
    for (tries, chance) in (1..=20).flat_map(|tries| [0, 1, u64::MAX].map(|chance| (tries, chance))) {
        let planned = WAITS[(tries as usize - 1).min(6)];
        let past = Past { run: History { max_attempts: 100, ..tried(tries) }, ..Past::default() };
        let next = decide(&observation(Ending::Failed(None), Health::Unknown), past, (NOW, &Always(chance))).run;
        let waited = next.due_at - NOW;
        assert!((planned * 9 / 10..=planned * 11 / 10).contains(&waited), "{tries}: {waited}");
    }
}

/// How many attempts a receiver costs until the run is dead that answers each with `asked`, where others of the lane
/// go through between them or not.
fn attempts_until_dead(asked: Millis, others_go_through: bool) -> u32 {
    let (mut run, mut shard, mut now) = (tried(1), None, NOW);
    loop {
        let past = Past { run, destination: None, shard: shard.filter(|_| !others_go_through) };
        let decided = decide(&observation(Ending::Limit(asked), Health::Healthy), past, (now, &Always(0)));
        run = History { limits: run.limits + 1, limited_since: decided.run.limited_since, ..run };
        (shard, now) = (decided.shard, decided.run.due_at);
        if decided.run.state == State::Dead {
            return run.limits;
        }
    }
}

#[test]
fn a_receiver_that_has_enough_for_27_hours_costs_a_few_hundred_attempts_at_most() {
    for (asked, most) in [(-DAY, 400), (0, 400), (1, 400), (SECOND, 400), (5 * MINUTE, 400), (HOUR, 30), (DAY, 4)] {
        for others_go_through in [false, true] {
            let attempts = attempts_until_dead(asked, others_go_through);
            assert!((3..most).contains(&attempts), "{asked} {others_go_through}: {attempts}");
        }
    }
}

fn failing(failures: i64, since: Millis, opened: bool, next_probe_at: Millis) -> Option<Failing> {
    let opened_at = opened.then_some(since);
    Some(Failing { name: "a.example".into(), failures, since, opened_at, next_probe_at })
}

#[test]
fn a_breaker_opens_after_five_failures_and_closes_with_the_first_answer() {
    let (ago, next) = (NOW - 20 * SECOND, NOW + 7);
    let opens = |one: Option<Failing>| one.map(|one| Failing { opened_at: Some(NOW), ..one });
    for (before, health, is_probe, asked, expected) in [
        (None, Health::Unknown, false, None, None),
        (None, Health::Failing, false, None, failing(1, NOW, false, 0)),
        (failing(3, ago, false, 0), Health::Unknown, false, None, failing(3, ago, false, 0)),
        (failing(4, ago, false, 0), Health::Failing, false, None, opens(failing(5, ago, true, NOW + 2_500))),
        (failing(4, ago, false, 0), Health::Failing, false, Some(HOUR), opens(failing(5, ago, true, NOW + HOUR))),
        // What was under way when it opened says nothing of the next probe, unless the receiver asks for time.
        (failing(5, ago, true, next), Health::Failing, false, None, failing(6, ago, true, next)),
        (failing(5, ago, true, next), Health::Failing, false, Some(HOUR), failing(6, ago, true, NOW + HOUR)),
        (failing(5, ago, true, next), Health::Failing, true, None, failing(6, ago, true, NOW + 2_500)),
        (failing(5, ago, true, next), Health::Unknown, true, None, failing(5, ago, true, NOW)),
        (failing(5, ago, true, next), Health::Unknown, false, None, failing(5, ago, true, next)),
        (failing(4, ago, false, 0), Health::Healthy, false, None, None),
        (failing(9, ago, true, next), Health::Healthy, true, None, None),
    ] {
        let past = Past { run: History { is_probe, ..tried(1) }, destination: before.clone(), shard: None };
        let decided = decide(&observation(Ending::Failed(asked), health), past, (NOW, &Always(0)));
        assert_eq!(decided.destination, expected, "{before:?} {health:?} {is_probe} {asked:?}");
    }
}

#[test]
fn a_limit_holds_its_lane_back_and_lets_it_go_step_by_step() {
    let hold =
        |since, until, credits, is_out| Some(Hold { shard: "a.example s".into(), since, until, credits, is_out });
    let (ago, lease) = (NOW - 80 * SECOND, NOW + 30 * SECOND);
    for (before, ending, expected) in [
        (None, Ending::Failed(None), None),
        (None, Ending::Limit(2 * SECOND), hold(NOW, NOW + 2 * SECOND, 1, false)),
        // The longest of several counts.
        (hold(ago, NOW + HOUR, 1, false), Ending::Limit(15 * SECOND), hold(ago, NOW + HOUR, 1, false)),
        // The longer there is no success, the longer it is held back, whatever it says.
        (hold(ago, NOW - 1, 1, false), Ending::Limit(0), hold(ago, NOW + 80 * SECOND, 1, false)),
        (hold(ago, lease, 4, true), Ending::Limit(81 * SECOND), hold(ago, NOW + 81 * SECOND, 1, false)),
        (hold(NOW - HOUR, lease, 0, true), Ending::Limit(0), hold(NOW - HOUR, NOW + 5 * MINUTE, 1, false)),
        (hold(ago, lease, 0, true), Ending::Done, hold(NOW, NOW, 2, true)),
        (hold(ago, lease, 1_024, true), Ending::Done, hold(NOW, NOW, 1_024, true)),
        (hold(ago, lease, 0, true), Ending::Refused, hold(ago, NOW, 1, true)),
        (hold(ago, lease, 3, true), Ending::Failed(None), hold(ago, NOW, 4, true)),
        // What was under way before it does not end it.
        (hold(ago, NOW + MINUTE, 1, false), Ending::Done, hold(NOW, NOW + MINUTE, 1, false)),
    ] {
        let past = Past { run: tried(1), destination: None, shard: before.clone() };
        let decided = decide(&observation(ending, Health::Healthy), past, (NOW, &Always(0)));
        assert_eq!(decided.shard, expected, "{before:?} {ending:?}");
        let until = decided.shard.as_ref().map_or(0, |hold| hold.until);
        assert!(!matches!(ending, Ending::Limit(_)) || decided.run.due_at <= until, "it is due when its lane is");
    }
}
