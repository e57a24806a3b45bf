//! Which file of the library uses which: read from `use` and from paths in the code.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use super::{collect, read};

/// The files by their paths as modules, `db::runs::find`, each with its code.
type Files = BTreeMap<String, String>;

/// The files of `src`, each with those that it uses. A `mod.rs` is the face of its folder: what it says of the files in
/// there is no use of them, and what others take through it is a use of the file that has it.
pub(super) fn arrows(src: &Path) -> BTreeMap<String, BTreeSet<String>> {
    let mut files = Files::new();
    collect(src, &mut |path| {
        let parts = path.strip_prefix(src).expect("below src").with_extension("");
        let mut parts: Vec<_> = parts.iter().map(|part| part.to_string_lossy().into_owned()).collect();
        let is_test = parts.iter().any(|part| part == "tests" || part == "testing");
        if parts.last().is_some_and(|last| last == "mod") {
            parts.pop();
        }
        if !is_test && !["lib", "main"].contains(&parts.join("::").as_str()) {
            files.insert(parts.join("::"), code(&read(path)));
        }
    });

    let mut arrows = BTreeMap::new();
    for (file, code) in &files {
        let used = paths(code).into_iter().filter_map(|path| resolve(&files, file, &path.path, 0));
        let is_below = |target: &String| target.starts_with(&format!("{file}::"));
        arrows.insert(file.clone(), used.filter(|target| target != file && !is_below(target)).collect());
    }
    arrows
}

/// The code of a file without its comments and tests.
fn code(text: &str) -> String {
    let text = text.split("\n#[cfg(test)]\nmod tests {").next().unwrap_or_default();
    text.lines().map(|line| line.split("//").next().unwrap_or_default()).collect::<Vec<_>>().join("\n")
}

/// A path in the code, and whether others may use what it names by way of this file.
struct Used {
    path: String,
    is_public: bool,
}

fn paths(code: &str) -> Vec<Used> {
    let mut found = Vec::new();
    let mut statement: Option<String> = None;
    for line in code.lines() {
        let trimmed = line.trim();
        let begins = trimmed.starts_with("use ") || trimmed.starts_with("pub") && trimmed.contains(" use ");
        match &mut statement {
            Some(text) => text.push_str(trimmed),
            None if begins => statement = Some(trimmed.to_owned()),
            None => found.extend(in_expressions(line)),
        }
        if let Some(text) = statement.take_if(|text| text.ends_with(';')) {
            let (before, tree) = text.split_once("use ").expect("it begins so");
            let paths = expand(tree.trim_end_matches(';'));
            found.extend(paths.into_iter().map(|path| Used { path, is_public: before.starts_with("pub") }));
        }
    }
    found
}

/// `crate::…` and `super::…` in a line of code.
fn in_expressions(line: &str) -> impl Iterator<Item = Used> + '_ {
    let starts = ["crate::", "super::"].into_iter().flat_map(move |root| line.match_indices(root));
    starts.filter(|(at, _)| !line[..*at].ends_with([':', '$']) && !line[..*at].ends_with(char::is_alphanumeric)).map(
        |(at, _)| {
            let path: String = line[at..].chars().take_while(|c| c.is_alphanumeric() || "_:".contains(*c)).collect();
            Used { path: path.trim_end_matches(':').to_owned(), is_public: false }
        },
    )
}

/// `a::b` and `a::c::d` of `a::{b, c::d}`.
fn expand(tree: &str) -> Vec<String> {
    let Some((before, rest)) = tree.split_once('{') else {
        return vec![tree.split(" as ").next().unwrap_or_default().trim().to_owned()];
    };
    let inner = rest.rsplit_once('}').map_or(rest, |(inner, _)| inner);
    let (mut parts, mut depth) = (vec![String::new()], 0);
    for letter in inner.chars() {
        depth += i32::from(letter == '{') - i32::from(letter == '}');
        match (letter, depth) {
            (',', 0) => parts.push(String::new()),
            _ => parts.last_mut().expect("one at least").push(letter),
        }
    }
    let parts = parts.iter().map(|part| part.trim()).filter(|part| !part.is_empty());
    parts.flat_map(|part| expand(&format!("{}{part}", before.trim()))).collect()
}

/// The file that has what `path` names, as `file` says it; `None` for what is not of this library.
fn resolve(files: &Files, file: &str, path: &str, depth: usize) -> Option<String> {
    let here: Vec<&str> = file.split("::").collect();
    let path: Vec<&str> = path.split("::").filter(|part| *part != "self").collect();
    let ups = path.iter().take_while(|part| **part == "super").count();
    let absolute = match path.first()? {
        &"crate" => path[1..].to_vec(),
        &"super" => [&here[..here.len().checked_sub(ups)?], &path[ups..]].concat(),
        first if files.contains_key(&format!("{file}::{first}")) => [&here[..], &path[..]].concat(),
        _ => return None,
    };
    let length = (1..=absolute.len()).rev().find(|length| files.contains_key(&absolute[..*length].join("::")))?;
    let found = absolute[..length].join("::");
    let named = absolute.get(length).filter(|_| depth < 5);
    let by_way = named.and_then(|name| {
        let exported =
            paths(&files[&found]).into_iter().find(|used| used.is_public && used.path.ends_with(&format!("::{name}")));
        resolve(files, &found, &exported?.path, depth + 1)
    });
    Some(by_way.unwrap_or(found))
}
