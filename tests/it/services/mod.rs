//! Handlers against the contracts of the services they speak to.

mod acme;
mod custom;
mod external;
mod mail_and_analytics;
mod messages;
mod odoo;
mod peers;
mod posthog;
mod sendgrid;
mod sendgrid_newsletter;
mod stripe;
mod telegram;
mod trial;

use peers::contract;
use reqwest::Method;
use serde_json::{Value, json};
use trial::{Trial, Tried};

use crate::support::api::Api;

/// A mock that refuses nothing would let everything pass.
#[tokio::test]
async fn the_mocks_of_contracts_refuse_what_is_wrong() {
    let Some(slack) = contract("slack") else { return };
    let slack = Api::new(slack).with_token(Some("xoxb-1"));
    let ask = |body: Value| slack.request(Method::POST, "/chat.postMessage").json(&body).send();
    let right = ask(json!({"channel": "C1", "text": "hello"})).await.expect("an answer");
    assert_eq!((right.status().as_u16(), right.headers().get("sl-violations")), (200, None));
    let wrong = ask(json!({"channel": "C1", "text": "hello", "txet": "x"})).await.expect("an answer");
    let violations = wrong.headers()["sl-violations"].to_str().expect("a text").to_owned();
    assert!(wrong.status().is_client_error() && violations.contains("txet"), "{violations}");
}

#[tokio::test]
async fn a_message_is_what_discord_takes() {
    let Some(discord) = contract("discord") else { return };
    let webhook = format!("{discord}/webhooks/223704706495545344/{}", "t".repeat(68));
    let tried: Tried = Trial::of("discord:webhook").credentials(json!({"webhook_url": webhook})).run().await;
    assert_eq!(tried.accepted().message, "message sent");
}
