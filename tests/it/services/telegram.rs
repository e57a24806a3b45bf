//! Messages of a Telegram bot: what the contract takes, what a double of the Bot API keeps, and what answers mean.

use std::time::Duration;

use serde_json::{Value, json};
use tenon::handler::Failure;

use super::messages::hard;
use super::peers::{contract, double};
use super::trial::Trial;
use crate::support::api::Api;
use crate::support::app::TestApp;
use crate::support::on_both_databases;
use crate::support::receiver::{Answer, Receiver};

const TOKEN: &str = "123456789:AAabcdefghijklmnopqrstuvwxyz-012345";

fn path(method: &str) -> String {
    format!("/bot{TOKEN}/{method}")
}

fn trial(base: impl Into<String>) -> Trial {
    let config = json!({"chat_id": "-1001"});
    Trial::of("telegram:message").config(config).credentials(json!({"token": TOKEN})).url(base)
}

fn error(code: u16, description: &str, parameters: Value) -> Answer {
    let body = json!({"ok": false, "error_code": code, "description": description, "parameters": parameters});
    Answer::status(code).body(body.to_string())
}

fn sent(chat: i64) -> Answer {
    Answer::status(200).body(json!({"ok": true, "result": {"message_id": 42, "chat": {"id": chat}}}).to_string())
}

#[tokio::test]
async fn whatever_happens_makes_a_message_that_telegram_takes() {
    let Some(telegram) = contract("telegram") else { return };
    for payload in hard() {
        let tried = trial(&telegram).payload(payload).run().await;
        let text = tried.sent(0)["text"].as_str().expect("a text").to_owned();
        assert!(text.encode_utf16().count() <= 4096, "{}", text.len());
        for tag in ["b", "i", "a"] {
            let opened = text.matches(&format!("<{tag}>")).count() + text.matches(&format!("<{tag} ")).count();
            assert_eq!(opened, text.matches(&format!("</{tag}>")).count(), "{text}");
        }
        assert_eq!(tried.accepted().data.expect("data")["messageId"], 42);
    }
    let config = json!({"chat_id": "@orders", "message_thread_id": 7, "silent": true, "title": "Sold <b>"});
    let tried = trial(&telegram).config(config).run().await;
    let body = tried.sent(0);
    assert_eq!(
        (&body["chat_id"], &body["message_thread_id"], &body["disable_notification"]),
        (&json!("@orders"), &json!(7), &json!(true))
    );
    assert!(body["text"].as_str().is_some_and(|text| text.starts_with("<b>Sold &lt;b&gt;</b>\nNorth\n")), "{body}");
    assert!(
        !serde_json::to_string(&tried.exchanges).expect("JSON").contains(&TOKEN[10..]),
        "the token is masked in the url"
    );
    tried.accepted();
    let tested = trial(&telegram).test().await;
    assert_eq!(tested.exchanges.len(), 2);
    assert!(tested.accepted().message.starts_with("x_bot can see"));
}

#[tokio::test]
async fn what_telegram_says_is_told_to_a_person() {
    let none = || json!({});
    for (answer, retry, part) in [
        (error(401, "Unauthorized", none()), None, "credentials.token was refused by Telegram"),
        (error(404, "Not Found", none()), None, "credentials.token"),
        (error(400, "Bad Request: chat not found", none()), None, "config.chat_id: Telegram has no chat -1001"),
        (error(400, "Bad Request: message thread not found", none()), None, "config.message_thread_id"),
        (error(400, "Bad Request: not enough rights to send text messages to the chat", none()), None, "right to post"),
        (error(400, "Bad Request: can't parse entities", none()), None, "can't parse entities"),
        (error(403, "Forbidden: bot is not a member of the channel chat", none()), None, "config.chat_id"),
        (error(429, "Too Many Requests: retry after 5", json!({"retry_after": 5})), Some(Some(5)), "enough"),
        (error(429, "Too Many Requests", none()), Some(None), "enough"),
        (error(500, "Internal Server Error", none()), Some(None), "500"),
        (Answer::status(502).body("<html>"), Some(None), "502"),
        (Answer::status(200).body("<html>"), Some(None), "none of Telegram's"),
        (Answer::status(403).body("<html>"), None, "403"),
    ] {
        let receiver = Receiver::start();
        receiver.answers(&path("sendMessage"), [answer]);
        let failure = trial(receiver.url("/")).run().await.failure();
        assert!(failure.reason().contains(part), "{part}: {failure:?}");
        match (&failure, retry) {
            (Failure::Retry { after, .. }, Some(seconds)) => {
                assert_eq!(*after, seconds.map(Duration::from_secs), "{failure:?}")
            }
            (Failure::Limit { after, .. }, Some(Some(seconds))) => assert_eq!(after.as_secs(), seconds, "{failure:?}"),
            (Failure::Discard { .. }, None) => {}
            _ => panic!("{failure:?}"),
        }
    }
    for description in ["Forbidden: bot was blocked by the user", "Forbidden: bot was kicked from the group chat"] {
        let receiver = Receiver::start();
        receiver.answers(&path("sendMessage"), [error(403, description, none())]);
        let failure = trial(receiver.url("")).run().await.failure();
        assert!(matches!(&failure, Failure::Gone { reason } if reason.contains("-1001")), "{failure:?}");
    }
}

#[tokio::test]
async fn a_group_that_moved_is_followed_and_remembered() {
    let receiver = Receiver::start();
    let moved = error(
        400,
        "Bad Request: group chat was upgraded to a supergroup chat",
        json!({"migrate_to_chat_id": -1_002_003}),
    );
    receiver.answers(&path("sendMessage"), [moved, sent(-1_002_003)]);
    let done = trial(receiver.url("")).run().await.accepted();
    assert_eq!(Value::Object(done.meta.clone()), json!({"chat:-1001": -1_002_003}));
    let chats =
        |receiver: &Receiver| receiver.received().iter().map(|came| came.json()["chat_id"].clone()).collect::<Vec<_>>();
    assert_eq!(chats(&receiver), [json!(-1001), json!(-1_002_003)]);
    receiver.forget();
    trial(receiver.url("")).meta(Value::Object(done.meta)).run().await.accepted();
    assert_eq!(chats(&receiver), [json!(-1_002_003)], "at once the next time");
    receiver.forget();
    let other = trial(receiver.url("")).config(json!({"chat_id": -5})).meta(json!({"chat:-1001": -1_002_003}));
    other.run().await.accepted();
    assert_eq!(chats(&receiver), [json!(-5)], "another chat is another chat");
}

#[tokio::test]
async fn what_is_no_bot_or_no_chat_is_not_sent_anywhere() {
    let receiver = Receiver::start();
    for (config, token, part) in [
        (json!({"chat_id": "orders"}), TOKEN, "chat_id: orders is no chat"),
        (json!({}), TOKEN, "chat_id"),
        (json!({"chat_id": 1}), "abc", "credentials.token is no bot's token"),
        (json!({"chat_id": 1}), "1:a/../../x", "credentials.token is no bot's token"),
    ] {
        let trial =
            Trial::of("telegram:message").config(config).credentials(json!({"token": token})).url(receiver.url(""));
        let failure = trial.run().await.failure();
        assert!(matches!(&failure, Failure::Discard { reason } if reason.contains(part)), "{failure:?}");
    }
    assert!(receiver.received().is_empty());
}

on_both_databases! {
    async fn a_store_tells_a_chat_of_its_sales(app: &TestApp) {
        // A bot of its own for each database: the double keeps what each was told to send.
        let bot = format!("{}:AAabcdefghijklmnopqrstuvwxyz-012345", app.address().port());
        let telegram = double("telegram");
        let record = json!({
            "key": "telegram:message", "triggers": ["post_sale"], "config": {"chat_id": "-1001"},
            "credentials": {"token": bot}, "url": telegram,
        });
        let store = app.store(vec![record]).await;
        app.emit(&store, "post_sale", hard()[0].clone()).await;
        app.run_until_idle().await;
        let run = app.only_run().await;
        assert_eq!(run["state"], "completed", "{run:#}");
        assert!(!run.to_string().contains(&bot));
        let history = Api::new(telegram).request(reqwest::Method::POST, "/getUpdatesHistory").json(&json!({"token": bot}));
        let history: Value = history.send().await.expect("an answer").json().await.expect("JSON");
        let kept = history["result"].as_array().expect("a list");
        assert_eq!(kept.len(), 1, "{history}");
        let message = &kept[0]["message"];
        let text = message["text"].as_str().expect("a text");
        assert!(text.contains("<b>Total:</b> 25.80 EUR") && text.contains("Sencha &amp; &lt;Matcha&gt;"), "{text}");
        assert!(text.contains("<a href=\"https://shop.example/o?a=1&amp;b=%222%22\">Open</a>"), "{text}");
    }
}
