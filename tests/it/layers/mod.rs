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
