//! `markket:odoo:newsletter`: who is on the list.

use serde_json::{Value, json};
use tenon::handler::Failure;

use super::double::{Break, Double};
use super::{NOW, VERSIONS, meta, odoo_of, remembered, trial, unjudged};
use crate::services::trial::Trial;

const ADA: &str = "uuuuuuuuuuuuuuuuuuuuuuuu";

fn with_list(version: u32) -> Double {
    listing(odoo_of(version))
}

fn listing(odoo: Double) -> Double {
    odoo.kept().books.put("mailing.list", 2, json!({"name": "Newsletter"}));
    odoo.kept().books.put("mailing.list", 3, json!({"name": "Offers"}));
    odoo
}

fn told(odoo: &Double, trigger: &str, change: Value) -> Trial {
    let mut ada =
        json!({"id": 4, "documentId": ADA, "Email": "ada@example.com", "active": true, "unsubscribed_at": null});
    ada.as_object_mut().expect("an object").extend(change.as_object().expect("an object").clone());
    trial("markket:odoo:newsletter", odoo).config(json!({"list": "Newsletter"})).about(trigger, "subscriber", ada)
}

fn opted_out(odoo: &Double) -> Vec<Value> {
    odoo.all("mailing.subscription")
        .iter()
        .map(|one| json!([one["contact_id"], one["list_id"], one["opt_out"]]))
        .collect()
}

#[tokio::test]
async fn a_subscriber_is_on_the_list_until_they_leave() {
    for version in VERSIONS {
        let odoo = with_list(version);
        let done = told(&odoo, "new_subscriber", json!({})).run().await.accepted();
        assert_eq!(done.message, "ada@example.com is new on the list");
        let changes = json!({"sync_status": "synced", "last_synced_at": "2026-11-21T10:00:00.000Z"});
        assert_eq!((Value::Object(done.changes), Value::Object(done.meta)), (changes, remembered("contact", ADA, 2)));
        assert_eq!(opted_out(&odoo), [json!([2, 2, false])]);
        let again = told(&odoo, "subscriber_updated", json!({})).run().await.accepted();
        assert_eq!(again.message, "ada@example.com is on the list already");
        // What handlers note is no reason to ask again, and what is noted already is not noted again.
        odoo.calls();
        let note = json!({"sync_status": {"from": "pending", "to": "synced"}});
        let noted = told(&odoo, "subscriber_updated", json!({"sync_status": "synced"}));
        assert!(noted.changes(note).run().await.accepted().message.contains("nothing for the list"));
        assert_eq!(odoo.calls(), Vec::<String>::new());
        let known = told(&odoo, "subscriber_updated", json!({"sync_status": "synced"})).run().await.accepted();
        assert_eq!(Value::Object(known.changes), json!({}));
        let gone = json!({"active": false, "unsubscribed_at": "2026-11-21T09:00:00.000Z"});
        let left = told(&odoo, "subscriber_unsubscribed", gone.clone()).run().await.accepted();
        assert_eq!(
            (left.message.as_str(), &left.changes["sync_status"]),
            ("ada@example.com is off the list", &json!("unsubscribed"))
        );
        assert_eq!(opted_out(&odoo), [json!([2, 2, true])]);
        // The change that the shop tells of besides says the same.
        told(&odoo, "subscriber_updated", gone).run().await.accepted();
        assert_eq!(opted_out(&odoo), [json!([2, 2, true])]);
        let back = json!({"unsubscribed_at": {"from": "2026-11-21T09:00:00.000Z", "to": null}});
        let back = told(&odoo, "subscriber_updated", json!({})).changes(back).run().await.accepted();
        assert_eq!(back.message, "ada@example.com is on the list again");
        told(&odoo, "subscriber_deleted", json!({})).run().await.accepted();
        assert_eq!(opted_out(&odoo), [json!([2, 2, true])]);
        assert_eq!(odoo.all("mailing.contact").len(), 1);
    }
}

#[tokio::test]
async fn who_left_by_a_mails_link_stays_off_unless_they_subscribe_anew() {
    for version in VERSIONS {
        let odoo = with_list(version);
        told(&odoo, "new_subscriber", json!({})).run().await.accepted();
        odoo.kept().books.put("mailing.subscription", 2, json!({"opt_out": true}));
        let done = told(&odoo, "subscriber_updated", json!({})).run().await.accepted();
        assert_eq!(done.message, "ada@example.com left the list in Odoo, and stays off it");
        assert_eq!(
            (&done.changes["sync_status"], opted_out(&odoo)),
            (&json!("unsubscribed"), vec![json!([2, 2, true])])
        );
        told(&odoo, "new_subscriber", json!({})).run().await.accepted();
        assert_eq!(opted_out(&odoo), [json!([2, 2, false])]);
    }
}

#[tokio::test]
async fn a_changed_address_is_changed_on_the_list() {
    let moved = json!({"Email": "ada@new.example"});
    let change = json!({"Email": {"from": "ada@example.com", "to": "ada@new.example"}});
    for version in VERSIONS {
        // Whether the contact is remembered, or only its former address is told.
        for is_remembered in [true, false] {
            let odoo = with_list(version);
            let known = meta(told(&odoo, "new_subscriber", json!({})).run().await);
            let known = if is_remembered { known } else { json!({}) };
            let tried = told(&odoo, "subscriber_updated", moved.clone()).meta(known.clone());
            let tried = if is_remembered { tried } else { tried.changes(change.clone()) };
            let done = tried.run().await.accepted();
            assert_eq!(done.message, "ada@new.example is on the list already");
            assert_eq!(odoo.only("mailing.contact")["email"], "ada@new.example");
            odoo.calls();
            let again = told(&odoo, "subscriber_updated", json!({"Email": "Ada@New.example"})).meta(known);
            again.run().await.accepted();
            assert!(!odoo.calls().contains(&"mailing.contact.write".to_owned()), "only its letters differ");
        }
    }
}

#[tokio::test]
async fn who_switches_the_newsletter_off_leaves_and_on_again_comes_back() {
    let odoo = with_list(19);
    let known = meta(told(&odoo, "new_subscriber", json!({})).run().await);
    let (on, off) = (json!({"subscribed": true}), json!({"subscribed": false}));
    let change = |preferences: &Value, from: &Value, after: i64| {
        let tried = told(&odoo, "subscriber_updated", json!({"newsletter_preferences": preferences}));
        let tried = tried.event(|event| event.occurred_at += after);
        tried.changes(json!({"newsletter_preferences": {"from": from, "to": preferences}})).meta(known.clone())
    };
    let done = change(&off, &on, 5).run().await.accepted();
    assert_eq!(
        (done.message.as_str(), &done.changes["sync_status"]),
        ("ada@example.com is off the list", &json!("unsubscribed"))
    );
    assert_eq!(opted_out(&odoo), [json!([2, 2, true])]);
    change(&on, &off, 9).run().await.accepted();
    assert_eq!(opted_out(&odoo), [json!([2, 2, false])]);
}

#[tokio::test]
async fn what_is_late_or_replayed_takes_no_opt_out_back() {
    let odoo = with_list(19);
    let known = meta(told(&odoo, "new_subscriber", json!({})).run().await);
    // By a mail's link, after which the event is replayed.
    odoo.kept().books.put("mailing.subscription", 2, json!({"opt_out": true}));
    let done = told(&odoo, "new_subscriber", json!({})).meta(known).run().await.accepted();
    assert_eq!(done.message, "ada@example.com left the list in Odoo, and stays off it");
    // In the shop.
    let later = told(&odoo, "subscriber_unsubscribed", json!({})).event(|event| event.occurred_at += 5);
    let known = meta(later.run().await);
    assert_eq!(known, json!({(format!("as_of:{ADA}")): NOW + 5}));
    let done = told(&odoo, "new_subscriber", json!({})).meta(known.clone()).run().await.accepted();
    assert_eq!(done.message, "nothing for the list: it knows of a later change of this subscriber");
    assert_eq!(opted_out(&odoo), [json!([2, 2, true])]);
    let anew = told(&odoo, "new_subscriber", json!({})).meta(known).event(|event| event.occurred_at += 9);
    anew.run().await.accepted();
    assert_eq!(opted_out(&odoo), [json!([2, 2, false])]);
}

#[tokio::test]
async fn a_sample_changes_nobodys_subscription() {
    let odoo = with_list(19);
    for trigger in ["new_subscriber", "subscriber_unsubscribed"] {
        let done = told(&odoo, trigger, json!({})).event(|event| event.test = true).run().await.accepted();
        assert_eq!(done.message, "Odoo has the list 2; a sample changes nobody's subscription");
        assert_eq!((Value::Object(done.meta), Value::Object(done.changes)), (json!({}), json!({})));
    }
    assert!(odoo.all("mailing.contact").is_empty());
}

#[tokio::test]
async fn a_contact_that_is_there_joins_and_all_of_an_address_leave() {
    let odoo = with_list(19);
    odoo.kept().books.put("mailing.contact", 1, json!({"name": "Ada", "email": "Ada@Example.com"}));
    odoo.kept().books.put("mailing.contact", 9, json!({"name": "Ada again", "email": "ada@example.com"}));
    let known = meta(told(&odoo, "new_subscriber", json!({})).run().await);
    assert_eq!((known, opted_out(&odoo)), (remembered("contact", ADA, 1), vec![json!([1, 2, false])]));
    // The remembered one goes first, and the list by its id.
    let known = remembered("contact", ADA, 9);
    told(&odoo, "new_subscriber", json!({})).config(json!({"list_id": 3})).meta(known).run().await.accepted();
    told(&odoo, "new_subscriber", json!({}))
        .config(json!({"list_id": 2}))
        .meta(remembered("contact", ADA, 9))
        .run()
        .await
        .accepted();
    assert_eq!(opted_out(&odoo), [json!([1, 2, false]), json!([9, 3, false]), json!([9, 2, false])]);
    told(&odoo, "subscriber_deleted", json!({})).run().await.accepted();
    assert_eq!(opted_out(&odoo), [json!([1, 2, true]), json!([9, 3, false]), json!([9, 2, true])]);
    odoo.kept().books.remove("mailing.contact", 9);
    let done = told(&odoo, "new_subscriber", json!({})).meta(remembered("contact", ADA, 9)).run().await.accepted();
    assert_eq!(Value::Object(done.meta), remembered("contact", ADA, 1), "one that is gone is searched");
}

#[tokio::test]
async fn a_lost_answer_doubles_no_contact() {
    for version in VERSIONS {
        let odoo = with_list(version);
        told(&odoo, "new_subscriber", json!({})).run().await.accepted();
        for step in 0..odoo.calls().len() {
            for how in [Break::Before, Break::After] {
                let odoo = listing(unjudged(version));
                odoo.break_at(step, how);
                told(&odoo, "new_subscriber", json!({})).run().await.failure();
                told(&odoo, "new_subscriber", json!({})).run().await.accepted();
                assert_eq!(opted_out(&odoo), [json!([2, 2, false])], "{version} {step} {how:?}");
            }
        }
    }
}

#[tokio::test]
async fn what_keeps_someone_off_says_what_to_change() {
    let odoo = with_list(19);
    let attempt = || told(&odoo, "new_subscriber", json!({}));
    let sale = trial("markket:odoo:newsletter", &odoo).config(json!({"list": "Newsletter"}));
    for (tried, expected) in [
        (attempt().config(json!({})), "config.list or config.list_id must say which mailing list"),
        (attempt().config(json!({"list": "Nwes"})), r#"Odoo has no mailing list called "Nwes": correct config.list"#),
        (attempt().config(json!({"list_id": 77})), "Odoo has no mailing list with the id 77: correct config.list_id"),
        (told(&odoo, "new_subscriber", json!({"Email": null})), "no Email"),
        (sale, "post_sale is about no subscriber: this is for new_subscriber"),
    ] {
        let failure = tried.run().await.failure();
        assert!(matches!(&failure, Failure::Discard { .. }), "{failure:?}");
        assert!(failure.reason().contains(expected), "{}", failure.reason());
    }
    assert!(odoo.all("mailing.contact").is_empty());
    let done = attempt().test().await.accepted();
    assert_eq!(
        done.message,
        "Odoo 19 knows the credentials: they are of user 2 of the database o18; the list 2 is there"
    );
    let failure = attempt().config(json!({"list": "Nwes"})).test().await.failure();
    assert!(failure.reason().contains("correct config.list"), "the test looks for the list too: {}", failure.reason());
}
