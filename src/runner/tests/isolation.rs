//! What one record, run or attempt cannot have stored is told of it, and keeps no other from anything.

use super::*;

/// A second record of the store, which nothing is wrong with.
const SOUND: &str = "INSERT INTO extensions (id, owner_field, owner_id, position, key, triggers, config, active) SELECT \
    8, owner_field, owner_id, 1, key, triggers, config, active FROM extensions";

/// Has the database refuse rows of `table`, at once, for which `condition` holds.
async fn refuse(stage: &Stage, table: &str, condition: &str) {
    let statements = match stage.state.db.kind() {
        Kind::Sqlite => vec![format!(
            "CREATE TRIGGER refuse BEFORE INSERT ON {table} WHEN {condition} BEGIN SELECT RAISE(ABORT, 'no such row'); END"
        )],
        Kind::Postgres => vec![
            "CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RAISE EXCEPTION ''no such row''; END'"
                .to_owned(),
            format!(
                "CREATE TRIGGER refuse BEFORE INSERT ON {table} FOR EACH ROW WHEN ({condition}) EXECUTE FUNCTION refuse()"
            ),
        ],
    };
    for statement in statements {
        stage.sql(Box::leak(statement.into_boxed_str())).await;
    }
}

/// Waits until the query, which must find one row, says `expected`.
async fn until_told(stage: &Stage, query: &'static str, expected: &str) {
    let since = Instant::now();
    while stage.texts(query).await != [expected] {
        let found = stage.texts(query).await;
        assert!(since.elapsed() < PATIENCE, "{query}: {found:?}, not {expected}");
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
}

const OF_SOUND: &str = "SELECT state FROM runs WHERE extension_id = 8";
const OF_OTHER: &str = "SELECT state || ': ' || coalesce(reason, '') FROM runs WHERE extension_id = 7";

#[test]
fn a_run_that_cannot_be_stored_is_dead_and_the_others_are_executed() {
    on_both(async |stage| {
        stage.store(RECORD).await;
        stage.sql(SOUND).await;
        refuse(stage, "runs", "NEW.extension_id = 7 AND NEW.destination <> ''").await;
        let runner = Runner::start(Arc::clone(&stage.state));
        stage.emit(None).await.expect("the event is stored");
        until_told(stage, OF_SOUND, "completed").await;
        let told = stage.texts(OF_OTHER).await;
        assert!(
            told[0].starts_with("dead: the run could not be stored: ") && told[0].contains("no such row"),
            "{told:?}"
        );
        runner.stop().await;
    });
}

#[test]
fn an_attempt_that_cannot_be_recorded_ends_its_run_alone() {
    on_both(async |stage| {
        stage.store(RECORD).await;
        stage.sql(SOUND).await;
        // The first run is that of the first record.
        refuse(stage, "attempts", "NEW.message = 'bowed' AND NEW.run_id = 1").await;
        let runner = Runner::start(Arc::clone(&stage.state));
        stage.emit(None).await.expect("emitted");
        until_told(stage, OF_SOUND, "completed").await;
        let reason = "dead: what the attempt left could not be stored: ";
        let since = Instant::now();
        while !stage.texts(OF_OTHER).await[0].starts_with(reason) {
            assert!(since.elapsed() < PATIENCE, "{:?}", stage.texts(OF_OTHER).await);
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
        runner.stop().await;
    });
}

#[test]
fn a_run_that_cannot_be_read_is_dead_and_the_others_are_executed() {
    on_both(async |stage| {
        stage.store(RECORD).await;
        stage.emit(None).await.expect("emitted");
        stage.sql("UPDATE events SET payload = '{'").await;
        stage.sql("UPDATE runs SET extension_id = 8").await;
        stage.emit(None).await.expect("emitted");
        let runner = Runner::start(Arc::clone(&stage.state));
        until_told(stage, "SELECT state FROM runs WHERE extension_id = 7", "completed").await;
        let told = stage.texts("SELECT state || ': ' || reason FROM runs WHERE extension_id = 8").await;
        assert!(told[0].starts_with("dead: the run cannot be read: "), "{told:?}");
        runner.stop().await;
    });
}

#[test]
fn a_run_to_a_host_that_no_index_takes_ends_and_holds_up_nothing() {
    on_both(async |stage| {
        stage.store(RECORD).await;
        // As it was saved before urls were checked. Not all the same letter, or PostgreSQL would compress it.
        let host: String = (0..4000_u64).map(|place| char::from(b'a' + (place * place * 7919 % 23) as u8)).collect();
        let url = format!("UPDATE extensions SET url = 'http://{host}.example/'");
        stage.sql(Box::leak(url.into_boxed_str())).await;
        let runner = Runner::start(Arc::clone(&stage.state));
        stage.emit(None).await.expect("emitted");
        stage.until("dead").await;
        runner.stop().await;
    });
}

#[test]
fn a_record_whose_end_cannot_be_told_is_switched_off_all_the_same() {
    on_both(async |stage| {
        stage.store(GONE).await;
        refuse(stage, "events", "NEW.trigger = 'trigger:extension_disabled'").await;
        let runner = Runner::start(Arc::clone(&stage.state));
        stage.emit(None).await.expect("emitted");
        stage.until("dead").await;
        runner.stop().await;
        let active = "SELECT CASE WHEN active THEN 'on' ELSE 'off' END FROM extensions";
        assert_eq!(stage.texts(active).await, ["off"]);
    });
}

#[test]
fn a_schedule_that_cannot_be_kept_keeps_no_other_from_its_own() {
    on_both(async |stage| {
        stage.store(RECORD).await;
        stage.sql(SOUND).await;
        stage.sql("UPDATE extensions SET next_tick = 1").await;
        refuse(stage, "runs", "NEW.extension_id = 7").await;
        let runner = Runner::start(Arc::clone(&stage.state));
        until_told(stage, OF_SOUND, "completed").await;
        assert_eq!(stage.texts(OF_OTHER).await, [""; 0]);
        runner.stop().await;
    });
}

#[test]
fn a_runner_that_does_not_move_is_told_of() {
    on_both(async |stage| {
        stage.store(RECORD).await;
        let runner = Runner::start(Arc::clone(&stage.state));
        stage.sql("ALTER TABLE runs RENAME TO elsewhere").await;
        let since = Instant::now();
        let stuck = || stage.state.queue.liveness.find_stuck(NOON + 31_000);
        while stuck().is_none() {
            assert!(since.elapsed() < PATIENCE, "nobody tells of it");
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        assert_eq!(stage.state.queue.liveness.find_stuck(NOON + 29_000), None, "that may pass");
        assert!(stuck().is_some_and(|reason| reason.starts_with("the runner has not moved since ")), "{:?}", stuck());
        stage.sql("ALTER TABLE elsewhere RENAME TO runs").await;
        while stuck().is_some() {
            assert!(since.elapsed() < Duration::from_secs(30), "it moves again");
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        runner.stop().await;
    });
}
