//! `slack:events`: what Slack's Events API tells of becomes triggers.
//!
//! Source of the scheme: <https://docs.slack.dev/authentication/verifying-requests-from-slack>.

use serde::Deserialize;
use serde_json::Value;
use utoipa::ToSchema;

use crate::handler::inbound::{receives_only, trigger_for};
use crate::handler::signature::is_body_hmac;
use crate::handler::{
    Context, Delivery, Descriptor, Empty, Handler, Inbound, Notice, Outcome, Received, Refusal, SetupCheck,
};

/// The handler.
pub struct Events;

/// What Slack signs with.
#[derive(Deserialize, ToSchema)]
pub struct Credentials {
    /// The app's signing secret, from its page *Basic Information*.
    #[schema(format = Password, min_length = 1)]
    signing_secret: String,
}

impl Handler for Events {
    type Config = Empty;
    type Credentials = Credentials;

    fn descriptor(&self) -> Descriptor {
        Descriptor {
            key: "slack:events",
            name: "Slack events",
            description: "Makes a trigger of each event that a Slack app sends to the record's address.",
            category: "messaging",
            icon: ICON,
            never_blocks: true,
            ..Descriptor::default()
        }
    }

    fn check(&self, _: &Empty, credentials: &Credentials, check: &mut SetupCheck<'_>) {
        // An empty one is refused by the schema.
        let secret = &credentials.signing_secret;
        if secret.trim().is_empty() && !secret.is_empty() {
            check.credentials("signing_secret", "is blank: anyone could sign with it");
        }
        if secret.trim().starts_with("xox") {
            check.credentials(
                "signing_secret",
                "is a token (xox…): the signing secret stands on the app's page Basic Information",
            );
        }
    }

    async fn run(&self, _: Context<Self>) -> Outcome {
        receives_only()
    }
}

impl Inbound for Events {
    const HEADERS: &'static [&'static str] =
        &[SIGNATURE, TIMESTAMP, "x-slack-retry-num", "x-slack-retry-reason", "user-agent"];

    fn receive(&self, delivery: &Delivery<'_>, _: &Empty, credentials: &Credentials) -> Result<Received, Refusal> {
        verify(delivery, &credentials.signing_secret)?;
        let Some(sent) = delivery.json().filter(Value::is_object) else {
            return Ok(Received::Notices(vec![Notice::unread(delivery.body)]));
        };
        if let ("url_verification", Some(challenge)) = (text(&sent, "type"), sent["challenge"].as_str()) {
            return Ok(Received::Challenge(challenge.to_owned()));
        }
        // A callback holds an event, and is named after it; whatever else Slack says is named by its own type.
        let kind = match text(&sent, "type") {
            "event_callback" => text(&sent["event"], "type").to_owned(),
            own => own.to_owned(),
        };
        let trigger = trigger_for("slack_", &kind);
        let kind = Some(kind).filter(|kind| !kind.is_empty());
        Ok(Received::Notices(vec![Notice { kind, trigger, ..Notice::of(sent, Some("event_id"), "type") }]))
    }
}

const SIGNATURE: &str = "x-slack-signature";
const TIMESTAMP: &str = "x-slack-request-timestamp";

fn text<'a>(value: &'a Value, member: &str) -> &'a str {
    value[member].as_str().unwrap_or_default()
}

/// Checks `v0=<hex>`, the HMAC of `v0:<seconds>:<body>`.
fn verify(delivery: &Delivery<'_>, secret: &str) -> Result<(), Refusal> {
    let signature = delivery.header(SIGNATURE, "the header X-Slack-Signature is missing")?;
    let sent_at = delivery.header(TIMESTAMP, "the header X-Slack-Request-Timestamp is missing")?;
    let signature = signature.strip_prefix("v0=").ok_or(Refusal("the header X-Slack-Signature has no v0="))?;
    let signed = [b"v0:", sent_at.as_bytes(), b":", delivery.body].concat();
    if is_body_hmac("sha256", secret, &signed, signature) != Some(true) {
        return Err(Refusal("the signature does not fit this body and the app's signing secret"));
    }
    delivery.check_time(sent_at)
}

const ICON: &str = r#"<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 24 24" fill="none" stroke="currentColor" stroke-width="2" stroke-linecap="round" stroke-linejoin="round"><path d="M10 3 8 21M16 3l-2 18M4 9h17M3 15h17"/></svg>"#;

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::clock::SECOND;
    use crate::handler::testing::delivered;

    /// Source: the example of Slack's documentation.
    const SECRET: &str = "8f742231b10e8888abcd99yyyzzz85a5";
    const BODY: &str = "token=xyzz0WbapA4vBCDEFasx0q6G&team_id=T1DC2JH3J&team_domain=testteamnow&channel_id=G8PSS9T3V\
        &channel_name=foobar&user_id=U2CERLKJA&user_name=roadrunner&command=%2Fwebhook-collect&text=&response_url=https%3A\
        %2F%2Fhooks.slack.com%2Fcommands%2FT1DC2JH3J%2F397700885554%2F96rGlfmibIGlgcZRskXaIFfN&trigger_id=398738663015.\
        47445629121.803a0bc887a14d10d2c447fce8b6703c";
    const SIGNED: &str = "v0=a2114d57b48eac39b9ad189dd8316235a7b4a8d21a10bd27519666489c69b503";

    fn deliver(body: &str, signature: &str, now: i64) -> Result<Received, Refusal> {
        let headers = [(SIGNATURE, signature), (TIMESTAMP, "1531420618")];
        delivered(Events, (json!({}), json!({"signing_secret": SECRET})), &headers, body, now * SECOND)
    }

    fn signed(body: &str) -> String {
        let signed = format!("v0:1531420618:{body}");
        format!("v0={}", crate::handler::signature::hex_hmac("sha256", SECRET, signed.as_bytes()).expect("known"))
    }

    #[test]
    fn the_documented_example_is_taken_and_nothing_that_differs() {
        let received = deliver(BODY, SIGNED, 1_531_420_618);
        assert!(matches!(&received, Ok(Received::Notices(notices)) if notices[0].trigger.is_none()), "{received:?}");
        for (body, signature, now, reason) in [
            (BODY, SIGNED, 1_531_420_919, "too old"),
            (BODY, SIGNED, 1_531_420_317, "in the future"),
            ("token=", SIGNED, 1_531_420_618, "does not fit"),
            (BODY, &SIGNED[3..], 1_531_420_618, "no v0="),
        ] {
            let refused = deliver(body, signature, now);
            assert!(refused.as_ref().is_err_and(|refusal| refusal.0.contains(reason)), "{reason}: {refused:?}");
        }
    }

    #[test]
    fn the_question_whether_someone_is_there_is_answered() {
        let body = r#"{"token": "x", "challenge": "3eZbrw1aB", "type": "url_verification"}"#;
        assert_eq!(deliver(body, &signed(body), 1_531_420_618), Ok(Received::Challenge("3eZbrw1aB".into())));
        assert!(deliver(body, SIGNED, 1_531_420_618).is_err(), "only to Slack");
    }

    #[test]
    fn an_event_is_named_after_what_happened() {
        for (body, id, trigger) in [
            (
                json!({"type": "event_callback", "event_id": "Ev1", "event": {"type": "app_mention"}}),
                "Ev1",
                "app_mention",
            ),
            (json!({"type": "app_rate_limited"}), "sha256:", "app_rate_limited"),
        ] {
            let body = body.to_string();
            let Ok(Received::Notices(notices)) = deliver(&body, &signed(&body), 1_531_420_618) else {
                panic!("{body}")
            };
            assert!(notices[0].id.starts_with(id), "{notices:?}");
            let name = notices[0].trigger.as_ref().map(|name| name.short().to_owned());
            assert_eq!(name, Some(format!("slack_{trigger}")));
        }
    }
}
