//! Where an attempt goes, as far as its health is concerned.

use url::Url;

/// What the attempts of a record share that has this key and url: the host, with its port where the url names one; else
/// the key and the record's id. Where those lead is in the record's credentials, and what one account or installation
/// refuses must not hold up another shop's.
pub fn destination(key: &str, url: Option<&str>, record: i64) -> String {
    let host = |url: &str| {
        let url = Url::parse(url).ok()?;
        let host = url.host_str()?.to_owned();
        Some(url.port().map_or(host.clone(), |port| format!("{host}:{port}")))
    };
    url.and_then(host).unwrap_or_else(|| format!("{key}#{record}"))
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
}
