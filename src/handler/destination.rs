//! Where an attempt goes, as far as its health is concerned.

use ring::digest::{SHA256, digest};
use url::Url;

/// The longest name of a host in bytes, with a port: that of a longer one is cut, and told apart by its hash.
const LONGEST: usize = 260;
/// How much is left of it.
const SHOWN: usize = 64;

/// What the attempts of a record share that has this key and url: the host, with its port where the url names one; else
/// the key and the record's id. Where those lead is in the record's credentials, and what one account or installation
/// refuses must not hold up another shop's. Never longer than an index takes.
pub fn destination(key: &str, url: Option<&str>, record: i64) -> String {
    let host = |url: &str| {
        let url = Url::parse(url).ok()?;
        let host = url.host_str()?.to_owned();
        Some(url.port().map_or(host.clone(), |port| format!("{host}:{port}")))
    };
    let name = url.and_then(host).unwrap_or_else(|| format!("{key}#{record}"));
    if name.len() <= LONGEST {
        return name;
    }
    let hash: String =
        digest(&SHA256, name.as_bytes()).as_ref()[..16].iter().map(|byte| format!("{byte:02x}")).collect();
    let shown: String = name.chars().take(SHOWN).collect();
    format!("{shown}~{hash}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_destination_is_a_host_and_its_port_or_a_record() {
        for (url, expected) in [
            (Some("https://Hooks.example/a?b=c"), "hooks.example"),
            (Some("http://hooks.example:8080/"), "hooks.example:8080"),
            (Some("https://hooks.example:443/"), "hooks.example"),
            (Some("http://[::1]:80/x"), "[::1]"),
            (Some("hooks.example/a"), "k:c#7"),
            (Some(""), "k:c#7"),
            (None, "k:c#7"),
        ] {
            assert_eq!(destination("k:c", url, 7), expected, "{url:?}");
        }
    }

    #[test]
    fn a_host_of_any_length_makes_a_name_that_an_index_takes() {
        let name = |last: &str| destination("k:c", Some(&format!("http://{}{last}.example/", "a".repeat(4000))), 7);
        assert_eq!(name("b").len(), SHOWN + 1 + 32);
        assert_ne!(name("b"), name("c"));
        assert_eq!(name("b"), name("b"));
    }
}
