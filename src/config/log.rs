//! `RUST_LOG`: what a filter must be like.

use crate::suggest::nearest;

/// The levels of `RUST_LOG`.
const LEVELS: [&str; 6] = ["off", "error", "warn", "info", "debug", "trace"];

/// Checks a filter of `env_logger`'s form, and returns it.
///
/// Fails, with what is wrong, when a part of it cannot be read or is a misspelt level.
pub(super) fn check(text: &str) -> Result<String, String> {
    env_filter::Builder::new().try_parse(text).map_err(|error| error.to_string())?;
    // What is no level is taken for the name of a module, which then is all that is logged.
    for word in text.split(',').map(|word| word.trim().to_lowercase()).filter(|word| !word.contains(['=', ':', '/'])) {
        let near = LEVELS.into_iter().find(|level| sorted(level) == sorted(&word));
        let near = near.or_else(|| nearest(&word, LEVELS).first().copied());
        if let Some(near) = near.filter(|near| *near != word) {
            return Err(format!("{word} is not a level; did you mean {near}?"));
        }
    }
    Ok(text.to_owned())
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
        }
    }
}
