//! Other people's data that tests look into: contracts and examples of the outside services, which are no part of the
//! project. They lie where `TEST_SHARED` says, else in a folder `shared` beside the checkout or above it.
//!
//! Where they are not, the tests that need them say so on a line that begins with `SKIPPED:` and pass, which `tests/run`
//! counts. They fail where somebody has said that the files are there (`TEST_SHARED`), and where nobody reads what passing
//! tests say (`CI`).

use std::io::Write as _;
use std::path::{Path, PathBuf};

use serde_json::Value;

/// The file or folder of this name among them; `None` when the test is to be skipped.
///
/// Panics when it is not there and must be.
pub fn find(name: &str) -> Option<PathBuf> {
    let found = look(name);
    if found.is_none() {
        if let Some(why) = why_it_must_be_there(told("CI").as_deref(), told("TEST_SHARED").as_deref()) {
            panic!("there is no shared/{name}: {why}");
        }
        // Past the harness, which keeps what passing tests print to itself.
        let test = std::thread::current().name().unwrap_or("a test").to_owned();
        let said = writeln!(
            std::io::stderr(),
            "SKIPPED: {test}: no shared/{name} beside the checkout; TEST_SHARED names the folder that has it"
        );
        said.expect("stderr");
    }
    found
}

/// The same for what a test can do without: nothing is said when it is not there.
pub fn look(name: &str) -> Option<PathBuf> {
    let folders: Vec<PathBuf> = match told("TEST_SHARED") {
        Some(folder) => vec![folder.into()],
        None => Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().skip(1).map(|folder| folder.join("shared")).collect(),
    };
    folders.into_iter().map(|folder| folder.join(name)).find(|place| place.exists())
}

/// The JSON in the file of this name, as [`find`] finds it.
pub fn json(name: &str) -> Option<Value> {
    let found = find(name)?;
    let text = std::fs::read_to_string(&found).unwrap_or_else(|error| panic!("{}: {error}", found.display()));
    Some(serde_json::from_str(&text).expect("JSON"))
}

/// What a variable says; an empty one says nothing.
#[allow(clippy::disallowed_methods)] // It concerns the tests alone.
fn told(variable: &str) -> Option<String> {
    std::env::var(variable).ok().filter(|text| !text.is_empty())
}

/// Why what is not there must be, with what `CI` and `TEST_SHARED` say; `None` when it may be missing.
pub fn why_it_must_be_there(ci: Option<&str>, folder: Option<&str>) -> Option<String> {
    match (ci, folder) {
        (_, Some(folder)) => Some(format!("TEST_SHARED says that it is in {folder}")),
        (Some(_), None) => {
            Some("no test is skipped where CI is set; TEST_SHARED names the folder that has it".to_owned())
        }
        (None, None) => None,
    }
}
