//! From which pages browsers may let scripts call: the origins of CORS.

use url::Url;

/// The origins whose scripts may read answers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Origins {
    /// All of them. Nothing that a browser sends by itself, such as a cookie, says who calls, so a script gains nothing
    /// that its reader could not fetch without a browser.
    Any,
    /// These and no others, each as the header `Origin` has it: `https://shop.example`.
    Only(Vec<String>),
}

impl Origins {
    /// Reads `*`, or origins with commas between them; nothing at all is no origin.
    ///
    /// Fails with the first part that is no origin of http or https.
    pub fn parse(text: &str) -> Result<Self, String> {
        if text.trim() == "*" {
            return Ok(Self::Any);
        }
        let parts = text.split(',').map(str::trim).filter(|part| !part.is_empty());
        parts.map(origin).collect::<Result<_, _>>().map(Self::Only)
    }

    /// The value of `Access-Control-Allow-Origin` for a request with this header `Origin`; `None` when its script may read
    /// nothing.
    pub fn allowed<'a>(&'a self, origin: Option<&str>) -> Option<&'a str> {
        match self {
            Self::Any => Some("*"),
            Self::Only(list) => list.iter().map(String::as_str).find(|known| Some(*known) == origin),
        }
    }
}

fn origin(text: &str) -> Result<String, String> {
    let wanted =
        || format!("expected * or origins such as https://shop.example, with commas between them, got {text:?}");
    let url = Url::parse(text).ok().filter(|url| matches!(url.scheme(), "http" | "https")).ok_or_else(wanted)?;
    let is_bare = url.path() == "/" && url.query().is_none() && url.fragment().is_none();
    let is_bare = is_bare && url.username().is_empty() && url.password().is_none();
    if is_bare { Ok(url.origin().ascii_serialization()) } else { Err(wanted()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn origins_are_read_as_browsers_send_them() {
        assert_eq!(Origins::parse(" * "), Ok(Origins::Any));
        let only = Origins::parse("https://Shop.example:443, http://127.0.0.1:3000/").expect("origins");
        assert_eq!(only, Origins::Only(vec!["https://shop.example".into(), "http://127.0.0.1:3000".into()]));
        for (sent, allowed) in [
            (Some("https://shop.example"), true),
            (Some("http://127.0.0.1:3000"), true),
            (Some("http://shop.example"), false),
            (Some("https://shop.example:8443"), false),
            (Some("https://shop.example.evil.example"), false),
            (Some("null"), false),
            (None, false),
        ] {
            assert_eq!(only.allowed(sent), sent.filter(|_| allowed), "{sent:?}");
            assert_eq!(Origins::Any.allowed(sent), Some("*"));
        }
        for wrong in [
            "shop.example",
            "https://",
            "https://shop.example/path",
            "ftp://shop.example",
            "https://*.example,*",
            "null",
        ] {
            let problem = Origins::parse(wrong);
            assert!(
                problem.as_ref().is_err_and(|problem| problem.contains("https://shop.example")),
                "{wrong}: {problem:?}"
            );
        }
    }
}
