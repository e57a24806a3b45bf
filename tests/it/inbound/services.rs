//! The services' own libraries sign what is sent and judge what is taken.

use super::*;
use crate::client::drive;

/// The checks that are made with them.
const CHECKS: usize = 30;

on_both_databases! {
    async fn what_the_services_libraries_sign_is_taken_and_nothing_else(app: &TestApp) {
        let driven = drive(app, "sign.mjs").await;
        assert_eq!(driven.lines().last(), Some(format!("{CHECKS} passed, 0 failed").as_str()), "{driven}");
        app.run_until_idle().await;
    }
}
