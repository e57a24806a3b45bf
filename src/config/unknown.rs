//! Variables that look like this program's and are none: a misspelt name would keep a default in silence.

use super::{VARIABLES, log};
use crate::suggest::suggest;

/// A line for each variable of the environment that looks like one of this program's and is none, and for each module that
/// `RUST_LOG` names and that is none, with the names that may be meant.
pub fn unknown() -> Vec<String> {
    let mut lines = unknown_among(std::env::vars_os().filter_map(|(name, _)| name.into_string().ok()));
    let filter = std::env::vars_os().find(|(name, _)| name == "RUST_LOG").and_then(|(_, text)| text.into_string().ok());
    lines.extend(filter.iter().flat_map(|filter| log::unknown_modules(filter)));
    lines
}

fn unknown_among(names: impl Iterator<Item = String>) -> Vec<String> {
    let is_known = |name: &str| VARIABLES.iter().any(|variable| variable.name == name);
    // Kubernetes sets these in every container beside a service that is called tenon.
    let is_service = |name: &str| name.starts_with("TENON_SERVICE_") || name.starts_with("TENON_PORT");
    let mut unknown: Vec<String> =
        names.filter(|name| name.starts_with("TENON_") && !is_known(name) && !is_service(name)).collect();
    unknown.sort();

    let line = |name: String| match suggest(&name, VARIABLES.iter().map(|variable| variable.name)).as_slice() {
        [] => format!("{name} is not a variable of this program: `tenon config` lists them"),
        near => format!("{name} is not a variable of this program; did you mean {}?", near.join(" or ")),
    };
    unknown.into_iter().map(line).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unknown_variable_is_named_with_what_may_be_meant() {
        let names = ["PATH", "TENON_LISTN", "TENON_LISTEN", "TENON_ZZZ", "TENON_PORT_1337_TCP", "TENON_SERVICE_HOST"];
        let told = unknown_among(names.iter().map(|name| (*name).to_owned()));
        assert_eq!(told.len(), 2, "{told:?}");
        assert!(told[0].starts_with("TENON_LISTN ") && told[0].ends_with("did you mean TENON_LISTEN?"), "{told:?}");
        assert!(told[1].starts_with("TENON_ZZZ ") && told[1].contains("tenon config"), "{told:?}");
    }
}
