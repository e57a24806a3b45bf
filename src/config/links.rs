//! Links that mails carry, and whether one is needed to subscribe.

use url::Url;

use super::{Config, Reader};

/// Where links lead, and what they are needed for.
#[derive(Debug, Clone)]
pub struct LinkConfig {
    /// `TENON_PUBLIC_URL`.
    pub base: Option<Url>,
    /// `TENON_SUBSCRIBE`.
    pub subscribing: Subscribing,
}

/// What it takes to subscribe an address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Subscribing {
    /// That a visitor asks for it.
    Single,
    /// That whoever reads its mail follows a link, too.
    Double,
}

impl LinkConfig {
    pub(super) fn from_reader(reader: &mut Reader<impl Fn(&str) -> Option<String>>) -> Option<Self> {
        let base = reader.parse("TENON_PUBLIC_URL", public_url);
        let subscribing = reader.parse("TENON_SUBSCRIBE", subscribing);
        Some(Self { base: base?, subscribing: subscribing? })
    }
}

impl Config {
    /// Where links in mails lead to this instance, without a slash at its end.
    pub fn base_url(&self) -> String {
        let listening = || format!("http://{}", self.listen);
        self.links.base.as_ref().map_or_else(listening, |url| url.as_str().trim_end_matches('/').to_owned())
    }
}

fn public_url(text: &str) -> Result<Option<Url>, String> {
    if text.is_empty() {
        return Ok(None);
    }
    let is_base = |url: &Url| {
        matches!(url.scheme(), "http" | "https") && url.has_host() && url.query().is_none() && url.fragment().is_none()
    };
    let url = Url::parse(text).ok().filter(is_base);
    url.map(Some).ok_or_else(|| "expected an address such as https://api.shop.example".into())
}

fn subscribing(text: &str) -> Result<Subscribing, String> {
    match text {
        "single" => Ok(Subscribing::Single),
        "double" => Ok(Subscribing::Double),
        _ => Err("expected single or double".into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_lead_to_the_public_address_or_to_where_it_listens() {
        let with = |name: &'static str, value: &'static str| {
            Config::read(|asked| (asked == name).then(|| value.to_owned())).map(|config| config.base_url())
        };
        assert_eq!(with("TENON_PUBLIC_URL", "https://api.shop.example/"), Ok("https://api.shop.example".to_owned()));
        assert_eq!(with("TENON_LISTEN", "127.0.0.1:1444"), Ok("http://127.0.0.1:1444".to_owned()));
        for (name, value) in
            [("TENON_PUBLIC_URL", "shop.example"), ("TENON_PUBLIC_URL", "ftp://x"), ("TENON_SUBSCRIBE", "triple")]
        {
            assert!(with(name, value).is_err_and(|problem| problem.starts_with(name)), "{name}={value}");
        }
    }
}
