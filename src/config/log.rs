//! `RUST_LOG`: what a filter must be like.

use crate::suggest::suggest;

/// The levels of `RUST_LOG`.
const LEVELS: [&str; 6] = ["off", "error", "warn", "info", "debug", "trace"];

/// The map of the code, from which the names of its modules are read.
const MAP: &str = include_str!("../lib.rs");

/// Checks a filter of `env_logger`'s form, and returns it.
///
/// Fails, with what is wrong, when a part of it cannot be read or is a misspelt level.
pub(super) fn check(text: &str) -> Result<String, String> {
    modules_and_levels(text).try_for_each(check_part)?;
    env_filter::Builder::new().try_parse(text).map_err(|error| error.to_string())?;
    // What is no level is taken for the name of a module, which then is all that is logged.
    for word in text.split(',').map(|word| word.trim().to_lowercase()).filter(|word| !word.contains(['=', ':', '/'])) {
        let near = LEVELS.into_iter().find(|level| sorted(level) == sorted(&word));
        let near = near.or_else(|| suggest(&word, LEVELS).first().copied());
        if let Some(near) = near.filter(|near| *near != word) {
            return Err(format!("{word} is not a level; did you mean {near}?"));
        }
    }
    Ok(text.to_owned())
}

/// A line for each module of this program that a filter names and that is not there, with the names that may be meant:
/// nothing at all would be logged for it.
pub(super) fn unknown_modules(text: &str) -> Vec<String> {
    let known: Vec<&str> = MAP.lines().filter_map(|line| line.strip_prefix("pub mod ")?.split(';').next()).collect();
    let named = modules_and_levels(text).filter_map(|part| part.split('=').next()?.trim().strip_prefix("tenon::"));
    let unknown = named.filter_map(|path| path.split("::").next()).filter(|name| !known.contains(name));
    let line = |name: &str| match suggest(name, known.iter().copied()).first() {
        Some(near) => format!("RUST_LOG: tenon::{name} is no module of this program; did you mean tenon::{near}?"),
        None => format!("RUST_LOG: tenon::{name} is no module of this program; these are: {}", known.join(", ")),
    };
    unknown.map(line).collect()
}

/// The parts of a filter, without the expression behind them that lines must match.
fn modules_and_levels(text: &str) -> impl Iterator<Item = &str> {
    text.split('/').next().unwrap_or_default().split(',').map(str::trim).filter(|part| !part.is_empty())
}

/// Refuses what `env_logger` takes for something and says nothing of: a part is a level, a module or `module=level`.
fn check_part(part: &str) -> Result<(), String> {
    let is_module = |name: &str| {
        !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_-:".contains(&byte))
    };
    let wanted = "expected a level, a module, or module=level";
    match part.split('=').map(str::trim).collect::<Vec<_>>()[..] {
        [name] | [name, _] if !is_module(name) => Err(format!("{part} names no module: {wanted}")),
        [_] => Ok(()),
        [_, ""] => Err(format!("{part} names no level: {wanted}")),
        [_, level] if LEVELS.contains(&level.to_lowercase().as_str()) => Ok(()),
        [_, level] => Err(format!("{level} is not a level: {}", LEVELS.join(", "))),
        _ => Err(format!("{part} cannot be read: {wanted}")),
    }
}

/// The letters of a word in order: the same for words that differ by swapped letters.
fn sorted(word: &str) -> Vec<char> {
    let mut letters: Vec<char> = word.chars().collect();
    letters.sort_unstable();
    letters
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn log_filters_are_read() {
        for filter in ["debug", "INFO", "off", "info,tenon::http=debug", "warn,actix_server=info", "tenon", "info/slow"]
        {
            assert!(check(filter).is_ok(), "{filter}");
            assert_eq!(unknown_modules(filter), [""; 0], "{filter}");
        }
        for (filter, part) in [
            ("nonsense=,=", "nonsense= names no level"),
            ("info,=", "= names no module"),
            ("=debug", "=debug names no module"),
            ("info=debug=trace", "cannot be read"),
            ("no module=debug", "names no module"),
            ("tenon=verbose", "verbose is not a level"),
        ] {
            assert!(check(filter).is_err_and(|why| why.contains(part)), "{filter}: {:?}", check(filter));
        }
        let told = unknown_modules("warn,tenon::htp=debug,tenon::zzzzzzzz");
        assert!(told[0].ends_with("did you mean tenon::http?") && told[1].contains("runner, http"), "{told:?}");
    }
}
