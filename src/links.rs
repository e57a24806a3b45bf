//! Links that mails carry: each is for one address, one store and one purpose, signed with a key that is derived from the
//! one that seals credentials. Nothing is stored of a link.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use crate::clock::{DAY, Millis};
use crate::secrets::Sealer;

/// What a link does. A link for one purpose is none for another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// Subscribes the address.
    Confirm,
    /// Unsubscribes it.
    Unsubscribe,
}

/// A link.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Link {
    /// What it does.
    pub purpose: Purpose,
    /// For which address.
    pub email: String,
    /// At which store, by its documentId.
    pub store: String,
    /// When it was made.
    pub issued_at: Millis,
}

/// Why a token is no link.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NoLink {
    /// It was changed, cut, made with another key, or is for another purpose.
    Unknown,
    /// It was one.
    Expired,
}

impl Purpose {
    fn name(self) -> &'static str {
        match self {
            Self::Confirm => "confirm",
            Self::Unsubscribe => "unsubscribe",
        }
    }

    /// How long a link is one, in milliseconds. Mails are left from years after they came.
    pub fn lasts(self) -> Millis {
        match self {
            Self::Confirm => 7 * DAY,
            Self::Unsubscribe => 3 * 365 * DAY,
        }
    }

    /// The path that links of this purpose begin with.
    pub fn path(self) -> &'static str {
        match self {
            Self::Confirm => "/api/subscribers/confirm/",
            Self::Unsubscribe => "/api/subscribers/unsubscribe/",
        }
    }
}

impl Link {
    /// The whole address, at the instance that is reached at `base`.
    pub fn url(&self, base: &str, sealer: &Sealer) -> String {
        format!("{}{}{}", base.trim_end_matches('/'), self.purpose.path(), self.token(sealer))
    }

    fn token(&self, sealer: &Sealer) -> String {
        let said = serde_json::json!([self.purpose.name(), self.email, self.store, self.issued_at]).to_string();
        let said = URL_SAFE_NO_PAD.encode(said);
        format!("{said}.{}", URL_SAFE_NO_PAD.encode(sealer.sign_link(&said)))
    }

    /// Reads the token of a link of this purpose.
    pub fn read(token: &str, purpose: Purpose, sealer: &Sealer, now: Millis) -> Result<Self, NoLink> {
        let (said, signature) = token.split_once('.').ok_or(NoLink::Unknown)?;
        let signature = URL_SAFE_NO_PAD.decode(signature).map_err(|_| NoLink::Unknown)?;
        if !sealer.has_signed_link(said, &signature) {
            return Err(NoLink::Unknown);
        }
        let said = URL_SAFE_NO_PAD.decode(said).map_err(|_| NoLink::Unknown)?;
        let said: (String, String, String, Millis) = serde_json::from_slice(&said).map_err(|_| NoLink::Unknown)?;
        let (name, email, store, issued_at) = said;
        if name != purpose.name() {
            return Err(NoLink::Unknown);
        }
        if now >= issued_at + purpose.lasts() {
            return Err(NoLink::Expired);
        }
        Ok(Self { purpose, email, store, issued_at })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_link_has_one_meaning_one_key_and_an_end() {
        let sealer = |byte: u8| Sealer::new(&[byte; 32]).unwrap_or_else(|error| panic!("{error}"));
        let (own, other) = (sealer(7), sealer(8));
        let link =
            Link { purpose: Purpose::Confirm, email: "ada@example.com".into(), store: "s".repeat(24), issued_at: 1000 };
        let token = link.token(&own);
        assert!(token.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte)), "{token}");
        let read = |token: &str, purpose, now| Link::read(token, purpose, &own, now);
        assert_eq!(read(&token, Purpose::Confirm, 2000), Ok(link.clone()));
        assert_eq!(read(&token, Purpose::Unsubscribe, 2000), Err(NoLink::Unknown));
        assert_eq!(read(&token, Purpose::Confirm, 1000 + 7 * DAY), Err(NoLink::Expired));
        assert_eq!(Link::read(&token, Purpose::Confirm, &other, 2000), Err(NoLink::Unknown));
        for place in 0..token.len() {
            let mut changed = token.clone().into_bytes();
            changed[place] = if changed[place] == b'A' { b'B' } else { b'A' };
            let changed = String::from_utf8(changed).unwrap_or_default();
            // The last letter of each part has bits that say nothing.
            if read(&changed, Purpose::Confirm, 2000).is_ok() {
                assert!(token.as_bytes()[place + 1..].first().is_none_or(|next| *next == b'.'), "{place}");
            }
        }
        for wrong in ["", ".", "x.y", &token[1..], &token[..token.len() - 4]] {
            assert_eq!(read(wrong, Purpose::Confirm, 2000), Err(NoLink::Unknown), "{wrong}");
        }
        assert_eq!(
            link.url("https://shop.example/", &own),
            format!("https://shop.example/api/subscribers/confirm/{token}")
        );
    }
}
