//! Deliveries that tell of many things, at the same time.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ring::rand::SystemRandom;
use ring::signature::{ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair, KeyPair as _};
use tenon::db::inbound::{self, NewDelivery, NewNotice};

use super::*;

/// What signs as SendGrid does.
pub(super) struct Signer(EcdsaKeyPair);

impl Signer {
    pub(super) fn new() -> Self {
        let (random, algorithm) = (SystemRandom::new(), &ECDSA_P256_SHA256_ASN1_SIGNING);
        let key = EcdsaKeyPair::generate_pkcs8(algorithm, &random).expect("a key");
        Self(EcdsaKeyPair::from_pkcs8(algorithm, key.as_ref(), &random).expect("a key"))
    }

    /// A record that takes what this signs.
    pub(super) fn record(&self) -> Value {
        // What stands before the point of every key for P-256.
        let info = STANDARD.decode("MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgA=").expect("base64");
        let key = STANDARD.encode([&info[..26], self.0.public_key().as_ref()].concat());
        json!({"key": "markket:sendgrid:webhook", "triggers": [], "config": {"public_key": key}})
    }

    /// Sends events with these ids.
    async fn deliver(&self, app: &TestApp, address: &str, ids: impl Iterator<Item = usize>) -> Answered {
        let events: Vec<_> =
            ids.map(|id| json!({"event": "delivered", "sg_event_id": format!("id-{id:03}")})).collect();
        self.send(app, address, (json!(events).to_string() + "\r\n").as_bytes()).await
    }

    /// Sends this body.
    pub(super) async fn send(&self, app: &TestApp, address: &str, body: &[u8]) -> Answered {
        let at = now(app) / SECOND;
        let signed = [at.to_string().as_bytes(), body].concat();
        let signature = self.0.sign(&SystemRandom::new(), &signed).expect("a signature");
        let request = app.with_token(None).request(Method::POST, address);
        let request = request.header("x-twilio-email-event-webhook-signature", STANDARD.encode(signature));
        send(request.header("x-twilio-email-event-webhook-timestamp", at.to_string()).body(body.to_vec())).await
    }
}

on_both_databases! {
    async fn what_overlaps_is_told_once(app: &TestApp) {
        let signer = Signer::new();
        let store = app.store(vec![signer.record()]).await;
        let address = address(app, &app.record(&store, 0).await["id"]).await;
        let batch = async |number: usize| match number % 2 {
            0 => signer.deliver(app, &address, number..number + 100).await,
            _ => signer.deliver(app, &address, (number..number + 100).rev()).await,
        };
        let answers = futures_util::future::join_all((0..24).map(batch)).await;
        let new: u64 = answers.iter().map(|answer| answer.expect(200)["data"]["new"].as_u64().expect("a number")).sum();
        assert_eq!(new, 123);
        let events = app.texts("SELECT payload FROM events WHERE trigger = 'trigger:sendgrid_event'").await;
        assert_eq!(events.iter().collect::<std::collections::HashSet<_>>().len(), 123);
        assert_eq!(events.len(), 123);
    }

    async fn two_that_tell_the_same_in_another_order_never_wait_for_each_other(app: &TestApp) {
        let store = async |order: &[i64]| {
            let notice = |place: &i64| NewNotice { id: format!("id-{place:05}"), place: *place, kind: None, event_uid: None };
            let notices: Vec<_> = order.iter().map(notice).collect();
            let (headers, body) = ("{}".to_owned(), "[]".to_owned());
            let delivery = NewDelivery { extension_id: 1, received_at: app.now(), headers, body, is_base64: false };
            let stored = app.state.db.write(move |conn| inbound::insert(conn, &delivery, notices.clone())).await;
            stored.expect("nobody waits for who waits for him").len()
        };
        let forth: Vec<i64> = (0..20_000).collect();
        let back: Vec<i64> = forth.iter().rev().copied().collect();
        let (one, other) = futures_util::future::join(store(&forth), store(&back)).await;
        assert_eq!(one + other, forth.len());
    }

    async fn the_events_of_a_delivery_are_in_its_order(app: &TestApp) {
        let signer = Signer::new();
        let store = app.store(vec![signer.record()]).await;
        let address = address(app, &app.record(&store, 0).await["id"]).await;
        signer.deliver(app, &address, (0..20).rev()).await.expect(200);
        let told = app.texts("SELECT payload FROM events WHERE trigger = 'trigger:sendgrid_event' ORDER BY id").await;
        let expected: Vec<_> = (0..20).rev().map(|id| format!("id-{id:03}")).collect();
        let ids = told.iter().map(|payload| {
            let payload: Value = serde_json::from_str(payload).expect("JSON");
            payload["sg_event_id"].as_str().expect("an id").to_owned()
        });
        assert_eq!(ids.collect::<Vec<_>>(), expected);
    }

    async fn whoever_asks_first_for_an_address_is_shown_the_same(app: &TestApp) {
        let store = app.store(vec![stripe()]).await;
        let record = app.record(&store, 0).await["id"].clone();
        let shown = futures_util::future::join_all((0..8).map(|_| address(app, &record))).await;
        assert!(shown.iter().all(|path| *path == shown[0]), "{shown:?}");
    }
}
