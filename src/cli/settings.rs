//! The variables, as the command line shows them.

use super::{Failure, say};
use crate::config::{self, VARIABLES};

/// The part of `--help` that explains each variable.
pub(super) fn help() -> String {
    let mut text = "Environment:\n".to_owned();
    for variable in VARIABLES {
        text.push_str(&format!("  {}", variable.name));
        if !variable.default.is_empty() {
            text.push_str(&format!(" [default: {}]", variable.default));
        }
        text.push_str(&format!("\n          {}\n", variable.help));
    }
    text
}

/// Prints each variable with its value.
pub(super) fn print() -> Result<(), Failure> {
    for setting in config::settings() {
        let origin = if setting.is_default { " (default)" } else { "" };
        say(format!("{}={}{origin}", setting.variable.name, setting.shown))?;
    }
    for line in config::unknown() {
        eprintln!("tenon: {line}");
    }
    Ok(())
}
