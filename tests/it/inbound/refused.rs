//! What is not taken, and what whoever sent it learns.

use super::*;
use crate::support::program::{Program, Settings};

on_both_databases! {
    async fn what_may_not_be_the_services_own_is_refused_with_the_reason(app: &TestApp) {
        let (_, record, address) = store_with_stripe(app, vec![app.webhook("trigger:stripe_*")]).await;
        let body = stripe_event("evt_1", "invoice.paid");
        let good = signed(SECRET, &body, now(app));
        for (body, signature, reason) in [
            (body.clone(), signed("whsec_other", &body, now(app)), "no signature fits"),
            (body.replace("1250", "1251"), good.clone(), "no signature fits"),
            (format!("{body} "), good.clone(), "no signature fits"),
            (body.clone(), signed(SECRET, &body, now(app) - 301 * SECOND), "too old"),
            (body.clone(), String::new(), "no t="),
            (body.clone(), good.replace("v1=", "v0="), "no v1="),
        ] {
            let refused = post(app, &address, &body, &signature).await;
            let message = refused.expect(401)["error"]["message"].as_str().expect("a message");
            assert!(message.contains(reason), "{reason}: {message}");
        }
        let unsigned = send(app.with_token(None).request(Method::POST, &address).body(body.clone())).await;
        assert_eq!(unsigned.expect(401)["error"]["message"], "the header Stripe-Signature is missing");
        assert_eq!((count(app, EVENTS).await, count(app, DELIVERIES).await), (0, 0), "nothing is stored");

        // The first was counted at once, the others with the first after a minute.
        let shown = async || app.get(&format!("/tenon/extensions/{record}/inbound")).await;
        assert_eq!(shown().await.expect(200)["data"]["refused"], 1);
        app.advance(MINUTE);
        post(app, &address, &body, "").await.expect(401);
        let shown = shown().await;
        assert_eq!((&shown.expect(200)["data"]["refused"], &shown.json["data"]["refusal"]), (
            &json!(8), &json!("the header Stripe-Signature has no t=, the time"),
        ));
        assert!(shown.json["data"]["refusedAt"].is_string());
        deliver(app, &address, &body).await.expect(200);
    }

    async fn there_is_no_telling_which_part_of_an_address_is_wrong(app: &TestApp) {
        let store = app.store(vec![stripe(), stripe(), app.webhook("trigger:none")]).await;
        let (one, other) = (app.record(&store, 0).await["id"].clone(), app.record(&store, 1).await["id"].clone());
        let outbound = app.record(&store, 2).await["id"].clone();
        let taken = address(app, &one).await;
        let token = taken.rsplit('/').next().expect("a token");
        let body = stripe_event("evt_1", "invoice.paid");
        let mut answers = Vec::new();
        for path in [
            format!("/hooks/{one}/{}", token.replace(token.chars().next().expect("a letter"), "!")),
            format!("/hooks/{one}/{}", &token[1..]),
            format!("/hooks/{other}/{token}"),
            format!("/hooks/{outbound}/{token}"),
            format!("/hooks/999999/{token}"),
            format!("/hooks/x/{token}"),
        ] {
            let refused = deliver(app, &path, &body).await;
            assert_eq!(refused.status, 404, "{path}");
            answers.push(refused.text);
        }
        // The other record has an address by now, and its own token does not open this one.
        address(app, &other).await;
        answers.push(deliver(app, &format!("/hooks/{other}/{token}"), &body).await.text);
        // A record that is gone is as good as one that never was.
        app.put(&format!("/api/stores/{store}"), json!({"data": {"extensions": []}})).await.expect(200);
        answers.push(deliver(app, &taken, &body).await.text);
        assert!(answers.iter().all(|answer| *answer == answers[0] && answer.contains("NotFoundError")), "{answers:?}");
        assert_eq!(app.with_token(None).get(&taken).await.status, 405);
        assert_eq!(count(app, DELIVERIES).await, 0);
    }

    async fn while_a_record_is_off_the_service_is_to_try_again(app: &TestApp) {
        let (store, record, address) = store_with_stripe(app, Vec::new()).await;
        let body = stripe_event("evt_1", "invoice.paid");
        let switch = async |on: bool| {
            let extensions = json!([{"id": record, "key": "markket:stripe:webhook", "active": on}]);
            app.put(&format!("/api/stores/{store}"), json!({"data": {"extensions": extensions}})).await.expect(200);
        };
        switch(false).await;
        let refused = deliver(app, &address, &body).await;
        assert_eq!(refused.expect(409)["error"]["message"], "the extension record is switched off");
        assert_eq!(count(app, DELIVERIES).await, 0);
        switch(true).await;
        assert_eq!(deliver(app, &address, &body).await.expect(200)["data"]["new"], 1);
    }

    async fn a_record_that_is_not_set_up_takes_nothing(app: &TestApp) {
        for credentials in [json!({}), json!({"webhook_secret": ""}), json!({"webhook_secret": 5})] {
            let record = json!({"key": "markket:stripe:webhook", "triggers": [], "credentials": credentials});
            let store = app.store_named(&format!("store-{}", credentials.to_string().len()), vec![record]).await;
            let address = address(app, &app.record(&store, 0).await["id"]).await;
            let body = stripe_event("evt_1", "invoice.paid");
            for secret in ["", SECRET] {
                post(app, &address, &body, &signed(secret, &body, now(app))).await.expect(401);
            }
        }
        assert_eq!(count(app, DELIVERIES).await, 0);
    }

    async fn a_body_above_the_limit_is_refused(app: &TestApp) with |config| config.body_limit = 4096; {
        let (_, _, address) = store_with_stripe(app, Vec::new()).await;
        deliver(app, &address, &format!("\"{}\"", "a".repeat(4096))).await.expect(413);
        deliver(app, &address, &format!("\"{}\"", "a".repeat(4094))).await.expect(200);
    }

    async fn an_address_is_shown_to_those_who_may_change_what_holds_the_record(app: &TestApp) {
        let (store, record, _) = store_with_stripe(app, vec![app.webhook("trigger:none")]).await;
        let path = format!("/tenon/extensions/{record}/inbound");
        let paths = [path.clone(), format!("{path}/deliveries")];
        let token = async |kind: &str, permissions: Option<&str>| {
            let input = json!({"name": format!("{kind} {permissions:?}"), "kind": kind, "permissions": permissions.map(|one| [one])});
            let made = app.post("/tenon/tokens", json!({"data": input})).await;
            app.with_token(made.expect(201)["data"]["token"].as_str())
        };
        let those = [
            (app.with_token(None), 403),
            (app.with_token(Some("unknown")), 401),
            (token("read-only", None).await, 403),
            (token("custom", Some("product.extensions")).await, 403),
            (token("custom", Some("store.find")).await, 403),
            (token("custom", Some("store.extensions")).await, 200),
        ];
        for (caller, status) in &those {
            for path in &paths {
                assert_eq!(caller.get(path).await.status, *status, "{path}");
            }
            assert_eq!(caller.post(&format!("{path}/rotate"), json!({})).await.status, *status);
        }
        let outbound = app.record(&store, 1).await["id"].clone();
        app.get(&format!("/tenon/extensions/{outbound}/inbound")).await.expect(400);
        app.get("/tenon/extensions/999999/inbound").await.expect(404);
        app.get("/tenon/extensions/x/inbound").await.expect(404);
        let unknown = app.get(&format!("{path}/deliveries?kind=x")).await;
        unknown.expect(400);
    }
}

#[tokio::test]
async fn the_log_never_shows_an_address() {
    let folder = tempfile::tempdir().expect("a folder");
    let settings = Settings::new(folder.path(), "sqlite:tenon.db").with("RUST_LOG", "trace");
    let program = Program::start(&settings).await;
    let api = program.api();
    let store = json!({"title": "The store", "slug": "s", "extensions": [stripe()]});
    let store = api.create("stores", store).await;
    let shown = api.get(&format!("/tenon/extensions/{}/inbound", store["extensions"][0]["id"])).await;
    let path = shown.expect(200)["data"]["path"].as_str().expect("a path").to_owned();
    for method in [Method::POST, Method::GET] {
        send(api.request(method, &path).body("{}")).await;
    }
    send(api.request(Method::POST, &format!("{path}/")).body("{}")).await;
    let log = program.said("POST /hooks/{extensionId}/{token} 401").await;
    assert!(log.contains("were refused: 1"), "{log}");
    assert!(!log.contains(path.rsplit('/').next().expect("a token")), "{log}");
}
