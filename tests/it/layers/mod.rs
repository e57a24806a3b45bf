//! The tree is the map: `lib.rs` lists the modules in the order of their arrows, and this keeps them pointing up. Inside a
//! module no two files may need each other.

mod imports;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

/// Lines of a file, its tests included.
const LONGEST_FILE: usize = 400;

#[test]
fn modules_use_only_those_above_them() {
    let order = modules();
    assert!(order.len() > 8, "{order:?}");
    for (place, module) in order.iter().enumerate() {
        for file in files(module) {
            for (number, line) in read(&file).lines().enumerate() {
                let below = used(line).filter(|used| order[place + 1..].contains(used)).collect::<Vec<_>>();
                assert!(below.is_empty(), "{}:{}: {module} is above {below:?}", file.display(), number + 1);
            }
        }
    }
}

/// The folders of the runner, each using only those before it.
const RUNNER: [&str; 4] = ["execute", "dispatch", "cycle", "operator"];

#[test]
fn folders_of_the_runner_use_only_those_before_them() {
    for (place, folder) in RUNNER.iter().enumerate() {
        for file in files(&format!("runner/{folder}")) {
            for (number, line) in read(&file).lines().enumerate() {
                let code = line.split("//").next().unwrap_or_default();
                let later = RUNNER[place + 1..].iter().find(|later| code.contains(&format!("runner::{later}")));
                assert!(later.is_none(), "{}:{}: {folder} is before {later:?}", file.display(), number + 1);
            }
        }
    }
}

/// Facts refer to each other by nature: a relation leads to a type that has relations.
const MUTUAL: [&str; 5] = [
    "content::facts",
    "content::links",
    "content::types::product",
    "content::types::store",
    "content::types::subscriber",
];

#[test]
fn no_two_files_need_each_other() {
    let arrows = imports::arrows(&root().join("src"));
    assert!(arrows.len() > 200, "{} files", arrows.len());
    // What nothing leads to, and what leads nowhere, is in no circle; of the rest every file is in one or between two.
    let mut left: BTreeMap<String, BTreeSet<String>> = arrows;
    MUTUAL.iter().for_each(|file| drop(left.remove(*file)));
    loop {
        let known: BTreeSet<String> = left.keys().cloned().collect();
        let used: BTreeSet<String> = left.values().flatten().cloned().collect();
        let before = left.len();
        left.values_mut().for_each(|targets| targets.retain(|target| known.contains(target)));
        left.retain(|file, targets| !targets.is_empty() && used.contains(file));
        if left.len() == before {
            break;
        }
    }
    assert!(left.is_empty(), "these files import each other, directly or by way of others: {left:#?}");
}

#[test]
fn files_fit_in_a_head() {
    let mut long = Vec::new();
    for folder in ["src", "tests", "examples", "benches"] {
        collect(&root().join(folder), &mut |file| {
            let lines = read(file).lines().count();
            if lines > LONGEST_FILE {
                long.push((file.to_owned(), lines));
            }
        });
    }
    assert!(long.is_empty(), "longer than {LONGEST_FILE} lines: {long:?}");
}

#[test]
fn both_databases_have_the_same_migrations() {
    let names = |database: &str| -> Vec<_> {
        let folder = root().join("migrations").join(database);
        let mut names: Vec<_> = fs::read_dir(folder).expect("a folder").flatten().map(|at| at.file_name()).collect();
        names.sort();
        names
    };
    assert_eq!(names("sqlite"), names("postgres"));
}

/// Where a content type may be named: in the facts, in what events mean to a shop, and in the sample shop.
const NAMING: [&str; 7] = ["commerce", "content", "demo", "extensions", "handler", "services", "triggers"];

/// What names one of Tenon's own content types or its prices, where capabilities are to be asked for.
const NAMES: [&str; 11] = [
    "STORE",
    "PRODUCT",
    "SUBSCRIBER",
    "PRICE",
    "\"product\"",
    "\"price\"",
    "'store.",
    "'product.",
    "FROM products",
    "FROM subscribers",
    "UPDATE prices",
];

/// The files that still do: the services for prices, stocks and subscriptions, and what speaks of a price as the item that a
/// path or an event names.
const STILL_NAMING: [&str; 19] = [
    "db/documents/articles.rs",
    "db/documents/inventory.rs",
    "db/documents/subscribers.rs",
    "db/extensions.rs",
    "documents/activate.rs",
    "documents/inventory.rs",
    "documents/lifecycle.rs",
    "documents/prices.rs",
    "documents/record_changes.rs",
    "documents/storefront.rs",
    "documents/subscriptions.rs",
    "http/openapi/examples.rs",
    "http/prices.rs",
    "http/record_path.rs",
    "http/runs.rs",
    "http/subscriptions.rs",
    "runner/dispatch/owner_event.rs",
    "runner/dispatch/targets.rs",
    "runner/operator/test_run.rs",
];

#[test]
fn content_types_are_named_in_their_facts_and_in_commerce_alone() {
    let source = root().join("src");
    let mut naming = Vec::new();
    collect(&source, &mut |file| {
        let path = file.strip_prefix(&source).expect("a file of src").to_string_lossy().into_owned();
        let is_allowed = NAMING.iter().any(|folder| path.starts_with(&format!("{folder}/")));
        if !is_allowed && !path.contains("tests") && names_a_type(&read(file)) {
            naming.push(path);
        }
    });
    naming.sort();
    assert_eq!(naming, STILL_NAMING, "ask the catalogue for a capability instead");
}

/// Whether the code before the tests of a file has one of [`NAMES`].
fn names_a_type(code: &str) -> bool {
    let code = code.split("#[cfg(test)]").next().unwrap_or_default();
    let is_word = |letter: Option<char>| letter.is_some_and(|letter| letter.is_alphanumeric() || letter == '_');
    code.lines().map(|line| line.split("//").next().unwrap_or_default()).any(|line| {
        NAMES.iter().any(|name| {
            line.match_indices(name).any(|(place, _)| {
                !is_word(line[..place].chars().next_back()) && !is_word(line[place + name.len()..].chars().next())
                    || !name.ends_with(char::is_alphanumeric)
            })
        })
    })
}

/// The modules of the library, from the first line of the map to the last.
fn modules() -> Vec<String> {
    let map = read(&root().join("src/lib.rs"));
    let declared = map.lines().filter_map(|line| line.strip_prefix("pub mod ")?.split(';').next());
    declared.map(str::to_owned).collect()
}

/// The modules of this library that `line` names.
fn used(line: &str) -> impl Iterator<Item = String> + '_ {
    let code = line.split("//").next().unwrap_or_default();
    code.split("crate::").skip(1).map(|rest| rest.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect())
}

fn files(module: &str) -> Vec<PathBuf> {
    let file = root().join("src").join(format!("{module}.rs"));
    if file.exists() {
        return vec![file];
    }
    let mut found = Vec::new();
    collect(&root().join("src").join(module), &mut |file| found.push(file.to_owned()));
    assert!(!found.is_empty(), "{module} has no file");
    found
}

/// Calls `each` with every Rust file below `folder`.
fn collect(folder: &Path, each: &mut dyn FnMut(&Path)) {
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        if path.is_dir() {
            collect(&path, each);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            each(&path);
        }
    }
}

fn read(path: &Path) -> String {
    fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}
