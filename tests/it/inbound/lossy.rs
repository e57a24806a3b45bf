//! One character that cannot be read loses neither an event nor those beside it.

use super::batches::Signer;
use super::*;

/// Sends `body` to a record of this kind, signed as its service signs.
async fn send_signed(app: &TestApp, address: &str, service: &str, body: &[u8]) -> Answered {
    let at = now(app) / SECOND;
    let hmac = |signed: Vec<u8>| hex_hmac("sha256", SECRET, &signed).expect("known");
    let request = app.with_token(None).request(Method::POST, address).header("content-type", "application/json");
    let request = match service {
        "stripe" => {
            let signature = hmac([format!("{at}.").as_bytes(), body].concat());
            request.header("stripe-signature", format!("t={at},v1={signature}"))
        }
        "slack" => {
            let signature = hmac([format!("v0:{at}:").as_bytes(), body].concat());
            let request = request.header("x-slack-request-timestamp", at.to_string());
            request.header("x-slack-signature", format!("v0={signature}"))
        }
        _ => request.header("x-signature", hmac(body.to_vec())),
    };
    send(request.body(body.to_vec())).await
}

fn records() -> Vec<Value> {
    vec![
        stripe(),
        json!({"key": "slack:events", "triggers": [], "credentials": {"signing_secret": SECRET}}),
        json!({"key": "custom:inbound", "triggers": [], "credentials": {"secret": SECRET, "header_name": "x-signature"}}),
    ]
}

const SERVICES: [(&str, &str); 3] = [
    ("stripe", r#"{"id":"ID","type":"invoice.paid","data":{"object":{"note":"NOTE"}}}"#),
    ("slack", r#"{"type":"event_callback","event_id":"ID","event":{"type":"message","text":"NOTE"}}"#),
    ("custom", r#"{"id":"ID","type":"contact.created","note":"NOTE"}"#),
];

on_both_databases! {
    async fn an_event_with_an_unreadable_character_is_an_event(app: &TestApp) {
        let store = app.store(records()).await;
        for (place, (service, body)) in SERVICES.into_iter().enumerate() {
            let address = address(app, &app.record(&store, place).await["id"]).await;
            for (number, (note, read)) in [
                (&br"cut \ud83d"[..], "cut \u{fffd}"), (br"\ude00 cut", "\u{fffd} cut"), (br"\ud83d\ud83d\ude00", "\u{fffd}😀"),
                (b"caf\xe9", "caf\u{fffd}"), (b"\xf0\x9f\x98", "\u{fffd}"), (br"nul \u0000", "nul \u{fffd}"),
                (b"nul \0", "nul \u{fffd}"), (b"a\tb\x01", "a\tb\u{1}"), (br"\x41", r"\x41"),
            ].into_iter().enumerate() {
                let body = body.replace("ID", &format!("id-{number}"));
                let (before, after) = body.split_once("NOTE").expect("a note");
                let body = [before.as_bytes(), note, after.as_bytes()].concat();
                let taken = send_signed(app, &address, service, &body).await;
                assert_eq!(taken.expect(200)["data"], json!({"received": 1, "new": 1, "events": 1}), "{service}: {note:?}");
                let again = send_signed(app, &address, service, &body).await;
                assert_eq!(again.expect(200)["data"]["new"], 0, "{service}: {note:?}");
                let payload = app.texts("SELECT payload FROM events ORDER BY id DESC LIMIT 1").await.remove(0);
                assert!(payload.contains(&json!(read).to_string()), "{service}: {payload} for {read}");
            }
        }
    }

    async fn what_is_no_json_is_the_payload_where_a_trigger_is_set(app: &TestApp) {
        let mut record = records().remove(2);
        record["config"] = json!({"trigger": "acme:plain"});
        let store = app.store(vec![record]).await;
        let address = address(app, &app.record(&store, 0).await["id"]).await;
        send_signed(app, &address, "custom", b"name=caf\xe9&\0").await.expect(200);
        assert_eq!(app.texts("SELECT payload FROM events ORDER BY id DESC LIMIT 1").await, ["\"name=caf\u{fffd}&\u{fffd}\""]);
    }

    async fn an_event_that_nests_too_deep_is_told_of_as_far_as_it_can_be(app: &TestApp) {
        let (_, _, address) = store_with_stripe(app, vec![app.webhook("trigger:stripe_*")]).await;
        let deep = format!("{}{}", "[".repeat(5_000), "]".repeat(5_000));
        let body = format!(r#"{{"id":"evt_1","type":"invoice.paid","deep":{deep},"after":7}}"#);
        assert_eq!(deliver(app, &address, &body).await.expect(200)["data"]["events"], 1);
        app.run_until_idle().await;
        assert_eq!(app.receiver.only().json()["payload"]["after"], 7);
    }

    async fn one_bad_event_of_a_batch_costs_no_other(app: &TestApp) {
        let signer = Signer::new();
        let store = app.store(vec![signer.record()]).await;
        let address = address(app, &app.record(&store, 0).await["id"]).await;
        let batch = [
            &br#"[{"event":"delivered","sg_event_id":"y1"},{"event":"bounce","sg_event_id":"y2","reason":"550 \ud83d"},"#[..],
            b"{\"event\":\"bounce\",\"sg_event_id\":\"y3\",\"reason\":\"caf\xe9\"},",
            br#"{"event":"open","sg_event_id":"y4","score":NaN},{"event":"click","sg_event_id":"y5"}]"#,
        ].concat();
        let taken = signer.send(app, &address, &batch).await;
        assert_eq!(taken.expect(200)["data"], json!({"received": 5, "new": 5, "events": 5}));
        let told = app.texts("SELECT payload FROM events WHERE trigger = 'trigger:sendgrid_event' ORDER BY id").await;
        let told: Vec<Value> = told.iter().map(|payload| serde_json::from_str(payload).expect("JSON")).collect();
        assert_eq!((&told[1]["reason"], &told[2]["reason"]), (&json!("550 \u{fffd}"), &json!("caf\u{fffd}")));
        assert!(told[3]["unreadable"].as_str().is_some_and(|text| text.contains("y4")), "{}", told[3]);
        assert_eq!((&told[0]["sg_event_id"], &told[4]["sg_event_id"]), (&json!("y1"), &json!("y5")));
    }
}
