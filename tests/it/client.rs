//! The official clients drive the server: Strapi's, and those of services that send webhooks.

use std::path::Path;
use std::process::Command;

use crate::support::api::TOKEN;
use crate::support::app::TestApp;
use crate::support::on_both_databases;

/// The checks that Strapi's client makes.
const CHECKS: usize = 53;

on_both_databases! {
    async fn the_official_client_does_all_that_it_can(app: &TestApp) {
        let driven = drive(app, "drive.mjs").await;
        assert_eq!(driven.lines().last(), Some(format!("{CHECKS} passed, 0 failed").as_str()), "{driven}");
    }
}

/// Runs a script of `tests/client` against the server and returns what it says.
pub async fn drive(app: &TestApp, script: &str) -> String {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/client").join(script);
    let (folder, base) = (installed(), format!("http://{}/api", app.address()));
    let run = move || {
        let done = Command::new("node").arg(script).args([folder, base, TOKEN.to_owned()]).output();
        let done = done.expect("node runs: install Node.js 20 or newer (Debian's package nodejs)");
        format!("{}{}", String::from_utf8_lossy(&done.stderr), String::from_utf8_lossy(&done.stdout))
    };
    tokio::task::spawn_blocking(run).await.expect("it ends")
}

/// The folder that `tests/run` has installed the clients into.
#[allow(clippy::disallowed_methods)] // What whoever runs the test has to tell.
pub fn installed() -> String {
    std::env::var("TEST_CLIENTS").expect(
        "TEST_CLIENTS names the folder with the clients that tests/run installs: it needs Node.js 20 or newer and npm \
         (Debian's packages nodejs and npm)",
    )
}
