//! Input that is nearly right, a hundred thousand times: nothing panics, nothing is answered with 5xx, and nothing is
//! asked of the database without a limit.
//!
//! What was ever found is kept in `tests/seeds` and tried first. `PROPTEST_CASES` asks for another number of inputs.

mod bodies;
pub mod choices;
mod queries;
mod served;

use crate::support::database::catalog;
use actix_web::ResponseError as _;
use proptest::prelude::*;
use proptest::test_runner::{FileFailurePersistence, TestRunner};
use tenon::access::{Access, PublicAccess};
use tenon::content::{self, Rules, Shape};
use tenon::error::Result;
use tenon::limits;
use tenon::query;

use self::choices::{Choices, numbers};
use crate::support::cases;

/// Tries `test` on random choices.
fn tries(number: u32, seeds: &'static str, test: impl Fn(&mut Choices<'_>)) {
    let mut runner = TestRunner::new(ProptestConfig {
        cases: number,
        failure_persistence: Some(Box::new(FileFailurePersistence::Direct(seeds))),
        ..ProptestConfig::default()
    });
    let tried = runner.run(&numbers(), |numbers| {
        test(&mut Choices::new(&numbers));
        Ok(())
    });
    tried.unwrap_or_else(|failure| panic!("{failure}"));
}

/// What is refused is the caller's fault, not ours.
fn check<T>(done: Result<T>, input: &dyn std::fmt::Display) -> Option<T> {
    done.inspect_err(|error| assert!(error.status_code().is_client_error(), "{error}: {input}")).ok()
}

#[test]
fn any_query_string_is_planned_within_the_limits_or_refused() {
    tries(cases(100_000), "tests/seeds/queries.txt", |choices| {
        let content_type = choices.of(&catalog().types().collect::<Vec<_>>());
        let access = choices.of(&[Access::Full, Access::Public(PublicAccess::Read)]);
        let text = queries::query(choices, Shape::Document(content_type));
        let Some(asked) = check(query::parse(&text), &text) else { return };
        if let Some(plan) = check(query::plan(content_type, &asked, access), &text) {
            assert!((1..=limits::PAGE.most as i64).contains(&plan.page.limit) && plan.page.start >= 0, "{text}");
        }
        check(query::plan_one(content_type, &asked, access), &text);
    });
}

#[test]
fn any_body_is_taken_or_refused() {
    tries(cases(100_000), "tests/seeds/bodies.txt", |choices| {
        let content_type = choices.of(&catalog().types().collect::<Vec<_>>());
        let rules = Rules { publishing: choices.of(&[true, false]), creating: choices.of(&[true, false]) };
        let data = bodies::data(Shape::Document(content_type), choices, &[]);
        let Some(members) = check(content::object(data.clone()), &data) else { return };
        check(content::check_keys(content_type, &members), &data);
        check(content::validate(content_type, &members, rules), &data);
    });
}
