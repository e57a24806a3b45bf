//! How often visitors subscribe, how long they wait, and what the links in mails do.

use std::time::{Duration, Instant};

use reqwest::Method;
use serde_json::{Value, json};
use tenon::clock::{DAY, HOUR};
use tenon::config::Subscribing;

use super::subscriptions::{events, subscribe, subscribers, unsubscribe};
use crate::support::api::{Api, send};
use crate::support::app::TestApp;
use crate::support::on_both_databases;
use crate::support::receiver::Answer;

/// The payloads of the confirmations that were asked for, in order.
async fn confirmations(app: &TestApp) -> Vec<Value> {
    let payloads =
        app.texts("SELECT payload FROM events WHERE \"trigger\" = 'trigger:confirm_subscription' ORDER BY id").await;
    payloads.iter().map(|payload| serde_json::from_str(payload).expect("JSON")).collect()
}

/// The path of a link that a mail carries.
fn path(link: &Value) -> String {
    url::Url::parse(link.as_str().expect("a link")).expect("a url").path().to_owned()
}

/// What a mail program sends for its user (RFC 8058).
async fn one_click(anyone: &Api, path: &str) -> u16 {
    let asked = anyone.request(Method::POST, path).header("content-type", "application/x-www-form-urlencoded");
    send(asked.body("List-Unsubscribe=One-Click")).await.status
}

async fn active(app: &TestApp) -> Vec<Value> {
    subscribers(app)
        .await
        .into_iter()
        .map(|one| json!([one["Email"], one["active"], one["EmailVerified"].is_string()]))
        .collect()
}

on_both_databases! {
    async fn an_address_is_subscribed_to_a_store_so_often_and_no_more(app: &TestApp) {
        let (one, two) = (app.store_named("one", vec![]).await, app.store_named("two", vec![]).await);
        let number = app.get(&format!("/api/stores/{one}")).await.expect(200)["data"]["id"].clone();
        let (anyone, shop) = (app.with_token(None), [json!(one)]);
        let asked = (0..20).map(|_| subscribe(&anyone, "ada@example.com", &shop));
        let asked = futures_util::future::join_all(asked).await;
        assert!(asked.iter().all(|answer| answer.status == 200));
        // However the address and the store are written, and by whichever route.
        for (address, store) in [("ada@example.com", json!(one)), (" ADA@example.com", number)] {
            let refused = subscribe(&anyone, address, std::slice::from_ref(&store)).await;
            let error = &refused.expect(429)["error"];
            assert_eq!((&error["name"], &error["status"]), (&json!("RateLimitError"), &json!(429)));
            assert!(error["message"].as_str().is_some_and(|line| line.contains("at most 20 in 60 minutes")), "{error}");
            let after = refused.headers["retry-after"].to_str().expect("a text").parse::<u64>().expect("a number");
            assert!((1..=180).contains(&after), "{after}");
            anyone.post("/api/subscribers", json!({"data": {"Email": address, "stores": [store]}})).await.expect(429);
        }
        // Another store, another address, another wish, and whoever has a token.
        subscribe(&anyone, "ada@example.com", &[json!(two)]).await.expect(200);
        subscribe(&anyone, "bob@example.com", &[json!(one)]).await.expect(200);
        unsubscribe(&anyone, "ada@example.com", &[json!(one)]).await.expect(200);
        subscribe(app, "ada@example.com", &[json!(one)]).await.expect(200);
        app.advance(HOUR);
        subscribe(&anyone, "ada@example.com", &[json!(one)]).await.expect(200);
    }

    async fn a_client_subscribes_so_many_addresses_and_no_more(app: &TestApp) {
        let (store, anyone) = (app.store(vec![]).await, app.with_token(None));
        let ask = async |number: usize, from: &str| {
            let body = json!({"data": {"Email": format!("v{number}@example.com"), "stores": [store]}});
            let asked = anyone.request(Method::POST, "/api/subscribers/unsubscribe").header("x-forwarded-for", from);
            send(asked.json(&body)).await.status
        };
        let all = futures_util::future::join_all((0..241).map(|number| ask(number, "192.0.2.7, 198.51.100.1"))).await;
        assert_eq!(all.iter().filter(|status| **status == 200).count(), 240);
        assert_eq!(all.iter().filter(|status| **status == 429).count(), 1);
        assert_eq!(ask(999, "198.51.100.2").await, 200, "another one behind the proxy");
    }

    async fn who_is_known_is_answered_alike_and_in_the_same_time(app: &TestApp) {
        let (store, anyone) = ([json!(app.store(vec![]).await)], app.with_token(None));
        subscribe(&anyone, "ada@example.com", &store).await.expect(200);
        for address in ["ada@example.com", "nobody@example.com"] {
            let began = Instant::now();
            subscribe(&anyone, address, &store).await.expect(200);
            assert!(began.elapsed() >= Duration::from_millis(195), "{address}: {:?}", began.elapsed());
        }
    }

    async fn an_address_is_active_once_its_link_was_followed(app: &TestApp)
    with |config| {
        config.links.subscribing = Subscribing::Double;
        config.links.base = Some("https://api.shop.example".parse().expect("a url"));
    }; {
        let (store, anyone) = (app.store(vec![app.webhook("trigger:*")]).await, app.with_token(None));
        for address in ["Ada@example.com", "ada@example.com"] {
            let answer = subscribe(&anyone, address, &[json!(store)]).await;
            assert_eq!(answer.expect(200)["data"], json!({"Email": address, "subscribed": false, "pending": true}));
        }
        let body = json!({"data": {"Email": "bob@example.com", "stores": [store]}});
        assert_eq!(anyone.post("/api/subscribers", body).await.expect(201)["data"]["pending"], true);
        assert_eq!(subscribers(app).await.len(), 0);
        let asked = confirmations(app).await;
        assert_eq!(asked.iter().map(|one| &one["email"]).collect::<Vec<_>>(), ["ada@example.com", "ada@example.com", "bob@example.com"]);
        assert!(asked[0]["confirm_url"].as_str().is_some_and(|link| link.starts_with("https://api.shop.example/api/subscribers/confirm/")), "{asked:?}");

        let (confirm, leave) = (path(&asked[0]["confirm_url"]), path(&asked[0]["unsubscribe_url"]));
        for _ in 0..2 {
            let page = anyone.get(&confirm).await;
            assert_eq!((page.status, page.text.contains("You are subscribed.")), (200, true), "{}", page.text);
        }
        assert_eq!(active(app).await, [json!(["ada@example.com", true, true])]);
        app.run_until_idle().await;
        assert_eq!(events(app).await, ["trigger:new_subscriber public"]);
        // One link is not the other, and what is no link says so.
        let swapped = confirm.replace("/confirm/", "/unsubscribe/");
        assert_eq!(one_click(&anyone, &swapped).await, 400);
        anyone.get(&leave.replace("/unsubscribe/", "/confirm/")).await.expect(400);
        anyone.get(&confirm[..confirm.len() - 3]).await.expect(400);
        // Who left since is not brought back by an old mail.
        app.advance(1000);
        assert_eq!(one_click(&anyone, &leave).await, 200);
        let refused = anyone.get(&confirm).await;
        assert!(refused.expect(400)["error"]["message"].as_str().is_some_and(|line| line.contains("unsubscribed after")), "{}", refused.text);
        assert_eq!(active(app).await, [json!(["ada@example.com", false, true])]);
        app.advance(1000);
        subscribe(&anyone, "ada@example.com", &[json!(store)]).await.expect(200);
        anyone.get(&path(&confirmations(app).await[3]["confirm_url"])).await;
        assert_eq!(active(app).await, [json!(["ada@example.com", true, true])]);
        // A link ends, and who has a token needs none.
        app.advance(8 * DAY);
        let ended = anyone.get(&path(&asked[2]["confirm_url"])).await;
        assert!(ended.expect(400)["error"]["message"].as_str().is_some_and(|line| line.contains("has ended")), "{}", ended.text);
        subscribe(app, "carol@example.com", &[json!(store)]).await.expect(200);
        assert_eq!(active(app).await.len(), 2);
        app.run_until_idle().await;
    }

    async fn mails_are_asked_for_five_times_an_hour(app: &TestApp) with |config| config.links.subscribing = Subscribing::Double; {
        let (store, anyone) = ([json!(app.store(vec![]).await)], app.with_token(None));
        let asked = (0..6).map(|_| subscribe(&anyone, "ada@example.com", &store));
        let asked = futures_util::future::join_all(asked).await;
        assert_eq!(asked.iter().filter(|answer| answer.status == 429).count(), 1);
        assert_eq!(confirmations(app).await.len(), 5);
        app.run_until_idle().await;
    }

    async fn mails_carry_a_link_that_unsubscribes_with_one_click_and_not_by_looking_at_it(app: &TestApp) {
        app.receiver.answers("/v3/mail/send", [Answer::status(202)]);
        let mail = json!({"key": "markket:sendgrid:welcome", "triggers": ["trigger:new_subscriber"], "url": app.receiver.url(""),
            "credentials": {"api_key": "SG.key"}, "config": {"from_email": "hello@north.example", "template_id": "d-1"}});
        let (store, anyone) = (app.store(vec![mail]).await, app.with_token(None));
        subscribe(&anyone, "ada@example.com", &[json!(store)]).await.expect(200);
        app.run_until_idle().await;
        let sent = app.receiver.only().json();
        let link = sent["personalizations"][0]["dynamic_template_data"]["unsubscribe_url"].clone();
        assert_eq!(sent["headers"]["List-Unsubscribe"], format!("<{}>", link.as_str().expect("a link")));
        assert_eq!(sent["headers"]["List-Unsubscribe-Post"], "List-Unsubscribe=One-Click");
        let page = anyone.get(&path(&link)).await;
        assert!(page.status == 200 && page.text.contains("<form method=\"post\">"), "{}", page.text);
        assert_eq!(active(app).await, [json!(["ada@example.com", true, false])]);
        for _ in 0..2 {
            assert_eq!(one_click(&anyone, &path(&link)).await, 200);
        }
        assert_eq!(active(app).await, [json!(["ada@example.com", false, false])]);
        app.run_until_idle().await;
    }

    async fn the_link_of_a_confirmation_is_mailed_however_often_it_is_asked_for(app: &TestApp)
    with |config| config.links.subscribing = Subscribing::Double; {
        app.receiver.answers("/v3/mail/send", [Answer::status(202), Answer::status(202)]);
        let mail = json!({"key": "markket:sendgrid:welcome", "triggers": ["trigger:confirm_subscription"], "url": app.receiver.url(""),
            "credentials": {"api_key": "SG.key"}, "config": {"from_email": "hello@north.example"}});
        let (store, anyone) = (app.store(vec![mail]).await, app.with_token(None));
        for _ in 0..2 {
            subscribe(&anyone, "ada@example.com", &[json!(store)]).await.expect(200);
            app.run_until_idle().await;
        }
        let sent: Vec<Value> = app.receiver.received().iter().map(|one| one.json()).collect();
        assert_eq!(sent.len(), 2);
        let link = confirmations(app).await[0]["confirm_url"].clone();
        let plain = sent[0]["content"][0]["value"].as_str().expect("a text");
        assert!(plain.contains(&format!("Subscribe: {}", link.as_str().expect("a link"))), "{plain}");
        assert_eq!(sent[0]["personalizations"][0]["to"][0]["email"], "ada@example.com");
    }
}
