//! The OpenAPI document is read by those who use it: linters, generators of clients, and the clients themselves.

use std::ffi::OsStr;
use std::path::Path;
use std::process::Command;
use std::sync::OnceLock;

use tempfile::TempDir;

use crate::client::installed;
use crate::support::api::TOKEN;
use crate::support::app::TestApp;
use crate::support::on_both_databases;

const DOCUMENT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/openapi/openapi.json");
const SCRIPT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/client/consume.mjs");

/// The folder with the compiled client, and what was said of it. Both databases are driven by the same.
static BUILT: OnceLock<(TempDir, String)> = OnceLock::new();

fn built() -> &'static (TempDir, String) {
    BUILT.get_or_init(|| {
        let folder = tempfile::tempdir().expect("a folder");
        let clients = installed();
        let told = node([SCRIPT.as_ref(), clients.as_ref(), DOCUMENT.as_ref(), folder.path().as_os_str()]);
        (folder, told)
    })
}

#[test]
fn linters_find_no_error_and_strict_clients_are_generated_from_it() {
    let (_, told) = built();
    assert_eq!(told.lines().last(), Some("5 passed, 0 failed"), "{told}");
}

on_both_databases! {
    async fn a_generated_client_filters_populates_emits_and_creates_records(app: &TestApp) {
        let origin = format!("http://{}", app.address());
        let driven = tokio::task::spawn_blocking(move || {
            let script = built().0.path().join("consumer.js");
            node([script.as_os_str(), origin.as_ref(), TOKEN.as_ref()])
        });
        let driven = driven.await.expect("it ends");
        assert_eq!(driven.lines().last(), Some("12 passed, 0 failed"), "{driven}");
        app.run_until_idle().await;
    }
}

/// Runs a script and returns what it says.
fn node<const N: usize>(arguments: [&OsStr; N]) -> String {
    let done = Command::new("node").args(arguments).current_dir(Path::new(env!("CARGO_MANIFEST_DIR"))).output();
    let done = done.expect("node runs: install Node.js 20 or newer (Debian's package nodejs)");
    format!("{}{}", String::from_utf8_lossy(&done.stderr), String::from_utf8_lossy(&done.stdout))
}
