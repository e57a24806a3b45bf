//! What the stories are told with: a program, a receiver, a caller, and databases.

#![allow(dead_code, unused)] // Some of it waits for its first story.

pub mod added;
pub mod api;
pub mod app;
pub mod contract;

pub mod database;
pub mod program;
pub mod receiver;
pub mod shared;
mod shop;
pub mod waiting;

use std::time::Duration;

/// How long a test waits for what must come: more than it takes on a machine that is busy with other things. Only what never
/// comes is told of so late.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// Makes two tests of each story, `<name>::sqlite` and `<name>::postgres`. A story may change the configuration:
/// `async fn name(app: &TestApp) with |config| …; { … }`.
macro_rules! on_both_databases {
    ($($(#[$about:meta])* async fn $name:ident($app:ident: &TestApp) $(with $change:expr;)? $story:block)*) => {$(
        $(#[$about])*
        mod $name {
            use super::*;

            const CHANGE: fn(&mut tenon::config::Config) = on_both_databases!(@change $($change)?);

            async fn story($app: &TestApp) $story

            #[test]
            fn sqlite() {
                TestApp::tell(tenon::db::Kind::Sqlite, CHANGE, story);
            }

            #[test]
            fn postgres() {
                TestApp::tell(tenon::db::Kind::Postgres, CHANGE, story);
            }
        }
    )*};
    (@change) => { |_| () };
    (@change $change:expr) => { $change };
}
pub(crate) use on_both_databases;

/// How many random cases a test tries: `usual`, unless `PROPTEST_CASES` asks for another number.
#[allow(clippy::disallowed_methods)] // It concerns the tests alone.
pub fn cases(usual: u32) -> u32 {
    std::env::var("PROPTEST_CASES").map_or(usual, |text| text.parse().expect("PROPTEST_CASES is a number"))
}
