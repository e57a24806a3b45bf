//! `custom:inbound`: what any service sends becomes a trigger, if it signs by Standard Webhooks or with an HMAC of the body.

use reqwest::header::HeaderName;
use serde::Deserialize;
use utoipa::ToSchema;

use crate::handler::inbound::{receives_only, trigger_for};
use crate::handler::signature::{StandardKey, is_algorithm, is_body_hmac, is_standard_ed25519};
use crate::handler::{Context, Delivery, Descriptor, Handler, Inbound, Notice, Outcome, Received, Refusal, SetupCheck};
use crate::services::form::filled;
use crate::services::webhook::ALGORITHMS;
use crate::triggers::Name;

/// What stands before a body's `type` in the trigger's name: without it, whoever signs could fire the shop's own triggers.
const PREFIX: &str = "inbound_";

/// The handler.
pub struct FromAnywhere;

/// Which triggers are made, and of what.
#[derive(Deserialize, ToSchema)]
pub struct Config {
    /// The trigger that everything becomes. If not set, the body's type decides: contact.created is inbound_contact_created.
    #[schema(value_type = Option<String>, max_length = 128)]
    trigger: Option<TriggerName>,
    /// What stands before the body's type in the trigger's name; inbound_ if not set.
    #[schema(max_length = 64, pattern = "^[A-Za-z0-9_.:-]*$")]
    prefix: Option<String>,
    /// The public key of a sender that signs by Standard Webhooks with a key pair: whpk_ and base64. No secret is needed then.
    public_key: Option<String>,
    /// The header with the sender's own id of what happened, for senders with an HMAC of the body that send the same body for
    /// different things. If not set, a body is taken once. The id is not signed: a delivery that was overheard could be sent
    /// again under another.
    id_header: Option<String>,
}

/// A trigger's name, refused when the config is saved if it is none.
#[derive(Deserialize)]
#[serde(try_from = "String")]
struct TriggerName(Name);

impl TryFrom<String> for TriggerName {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        Name::parse(&text).map(Self)
    }
}

/// What the sender signs with.
#[derive(Deserialize, ToSchema)]
pub struct Credentials {
    /// The secret that bodies are signed with: whsec_ and base64 for Standard Webhooks, or any text.
    #[schema(format = Password)]
    secret: Option<String>,
    /// The hash of an HMAC of the body: sha1, sha256, sha384 or sha512; sha256 if only the header is set.
    algorithm: Option<String>,
    /// The header with an HMAC of the body, hexadecimal or base64, such as X-Hub-Signature-256, X-Shopify-Hmac-Sha256 or
    /// X-WC-Webhook-Signature. Set it for senders that do not sign by Standard Webhooks. They sign no time, so what was sent before is only known again for as long as it is kept.
    header_name: Option<String>,
}

impl Handler for FromAnywhere {
    type Config = Config;
    type Credentials = Credentials;

    fn descriptor(&self) -> Descriptor {
        Descriptor {
            key: "custom:inbound",
            name: "Inbound webhook",
            description: "Makes a trigger of what any service sends, signed, to the record's address.",
            category: "webhooks",
            icon: ICON,
            never_blocks: true,
            ..Descriptor::default()
        }
    }

    fn check(&self, config: &Config, credentials: &Credentials, check: &mut SetupCheck<'_>) {
        let (header, algorithm) =
            (filled(credentials.header_name.as_deref()), filled(credentials.algorithm.as_deref()));
        if algorithm.is_some_and(|name| !is_algorithm(name)) {
            check.credentials("algorithm", ALGORITHMS);
        }
        for (name, is_header) in [(header, true), (filled(config.id_header.as_deref()), false)] {
            let is_name = name.is_none_or(|name| HeaderName::from_bytes(name.as_bytes()).is_ok());
            match is_header {
                _ if is_name => {}
                true => check.credentials("header_name", "is no name of a header"),
                false => check.config("id_header", "is no name of a header"),
            }
        }
        let public_key = filled(config.public_key.as_deref()).filter(|_| header.is_none());
        if public_key.is_some_and(|key| is_standard_ed25519(key, "", "", b"", "").is_none()) {
            check.config("public_key", "must be whpk_ and the base64 of an Ed25519 key");
        }
        let secret = credentials.secret.as_deref().filter(|secret| !secret.is_empty());
        let problem = match (secret, header) {
            (None, _) if public_key.is_some() => None,
            (None, _) => Some("is missing: what is sent could not be verified".to_owned()),
            (Some(secret), None) => StandardKey::parse(secret).err(),
            (Some(secret), Some(_)) => secret.trim().is_empty().then(|| "is blank".to_owned()),
        };
        if let Some(why) = problem {
            check.credentials("secret", &why);
        }
    }

    async fn run(&self, _: Context<Self>) -> Outcome {
        receives_only()
    }
}

impl Inbound for FromAnywhere {
    const HEADERS: &'static [&'static str] = &[
        "webhook-id",
        "webhook-timestamp",
        "webhook-signature",
        "svix-id",
        "svix-timestamp",
        "svix-signature",
        "user-agent",
    ];

    fn receive(
        &self,
        delivery: &Delivery<'_>,
        config: &Config,
        credentials: &Credentials,
    ) -> Result<Received, Refusal> {
        let id = match filled(credentials.header_name.as_deref()) {
            Some(header) => verify_hmac(delivery, header, config, credentials)?,
            None => Some(verify_standard(delivery, config, credentials)?),
        };
        let mut notice = match delivery.json() {
            Some(sent) => Notice::of(sent, None, "type"),
            None => Notice::unread(delivery.body),
        };
        if let Some(id) = id {
            notice.id = id.to_owned();
        }
        notice.trigger = match (&config.trigger, &notice.kind) {
            (Some(TriggerName(name)), _) => Some(name.clone()),
            (None, Some(kind)) => trigger_for(config.prefix.as_deref().unwrap_or(PREFIX), kind),
            (None, None) => None,
        };
        Ok(Received::Notices(vec![notice]))
    }
}

/// Checks a signature by Standard Webhooks, whose headers may have Svix's names, and returns the message's id.
fn verify_standard<'a>(
    delivery: &Delivery<'a>,
    config: &Config,
    credentials: &Credentials,
) -> Result<&'a str, Refusal> {
    let header = |names: [&str; 2], missing| {
        let [standard, svix] = names.map(|name| delivery.find_header(name));
        standard.or(svix).filter(|value| !value.is_empty()).ok_or(Refusal(missing))
    };
    let id = header(["webhook-id", "svix-id"], "the header webhook-id is missing")?;
    let sent_at = header(["webhook-timestamp", "svix-timestamp"], "the header webhook-timestamp is missing")?;
    let signatures = header(["webhook-signature", "svix-signature"], "the header webhook-signature is missing")?;
    let is_signed = match (filled(config.public_key.as_deref()), secret(credentials)) {
        (Some(key), _) => is_standard_ed25519(key, id, sent_at, delivery.body, signatures)
            .ok_or(Refusal("the extension record's config.public_key is no Ed25519 key"))?,
        (None, secret) => StandardKey::parse(secret?)
            .map_err(|_| Refusal("the extension record's secret is none to verify with"))?
            .has_signed(id, sent_at, delivery.body, signatures),
    };
    if !is_signed {
        return Err(Refusal("no signature fits this id, timestamp and body and the secret"));
    }
    delivery.check_time(sent_at)?;
    Ok(id)
}

fn secret(credentials: &Credentials) -> Result<&str, Refusal> {
    let secret = credentials.secret.as_deref().filter(|secret| !secret.is_empty());
    secret.ok_or(Refusal("the extension record has no secret to verify with"))
}

/// Checks an HMAC of the body, with or without `sha256=` before it, and returns the sender's id of it.
fn verify_hmac<'a>(
    delivery: &Delivery<'a>,
    header: &str,
    config: &Config,
    credentials: &Credentials,
) -> Result<Option<&'a str>, Refusal> {
    let sent = delivery.header(&header.to_ascii_lowercase(), "the header with the signature is missing")?;
    // What stands before a = is the hash; base64 has some at its end.
    let marked = sent.split_once('=').filter(|(name, _)| is_algorithm(name));
    let signature = marked.map_or(sent, |(_, signature)| signature);
    let algorithm = filled(credentials.algorithm.as_deref()).unwrap_or("sha256");
    match is_body_hmac(algorithm, secret(credentials)?, delivery.body, signature) {
        Some(true) => {}
        Some(false) => return Err(Refusal("the signature does not fit this body and the secret")),
        None => return Err(Refusal("the extension record's credentials.algorithm is not known")),
    }
    let Some(header) = filled(config.id_header.as_deref()) else { return Ok(None) };
    delivery.header(&header.to_ascii_lowercase(), "the header with the id is missing").map(Some)
}

const ICON: &str = r#"<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 24 24" fill="none" stroke="currentColor" stroke-width="2" stroke-linecap="round" stroke-linejoin="round"><path d="M12 3v11M7 10l5 5 5-5M4 17v3a1 1 0 0 0 1 1h14a1 1 0 0 0 1-1v-3"/></svg>"#;

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::clock::SECOND;
    use crate::handler::signature::{base64_hmac, hex_hmac};
    use crate::handler::testing::delivered;

    const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
    const BODY: &str = r#"{"type": "contact.created", "data": {}}"#;

    fn deliver(config: Value, credentials: Value, headers: &[(&str, &str)], body: &str) -> Result<Notice, Refusal> {
        delivered(FromAnywhere, (config, credentials), headers, body, 1000 * SECOND).map(|received| match received {
            Received::Notices(mut notices) => notices.remove(0),
            other => panic!("{other:?}"),
        })
    }

    fn standard(config: Value, names: [&str; 3], body: &str) -> Result<Notice, Refusal> {
        let signature = StandardKey::parse(SECRET).expect("a secret").sign("msg_1", 1000, body.as_bytes());
        let headers = [(names[0], "msg_1"), (names[1], "1000"), (names[2], signature.as_str())];
        deliver(config, json!({"secret": SECRET}), &headers, body)
    }

    const NAMES: [&str; 3] = ["webhook-id", "webhook-timestamp", "webhook-signature"];

    #[test]
    fn the_type_decides_unless_the_config_does() {
        for (config, body, trigger) in [
            (json!({}), BODY, Some("trigger:inbound_contact_created")),
            (json!({"prefix": "resend."}), BODY, Some("trigger:resend.contact_created")),
            (json!({"trigger": "order_created"}), BODY, Some("trigger:order_created")),
            (json!({"trigger": "trigger:order_created"}), "plain", Some("trigger:order_created")),
            (json!({}), "{}", None),
            (json!({}), r#"{"type": "post_sale"}"#, Some("trigger:inbound_post_sale")),
        ] {
            let notice = standard(config.clone(), NAMES, body).unwrap_or_else(|why| panic!("{config}: {why}"));
            assert_eq!((notice.id.as_str(), notice.trigger.as_ref().map(Name::as_str)), ("msg_1", trigger), "{config}");
        }
        assert!(standard(json!({}), ["svix-id", "svix-timestamp", "svix-signature"], BODY).is_ok());
        assert!(standard(json!({"trigger": "no name"}), NAMES, BODY).is_err());
    }

    #[test]
    fn senders_with_a_hexadecimal_signature_are_taken_too() {
        let credentials = json!({"secret": "key", "header_name": "X-Hub-Signature-256"});
        let signature = format!("sha256={}", hex_hmac("sha256", "key", BODY.as_bytes()).expect("known"));
        let headers = [("x-hub-signature-256", signature.as_str()), ("x-github-delivery", "d-1")];
        let taken = |config| deliver(config, credentials.clone(), &headers, BODY).expect("it is signed");
        assert!(taken(json!({})).id.starts_with("sha256:"));
        assert_eq!(taken(json!({"id_header": "X-GitHub-Delivery"})).id, "d-1");
        assert!(deliver(json!({}), credentials.clone(), &headers, "other").is_err());
        assert!(deliver(json!({}), credentials.clone(), &headers[1..], BODY).is_err());
        assert!(deliver(json!({"id_header": "x-id"}), credentials, &headers, BODY).is_err());
        let unknown = json!({"secret": "key", "header_name": "X-Hub-Signature-256", "algorithm": "md5"});
        assert!(deliver(json!({}), unknown, &headers, BODY).is_err());
    }

    #[test]
    fn senders_with_a_base64_signature_are_taken_too() {
        for (header, secret) in [("X-Shopify-Hmac-Sha256", "shpss_key"), ("X-WC-Webhook-Signature", " a key \n")] {
            let credentials = json!({"secret": secret, "header_name": header});
            let signature = base64_hmac("sha256", secret.trim(), BODY.as_bytes()).expect("known");
            let name = header.to_ascii_lowercase();
            let taken = |signature: &str| deliver(json!({}), credentials.clone(), &[(&name, signature)], BODY).is_ok();
            assert!(taken(&signature), "{header}");
            for wrong in ["", "=", "sha256=", &signature.to_lowercase(), &signature[1..]] {
                assert!(!taken(wrong), "{header}: {wrong}");
            }
        }
    }
}
