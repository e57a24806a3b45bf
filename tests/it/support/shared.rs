//! Other people's data that tests look into: contracts and examples of the outside services. They lie beside the checkout
//! or above it, or where `TEST_SHARED` says, and are no part of the project: where they are not, tests say so and pass.

use std::io::Write as _;
use std::path::{Path, PathBuf};

use serde_json::Value;

/// The file or folder of this name among them, or nothing, told loudly.
#[allow(clippy::disallowed_methods)] // What whoever runs the test has to tell.
pub fn find(name: &str) -> Option<PathBuf> {
    let asked = std::env::var("TEST_SHARED").ok().map(PathBuf::from);
    let beside = Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().skip(1).map(|folder| folder.join("shared"));
    let found = asked.into_iter().chain(beside).map(|folder| folder.join(name)).find(|place| place.exists());
    if found.is_none() {
        // Past the harness, which keeps what passing tests print to itself.
        let told = writeln!(
            std::io::stderr(),
            "SKIPPED: no shared/{name} beside the checkout; TEST_SHARED names the folder that has it"
        );
        told.expect("stderr");
    }
    found
}

/// The JSON in the file of this name, or nothing, told loudly.
pub fn json(name: &str) -> Option<Value> {
    let found = find(name)?;
    let text = std::fs::read_to_string(&found).unwrap_or_else(|error| panic!("{}: {error}", found.display()));
    Some(serde_json::from_str(&text).expect("JSON"))
}
