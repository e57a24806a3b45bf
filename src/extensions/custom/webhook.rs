//! `custom:webhook`: POST of the event to the record's url, signed.

use crate::handler::{Context, Descriptor, Done, Empty, Handler, Outcome, SetupCheck};
use crate::services::webhook::{self, Signing};

/// The handler.
pub struct Webhook;

impl Handler for Webhook {
    type Config = Empty;
    type Credentials = Signing;

    fn descriptor(&self) -> Descriptor {
        Descriptor {
            key: "custom:webhook",
            name: "Webhook",
            description: "Sends each event to a url, signed by the Standard Webhooks specification.",
            category: "webhooks",
            icon: ICON,
            needs_url: true,
            rate_limit_per_hour: None,
            never_blocks: true,
            ..Descriptor::default()
        }
    }

    fn check(&self, _: &Empty, credentials: &Signing, check: &mut SetupCheck<'_>) {
        credentials.check(check);
    }

    async fn run(&self, context: Context<Self>) -> Outcome {
        let answer = webhook::post(&context, &context.credentials, &*context.event)?.send().await?.ok()?;
        Ok(Done::new(answer.line()))
    }
}

const ICON: &str = r#"<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 24 24" fill="none" stroke="currentColor" stroke-width="2" stroke-linecap="round" stroke-linejoin="round"><circle cx="12" cy="6" r="3"/><circle cx="5" cy="17" r="3"/><circle cx="19" cy="17" r="3"/><path d="M10.5 8.6 6.5 14.4M13.5 8.6l4 5.8M8 17h8"/></svg>"#;

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::handler::Failure;
    use crate::handler::signature::hex_hmac;
    use crate::handler::testing::{Receiver, attempt_with};

    #[tokio::test]
    async fn the_envelope_is_sent_with_the_ids_and_both_signatures() {
        let receiver = Receiver::answering("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
        let secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
        let credentials = json!({"secret": secret, "algorithm": "sha256", "header_name": "X-Signed"});
        let (outcome, exchanges) = attempt_with(Webhook, json!({}), credentials, &receiver.url("/hook")).await;
        assert_eq!(outcome, Ok(Done::new("200 OK")));
        let asked = receiver.request();
        let (id, at) = (asked.header("webhook-id"), asked.header("webhook-timestamp"));
        assert_eq!((id, asked.header("idempotency-key")), ("evt_1", "run_1"));
        let official = standardwebhooks::Webhook::new(secret).expect("a secret");
        let at = at.parse().expect("a number");
        let signature = official.sign(id, at, asked.body.as_bytes()).expect("a signature");
        assert_eq!(asked.header("webhook-signature"), signature);
        assert_eq!(asked.header("x-signed"), hex_hmac("sha256", secret, asked.body.as_bytes()).expect("known"));
        let envelope: serde_json::Value = serde_json::from_str(&asked.body).expect("JSON");
        assert_eq!(envelope["trigger"], "trigger:post_sale");
        assert_eq!(envelope["occurredAt"], "2026-11-21T10:00:00.000Z");
        assert_eq!(envelope["payload"]["customer"]["email"], "ada@example.com");
        let kept = serde_json::to_string(&exchanges).expect("JSON");
        assert!(!kept.contains("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw") && kept.contains("\"status\":200"), "{kept}");
        assert!(exchanges.iter().all(|exchange| exchange.error.is_none()), "{kept}");
    }

    #[tokio::test]
    async fn without_a_secret_nothing_is_signed() {
        let receiver = Receiver::answering("HTTP/1.1 204 No Content\r\n\r\n");
        let (outcome, _) = attempt_with(Webhook, json!({}), json!({}), &receiver.url("/")).await;
        assert_eq!(outcome, Ok(Done::new("204 No Content")));
        assert!(receiver.request().find_header("webhook-signature").is_none());
    }

    #[tokio::test]
    async fn an_algorithm_that_is_not_known_is_for_a_person_to_mend() {
        let credentials = json!({"secret": "abcd", "algorithm": "md5"});
        let (outcome, exchanges) = attempt_with(Webhook, json!({}), credentials, "http://127.0.0.1:9/").await;
        assert!(matches!(outcome, Err(Failure::Discard { .. })), "{outcome:?}");
        assert!(exchanges.is_empty());
    }
}
