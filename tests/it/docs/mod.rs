//! What the documents say of the program is so: their tables are the program's, their links lead somewhere, their examples
//! run.

mod shell;

use std::fs;
use std::path::{Path, PathBuf};

use tenon::config::VARIABLES;
use tenon::limits::LIMITS;

/// A document: README and its neighbours, and all of docs/.
struct Document {
    /// Its path from the root of the repository.
    path: PathBuf,
    text: String,
}

/// A fenced block of a document.
struct Block {
    /// What stands behind the opening fence: `sh`, `rust,no_run`.
    language: String,
    text: String,
}

impl Document {
    fn read(path: &str) -> Self {
        let text = fs::read_to_string(root().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"));
        Self { path: path.into(), text }
    }

    fn blocks(&self) -> Vec<Block> {
        let mut blocks = Vec::new();
        let mut open: Option<Block> = None;
        for line in self.text.lines() {
            match (line.strip_prefix("```"), &mut open) {
                (Some(_), Some(_)) => blocks.extend(open.take()),
                (Some(language), None) => open = Some(Block { language: language.to_owned(), text: String::new() }),
                (None, Some(block)) => {
                    block.text.push_str(line);
                    block.text.push('\n');
                }
                (None, None) => {}
            }
        }
        assert!(open.is_none(), "{}: a block is not closed", self.path.display());
        blocks
    }

    /// The anchors of its headings, as GitHub makes them.
    fn anchors(&self) -> Vec<String> {
        let headings = self.text.lines().filter(|line| line.starts_with('#'));
        let kept = |letter: char| letter.is_alphanumeric() || matches!(letter, ' ' | '-' | '_');
        let anchor =
            |line: &str| line.trim_start_matches('#').trim().to_lowercase().chars().filter(|c| kept(*c)).collect();
        headings
            .map(|line| {
                let anchor: String = anchor(line);
                anchor.replace(' ', "-")
            })
            .collect()
    }
}

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

fn documents() -> Vec<Document> {
    let pages = fs::read_dir(root().join("docs")).expect("docs/").flatten().map(|entry| entry.file_name());
    let pages = pages.filter_map(|name| Some(format!("docs/{}", name.to_str()?)));
    let neighbours = ["README.md", "SECURITY.md", "CHANGELOG.md"].map(str::to_owned);
    neighbours.into_iter().chain(pages).map(|path| Document::read(&path)).collect()
}

#[test]
fn the_table_of_variables_is_that_of_the_program() {
    let mut expected = String::new();
    for variable in VARIABLES {
        let default = if variable.default.is_empty() { String::new() } else { format!("`{}`", variable.default) };
        expected.push_str(&format!("| `{}` | {default} | {} |\n", variable.name, variable.help.replace('<', "\\<")));
    }
    let page = Document::read("docs/operating.md");
    assert!(page.text.contains(&expected), "the table in docs/operating.md should be:\n{expected}");
}

#[test]
fn the_table_of_limits_is_that_of_the_program() {
    let rows = LIMITS.map(|limit| format!("| {} {} | {} |\n", limit.most, limit.unit, limit.meaning)).concat();
    let page = Document::read("docs/rate-limits.md");
    assert!(page.text.contains(&rows), "the table in docs/rate-limits.md should be:\n{rows}");
}

#[test]
fn the_readme_is_short() {
    let lines = Document::read("README.md").text.lines().count();
    assert!(lines <= 250, "{lines} lines: what is for one kind of reader belongs into docs/");
}

#[test]
fn every_relative_link_leads_somewhere() {
    let mut broken = Vec::new();
    for document in documents() {
        let folder = document.path.parent().unwrap_or(Path::new("")).to_owned();
        for link in document.text.split("](").skip(1).filter_map(|rest| rest.split(')').next()) {
            if link.starts_with("http") || link.starts_with("mailto:") {
                continue;
            }
            let (file, anchor) = link.split_once('#').unwrap_or((link, ""));
            let target = if file.is_empty() { document.path.clone() } else { folder.join(file) };
            let has_anchor = || {
                anchor.is_empty() || Document::read(&target.to_string_lossy()).anchors().contains(&anchor.to_owned())
            };
            if !root().join(&target).exists() || !has_anchor() {
                broken.push(format!("{}: {link}", document.path.display()));
            }
        }
    }
    assert!(broken.is_empty(), "{broken:#?}");
}

#[test]
fn every_file_that_is_named_is_there() {
    let mut missing = Vec::new();
    for document in documents().iter().filter(|document| document.path != Path::new("CHANGELOG.md")) {
        let spans = document.text.split('`').skip(1).step_by(2);
        let paths = spans.filter(|span| {
            ["src/", "tests/", "examples/", "migrations/", "docs/"].iter().any(|top| span.starts_with(top))
        });
        let plain = paths.filter(|path| !path.contains(['<', '*', '{', ' ', '…']));
        missing.extend(
            plain.filter(|path| !root().join(path).exists()).map(|path| format!("{}: {path}", document.path.display())),
        );
    }
    assert!(missing.is_empty(), "{missing:#?}");
}

/// rustdoc builds what `src/lib.rs` names, and nothing else.
#[test]
fn every_document_with_an_example_in_rust_is_a_doctest() {
    let library = fs::read_to_string(root().join("src/lib.rs")).expect("the library");
    for document in documents() {
        if document.blocks().iter().any(|block| block.language.starts_with("rust")) {
            let include = format!("include_str!(\"../{}\")", document.path.display());
            assert!(library.contains(&include), "src/lib.rs has no {include}");
        }
    }
}

#[test]
fn the_handler_that_is_shown_is_the_one_that_runs() {
    let page = Document::read("docs/writing-a-handler.md").text;
    let example = include_str!("../../../examples/custom_handler.rs");
    let (_, handler) = example.split_once("/// The handler for the key").expect("a handler");
    let (handler, _) = handler.split_once("\n}\n\ntype Result").expect("its end");
    assert!(page.contains(handler), "docs/writing-a-handler.md shows another handler than examples/custom_handler.rs");
}
