//! `markket:odoo`: who and what becomes a contact.

use serde_json::{Value, json};

use super::double::{Break, Double};
use super::{VERSIONS, made, meta, odoo_of, parts, trial, unjudged};
use crate::services::trial::Trial;

const STORE: &str = "ssssssssssssssssssssssss";
const SUBSCRIBER: &str = "uuuuuuuuuuuuuuuuuuuuuuuu";

fn store(odoo: &Double, title: &str) -> Trial {
    let urls =
        json!([{"Label": "mail", "URL": "mailto:a@example.com"}, {"Label": "shop", "URL": "https://north.example"}]);
    let store = json!({"id": 1, "documentId": STORE, "title": title, "slug": "north", "URLS": urls});
    trial("markket:odoo", odoo).about("store_updated", "store", store)
}

fn subscriber(odoo: &Double, email: &str) -> Trial {
    let subscriber = json!({"id": 4, "documentId": SUBSCRIBER, "Email": email, "active": true});
    trial("markket:odoo", odoo).about("new_subscriber", "subscriber", subscriber)
}

#[tokio::test]
async fn a_store_is_a_company() {
    for version in VERSIONS {
        let odoo = odoo_of(version);
        let known = meta(store(&odoo, "Tee & Töpfe 茶").run().await);
        assert_eq!(known, made("partner", STORE, 8));
        let names = ["name", "company_type", "ref", "website"];
        let expected = json!(["Tee & Töpfe 茶", "company", STORE, "https://north.example"]);
        assert_eq!(parts(&odoo.only("res.partner"), names), expected);
        odoo.calls();
        store(&odoo, "Tee & Töpfe 茶").run().await.accepted();
        assert!(!odoo.calls().contains(&"res.partner.write".to_owned()), "nothing changed");
        // A new name is written; known by what was remembered, or else by the reference.
        store(&odoo, "Tea").meta(known).run().await.accepted();
        assert_eq!(odoo.only("res.partner")["name"], "Tea");
        store(&odoo, "Teas").run().await.accepted();
        assert_eq!(odoo.only("res.partner")["name"], "Teas");
    }
}

#[tokio::test]
async fn what_is_late_takes_nothing_back() {
    let later = |tried: Trial, by: i64| tried.event(|event| event.occurred_at += by);
    let odoo = odoo_of(19);
    let known = meta(later(store(&odoo, "Teas"), 5).run().await);
    odoo.calls();
    let done = store(&odoo, "Tea").meta(known.clone()).run().await.accepted();
    assert_eq!(
        (done.message.as_str(), odoo.only("res.partner")["name"].clone()),
        ("nothing for Odoo: it knows of a later change", json!("Teas"))
    );
    assert!(!odoo.calls().iter().any(|call| call.starts_with("res.partner")));
    later(store(&odoo, "Tea again"), 6).meta(known).run().await.accepted();
    assert_eq!(odoo.only("res.partner")["name"], "Tea again");
}

#[tokio::test]
async fn a_company_that_is_there_already_is_meant() {
    let odoo = odoo_of(19);
    odoo.kept().books.put("res.partner", 3, json!({"name": "North", "company_type": "company", "ref": "other"}));
    odoo.kept().books.put("res.partner", 5, json!({"name": "North", "company_type": "company", "ref": false}));
    store(&odoo, "North").run().await.accepted();
    assert_eq!((&odoo.all("res.partner")[1]["ref"], odoo.all("res.partner").len()), (&json!(STORE), 2));
}

#[tokio::test]
async fn a_subscriber_is_a_contact_and_a_buyer_a_customer() {
    for version in VERSIONS {
        let odoo = odoo_of(version);
        let known = meta(subscriber(&odoo, "Ada@Example.com").run().await);
        assert_eq!(known, made("partner", SUBSCRIBER, 8));
        let names = ["name", "email", "customer_rank"];
        assert_eq!(parts(&odoo.only("res.partner"), names), json!(["Ada@Example.com", "Ada@Example.com", null]));
        // The sale knows the name; the contact is found by its address, in whatever letters.
        let done = trial("markket:odoo", &odoo).run().await.accepted();
        assert_eq!(done.message, "the contact 8 is up to date in Odoo");
        assert_eq!(Value::Object(done.meta), json!({}), "addresses are not remembered");
        assert_eq!(odoo.only("res.partner")["name"], "Ada Lovelace");
        // And whoever only knows the address does not take it away.
        for (email, meta) in [("ada@example.com", known), ("ADA@Example.com", json!({}))] {
            subscriber(&odoo, email).meta(meta).run().await.accepted();
            assert_eq!(parts(&odoo.only("res.partner"), ["name", "email"]), json!(["Ada Lovelace", "ada@example.com"]));
        }
        let buyer =
            json!({"customer": {"email": "grace@example.com", "name": "Grace", "phone": "+1 555", "id": "c-7"}});
        let done = trial("markket:odoo", &odoo).payload(buyer).run().await.accepted();
        assert_eq!(Value::Object(done.meta), json!({"customer:c-7": 9, "made:9": true}));
        let expected = json!(["Grace", "+1 555", 1]);
        assert_eq!(parts(&odoo.all("res.partner")[1], ["name", "phone", "customer_rank"]), expected);
    }
}

#[tokio::test]
async fn a_remembered_contact_is_followed_and_one_that_is_gone_made_anew() {
    let odoo = odoo_of(19);
    let known = meta(subscriber(&odoo, "ada@example.com").run().await);
    let moved = subscriber(&odoo, "ada@new.example").meta(known.clone()).run().await.accepted();
    assert_eq!(
        (odoo.only("res.partner")["email"].clone(), moved.message.as_str()),
        (json!("ada@new.example"), "the contact 8 is up to date in Odoo")
    );
    odoo.kept().books.put("res.partner", 8, json!({"active": false}));
    subscriber(&odoo, "ada@new.example").run().await.accepted();
    assert_eq!(odoo.only("res.partner")["active"], false, "who was archived stays so, and is not doubled");
    odoo.kept().books.remove("res.partner", 8);
    let done = subscriber(&odoo, "ada@new.example").meta(known).run().await.accepted();
    assert_eq!(Value::Object(done.meta), made("partner", SUBSCRIBER, 9));
}

#[tokio::test]
async fn a_lost_answer_doubles_no_contact() {
    for version in VERSIONS {
        let odoo = odoo_of(version);
        subscriber(&odoo, "ada@example.com").run().await.accepted();
        for step in 0..odoo.calls().len() {
            for how in [Break::Before, Break::After] {
                let odoo = unjudged(version);
                odoo.break_at(step, how);
                subscriber(&odoo, "ada@example.com").run().await.failure();
                subscriber(&odoo, "ada@example.com").run().await.accepted();
                assert_eq!(odoo.only("res.partner")["id"], 8, "{version} {step} {how:?}");
            }
        }
    }
}

#[tokio::test]
async fn two_runs_at_once_leave_one_contact_in_use() {
    for version in VERSIONS {
        let odoo = odoo_of(version);
        let ada = || subscriber(&odoo, "ada@example.com").run();
        let (one, other) = tokio::join!(ada(), ada());
        let own = format!("partner:{SUBSCRIBER}");
        assert_eq!(one.accepted().meta[&own], other.accepted().meta[&own]);
        let all = odoo.all("res.partner");
        let used: Vec<_> = all.iter().filter(|row| row["active"] == true).map(|row| row["id"].clone()).collect();
        assert_eq!(used, [8], "{all:#?}");
    }
}

#[tokio::test]
async fn a_sample_shows_what_it_is() {
    let odoo = odoo_of(19);
    for _ in 0..2 {
        let done = trial("markket:odoo", &odoo).event(|event| event.test = true).run().await.accepted();
        assert_eq!(Value::Object(done.meta), json!({}));
        let sample = odoo.only("res.partner");
        let expected = json!(["Test: Ada Lovelace", "TEST ada@example.com", null, null]);
        assert_eq!(parts(&sample, ["name", "ref", "email", "customer_rank"]), expected);
    }
    // Neither is taken for the other.
    trial("markket:odoo", &odoo).run().await.accepted();
    assert_eq!(parts(&odoo.all("res.partner")[1], ["name", "email"]), json!(["Ada Lovelace", "ada@example.com"]));
}

#[tokio::test]
async fn a_sample_changes_nobody_who_is_there() {
    let odoo = odoo_of(19);
    odoo.kept().books.put(
        "res.partner",
        5,
        json!({"name": "Ada, Countess", "email": "ada@example.com", "type": "contact"}),
    );
    odoo.kept().books.put("res.partner", 6, json!({"name": "North Ltd", "company_type": "company", "ref": STORE}));
    let before = odoo.all("res.partner");
    for tried in [trial("markket:odoo", &odoo), subscriber(&odoo, "ada@example.com"), store(&odoo, "North")] {
        let done = tried.event(|event| event.test = true).run().await.accepted();
        assert!(done.message.ends_with("a sample changes nothing of it"), "{}", done.message);
        assert_eq!((Value::Object(done.meta), odoo.all("res.partner")), (json!({}), before.clone()));
    }
}

#[tokio::test]
async fn events_that_mean_nothing_say_what_would() {
    let odoo = odoo_of(19);
    let ask = |trigger: &str, type_name: &str, data: Value| {
        trial("markket:odoo", &odoo).about(trigger, type_name, data).run()
    };
    for (trigger, type_name, data, expected) in [
        ("store_deleted", "store", json!({"title": "North"}), "stays in Odoo"),
        ("subscriber_deleted", "subscriber", json!({"Email": "a@example.com"}), "stays in Odoo"),
        ("subscriber_updated", "subscriber", json!({}), "no Email"),
        ("store_updated", "store", json!({}), "no title"),
        ("schedule", "store", json!({"title": "North"}), "this is for store_created"),
        ("price_updated", "price", json!({"price": {"Price": 1}}), "product_updated comes with every change"),
        ("inventory_zero", "product", json!({"Name": "Tea"}), "product_updated comes with every change"),
        ("product_unpublished", "product", json!({"Name": "Tea"}), "product_deleted archives it"),
        ("product_updated", "product", json!({"SKU": "S-1"}), "no Name"),
    ] {
        let failure = ask(trigger, type_name, data).await.failure();
        assert!(matches!(&failure, tenon::handler::Failure::Discard { .. }), "{failure:?}");
        assert!(failure.reason().contains(expected), "{trigger}: {}", failure.reason());
    }
    assert!(odoo.all("res.partner").is_empty() && odoo.all("product.template").is_empty());
}
