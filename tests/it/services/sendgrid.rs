//! Mail by SendGrid: what is sent, to whom, and what its answers mean.

use std::time::Duration;

use serde_json::{Value, json};
use tenon::handler::{Event, Failure};

use super::peers::contract;
use super::trial::Trial;
use crate::support::receiver::{Answer, Receiver};

const MAIL: &str = "/v3/mail/send";
const KEYS: [&str; 3] =
    ["markket:sendgrid:welcome", "markket:sendgrid:order_confirm", "markket:sendgrid:inventory_alert"];

fn config(more: Value) -> Value {
    let mut config = json!({"from_email": "hello@north.example", "to": ["stock@north.example"]});
    let (Value::Object(config_members), Value::Object(more)) = (&mut config, more) else { panic!("objects") };
    config_members.extend(more);
    config
}

/// An attempt about a subscriber, a sale or a stock: whatever the handler writes about.
fn trial(key: &'static str) -> Trial {
    let trial = Trial::of(key).credentials(json!({"api_key": "SG.key.of-the-tests"})).config(config(json!({})));
    match key {
        "markket:sendgrid:welcome" => trial.about("new_subscriber", "subscriber", subscriber()),
        "markket:sendgrid:inventory_alert" => trial
            .about("inventory_low", "price", price())
            .changes(json!({"inventory": {"from": 6, "to": 5}}))
            .payload(json!({"thresholds": [5]})),
        _ => trial,
    }
}

fn subscriber() -> Value {
    let stores = json!([{"documentId": "s".repeat(24), "title": "Tea & <Co>", "slug": "north"}]);
    json!({"id": 3, "documentId": "u".repeat(24), "Email": "grace@example.com", "active": true, "stores": stores})
}

fn price() -> Value {
    let price = json!({"id": 7, "Name": "100 g", "Price": 12.9, "Currency": "EUR", "inventory": 5});
    json!({"documentId": "p".repeat(24), "id": 7, "price": price, "product": {"documentId": "p".repeat(24), "Name": "Sencha"}})
}

/// A receiver that accepts mail as SendGrid does.
fn accepting() -> Receiver {
    let receiver = Receiver::start();
    receiver.answers(MAIL, [Answer::status(202).header("x-message-id", "14c5d75ce93.dfd.64b469")]);
    receiver
}

#[tokio::test]
async fn every_mail_is_what_sendgrid_takes() {
    let Some(sendgrid) = contract("sendgrid") else { return };
    let all = json!({
        "from_name": "North", "reply_to": "help@north.example", "template_id": "d-f43daeeaef504760851f727007e0b5d0",
        "categories": ["shop", "mail"], "unsubscribe_group": 7, "subject": "Hi", "store_url": "https://north.example",
    });
    for key in KEYS {
        for more in [json!({}), all.clone(), json!({"sandbox": true})] {
            let done = trial(key).config(config(more)).url(&sendgrid).run().await.accepted();
            assert!(done.data.is_some_and(|data| data["to"][0].is_string()), "{key}");
        }
    }
    let misspelt = trial(KEYS[0]).url(format!("{sendgrid}/v4")).run().await.failure();
    assert!(misspelt.reason().contains("The record's url must be SendGrid's API"), "{misspelt}");
}

#[tokio::test]
async fn a_welcome_greets_by_name_and_nothing_in_it_becomes_markup() {
    let receiver = accepting();
    let payload = json!({"customer": {"name": "Grace <b>Hopper</b>", "email": "other@example.com"}});
    let tried = trial(KEYS[0]).payload(payload).url(receiver.url("")).run().await;
    let sent = tried.sent(0);
    assert_eq!(
        sent["personalizations"],
        json!([{"to": [{"email": "grace@example.com", "name": "Grace <b>Hopper</b>"}]}]),
    );
    assert_eq!(sent["from"], json!({"email": "hello@north.example", "name": "Tea & <Co>"}));
    assert_eq!(sent["subject"], "Welcome to Tea & <Co>");
    let (plain, html) = (&sent["content"][0], sent["content"][1]["value"].as_str().expect("HTML"));
    assert!(plain["value"].as_str().is_some_and(|text| text.starts_with("Hello Grace,\n")), "{plain}");
    assert!(html.contains("Hello Grace,") && html.contains("Tea &amp; &lt;Co&gt;") && !html.contains("<Co>"), "{html}");
    assert_eq!(receiver.only().header("authorization"), "Bearer SG.key.of-the-tests");
}

#[tokio::test]
async fn a_template_is_filled_with_the_order_and_formatted_amounts() {
    let receiver = accepting();
    let template = json!({"template_id": "d-1", "store_name": "Tea North", "store_url": "https://north.example"});
    let items = json!([{"name": "Sencha 緑茶", "sku": "S-1", "quantity": 3, "price": "12.90"}, {"sku": "BOX"}]);
    let payload = json!({
        "order": {"id": 1001, "total": "38.7", "currency": "eur",
            "Shipping_Address": {"name": "Grace", "street": "Via Roma 1", "city": "Turin", "zipcode": "10121", "country": "IT"}},
        "items": items,
        "customer": {"email": "ada@example.com", "name": "Ada King Lovelace"},
    });
    let tried = trial(KEYS[1]).config(config(template)).payload(payload).url(receiver.url("")).run().await;
    let sent = tried.sent(0);
    assert_eq!((&sent["template_id"], &sent["content"]), (&json!("d-1"), &Value::Null));
    let data = &sent["personalizations"][0]["dynamic_template_data"];
    assert_eq!(
        (&data["first_name"], &data["last_name"], &data["name"], &data["email"]),
        (&json!("Ada"), &json!("King Lovelace"), &json!("Ada King Lovelace"), &json!("ada@example.com")),
    );
    let store =
        json!({"title": "Tea North", "slug": "north", "url": "https://north.example", "documentId": "s".repeat(24)});
    assert_eq!(data["store"], store);
    let expected = json!({
        "id": "1001", "currency": "EUR", "total": 38.7, "total_formatted": "38.70 EUR",
        "items": [
            {"name": "Sencha 緑茶", "sku": "S-1", "quantity": 3, "price": 12.9, "price_formatted": "12.90 EUR",
             "total": 38.7, "total_formatted": "38.70 EUR"},
            {"name": "BOX", "sku": "BOX", "quantity": 1, "price": null, "price_formatted": null,
             "total": null, "total_formatted": null},
        ],
        "shipping_address": {
            "name": "Grace", "email": null, "phone": null, "street": "Via Roma 1", "street_2": null, "city": "Turin", "state": null,
            "zipcode": "10121", "country": "IT", "lines": ["Grace", "Via Roma 1", "10121 Turin", "IT"],
        },
        "billing_address": null,
    });
    assert_eq!(data["order"], expected);
    assert_eq!((&data["subject"], &data["test"]), (&json!("Your order 1001 at Tea North"), &json!(false)));
}

#[tokio::test]
async fn a_plain_confirmation_tells_what_was_ordered() {
    let receiver = accepting();
    let yen = json!({
        "order": {"id": "7", "total": 3000, "currency": "JPY"},
        "customer": {"email": "ada@example.com"}, "items": [{"name": "煎茶", "quantity": 2, "price": 1500}],
        "shipping_address": {"street": "銀座 1", "city": "東京", "country": "JP"},
    });
    let sent = trial(KEYS[1]).payload(yen).url(receiver.url("")).run().await.sent(0);
    let plain = sent["content"][0]["value"].as_str().expect("text");
    assert!(plain.starts_with("Hello,\n") && plain.contains("煎茶  × 2  3000 JPY\nTotal    3000 JPY"), "{plain}");
    assert!(plain.contains("Delivered to: 銀座 1, 東京, JP") && !plain.contains("Billed to"), "{plain}");
    assert_eq!(sent["subject"], "Your order 7 at North");
    assert_eq!(sent["categories"], json!(["order_confirm"]));
}

#[tokio::test]
async fn an_alert_goes_to_the_people_named_each_by_themselves() {
    let receiver = accepting();
    let people =
        json!({"to": ["stock@north.example", "Stock@North.example", "buyer@north.example"], "template_id": "d-1"});
    let sent = trial(KEYS[2]).config(config(people)).url(receiver.url("")).run().await.sent(0);
    let to: Vec<_> = (0..3).map(|place| sent["personalizations"][place]["to"].clone()).collect();
    assert_eq!(to, [json!([{"email": "stock@north.example"}]), json!([{"email": "buyer@north.example"}]), json!(null)]);
    let data = &sent["personalizations"][1]["dynamic_template_data"];
    assert_eq!(
        data["stock"],
        json!({"name": "Sencha, 100 g", "level": 5, "before": 6, "is_out": false, "thresholds": [5]}),
    );
    assert_eq!((&data["product"]["name"], &data["product"]["price"]["amount"]), (&json!("Sencha"), &json!(12.9)));
    assert_eq!(data["subject"], "Stock: 5 left of Sencha, 100 g");

    let filled = trial(KEYS[2]).event(|event| event.trigger = "trigger:inventory_restocked".into());
    let filled = filled.changes(json!({"inventory": {"from": 0, "to": 40}})).url(receiver.url("")).run().await.sent(0);
    assert_eq!(filled["subject"], "Back in stock: 40 of Sencha, 100 g");
    let product = json!({"documentId": "p".repeat(24), "Name": "Sencha", "SKU": "S-1", "quantity": 0});
    let out = trial(KEYS[2]).about("inventory_zero", "product", product).url(receiver.url("")).run().await.sent(0);
    assert_eq!(out["subject"], "Out of stock: Sencha");
    assert!(out["content"][0]["value"].as_str().is_some_and(|text| text.contains("Article number: S-1")), "{out}");
}

/// SendGrid has no idempotency key: what is accepted is remembered, and mails about the same share a Message-ID.
#[tokio::test]
async fn a_mail_that_was_accepted_is_not_sent_again() {
    let receiver = accepting();
    for (key, about) in [(KEYS[0], "u".repeat(24)), (KEYS[1], "order 1001".into())] {
        let done = trial(key).url(receiver.url("")).run().await.accepted();
        assert_eq!(done.meta[&format!("mail:{about}")], "14c5d75ce93.dfd.64b469");
        let again =
            trial(key).meta(json!(done.meta)).url(receiver.url("")).event(|event| event.id = "evt_other".into());
        let again = again.run().await;
        assert!(again.exchanges.is_empty() && again.accepted().message.starts_with("nothing sent"), "{key}");
        let by_hand = trial(key).meta(json!(done.meta)).url(receiver.url(""));
        let by_hand = by_hand.event(|event| event.trigger = "trigger:manual".into()).run().await;
        assert_eq!(by_hand.exchanges.len(), 1, "who starts it by hand wants it sent");
    }
    let sent = async |trial: Trial| trial.url(receiver.url("")).run().await.sent(0);
    let id = |sent: &Value| sent["headers"]["Message-ID"].as_str().expect("an id").to_owned();
    let sale = || trial(KEYS[1]).run_info("run_1", 1);
    let (first, second) = (sent(sale()).await, sent(sale().run_info("run_1", 2)).await);
    assert_eq!((&first["headers"], &first["custom_args"]), (&second["headers"], &second["custom_args"]));
    assert!(id(&first).starts_with('<') && id(&first).ends_with("@north.example>"), "{first}");
    let created = sale().run_info("run_2", 1).event(|event| {
        (event.id, event.trigger) = ("evt_other".into(), "trigger:order_created".into());
    });
    assert_eq!(id(&sent(created).await), id(&first), "another run about the same order");
    let order = json!({"order": {"id": "1002", "total": 5}, "customer": {"email": "ada@example.com"}});
    let other_store = |event: &mut Event| event.store.as_mut().expect("a store").document_id = "t".repeat(24);
    for other in [
        sale().payload(order),
        sale().event(other_store),
        sale().config(config(json!({"template_id": "d-1"}))),
        sale().event(|event| event.trigger = "trigger:manual".into()),
        sale().config(config(json!({"test_to": "tester@north.example"}))).event(|event| event.test = true),
    ] {
        assert_ne!(id(&sent(other).await), id(&first), "another mail");
    }
    assert_eq!(first["custom_args"]["event_id"], "evt_01kah4h3t6x4c8n2w9z5q7r1ym");
    assert_eq!(first["custom_args"]["run_id"], "run_1");
}

#[tokio::test]
async fn a_test_reaches_nobody_or_the_tester() {
    let receiver = accepting();
    for key in KEYS {
        let test = |more: Value| trial(key).config(config(more)).url(receiver.url("")).event(|event| event.test = true);
        let tried = test(json!({})).run().await;
        assert_eq!(tried.sent(0)["mail_settings"]["sandbox_mode"]["enable"], true);
        assert!(tried.accepted().meta.is_empty(), "nothing was sent that could be doubled");
        let tried = test(json!({"test_to": "tester@north.example"})).run().await;
        let sent = tried.sent(0);
        assert_eq!((&sent["mail_settings"], &sent["custom_args"]["test"]), (&Value::Null, &json!("true")));
        assert_eq!(sent["personalizations"], json!([{"to": [{"email": "tester@north.example"}]}]));
        assert!(sent["subject"].as_str().is_some_and(|subject| subject.starts_with("Test: ")), "{sent}");
    }
}

fn many_errors() -> String {
    json!({"errors": vec![json!({"message": "m".repeat(150)}); 99]}).to_string()
}

#[tokio::test]
async fn sendgrids_own_answers_are_understood() {
    let error = |message: &str, field: &str| {
        json!({"errors": [{"message": message, "field": field, "help": "https://help.example"}]}).to_string()
    };
    let limited = || Answer::status(429).body(error("too many requests", "null"));
    let discard = |text: &str| (false, None, text.to_owned());
    let retry = |seconds: Option<u64>, text: &str| (true, seconds.map(Duration::from_secs), text.to_owned());
    let page = "<html>Bad gateway</html>";
    for (answer, expected) in [
        (
            Answer::status(400).body(error("must be a GUID", "template_id")),
            discard("(400): config.template_id: must be a GUID (https://help.example)"),
        ),
        (Answer::status(400).body(error("is not valid", "from.email")), discard("config.from_email: is not valid")),
        (
            Answer::status(400).body(error("bad", "personalizations.0.to.0.email")),
            discard("personalizations.0.to.0.email: bad"),
        ),
        (Answer::status(400).body(page), discard("(400): it does not say why")),
        (
            Answer::status(401).body(error("expired, or revoked", "")),
            discard("credentials.api_key was refused by SendGrid (401): expired, or revoked"),
        ),
        (
            Answer::status(403).body(error("not a verified Sender Identity", "from")),
            discard("a sender that is verified there"),
        ),
        (Answer::status(404).body(page), discard("The record's url must be SendGrid's API")),
        (Answer::status(413).body(error("content too large", "null")), discard("up to 30 MB")),
        // The clock of a trial stands at 1795255200.
        (limited().header("x-ratelimit-reset", "1795255260"), retry(Some(60), "too many requests")),
        (limited().header("x-ratelimit-reset", "1795255100"), retry(Some(1), "(429)")),
        (limited().header("x-ratelimit-reset", "soon").header("retry-after", "7"), retry(Some(7), "(429)")),
        (limited(), retry(None, "(429)")),
        (Answer::status(429), retry(None, "it does not say why")),
        (
            Answer::status(500).body(error("internal error", "")),
            retry(None, "500 Internal Server Error: internal error"),
        ),
        (Answer::status(503).header("retry-after", "30"), retry(Some(30), "503")),
        (Answer::status(502).body(page), retry(None, "502")),
        (Answer::status(200).body(page), retry(None, "accepts mail with 202")),
        (Answer::status(400).body(error(&"m".repeat(9000), &"f".repeat(9000))), discard("mmm")),
        (Answer::status(400).body(many_errors()), discard("mmm")),
        (Answer::redirect("https://login.example"), retry(None, "redirects are not followed")),
        (Answer::cut_short(), retry(None, "")),
    ] {
        let receiver = Receiver::start();
        receiver.answers(MAIL, [answer.clone()]);
        let failure = trial(KEYS[0]).url(receiver.url("")).run().await.failure();
        let found = match &failure {
            Failure::Retry { after, .. } => (true, *after),
            Failure::Limit { after, .. } => (true, Some(*after)),
            Failure::Discard { .. } => (false, None),
            Failure::Gone { reason } => panic!("{reason}"),
        };
        let (is_retry, after, text) = expected;
        assert!(failure.reason().chars().count() < 800, "{failure}");
        assert_eq!(found, (is_retry, after), "{answer:?}: {failure}");
        assert!(failure.reason().contains(&text), "{failure}: {text}");
    }
}

#[tokio::test]
async fn what_cannot_be_sent_is_told_before_it_is_tried() {
    let sale = |payload: Value| trial(KEYS[1]).payload(payload);
    let order = json!({"total": 5});
    let mut left = subscriber();
    left["active"] = json!(false);
    for (trial, text) in [
        (trial(KEYS[0]).credentials(json!({})), "credentials: missing field `api_key`"),
        (trial(KEYS[0]).credentials(json!({"api_key": " "})), "credentials.api_key is empty"),
        (trial(KEYS[0]).config(json!({})), "config: missing field `from_email`"),
        (trial(KEYS[0]).config(json!({"from_email": "north"})), "config.from_email: \"north\" is no e-mail address"),
        (trial(KEYS[2]).config(config(json!({"to": []}))), "config.to: at least one is needed"),
        (
            trial(KEYS[2]).config(config(json!({"to": ["a@b.example", "x"]}))),
            "config.to[1]: \"x\" is no e-mail address",
        ),
        (trial(KEYS[0]).about("store_updated", "store", json!({"title": "North"})), "trigger:new_subscriber"),
        (trial(KEYS[0]).about("subscriber_deleted", "subscriber", subscriber()), "whoever leaves is not welcomed"),
        (sale(json!({"customer": {"email": "a@b.example"}})), "no order to confirm"),
        (sale(json!({"order": order})), "payload.customer.email"),
        (sale(json!({"order": order, "customer": {"email": "ada@@example"}})), "\"ada@@example\" is no e-mail address"),
        (sale(json!({"items": [{"name": "x", "price": "12,50"}]})), "payload.items[0].price is no number"),
        (trial(KEYS[2]).about("post_sale", "store", json!({})), "a store has no stock: trigger:inventory_low"),
        (trial(KEYS[2]).about("product_updated", "product", json!({"quantity": -1})), "the stock is not tracked"),
    ] {
        let tried = trial.url("http://127.0.0.1:9").run().await;
        assert!(tried.exchanges.is_empty(), "{text}");
        let failure = tried.failure();
        assert!(matches!(&failure, Failure::Discard { reason } if reason.contains(text)), "{failure}: {text}");
    }
    let inactive = trial(KEYS[0]).about("new_subscriber", "subscriber", left).url("http://127.0.0.1:9").run().await;
    assert!(inactive.exchanges.is_empty() && inactive.accepted().message.contains("not active"));
}

#[tokio::test]
async fn what_a_form_leaves_empty_is_not_set() {
    let receiver = accepting();
    let names = ["from_name", "reply_to", "template_id", "subject", "store_name", "store_url", "test_to"];
    let empty: serde_json::Map<_, _> = names.iter().map(|name| ((*name).to_owned(), json!(""))).collect();
    let sent = |more: Value| trial(KEYS[1]).config(config(more)).url(receiver.url("")).run();
    assert_eq!(sent(json!(empty)).await.sent(0), sent(json!({})).await.sent(0));
}

#[tokio::test]
async fn a_key_and_a_template_are_proved_without_sending() {
    let template = |generation: &str, active: u8| {
        let version = json!({"active": active, "name": "v"});
        Answer::status(200).body(
            json!({"id": "d-1", "name": "Welcome", "generation": generation, "updated_at": "", "versions": [version]})
                .to_string(),
        )
    };
    let error = |status| Answer::status(status).body(r#"{"errors": [{"message": "no", "field": null}]}"#);
    let path = "/v3/templates/d-1%2F..";
    for (answer, text) in [
        (template("dynamic", 1), Ok("has the template Welcome")),
        (template("dynamic", 0), Err("config.template_id: Welcome (d-1/..) has no active version")),
        (template("legacy", 1), Err("a legacy template")),
        (error(401), Err("credentials.api_key was refused by SendGrid (401): no")),
        (error(403), Ok("may not look at templates")),
        (error(404), Err("config.template_id: SendGrid has no template d-1/..")),
        (Answer::status(404).body("<html>"), Err("SendGrid refused the request (404)")),
        (Answer::status(200).body("<html>"), Err("cannot be read")),
    ] {
        let receiver = Receiver::start();
        receiver.answers(path, [answer]);
        let tried = trial(KEYS[1]).config(config(json!({"template_id": "d-1/.."}))).url(receiver.url("")).test().await;
        assert_eq!(tried.requests(), [format!("GET {path}")]);
        match (&tried.outcome, text) {
            (Ok(done), Ok(text)) => assert!(done.message.contains(text), "{done:?}"),
            (Err(failure), Err(text)) => assert!(failure.reason().contains(text), "{failure}"),
            other => panic!("{other:?}"),
        }
    }
    let Some(sendgrid) = contract("sendgrid") else { return };
    for key in KEYS {
        assert_eq!(trial(key).url(&sendgrid).test().await.accepted().message, "SendGrid knows the key");
        let known = trial(key).config(config(json!({"template_id": "d-1"}))).url(&sendgrid).test().await;
        assert!(known.failure().reason().contains("a legacy template"), "as the contract's example is");
    }
}
