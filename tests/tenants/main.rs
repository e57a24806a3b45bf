//! No tenant stops another: whatever store A sends, store B's writes are answered, its events delivered, and the program
//! stays small. A test program of its own, so that it has the machine to itself: it measures time.

#![allow(clippy::expect_used)] // All of it is a test; clippy only knows those that say so.

#[path = "../../examples/tenants/attacks.rs"]
mod attacks;
#[allow(dead_code)] // Another measurement needs more of it.
#[path = "../../examples/load/receiver.rs"]
mod receiver;
#[path = "../../examples/tenants/shop.rs"]
mod shop;
#[path = "../it/support/mod.rs"]
mod support;
#[path = "../../examples/tenants/target.rs"]
mod target;

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tenon::db::Kind;

use crate::attacks::{ATTACKS, Attack, Hostile, Seen};
use crate::shop::Shop;
use crate::support::api::TOKEN;
use crate::support::database::TestDatabase;
use crate::support::program::{Program, Settings};
use crate::target::Target;

type Outcome<T> = Result<T, Box<dyn std::error::Error + Send + Sync>>;

/// How long store B's writes may take, at the median and at most.
const MEDIAN: Duration = Duration::from_millis(250);
const LONGEST: Duration = Duration::from_secs(2);
/// The memory that the program may hold, in MiB.
const MEMORY: u64 = 300;
/// How often an attack is made when store B was held up: what an attack does it does each time, and what else happens on the
/// machine it does not.
const TRIES: usize = 3;

static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());

#[test]
fn no_tenant_stops_another_sqlite() {
    run(Kind::Sqlite);
}

#[test]
fn no_tenant_stops_another_postgres() {
    run(Kind::Postgres);
}

fn run(kind: Kind) {
    let _alone = ONE_AT_A_TIME.lock().unwrap_or_else(PoisonError::into_inner);
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
    let failed = runtime.expect("a runtime").block_on(attack_all(kind)).unwrap_or_else(|error| panic!("{error}"));
    assert!(failed.is_empty(), "store B was held up:\n{}", failed.join("\n"));
}

/// Makes every attack, and returns those that held store B up.
async fn attack_all(kind: Kind) -> Outcome<Vec<String>> {
    let (database, folder) = (TestDatabase::fresh(kind), tempfile::tempdir()?);
    let settings = Settings::new(folder.path(), &database.url).with("RUST_LOG", "error");
    let program = Program::start(&settings.with("TENON_SECRET_KEY", &"07".repeat(32))).await;
    let target = Target::new(program.address(), &database.url, TOKEN, program.id())?;
    let (shop, hostile) = (Shop::open(target.clone()).await?, Hostile::open(&target).await?);
    let mut failed = Vec::new();
    for (place, attack) in ATTACKS.iter().enumerate() {
        let mut tries = Vec::new();
        while tries.len() < TRIES && tries.last().is_none_or(|seen| !is_well(seen)) {
            tries.push(hostile.strike(attack, &shop, (place * TRIES + tries.len()) * 10_000).await?);
        }
        for Seen { median, longest, lost, peak_mib, took } in &tries {
            println!(
                "{kind:?}: {}: {median:?}, {longest:?} at most, {lost} lost, {peak_mib} MiB, {took:?}",
                attack.name
            );
        }
        failed.extend(complaint(attack, &tries));
    }
    Ok(failed)
}

fn is_well(seen: &Seen) -> bool {
    seen.median <= MEDIAN && seen.longest <= LONGEST && seen.lost == 0 && seen.peak_mib < MEMORY
}

fn complaint(attack: &Attack, tries: &[Seen]) -> Option<String> {
    let held_up = tries.last().is_some_and(|seen| !is_well(seen)) || tries.iter().any(|seen| seen.lost > 0);
    held_up.then(|| format!("{}: {tries:#?}", attack.name))
}
