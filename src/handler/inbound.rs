//! The other way round: what a service sends to a record's address, and the triggers that a handler makes of it.

use std::sync::Arc;

use ring::digest::{SHA256, digest};
use serde_json::Value;

use super::reading::read;
use super::{Done, Handler, Outcome, lossy, signature};
use crate::clock::{MINUTE, Millis, SECOND};
use crate::triggers::Name;

/// How far the time in a signed delivery may be from ours: long enough for clocks that differ and slow networks, short
/// enough that what was overheard is of no use later.
pub const TOLERANCE: Millis = 5 * MINUTE;

/// A handler that also takes what its service sends to the record's address.
///
/// It is entered in the table by [`super::Registry::with_inbound`]. The runner stores what it reports, once for each id,
/// before the service is answered.
pub trait Inbound: Handler {
    /// The headers that are kept with a delivery, in lower case: those that tell who sent it.
    const HEADERS: &'static [&'static str];

    /// Makes sure that `delivery` is the service's, whole and recent, and reports what it tells of.
    ///
    /// What is the service's but makes no sense is reported too, with [`Notice::unread`]: it must not be lost. Only what
    /// may be anybody's is refused.
    fn receive(
        &self,
        delivery: &Delivery<'_>,
        config: &Self::Config,
        credentials: &Self::Credentials,
    ) -> Result<Received, Refusal>;
}

/// What was sent to a record's address.
#[derive(Debug, Clone, Copy)]
pub struct Delivery<'a> {
    /// Names, in lower case, and values of the headers.
    pub headers: &'a [(String, String)],
    /// The body, to the byte: that is what was signed.
    pub body: &'a [u8],
    /// When it came.
    pub now: Millis,
}

/// What a delivery comes to.
#[derive(Debug, Clone, PartialEq)]
pub enum Received {
    /// It tells of these. They are stored before it is answered, those that were told before left out.
    Notices(Vec<Notice>),
    /// The service asks whether someone is there, and wants this text back. Nothing is stored.
    Challenge(String),
}

/// One thing that a service tells of.
#[derive(Debug, Clone, PartialEq)]
pub struct Notice {
    /// The service's own id of it, the same whenever it is sent again.
    pub id: String,
    /// What the service calls it: `invoice.paid`.
    pub kind: Option<String>,
    /// The trigger that it becomes; without one it is stored, and that is all.
    pub trigger: Option<Name>,
    /// The event's payload.
    pub payload: Value,
}

/// Why a delivery is not taken. The text goes back to whoever sent it, so it holds nothing of what is stored here.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Refusal(pub &'static str);

impl<'a> Delivery<'a> {
    /// The first header of this name, which must be in lower case, or a refusal with `missing`.
    pub fn header(&self, name: &str, missing: &'static str) -> Result<&'a str, Refusal> {
        self.find_header(name).ok_or(Refusal(missing))
    }

    /// The first header of this name, which must be in lower case.
    pub fn find_header(&self, name: &str) -> Option<&'a str> {
        self.headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// The seconds since `sent_at`, a count of seconds since 1970, in digits; negative when that is still to come.
    ///
    /// Refuses what is no such count.
    pub fn age(&self, sent_at: &str) -> Result<i64, Refusal> {
        let is_count = !sent_at.is_empty() && sent_at.len() <= 15 && sent_at.bytes().all(|byte| byte.is_ascii_digit());
        let seconds = if is_count { sent_at.parse::<i64>().ok() } else { None };
        Ok(self.now / SECOND - seconds.ok_or(Refusal("the timestamp is not a number of seconds"))?)
    }

    /// Refuses a delivery that was sent more than [`TOLERANCE`] ago, or seems to come from as far ahead.
    pub fn check_time(&self, sent_at: &str) -> Result<(), Refusal> {
        self.check_time_within(sent_at, TOLERANCE)
    }

    /// The same with a tolerance of one's own.
    pub fn check_time_within(&self, sent_at: &str, tolerance: Millis) -> Result<(), Refusal> {
        match self.age(sent_at)? {
            age if age > tolerance / SECOND => Err(Refusal(STALE)),
            age if age < -tolerance / SECOND => Err(Refusal("the timestamp is too far in the future")),
            _ => Ok(()),
        }
    }

    /// The body as JSON, with U+FFFD for what of its characters cannot be read and null for what nests too deep to be part
    /// of an event; `None` when it is none.
    pub fn json(&self) -> Option<Value> {
        lossy::read(self.body)
    }

    /// The items of the array that the body is, each read by itself: of one that is no JSON, its text in the member
    /// `unreadable`. An object counts as an array of one; `None` for anything else.
    pub fn items(&self) -> Option<Vec<Value>> {
        match self.json() {
            Some(Value::Array(items)) => Some(items),
            Some(item @ Value::Object(_)) => Some(vec![item]),
            Some(_) => None,
            None => lossy::read_items(self.body),
        }
    }
}

/// Why an old delivery is refused.
pub const STALE: &str = "the timestamp is too old: sign it anew";

impl Notice {
    /// What is the service's, but not as it is known: stored, and nothing more unless it gets a trigger. Its text is the
    /// payload then.
    pub fn unread(body: &[u8]) -> Self {
        let text = String::from_utf8_lossy(body).replace('\0', "\u{fffd}");
        Self { id: hash(body), kind: None, trigger: None, payload: Value::from(text) }
    }

    /// Something with the service's own id in its member `id`, and what the service calls it in its member `kind`. Where
    /// there is no id, the hash of what was sent stands for it.
    pub fn of(payload: Value, id: Option<&str>, kind: &str) -> Self {
        let text = |member: &str| payload.get(member).and_then(Value::as_str).filter(|text| !text.is_empty());
        let id = id.and_then(text).map_or_else(|| hash(payload.to_string().as_bytes()), str::to_owned);
        Self { id, kind: text(kind).map(str::to_owned), trigger: None, payload }
    }
}

/// The trigger for what a service calls `kind`: `stripe_` and `charge.refunded` make `trigger:stripe_charge_refunded`.
/// `None` when that is too long for a name, or there is nothing to it.
pub fn trigger_for(prefix: &str, kind: &str) -> Option<Name> {
    let plain = |letter: char| if letter.is_ascii_alphanumeric() || letter == '-' { letter } else { '_' };
    let kind: String = kind.chars().map(plain).collect();
    if kind.is_empty() { None } else { Name::parse(&format!("{prefix}{kind}")).ok() }
}

/// The outcome of a handler that only receives, when it is run: there is nothing that could fail.
pub fn receives_only() -> Outcome {
    Ok(Done::new("nothing to do: this handler only takes what is sent to the record's address"))
}

/// A handler that takes deliveries, whose types are no longer told apart.
pub(super) trait AnyInbound: Send + Sync {
    fn headers(&self) -> &'static [&'static str];
    fn receive(&self, delivery: &Delivery<'_>, config: Value, credentials: Value) -> Result<Received, Refusal>;
}

pub(super) struct TypedInbound<H>(pub Arc<H>);

impl<H: Inbound> AnyInbound for TypedInbound<H> {
    fn headers(&self) -> &'static [&'static str] {
        H::HEADERS
    }

    fn receive(&self, delivery: &Delivery<'_>, config: Value, credentials: Value) -> Result<Received, Refusal> {
        let config = read(&config).map_err(|_| Refusal("the extension record's config does not fit its handler"))?;
        let credentials =
            read(&credentials).map_err(|_| Refusal("the extension record's credentials do not fit its handler"))?;
        self.0.receive(delivery, &config, &credentials)
    }
}

/// What stands for the id of something that has none.
fn hash(bytes: &[u8]) -> String {
    format!("sha256:{}", signature::to_hex(digest(&SHA256, bytes).as_ref()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn delivery(body: &str) -> Delivery<'_> {
        Delivery { headers: &[], body: body.as_bytes(), now: 1_000_000 * SECOND + 999 }
    }

    #[test]
    fn a_time_is_held_against_the_clock() {
        for (sent_at, taken) in [
            ("1000000", true),
            ("999700", true),
            ("999699", false),
            ("1000300", true),
            ("1000301", false),
            ("", false),
            ("-5", false),
            ("+1000000", false),
            ("1e6", false),
            ("99999999999999999999", false),
        ] {
            assert_eq!(delivery("").check_time(sent_at).is_ok(), taken, "{sent_at}");
        }
    }

    #[test]
    fn an_array_is_read_item_by_item() {
        let items = |body: &str| delivery(body).items().map(Value::from).map(|items| items.to_string());
        assert_eq!(items(r#"[{"a": 1}, 5]"#).as_deref(), Some(r#"[{"a":1},5]"#));
        assert_eq!(items(r#"{"a": 1}"#).as_deref(), Some(r#"[{"a":1}]"#));
        assert_eq!(items(r#"[{"a": NaN}, {}]"#).as_deref(), Some(r#"[{"unreadable":"{\"a\": NaN}"},{}]"#));
        assert_eq!((items("5"), items("[{]"), items("")), (None, None, None));
    }

    #[test]
    fn what_has_no_id_is_told_apart_by_what_it_is() {
        let of = |text: &str| Notice::of(serde_json::from_str(text).expect("JSON"), Some("id"), "type");
        assert_eq!(of(r#"{"id": "evt_1", "type": "a"}"#).id, "evt_1");
        let (one, other) = (of(r#"{"id": "", "type": 5}"#), of(r#"{"type": "b"}"#));
        assert!(one.id.starts_with("sha256:") && one.id.len() == 71 && one.kind.is_none());
        assert_ne!(one.id, other.id);
        assert_eq!(one.id, of(r#"{"id": "", "type": 5}"#).id);
    }

    #[test]
    fn what_a_service_calls_it_becomes_a_name() {
        let name = |kind: &str| trigger_for("stripe_", kind).map(|name| name.as_str().to_owned());
        assert_eq!(name("charge.refunded").as_deref(), Some("trigger:stripe_charge_refunded"));
        assert_eq!(name("Ünder stood").as_deref(), Some("trigger:stripe__nder_stood"));
        assert_eq!((name(""), name(&"x".repeat(200))), (None, None));
    }
}
