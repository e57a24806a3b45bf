//! `markket:stripe:webhook`: what Stripe tells of becomes a trigger.
//!
//! Source of the scheme: <https://docs.stripe.com/webhooks#verify-manually>.

use serde::Deserialize;
use utoipa::ToSchema;

use crate::clock::SECOND;
use crate::handler::inbound::{STALE, TOLERANCE, receives_only, trigger_for};
use crate::handler::signature::is_body_hmac;
use crate::handler::{
    Context, Delivery, Descriptor, Empty, Handler, Inbound, Notice, Outcome, Received, Refusal, SetupCheck,
};
use crate::triggers::Name;

/// The handler.
pub struct Webhook;

/// What Stripe signs with.
#[derive(Deserialize, ToSchema)]
pub struct Credentials {
    /// The endpoint's signing secret, as Stripe's dashboard shows it.
    #[schema(format = Password, min_length = 1, example = "whsec_…")]
    webhook_secret: String,
}

impl Handler for Webhook {
    type Config = Empty;
    type Credentials = Credentials;

    fn descriptor(&self) -> Descriptor {
        Descriptor {
            key: "markket:stripe:webhook",
            name: "Stripe events",
            description: "Makes a trigger of each event that Stripe sends to the record's address.",
            category: "payments",
            icon: ICON,
            never_blocks: true,
            ..Descriptor::default()
        }
    }

    fn check(&self, _: &Empty, credentials: &Credentials, check: &mut SetupCheck<'_>) {
        let secret = credentials.webhook_secret.trim();
        let is_key = ["sk_", "rk_", "pk_"].iter().any(|prefix| secret.starts_with(prefix));
        // An empty one is refused by the schema.
        match secret {
            "" if !credentials.webhook_secret.is_empty() => {
                check.credentials("webhook_secret", "is blank: anyone could sign with it");
            }
            "whsec_" => check.credentials("webhook_secret", "has nothing behind whsec_: anyone could sign with it"),
            _ if is_key => {
                check.credentials(
                    "webhook_secret",
                    "is a key of the API: the endpoint's page shows its signing secret (whsec_…)",
                );
            }
            _ => {}
        }
    }

    async fn run(&self, _: Context<Self>) -> Outcome {
        receives_only()
    }
}

impl Inbound for Webhook {
    const HEADERS: &'static [&'static str] = &["stripe-signature", "user-agent"];

    fn receive(&self, delivery: &Delivery<'_>, _: &Empty, credentials: &Credentials) -> Result<Received, Refusal> {
        let signature = delivery.header("stripe-signature", "the header Stripe-Signature is missing")?;
        verify(delivery, signature, &credentials.webhook_secret)?;
        let Some(event) = delivery.json().filter(|event| event.is_object()) else {
            return Ok(Received::Notices(vec![Notice::unread(delivery.body)]));
        };
        let mut notice = Notice::of(event, Some("id"), "type");
        notice.trigger = notice.kind.as_deref().and_then(trigger);
        Ok(Received::Notices(vec![notice]))
    }
}

/// Checks `t=<seconds>,v1=<hex>`, with one `v1` for each secret while one is changed for another. As with Stripe's own
/// libraries, only a time that has passed can be too far away: nobody else could have signed one that is to come.
fn verify(delivery: &Delivery<'_>, header: &str, secret: &str) -> Result<(), Refusal> {
    let parts = || header.split(',').filter_map(|part| part.trim().split_once('='));
    let sent_at = parts().find(|(name, _)| *name == "t").map(|(_, value)| value);
    let sent_at = sent_at.ok_or(Refusal("the header Stripe-Signature has no t=, the time"))?;
    let age = delivery.age(sent_at)?;
    let mut signatures = parts().filter(|(name, _)| *name == "v1").map(|(_, value)| value).peekable();
    if signatures.peek().is_none() {
        return Err(Refusal("the header Stripe-Signature has no v1=, the signature"));
    }
    let signed = [sent_at.as_bytes(), b".", delivery.body].concat();
    if !signatures.any(|signature| is_body_hmac("sha256", secret, &signed, signature) == Some(true)) {
        return Err(Refusal("no signature fits this body and the endpoint's secret"));
    }
    if age > TOLERANCE / SECOND { Err(Refusal(STALE)) } else { Ok(()) }
}

/// The trigger for an event's type: five have names of their own, `charge.refunded` is `trigger:stripe_charge_refunded`.
fn trigger(kind: &str) -> Option<Name> {
    let kind = match kind {
        "customer.subscription.created" => "subscription_created",
        "customer.subscription.updated" => "subscription_updated",
        "customer.subscription.deleted" => "subscription_cancelled",
        "invoice.paid" => "invoice_paid",
        "invoice.payment_failed" => "payment_failed",
        other => other,
    };
    trigger_for("stripe_", kind)
}

const ICON: &str = r#"<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 24 24" fill="none" stroke="currentColor" stroke-width="2" stroke-linecap="round" stroke-linejoin="round"><rect x="2" y="5" width="20" height="14" rx="2"/><path d="M2 10h20M6 15h4"/></svg>"#;

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::handler::signature::hex_hmac;
    use crate::handler::testing::delivered;

    const SECRET: &str = "whsec_test";

    fn sign(body: &str) -> String {
        let signature = hex_hmac("sha256", SECRET, format!("1000.{body}").as_bytes()).expect("known");
        format!("t=1000,v1={signature}")
    }

    fn deliver(body: &str, headers: &[(&str, &str)]) -> Result<Received, Refusal> {
        delivered(Webhook, (json!({}), json!({"webhook_secret": SECRET})), headers, body, 1000 * SECOND)
    }

    fn only(received: Result<Received, Refusal>) -> Notice {
        match received {
            Ok(Received::Notices(notices)) if notices.len() == 1 => notices.into_iter().next().expect("one"),
            other => panic!("one notice was expected: {other:?}"),
        }
    }

    #[test]
    fn each_type_of_event_is_a_trigger() {
        for (kind, expected) in [
            ("customer.subscription.created", "trigger:stripe_subscription_created"),
            ("customer.subscription.updated", "trigger:stripe_subscription_updated"),
            ("customer.subscription.deleted", "trigger:stripe_subscription_cancelled"),
            ("invoice.paid", "trigger:stripe_invoice_paid"),
            ("invoice.payment_failed", "trigger:stripe_payment_failed"),
            ("charge.refunded", "trigger:stripe_charge_refunded"),
        ] {
            let body =
                json!({"id": "evt_1", "object": "event", "type": kind, "data": {"object": {"id": "x"}}}).to_string();
            let notice = only(deliver(&body, &[("stripe-signature", &sign(&body))]));
            assert_eq!((notice.id.as_str(), notice.kind.as_deref()), ("evt_1", Some(kind)));
            assert_eq!(notice.trigger.as_ref().map(Name::as_str), Some(expected));
            assert_eq!(notice.payload.to_string(), body, "as it was sent");
        }
    }

    #[test]
    fn what_is_signed_but_no_event_is_kept_without_a_trigger() {
        for body in ["", "[]", "{}", "not json", r#"{"type": 5}"#] {
            let notice = only(deliver(body, &[("stripe-signature", &sign(body))]));
            assert!(notice.id.starts_with("sha256:") && notice.trigger.is_none(), "{body}");
        }
    }

    #[test]
    fn what_is_not_signed_is_refused_with_the_reason() {
        for (headers, reason) in [
            (vec![], "Stripe-Signature is missing"),
            (vec![("stripe-signature", "")], "has no t="),
            (vec![("stripe-signature", "t=x,v1=00")], "not a number"),
            (vec![("stripe-signature", "t=1000")], "has no v1="),
            (vec![("stripe-signature", "t=1000,v0=00")], "has no v1="),
            (vec![("stripe-signature", "t=1000,v1=00")], "no signature fits"),
        ] {
            let refused = deliver("{}", &headers);
            assert!(refused.as_ref().is_err_and(|refusal| refusal.0.contains(reason)), "{headers:?}: {refused:?}");
        }
    }

    #[test]
    fn without_a_secret_nothing_is_taken() {
        let header = format!("t=1000,v1={}", hex_hmac("sha256", "", b"1000.{}").expect("known"));
        for credentials in [json!(null), json!({}), json!({"webhook_secret": ""})] {
            let setup = (json!(null), credentials);
            assert!(delivered(Webhook, setup, &[("stripe-signature", &header)], "{}", 1000 * SECOND).is_err());
        }
    }
}
