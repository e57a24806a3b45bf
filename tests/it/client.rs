//! The official client of Strapi drives the server.

use std::path::Path;
use std::process::Command;

use crate::support::api::TOKEN;
use crate::support::app::TestApp;
use crate::support::on_both_databases;

/// The checks that the client makes.
const CHECKS: usize = 53;

on_both_databases! {
    async fn the_official_client_does_all_that_it_can(app: &TestApp) {
        let (folder, base) = (installed(), format!("http://{}/api", app.address()));
        let driven = tokio::task::spawn_blocking(move || drive(folder, base)).await.expect("it ends");
        assert_eq!(driven.lines().last(), Some(format!("{CHECKS} passed, 0 failed").as_str()), "{driven}");
    }
}

/// Runs the checks and returns what they say.
fn drive(folder: String, base: String) -> String {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/client/drive.mjs");
    let mut command = Command::new("node");
    let done = command.arg(script).args([folder, base, TOKEN.to_owned()]).output();
    let done = done.expect("node runs: install Node.js 20 or newer (Debian's package nodejs)");
    format!("{}{}", String::from_utf8_lossy(&done.stderr), String::from_utf8_lossy(&done.stdout))
}

/// The folder that `tests/run` has installed the client into.
#[allow(clippy::disallowed_methods)] // What whoever runs the test has to tell.
fn installed() -> String {
    std::env::var("TEST_STRAPI_CLIENT").expect(
        "TEST_STRAPI_CLIENT names the folder with the client that tests/run installs: it needs Node.js 20 or newer and npm \
         (Debian's packages nodejs and npm)",
    )
}
