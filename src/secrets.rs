//! Sealing of credentials, and the mask that stands for them wherever they could be read.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ring::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use ring::digest::{SHA256, digest};
use ring::hmac;
use serde_json::Value;

use crate::clock::Random;
use crate::error::{Error, Result};

/// What is read where a secret stands.
pub const MASK: &str = "********";

/// The member of a record's credentials that asks for the instance's own. It says whose they are and is none itself.
pub const USE_DEFAULT: &str = "use_default";

/// Seals and opens credentials with AES-256-GCM: `v1:<key id>:<base64 of nonce and ciphertext>`.
///
/// The place of the value (table, row, column) and the key id are authenticated with it, so that a sealed value copied
/// into another row does not open.
pub struct Sealer {
    key: LessSafeKey,
    key_id: String,
    /// Signs links that mails carry: derived from the key, so that what one shows helps nobody with the other.
    links: hmac::Key,
}

impl Sealer {
    /// A sealer for a key of 32 bytes. Its id is the start of the key's SHA-256.
    pub fn new(key: &[u8; 32]) -> Result<Self> {
        let unbound =
            UnboundKey::new(&AES_256_GCM, key).map_err(|_| Error::internal("the key does not fit the cipher"))?;
        let key_id = hexadecimal(&digest(&SHA256, key).as_ref()[..4]);
        let links = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, key), b"links of mails");
        let links = hmac::Key::new(hmac::HMAC_SHA256, links.as_ref());
        Ok(Self { key: LessSafeKey::new(unbound), key_id, links })
    }

    /// Reads a key of 32 bytes from base64 or 64 hexadecimal digits; `None` when it is neither.
    pub fn parse_key(text: &str) -> Option<[u8; 32]> {
        let hex = || {
            let digits = (text.len() == 64 && text.is_ascii()).then_some(text)?;
            (0..32)
                .map(|place| u8::from_str_radix(&digits[place * 2..place * 2 + 2], 16).ok())
                .collect::<Option<Vec<u8>>>()
        };
        hex().or_else(|| STANDARD.decode(text).ok())?.try_into().ok()
    }

    /// The id of the key, as it stands in front of sealed values.
    pub fn key_id(&self) -> &str {
        &self.key_id
    }

    /// Seals `plain` for the place named by `place`, such as `extensions/17/credentials`.
    pub fn seal(&self, plain: &str, place: &str, random: &dyn Random) -> Result<String> {
        let mut nonce = [0; NONCE_LEN];
        random.fill(&mut nonce);
        let mut sealed = plain.as_bytes().to_vec();
        self.key
            .seal_in_place_append_tag(Nonce::assume_unique_for_key(nonce), self.aad(place), &mut sealed)
            .map_err(|_| Error::internal("credentials could not be sealed"))?;
        let bytes = [&nonce[..], &sealed].concat();
        Ok(format!("v1:{}:{}", self.key_id, STANDARD.encode(bytes)))
    }

    /// Opens what [`Sealer::seal`] made for the same place.
    ///
    /// Fails when the value was sealed with another key, for another place, or was changed.
    pub fn open(&self, sealed: &str, place: &str) -> Result<String> {
        let mut parts = sealed.splitn(3, ':');
        let (Some("v1"), Some(key_id), Some(text)) = (parts.next(), parts.next(), parts.next()) else {
            return Err(Error::internal(format!("{place}: not a sealed value")));
        };
        if key_id != self.key_id {
            return Err(Error::internal(format!(
                "{place}: sealed with key {key_id}, the key at hand is {}",
                self.key_id
            )));
        }
        let broken = || Error::internal(format!("{place}: the sealed value does not open"));
        let mut bytes = STANDARD.decode(text).map_err(|_| broken())?;
        let (nonce, sealed) = bytes.split_at_mut_checked(NONCE_LEN).ok_or_else(broken)?;
        let nonce = Nonce::try_assume_unique_for_key(nonce).map_err(|_| broken())?;
        let plain = self.key.open_in_place(nonce, self.aad(place), sealed).map_err(|_| broken())?;
        String::from_utf8(plain.to_vec()).map_err(|_| broken())
    }

    /// The signature of what a link says.
    pub fn sign_link(&self, said: &str) -> Vec<u8> {
        hmac::sign(&self.links, said.as_bytes()).as_ref().to_vec()
    }

    /// Whether [`Sealer::sign_link`] made this signature of what a link says; the time that takes tells nothing.
    pub fn has_signed_link(&self, said: &str, signature: &[u8]) -> bool {
        hmac::verify(&self.links, said.as_bytes(), signature).is_ok()
    }

    fn aad(&self, place: &str) -> Aad<Vec<u8>> {
        Aad::from(format!("{place}/{}", self.key_id).into_bytes())
    }
}

/// `credentials` as they may be read: every value is replaced by [`MASK`] but those of the members of which `is_shown` says
/// that they are no secret, and whether the instance's own are used. Objects, arrays and nulls keep their shape.
pub fn mask(credentials: &Value, is_shown: impl Fn(&str, &Value) -> bool) -> Value {
    let Value::Object(members) = credentials else { return mask_whole(credentials) };
    let member = |(name, value): (&String, &Value)| {
        let is_choice = name == USE_DEFAULT && value.is_boolean();
        let value = if is_choice || is_shown(name, value) { value.clone() } else { mask_whole(value) };
        (name.clone(), value)
    };
    members.iter().map(member).collect()
}

fn mask_whole(secret: &Value) -> Value {
    match secret {
        Value::Null => Value::Null,
        Value::Object(members) => members.iter().map(|(name, value)| (name.clone(), mask_whole(value))).collect(),
        Value::Array(items) => items.iter().map(mask_whole).collect(),
        _ => Value::from(MASK),
    }
}

/// Whether a mask stands anywhere in `value`.
pub fn is_masked(value: &Value) -> bool {
    match value {
        Value::String(text) => text == MASK,
        Value::Object(members) => members.values().any(is_masked),
        Value::Array(items) => items.iter().any(is_masked),
        _ => false,
    }
}

/// `sent` with each mask replaced by what `stored` has in the same place, or the path of a mask with nothing behind it.
pub fn unmask(sent: Value, stored: Option<&Value>) -> std::result::Result<Value, Vec<String>> {
    let below = |name: &str, mut path: Vec<String>| {
        path.insert(0, name.to_owned());
        path
    };
    match sent {
        Value::String(text) if text == MASK => stored.cloned().ok_or_else(Vec::new),
        Value::Object(members) => members
            .into_iter()
            .map(|(name, value)| match unmask(value, stored.and_then(|stored| stored.get(&name))) {
                Ok(value) => Ok((name, value)),
                Err(path) => Err(below(&name, path)),
            })
            .collect(),
        Value::Array(items) => items
            .into_iter()
            .enumerate()
            .map(|(place, value)| {
                unmask(value, stored.and_then(|stored| stored.get(place)))
                    .map_err(|path| below(&place.to_string(), path))
            })
            .collect(),
        other => Ok(other),
    }
}

/// The hash under which a token is kept: its SHA-256 in hexadecimal. Tokens are long and random, so no salt is needed.
pub fn token_hash(token: &str) -> String {
    hexadecimal(digest(&SHA256, token.as_bytes()).as_ref())
}

fn hexadecimal(bytes: &[u8]) -> String {
    let digit = |value: u8| char::from_digit(value.into(), 16).unwrap_or_default();
    bytes.iter().flat_map(|byte| [digit(byte >> 4), digit(byte & 15)]).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::clock::OsRandom;

    fn sealer() -> Sealer {
        Sealer::new(&[7; 32]).unwrap_or_else(|error| panic!("{error}"))
    }

    #[test]
    fn a_sealed_value_opens_only_in_its_place_and_unchanged() {
        let sealer = sealer();
        let Ok(sealed) = sealer.seal("sk_live", "extensions/1/credentials", &OsRandom::new()) else { panic!("seals") };
        assert!(!sealed.contains("sk_live"));
        assert!(matches!(sealer.open(&sealed, "extensions/1/credentials"), Ok(plain) if plain == "sk_live"));
        assert!(sealer.open(&sealed, "extensions/2/credentials").is_err());
        let mut changed = sealed.into_bytes();
        let place = changed.len() - 5;
        changed[place] ^= 1;
        assert!(sealer.open(&String::from_utf8_lossy(&changed), "extensions/1/credentials").is_err());
    }

    #[test]
    fn masks_keep_the_shape_and_give_back_what_is_stored() {
        let stored = json!({"key": "a", "nested": {"pin": 1234, "none": null}, "list": ["x", "y"]});
        let nothing = |_: &str, _: &Value| false;
        let masked = mask(&stored, nothing);
        assert_eq!(masked, json!({"key": MASK, "nested": {"pin": MASK, "none": null}, "list": [MASK, MASK]}));
        assert_eq!(unmask(masked, Some(&stored)), Ok(stored.clone()));
        let changed = json!({"key": "b", "nested": {"pin": MASK}});
        assert_eq!(unmask(changed, Some(&stored)), Ok(json!({"key": "b", "nested": {"pin": 1234}})));
        assert_eq!(unmask(json!({"new": {"x": MASK}}), Some(&stored)), Err(vec!["new".into(), "x".into()]));
        assert_eq!(mask(&json!({USE_DEFAULT: true, "on": true}), nothing), json!({USE_DEFAULT: true, "on": MASK}));
        assert_eq!(mask(&json!({USE_DEFAULT: "a secret in the wrong place"}), nothing), json!({USE_DEFAULT: MASK}));
    }

    #[test]
    fn what_is_shown_stays_what_it_is_when_it_is_sent_back() {
        let stored = json!({"mode": "live", "live_key": "sk_live_1", "more": {"mode": "x"}});
        let shown = mask(&stored, |name, _| name == "mode");
        assert_eq!(shown, json!({"mode": "live", "live_key": MASK, "more": {"mode": MASK}}));
        assert_eq!(unmask(shown, Some(&stored)), Ok(stored));
    }

    #[test]
    fn keys_are_read_from_base64_and_hexadecimal() {
        assert_eq!(Sealer::parse_key(&"07".repeat(32)), Some([7; 32]));
        assert_eq!(Sealer::parse_key(&STANDARD.encode([7; 32])), Some([7; 32]));
        assert_eq!(Sealer::parse_key("short"), None);
    }
}
