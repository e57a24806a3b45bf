//! `markket:sendgrid:webhook`: what SendGrid tells of the messages it sent becomes triggers.
//!
//! Source of the scheme:
//! <https://www.twilio.com/docs/sendgrid/for-developers/tracking-events/getting-started-event-webhook-security-features>.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;
use serde_json::Value;
use utoipa::ToSchema;

use crate::clock::{Millis, SECOND};
use crate::handler::inbound::{TOLERANCE, receives_only};
use crate::handler::signature::is_p256;
use crate::handler::{
    Context, Delivery, Descriptor, Empty, Handler, Inbound, Notice, Outcome, Received, Refusal, SetupCheck,
};
use crate::triggers::Name;

/// The handler.
pub struct Webhook;

/// How SendGrid signs.
#[derive(Deserialize, ToSchema)]
pub struct Config {
    /// The verification key that SendGrid shows when its event webhook is signed. It is no secret.
    #[schema(min_length = 1)]
    public_key: String,
    /// Seconds that a delivery may be old; 300 if not set. SendGrid does not say whether it signs anew what it sends again.
    #[schema(minimum = 1, maximum = 259200)]
    tolerance_s: Option<u32>,
}

impl Handler for Webhook {
    type Config = Config;
    type Credentials = Empty;

    fn descriptor(&self) -> Descriptor {
        Descriptor {
            key: "markket:sendgrid:webhook",
            name: "SendGrid events",
            description: "Makes a trigger of each event that SendGrid sends to the record's address.",
            category: "email",
            icon: ICON,
            never_blocks: true,
            ..Descriptor::default()
        }
    }

    fn check(&self, config: &Config, _: &Empty, check: &mut SetupCheck<'_>) {
        if is_p256(&config.public_key, b"", b"").is_none() && !config.public_key.is_empty() {
            check.config(
                "public_key",
                "is no verification key of SendGrid: it is shown when the event webhook is signed",
            );
        }
    }

    async fn run(&self, _: Context<Self>) -> Outcome {
        receives_only()
    }
}

impl Inbound for Webhook {
    const HEADERS: &'static [&'static str] = &[SIGNATURE, TIMESTAMP, "user-agent"];

    fn receive(&self, delivery: &Delivery<'_>, config: &Config, _: &Empty) -> Result<Received, Refusal> {
        verify(delivery, config)?;
        let notices = match delivery.items() {
            Some(events) => events.into_iter().map(notice).collect(),
            None => vec![Notice::unread(delivery.body)],
        };
        Ok(Received::Notices(notices))
    }
}

const SIGNATURE: &str = "x-twilio-email-event-webhook-signature";
const TIMESTAMP: &str = "x-twilio-email-event-webhook-timestamp";

/// Checks the signature of the time, as it stands in its header, and the body behind it.
fn verify(delivery: &Delivery<'_>, config: &Config) -> Result<(), Refusal> {
    let signature = delivery.header(SIGNATURE, "the header X-Twilio-Email-Event-Webhook-Signature is missing")?;
    let sent_at = delivery.header(TIMESTAMP, "the header X-Twilio-Email-Event-Webhook-Timestamp is missing")?;
    let signature = STANDARD.decode(signature).map_err(|_| Refusal("the signature is not base64"))?;
    let signed = [sent_at.as_bytes(), delivery.body].concat();
    match is_p256(&config.public_key, &signed, &signature) {
        Some(true) => {}
        Some(false) => return Err(Refusal("the signature does not fit this body and the verification key")),
        None => return Err(Refusal("the extension record's config.public_key is no verification key of SendGrid")),
    }
    let tolerance = config.tolerance_s.map_or(TOLERANCE, |seconds| Millis::from(seconds) * SECOND);
    delivery.check_time_within(sent_at, tolerance)
}

fn notice(event: Value) -> Notice {
    let trigger = if event.is_object() { Name::parse("sendgrid_event").ok() } else { None };
    Notice { trigger, ..Notice::of(event, Some("sg_event_id"), "event") }
}

const ICON: &str = r#"<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 24 24" fill="none" stroke="currentColor" stroke-width="2" stroke-linecap="round" stroke-linejoin="round"><rect x="2" y="4" width="20" height="16" rx="2"/><path d="m2 7 10 7L22 7"/></svg>"#;

#[cfg(test)]
mod tests {
    use ring::rand::SystemRandom;
    use ring::signature::{ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair, KeyPair as _};
    use serde_json::json;

    use super::*;
    use crate::handler::testing::delivered;

    /// A new key: what signs with it, and its public half as SendGrid shows it.
    fn new_key() -> (EcdsaKeyPair, String) {
        let random = SystemRandom::new();
        let algorithm = &ECDSA_P256_SHA256_ASN1_SIGNING;
        let key = EcdsaKeyPair::generate_pkcs8(algorithm, &random).expect("a key");
        let key = EcdsaKeyPair::from_pkcs8(algorithm, key.as_ref(), &random).expect("a key");
        let info = STANDARD.decode("MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgA=").expect("base64");
        let public = STANDARD.encode([&info[..26], key.public_key().as_ref()].concat());
        (key, public)
    }

    fn sign(key: &EcdsaKeyPair, signed: &str) -> String {
        STANDARD.encode(key.sign(&SystemRandom::new(), signed.as_bytes()).expect("a signature"))
    }

    fn deliver(config: Value, signature: &str, body: &str, now: Millis) -> Result<Received, Refusal> {
        let headers = [(SIGNATURE, signature), (TIMESTAMP, "1000")];
        delivered(Webhook, (config, json!(null)), &headers, body, now * SECOND)
    }

    #[test]
    fn each_event_of_a_body_is_told_of_by_itself() {
        let (key, public) = new_key();
        let body = json!([{"event": "bounce", "sg_event_id": "a"}, {"event": "open"}, 5]).to_string() + "\r\n";
        let pem =
            format!("-----BEGIN PUBLIC KEY-----\n{}\n{}\n-----END PUBLIC KEY-----\n", &public[..64], &public[64..]);
        for public_key in [public, pem] {
            let received = deliver(json!({"public_key": public_key}), &sign(&key, &format!("1000{body}")), &body, 1000);
            let Ok(Received::Notices(notices)) = received else { panic!("{received:?}") };
            let [bounce, open, odd] = &notices[..] else { panic!("{notices:?}") };
            assert_eq!((bounce.id.as_str(), bounce.kind.as_deref()), ("a", Some("bounce")));
            assert!(open.id.starts_with("sha256:") && open.kind.as_deref() == Some("open"));
            assert!(notices.iter().filter(|notice| notice.trigger.is_some()).count() == 2 && odd.trigger.is_none());
        }
    }

    #[test]
    fn what_is_not_signed_now_and_by_the_key_is_refused() {
        let ((key, public), (_, other)) = (new_key(), new_key());
        let signature = sign(&key, "1000[]");
        let refused = |config, signature: &str, body, now| deliver(config, signature, body, now).err().map(|why| why.0);
        let config = json!({"public_key": public});
        assert_eq!(refused(config.clone(), &signature, "[]", 1300), None);
        for (config, signature, body, now, reason) in [
            (config.clone(), signature.as_str(), "[]", 1301, "too old"),
            (config.clone(), &signature, "[]", 699, "in the future"),
            (config.clone(), &signature, "[ ]", 1000, "does not fit"),
            (config.clone(), "AAAA", "[]", 1000, "does not fit"),
            (config.clone(), "?", "[]", 1000, "not base64"),
            (json!({"public_key": other}), &signature, "[]", 1000, "does not fit"),
            (json!({"public_key": "AAAA"}), &signature, "[]", 1000, "no verification key"),
            (json!({}), &signature, "[]", 1000, "config does not fit"),
        ] {
            let refused = refused(config, signature, body, now);
            assert!(refused.is_some_and(|why| why.contains(reason)), "{reason}: {refused:?}");
        }
        let patient = json!({"public_key": public, "tolerance_s": 86_400});
        assert_eq!(refused(patient, &signature, "[]", 80_000), None);
    }
}
