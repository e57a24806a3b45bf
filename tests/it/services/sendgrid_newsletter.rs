//! Subscribers on SendGrid's marketing lists.

use std::time::Duration;

use serde_json::{Value, json};
use tenon::handler::Failure;

use super::peers::contract;
use super::trial::Trial;
use crate::support::receiver::{Answer, Receiver};

const LIST: &str = "199abb98-0af3-4a8d-b371-6811ff85d062";
const OTHER: &str = "0b3a6a3e-33a5-4a3c-9a1d-3c0f3ad6a001";
const CONTACTS: &str = "/v3/marketing/contacts";
const SEARCH: &str = "/v3/marketing/contacts/search/emails";
const JOB: &str = "/v3/marketing/contacts/imports/job-1";

fn trial(trigger: &str, more: Value) -> Trial {
    let mut subscriber =
        json!({"id": 3, "documentId": "u".repeat(24), "Email": "Jane_Doe@example.com", "active": true});
    let (Value::Object(members), Value::Object(more)) = (&mut subscriber, more) else { panic!("objects") };
    members.extend(more);
    Trial::of("markket:sendgrid:newsletter")
        .credentials(json!({"api_key": "SG.key.of-the-tests"}))
        .config(json!({"list_ids": [LIST]}))
        .about(trigger, "subscriber", subscriber)
}

/// A receiver that knows the contact, on these lists.
fn knowing(lists: &[&str]) -> Receiver {
    let receiver = Receiver::start();
    receiver.answers(CONTACTS, [Answer::status(202).body(r#"{"job_id": "job-1"}"#)]);
    let contact = json!({"id": "c-1", "list_ids": lists});
    let (now, before) = (json!({"contact": contact}), json!({"contact": {"id": "c-0", "list_ids": [LIST]}}));
    let found = json!({"result": {"jane_doe@example.com": now, "old@example.com": before}});
    receiver.answers(SEARCH, [Answer::status(200).body(found.to_string())]);
    receiver
}

fn removal(contact: &str) -> String {
    format!("DELETE /v3/marketing/lists/{LIST}/contacts?contact_ids={contact}")
}

#[tokio::test]
async fn a_subscriber_becomes_a_contact_that_the_contract_allows() {
    let Some(sendgrid) = contract("sendgrid") else { return };
    let payload = json!({"customer": {"name": "Jane Doe"}});
    let tried = trial("new_subscriber", json!({})).payload(payload).url(&sendgrid).run().await;
    let person = json!({"email": "Jane_Doe@example.com", "first_name": "Jane", "last_name": "Doe"});
    assert_eq!(tried.requests(), [format!("PUT {CONTACTS}"), format!("POST {SEARCH}")]);
    assert_eq!(tried.sent(0), json!({"list_ids": [LIST], "contacts": [person]}));
    let done = tried.accepted();
    assert_eq!(done.changes["sendgrid_contact_id"], "asdf-Jkl-zxCvBNm", "as the contract's example is");
    assert_eq!(done.changes["sendgrid_list_ids"], json!([LIST]));
    assert_eq!(done.changes["sync_status"], "synced");
    assert_eq!(done.changes["last_synced_at"], "2026-11-21T10:00:00.000Z");
    let names = trial("new_subscriber", json!({})).url(&sendgrid).test().await;
    assert_eq!(names.requests(), [format!("GET /v3/marketing/lists/{LIST}")]);
    assert_eq!(names.accepted().message, "SendGrid knows the key, and has the lists list-name");
    let leaving = trial("subscriber_unsubscribed", json!({})).meta(remembered(0)).url(&sendgrid).run().await;
    assert_eq!(leaving.requests(), [format!("GET {JOB}"), format!("POST {SEARCH}")]);
    let done = leaving.accepted();
    assert_eq!(done.changes["sync_status"], "unsubscribed", "the contract's contact is on none of the lists");
}

fn remembered(at: i64) -> Value {
    json!({format!("sync:{}", "u".repeat(24)): {"at": at, "job": "job-1"}})
}

#[tokio::test]
async fn a_contact_that_cannot_be_found_yet_is_synced_without_an_id() {
    let receiver = knowing(&[]);
    receiver.answers(SEARCH, [Answer::status(404).body(r#"{"errors": [{"message": "not found"}]}"#)]);
    let own = json!({"sendgrid_list_ids": [OTHER]});
    let done = trial("new_subscriber", own).url(receiver.url("")).run().await.accepted();
    assert_eq!(done.changes.get("sendgrid_contact_id"), None);
    assert_eq!(done.changes["sendgrid_list_ids"], json!([OTHER, LIST]));
    assert_eq!(done.meta[&format!("sync:{}", "u".repeat(24))]["job"], "job-1");
}

#[tokio::test]
async fn whoever_leaves_is_taken_from_our_lists_and_no_others() {
    for (trigger, entity, status) in [
        ("subscriber_unsubscribed", json!({"active": false}), Some("unsubscribed")),
        ("subscriber_updated", json!({"unsubscribed_at": "2026-11-21T10:00:00.000Z"}), Some("unsubscribed")),
        ("subscriber_updated", json!({"newsletter_preferences": {"subscribed": false}}), Some("unsubscribed")),
        ("subscriber_deleted", json!({}), None),
    ] {
        let receiver = knowing(&[LIST]);
        let tried = trial(trigger, entity).url(receiver.url("")).run().await;
        assert_eq!(tried.requests(), [format!("POST {SEARCH}"), removal("c-1")], "{trigger}");
        let done = tried.accepted();
        assert_eq!(done.changes.get("sync_status").and_then(Value::as_str), status, "{trigger}");
    }
    let receiver = knowing(&[LIST, OTHER]);
    let done = trial("subscriber_unsubscribed", json!({})).url(receiver.url("")).run().await.accepted();
    assert_eq!((&done.changes["sync_status"], &done.changes["sendgrid_list_ids"]), (&json!("synced"), &json!([OTHER])));
    let receiver = knowing(&[OTHER]);
    let tried = trial("subscriber_unsubscribed", json!({})).url(receiver.url("")).run().await;
    assert_eq!(tried.requests(), [format!("POST {SEARCH}")], "it is on none of ours");
}

/// The job that adds the contact would otherwise put back whom we just took away.
#[tokio::test]
async fn whoever_leaves_while_being_added_is_taken_away_afterwards() {
    let receiver = knowing(&[LIST]);
    receiver.answers(
        JOB,
        ["pending", "pending", "pending", "pending", "completed"]
            .map(|status| Answer::status(200).body(json!({"status": status}).to_string())),
    );
    let left = || trial("subscriber_unsubscribed", json!({})).meta(remembered(1)).url(receiver.url(""));
    // A job may take hours: the schedule that lasts for a day goes on after the first two.
    for (attempt, wait) in [(1, Some(60)), (2, Some(300)), (3, None), (7, None)] {
        let waiting = left().run_info("run_1", attempt).run().await;
        assert_eq!(waiting.requests(), [format!("GET {JOB}")]);
        let failure = waiting.failure();
        let expected = wait.map(Duration::from_secs);
        assert!(matches!(&failure, Failure::Retry { after, .. } if *after == expected), "{attempt}: {failure:?}");
    }
    let tried = left().run().await;
    assert_eq!(tried.requests(), [format!("GET {JOB}"), format!("POST {SEARCH}"), removal("c-1")]);
    assert_eq!(tried.accepted().meta[&format!("sync:{}", "u".repeat(24))].get("job"), None);
}

#[tokio::test]
async fn an_event_that_comes_late_does_not_undo_a_later_one() {
    let late = trial("new_subscriber", json!({})).meta(remembered(1_795_255_200_001)).url("http://127.0.0.1:9");
    let tried = late.run().await;
    assert!(tried.exchanges.is_empty() && tried.accepted().message.contains("a later change"));
    let same = trial("new_subscriber", json!({})).meta(remembered(1_795_255_200_000));
    assert_eq!(same.url(knowing(&[LIST]).url("")).run().await.requests().len(), 2, "a replay of the last one is done");
}

#[tokio::test]
async fn what_was_noted_here_is_no_news_and_an_editors_wish_is() {
    let changes =
        json!({"sync_status": {"from": "synced", "to": "pending"}, "sendgrid_list_ids": {"from": [], "to": [LIST]}});
    let receiver = knowing(&[LIST]);
    for (actor, changes, requests) in [
        ("extension:7", changes.clone(), 0),
        ("extension:7", json!({"sync_status": {}, "active": {}}), 2),
        ("token:shop", changes, 2),
    ] {
        let tried = trial("subscriber_updated", json!({})).changes(changes).url(receiver.url(""));
        let tried = tried.event(|event| event.actor = actor.into()).run().await;
        assert_eq!(tried.requests().len(), requests, "{actor}");
        tried.accepted();
    }
}

#[tokio::test]
async fn a_new_address_takes_the_place_of_the_old_one() {
    let receiver = knowing(&[LIST]);
    let changes = json!({"Email": {"from": "OLD@example.com", "to": "Jane_Doe@example.com"}});
    let tried = trial("subscriber_updated", json!({})).changes(changes).url(receiver.url("")).run().await;
    let search = format!("POST {SEARCH}");
    assert_eq!(tried.requests(), [format!("PUT {CONTACTS}"), search.clone(), removal("c-0"), search]);
    assert_eq!(tried.accepted().changes["sendgrid_contact_id"], "c-1");
}

#[tokio::test]
async fn whoever_must_verify_the_address_first_waits() {
    let receiver = knowing(&[]);
    let config = json!({"list_ids": [LIST], "verified_only": true});
    let waiting = trial("new_subscriber", json!({})).config(config.clone()).url(receiver.url("")).run().await;
    assert_eq!(waiting.requests(), [format!("POST {SEARCH}")]);
    assert_eq!(waiting.accepted().changes["sync_status"], "pending");
    let verified = json!({"EmailVerified": "2026-11-21T10:00:00.000Z"});
    let added = trial("subscriber_verified", verified).config(config).url(receiver.url("")).run().await;
    assert_eq!(added.requests()[0], format!("PUT {CONTACTS}"));
}

#[tokio::test]
async fn a_test_changes_nobodys_subscription() {
    let receiver = knowing(&[LIST]);
    let path = format!("/v3/marketing/lists/{LIST}");
    receiver.answers(&path, [Answer::status(200).body(json!({"id": LIST, "name": "Weekly"}).to_string())]);
    let test = trial("subscriber_unsubscribed", json!({})).event(|event| event.test = true);
    let tried = test.url(receiver.url("")).run().await;
    assert_eq!(tried.requests(), [format!("GET {path}")]);
    let done = tried.accepted();
    assert!(done.changes.is_empty() && done.meta.is_empty() && done.message.contains("Weekly"), "{done:?}");
}

#[tokio::test]
async fn what_is_wrong_with_lists_and_subscribers_is_named() {
    let error = |status, message: &str, field: &str| {
        let body = json!({"errors": [{"message": message, "field": field}]});
        Answer::status(status).body(body.to_string())
    };
    for (answer, text) in [
        (error(400, "invalid list ids", "list_ids"), "config.list_ids: invalid list ids"),
        (error(401, "expired", ""), "credentials.api_key was refused"),
        (error(403, "access forbidden", ""), "The key needs the permission Marketing"),
        (error(404, "resource not found", ""), "Is one of config.list_ids gone?"),
        (Answer::status(202).body("<html>"), "cannot be read"),
    ] {
        let receiver = knowing(&[LIST]);
        receiver.answers(CONTACTS, [answer]);
        let failure = trial("new_subscriber", json!({})).url(receiver.url("")).run().await.failure();
        assert!(failure.reason().contains(text), "{failure}");
    }
    let config = |lists: Value| trial("new_subscriber", json!({})).config(json!({"list_ids": lists}));
    for (trial, text) in [
        (config(json!([])), "config.list_ids: at least one is needed"),
        (config(json!([LIST, "weekly"])), "config.list_ids[1]: \"weekly\" is no id of a list"),
        (trial("new_subscriber", json!({"Email": null})), "has no e-mail address"),
        (trial("new_subscriber", json!({"Email": "jane"})), "\"jane\" is no e-mail address"),
        (
            trial("x", json!({})).about("store_updated", "store", json!({})),
            "a store is on no list: trigger:new_subscriber",
        ),
    ] {
        let tried = trial.url("http://127.0.0.1:9").run().await;
        assert!(tried.exchanges.is_empty(), "{text}");
        let failure = tried.failure();
        assert!(matches!(&failure, Failure::Discard { reason } if reason.contains(text)), "{failure}: {text}");
    }
    let receiver = Receiver::start();
    receiver.answers(&format!("/v3/marketing/lists/{LIST}"), [error(404, "not found", "")]);
    let gone = trial("new_subscriber", json!({})).url(receiver.url("")).test().await.failure();
    assert_eq!(gone.reason(), format!("config.list_ids[0]: SendGrid has no list {LIST} (404)"));
    // That a contact is on no list is believed of a list that is there.
    let removing = async |list: Answer| {
        let receiver = knowing(&[LIST]);
        receiver.answers(&removal("c-1")["DELETE ".len()..], [error(404, "not found", "")]);
        receiver.answers(&format!("/v3/marketing/lists/{LIST}"), [list]);
        let tried = trial("subscriber_unsubscribed", json!({})).url(receiver.url("")).run().await;
        let looked = format!("GET /v3/marketing/lists/{LIST}");
        assert_eq!(tried.requests(), [format!("POST {SEARCH}"), removal("c-1"), looked]);
        tried
    };
    let there = Answer::status(200).body(json!({"id": LIST, "name": "Weekly"}).to_string());
    assert_eq!(removing(there).await.accepted().changes["sync_status"], "unsubscribed");
    let gone = removing(error(404, "not found", "")).await.failure();
    assert_eq!(gone.reason(), format!("config.list_ids[0]: SendGrid has no list {LIST} (404)"));
    let page = knowing(&[LIST]);
    page.answers(&removal("c-1")["DELETE ".len()..], [Answer::status(404).body("<html>")]);
    let failure = trial("subscriber_unsubscribed", json!({})).url(page.url("")).run().await.failure();
    assert!(matches!(failure, Failure::Discard { .. }), "a page is no word of SendGrid's that the list is gone");
}
