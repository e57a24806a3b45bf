//! How a url must be written for requests to go there, whatever answers.

use url::{Host, Url};

/// The most bytes that a url may have.
pub const LONGEST_URL: usize = 2048;
/// The most bytes of a host's name, and of each of its labels (RFC 1035, section 2.3.4).
const LONGEST_HOST: usize = 253;
const LONGEST_LABEL: usize = 63;

/// Reads a url that requests may go to: http or https, with a host whose name fits, and without a user or password.
///
/// The error says what is wrong with it and quotes nothing of it: a url may be a secret.
pub fn parse_url(text: &str) -> Result<Url, String> {
    check_names(text)?;
    if authority(text).is_some_and(|authority| authority.starts_with('[') && authority.contains('%')) {
        return Err("must have no zone id in its address".to_owned());
    }
    let url = Url::parse(text).map_err(|error| format!("cannot be read: {error}"))?;
    if !matches!(url.scheme(), "http" | "https") {
        return Err("must begin with http:// or https://".to_owned());
    }
    // The standard for urls makes a host of the next word, and takes nearly every sign for a host's letter.
    let is_written =
        text.trim_start().split("://").next().is_some_and(|scheme| scheme.eq_ignore_ascii_case(url.scheme()));
    if !is_written || authority(text).is_none_or(str::is_empty) {
        return Err("must name a host, after http:// or https://".to_owned());
    }
    if url.port() == Some(0) {
        return Err("must have a port from 1 to 65535".to_owned());
    }
    match url.host() {
        Some(Host::Domain(name)) => check_labels(name).map(|()| url),
        Some(_) => Ok(url),
        None => Err("must name a host".to_owned()),
    }
}

/// Refuses a name that no host can have (RFC 1123, section 2.1; some have `_` all the same).
fn check_labels(name: &str) -> Result<(), String> {
    let is_letter = |byte: u8| byte.is_ascii_alphanumeric() || b"-_".contains(&byte);
    let fits = |label: &str| {
        !label.is_empty() && label.bytes().all(is_letter) && !label.starts_with('-') && !label.ends_with('-')
    };
    match name.strip_suffix('.').unwrap_or(name) {
        "" => Err("must name a host".to_owned()),
        name if name.split('.').all(fits) => Ok(()),
        _ => Err("must have a host of letters, digits, dots and - between them".to_owned()),
    }
}

/// Whether `text` is a url that holds a password, or a user of a website. Other schemes have users who are no secret.
pub fn holds_password(text: &str) -> bool {
    let text = text.trim();
    let is_web = |scheme: &str| ["http", "https"].iter().any(|web| scheme.eq_ignore_ascii_case(web));
    let read = Url::parse(text).ok().filter(Url::has_host);
    let is_read =
        read.is_some_and(|url| url.password().is_some() || is_web(url.scheme()) && !url.username().is_empty());

    // What cannot be read as a url may show a password as well.
    let is_scheme = |text: &str| text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"+-.".contains(&byte));
    let scheme = text.split("://").next().filter(|scheme| is_scheme(scheme)).unwrap_or_default();
    let user = authority(text).and_then(|authority| authority.rsplit_once('@')).map(|(user, _)| user);
    is_read || user.is_some_and(|user| is_web(scheme) || !scheme.is_empty() && user.contains(':'))
}

/// Refuses what must not even be stored: a password, which readers would see, and texts that are longer than any url or
/// host, which no index would take. The error quotes nothing of it.
pub fn check_storable(text: &str) -> Result<(), String> {
    if text.len() > LONGEST_URL {
        return Err(format!("must have at most {LONGEST_URL} bytes, not {}", text.len()));
    }
    check_names(text)
}

fn check_names(text: &str) -> Result<(), String> {
    let url = Url::parse(text).ok();
    let names_user = url.as_ref().is_some_and(|url| !url.username().is_empty() || url.password().is_some());
    let authority = authority(text).unwrap_or_default();
    if names_user || authority.contains('@') {
        return Err("must not hold a user or password, which readers would see: credentials have a place of their own"
            .to_owned());
    }
    let host = url.as_ref().and_then(Url::host_str).unwrap_or(authority);
    check_host(host)
}

fn check_host(host: &str) -> Result<(), String> {
    // The root's own label, the dot at the end, is part of no limit.
    let name = host.strip_suffix('.').unwrap_or(host);
    if name.len() > LONGEST_HOST {
        return Err(format!("must have a host of at most {LONGEST_HOST} bytes, not {}", name.len()));
    }
    let is_address = name.starts_with('[') || name.is_empty();
    match name.split('.').find(|label| !is_address && !(1..=LONGEST_LABEL).contains(&label.len())) {
        Some(label) => Err(format!(
            "must have a host whose parts between dots have 1 to {LONGEST_LABEL} bytes, not {}",
            label.len()
        )),
        None => Ok(()),
    }
}

/// What stands between the scheme and the path, in a text that may be no url.
fn authority(text: &str) -> Option<&str> {
    let (_, rest) = text.split_once("://")?;
    rest.split(['/', '?', '#', '\\']).next()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_is_found_in_a_url_of_any_scheme() {
        for held in [
            "https://u:p@s.example",
            " https://u:p@s.example/x",
            "https:u:p@s.example",
            "https://u:p@s example",
            "https://u@s.example",
            "redis://:p@s.example/0",
            "ftp://u:p@s.example",
        ] {
            assert!(holds_password(held), "{held}");
        }
        for free in
            ["https://s.example/@u:p", "mailto:u@s.example", "ssh://git@s.example", "a: b://c:d@e", "u:p@s", "", "x"]
        {
            assert!(!holds_password(free), "{free}");
        }
    }

    #[test]
    fn a_url_is_read_or_refused_with_the_reason_and_the_limit() {
        let host = |label: usize, count: usize| vec!["a".repeat(label); count].join(".");
        let (long_label, long_host) = (host(64, 1), host(49, 6));
        for right in [
            "https://hooks.example/a?b=c".to_owned(),
            "http://127.0.0.1:9/".to_owned(),
            "https://[2606:4700::1111]:8443/x".to_owned(),
            "https://hooks.example./".to_owned(),
            "https://m\u{fc}ller.example/".to_owned(),
            "https://a_b.c--d.example/".to_owned(),
            "https://localhost/".to_owned(),
            format!("https://{}/", host(63, 3)),
            format!("https://x.example/{}", "p".repeat(LONGEST_URL - 18)),
        ] {
            assert!(parse_url(&right).is_ok(), "{right}: {:?}", parse_url(&right));
        }
        for (wrong, part) in [
            (String::new(), "cannot be read"),
            ("hooks.example/a".to_owned(), "cannot be read"),
            ("ftp://hooks.example/".to_owned(), "http://"),
            ("https://".to_owned(), "host"),
            ("http://.".to_owned(), "must name a host"),
            ("http:///x".to_owned(), "must name a host"),
            ("http:x".to_owned(), "must name a host"),
            ("http:x?y=a://b".to_owned(), "must name a host"),
            ("http:\\\\x.example".to_owned(), "must name a host"),
            ("http://-.example/".to_owned(), "letters, digits"),
            ("http://a-.example/".to_owned(), "letters, digits"),
            ("http://*.example/".to_owned(), "letters, digits"),
            ("http://a!b.example/".to_owned(), "letters, digits"),
            ("http://127.0.0.1:99999/".to_owned(), "port"),
            ("http://hooks.example:0/".to_owned(), "port"),
            ("https://user:pa55word@hooks.example/".to_owned(), "user or password"),
            ("https://user@hooks.example/".to_owned(), "user or password"),
            ("https:user:pa55word@hooks.example/".to_owned(), "user or password"),
            ("https://user:pa55word@hooks example/".to_owned(), "user or password"),
            ("https://user:pa55word@hooks.example:99999/".to_owned(), "user or password"),
            ("http://[fe80::1%25eth0]/".to_owned(), "zone"),
            ("http://a..example/".to_owned(), "1 to 63 bytes, not 0"),
            (format!("http://{long_label}.example/"), "1 to 63 bytes, not 64"),
            (format!("http://{long_host}/"), "at most 253 bytes, not 299"),
            (format!("http://{}.example:99999/", "a".repeat(1900)), "at most 253 bytes"),
            (format!("https://x.example/{}", "p".repeat(LONGEST_URL)), "at most 2048 bytes"),
        ] {
            let refused = check_storable(&wrong).and_then(|()| parse_url(&wrong));
            assert!(refused.as_ref().is_err_and(|why| why.contains(part)), "{wrong}: {refused:?}");
            assert!(refused.is_err_and(|why| !why.contains("pa55word")), "{wrong}");
        }
    }
}
