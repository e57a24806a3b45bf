//! Draft and publish: whatever is done to documents, the API shows what a small model of it says.

mod defects;
mod items;
mod links;
mod model;
mod request;
mod shop;
mod steps;

use std::cell::RefCell;
use std::thread;

use proptest::prelude::*;
use proptest::test_runner::{FileFailurePersistence, RngSeed, TestRunner};
use tenon::db::Kind;

use self::model::Model;
use self::shop::Shop;
use self::steps::{Step, steps};
use crate::support::cases;

/// About ten minutes on two cores, both databases side by side. `PROPTEST_CASES` asks for another number.
const SEQUENCES: u32 = 10_000;

#[test]
fn any_sequence_of_requests_leaves_what_the_model_says_sqlite() {
    sequences(Kind::Sqlite, 0, cases(SEQUENCES));
}

/// In three shops at once: a statement is mostly waiting for the other process.
#[test]
fn any_sequence_of_requests_leaves_what_the_model_says_postgres() {
    thread::scope(|threads| {
        let shops: Vec<_> = (0..3)
            .map(|shop| threads.spawn(move || sequences(Kind::Postgres, shop, cases(SEQUENCES).div_ceil(3))))
            .collect();
        shops.into_iter().for_each(|shop| shop.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)));
    });
}

fn sequences(kind: Kind, shop: u64, cases: u32) {
    let usual = ProptestConfig::default();
    // Each shop has sequences of its own.
    let rng_seed = match usual.rng_seed {
        RngSeed::Fixed(seed) => RngSeed::Fixed(seed.wrapping_add(shop)),
        RngSeed::Random => RngSeed::Random,
    };
    let mut runner = TestRunner::new(ProptestConfig {
        cases,
        rng_seed,
        failure_persistence: Some(Box::new(FileFailurePersistence::Direct("tests/seeds/drafts.txt"))),
        max_shrink_iters: 2_000,
        ..usual
    });
    let shop = RefCell::new(Shop::open(kind));
    runner.run(&steps(), |steps| run(&mut shop.borrow_mut(), &steps)).unwrap_or_else(|failure| panic!("{failure:#}"));
}

/// Does what the steps ask, and compares what is answered each time, and all there is at the end.
fn run(shop: &mut Shop, steps: &[Step]) -> Result<(), TestCaseError> {
    let (mut model, mut visit, mut labels) = (Model::default(), shop.visit(), 0);
    for (number, step) in steps.iter().enumerate() {
        let request = step.request(&model, &mut labels);
        let expected = model.apply(&request).map(|mut triggers| {
            triggers.sort();
            (triggers, request.answered().map_or_else(Default::default, |(doc, published)| model.shown(doc, published)))
        });
        prop_assert_eq!(visit.perform(&request), expected, "step {}: {:?}", number, &request);
    }
    for published in [false, true] {
        let shown = visit.shown(published);
        for doc in model.documents() {
            let shown = shown.get(&doc).cloned().unwrap_or_default();
            let expected = model.shown(doc, published);
            prop_assert_eq!(shown, expected, "{:?} in the end, published: {}", doc, published);
        }
    }
    Ok(())
}
