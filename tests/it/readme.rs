//! What the README says of the program is so.

use tenon::config::VARIABLES;
use tenon::limits::LIMITS;

const README: &str = include_str!("../../README.md");

#[test]
fn the_table_of_variables_is_that_of_the_program() {
    let mut expected = String::new();
    for variable in VARIABLES {
        let default = if variable.default.is_empty() { String::new() } else { format!("`{}`", variable.default) };
        expected.push_str(&format!("| `{}` | {default} | {} |\n", variable.name, variable.help.replace('<', "\\<")));
    }
    assert!(README.contains(&expected), "the README's table should be:\n{expected}");
}

#[test]
fn the_table_of_limits_is_that_of_the_program() {
    let rows = LIMITS.map(|limit| format!("| {} {} | {} |\n", limit.most, limit.unit, limit.meaning)).concat();
    assert!(README.contains(&rows), "the README's table should be:\n{rows}");
}

#[test]
fn every_file_that_is_named_is_there() {
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR"));
    let links = README.split("](").skip(1).filter_map(|rest| rest.split(')').next());
    for link in links.filter(|link| !link.starts_with("http")) {
        assert!(root.join(link).exists(), "{link} is not there");
    }
}

#[test]
fn the_handler_that_is_shown_is_the_one_that_runs() {
    let example = include_str!("../../examples/custom_handler.rs");
    let (_, handler) = example.split_once("/// The handler for the key").expect("a handler");
    let (handler, _) = handler.split_once("\n}\n\ntype Result").expect("its end");
    assert!(README.contains(handler), "the README shows another handler than examples/custom_handler.rs");
    let main = "tenon::cli::run(tenon::extensions::registry().and_then(|handlers| handlers.with(Erp)))";
    assert!(README.contains(main) && example.contains(main));
}
