//! Where an attempt goes, as far as its health is concerned.

use url::Url;

/// What the attempts of a record share that has this key and url: the host, with its port where the url names one; else
/// the key, since a handler without a url reaches one service.
pub fn destination(key: &str, url: Option<&str>) -> String {
    let host = |url: &str| {
        let url = Url::parse(url).ok()?;
        let host = url.host_str()?.to_owned();
        Some(url.port().map_or(host.clone(), |port| format!("{host}:{port}")))
    };
    url.and_then(host).unwrap_or_else(|| key.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_destination_is_a_host_and_its_port_or_a_key() {
        for (url, expected) in [
            (Some("https://Hooks.example/a?b=c"), "hooks.example"),
            (Some("http://hooks.example:8080/"), "hooks.example:8080"),
            (Some("https://hooks.example:443/"), "hooks.example"),
            (Some("http://[::1]:80/x"), "[::1]"),
            (Some("hooks.example/a"), "k:c"),
            (Some(""), "k:c"),
            (None, "k:c"),
        ] {
            assert_eq!(destination("k:c", url), expected, "{url:?}");
        }
    }
}
