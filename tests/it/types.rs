//! What every content type does by its facts alone: Tenon's own, and those that an embedding program adds.

use serde_json::{Value, json};
use tenon::content::{ContentType, PRODUCT, STORE, SUBSCRIBER, Shape};
use tenon::db::Sql;
use tenon::db::documents::seal_place;
use tenon::http::docs::WRITTEN;

use crate::support::added::{self, ARTICLE, AUTHOR, NOTE};
use crate::support::app::TestApp;

/// Types with the attribute that names their documents, and what a new document needs beside it.
fn types() -> [(&'static ContentType, &'static str, Value); 5] {
    [
        (&STORE, "title", json!({"slug": "the-store"})),
        (&PRODUCT, "Name", json!({"PRICES": [{"Name": "100 g", "Price": 1}]})),
        (&SUBSCRIBER, "Email", json!({})),
        (&ARTICLE, "Title", json!({"access": {"key": CANARY}, "Sections": [{"Notes": [{"Text": "a note"}]}]})),
        (&AUTHOR, "Name", json!({})),
    ]
}

/// A secret that nothing shows.
const CANARY: &str = "kanarienvogel-4711";

/// A document of which nothing is told but this name.
fn named(of: &(&'static ContentType, &'static str, Value), name: &str) -> Value {
    let mut data = of.2.clone();
    data[of.1] = json!(format!("{name}@example.com"));
    data
}

/// Makes two tests of each story, of a program with the added types.
macro_rules! with_added_types {
    ($(async fn $name:ident($app:ident: &TestApp) $story:block)*) => {$(
        mod $name {
            use super::*;

            async fn story($app: &TestApp) $story

            #[test]
            fn sqlite() {
                TestApp::tell_of(tenon::db::Kind::Sqlite, added::catalog(), |_| (), story);
            }

            #[test]
            fn postgres() {
                TestApp::tell_of(tenon::db::Kind::Postgres, added::catalog(), |_| (), story);
            }
        }
    )*};
}

with_added_types! {
    async fn documents_are_made_drafted_published_and_removed(app: &TestApp) {
        for of in &types() {
            let list = format!("/api/{}", of.0.plural);
            let made = app.post(&format!("{list}?status=draft"), json!({"data": named(of, "one")})).await;
            let id = made.expect(201)["data"]["documentId"].as_str().expect("an id").to_owned();
            let one = format!("{list}/{id}");
            let shown = async |status: &str| {
                let found = app.get(&format!("{one}?status={status}")).await;
                (found.status, found.json["data"][of.1].as_str().unwrap_or_default().to_owned())
            };
            assert_eq!(shown("draft").await, (200, "one@example.com".to_owned()), "{list}");
            assert_eq!(shown("published").await.0, 404, "{list}");

            let name = |name: &str| json!({"data": {of.1: format!("{name}@example.com")}});
            app.put(&one, name("two")).await.expect(200);
            app.put(&format!("{one}?status=draft"), name("three")).await.expect(200);
            assert_eq!(shown("published").await, (200, "two@example.com".to_owned()), "{list}");
            assert_eq!(shown("draft").await.1, "three@example.com", "{list}");
            app.post(&format!("{one}/actions/discard"), json!({})).await.expect(200);
            assert_eq!(shown("draft").await.1, "two@example.com", "{list}");
            app.post(&format!("{one}/actions/unpublish"), json!({})).await.expect(200);
            assert_eq!(shown("published").await.0, 404, "{list}");
            app.post(&format!("{one}/actions/publish"), json!({})).await.expect(200);
            assert_eq!(shown("published").await.1, "two@example.com", "{list}");

            let found = app.get(&format!("{list}?filters[{}][$startsWith]=two&sort={}&populate=*", of.1, of.1)).await;
            assert_eq!(found.expect(200)["meta"]["pagination"]["total"], 1, "{list}");
            assert_eq!(app.delete(&one).await.status, 204);
            assert_eq!(shown("draft").await.0, 404, "{list}");
        }
    }

    async fn records_hear_of_every_change_of_their_document(app: &TestApp) {
        for of in &types() {
            app.receiver.forget();
            let mut data = named(of, "one");
            data["extensions"] = json!([app.webhook("trigger:*")]);
            let made = app.create(of.0.plural, data).await;
            let one = format!("/api/{}/{}", of.0.plural, made["documentId"].as_str().expect("an id"));
            app.put(&one, json!({"data": {of.1: "two@example.com"}})).await.expect(200);
            app.rest().await;
            let listed = app.get(&format!("{one}/extensions")).await;
            assert_eq!(listed.expect(200)["data"][0]["key"], "custom:webhook", "{one}");
            assert_eq!(app.delete(&one).await.status, 204);
            app.rest().await;

            let heard: Vec<Value> = app.receiver.received().iter().map(|one| one.json()["trigger"].clone()).collect();
            let events = of.0.events.expect("events");
            let created = if events.created.is_empty() { format!("{}_created", of.0.singular) } else { events.created.to_owned() };
            for wanted in [created, format!("{}_updated", of.0.singular), format!("{}_deleted", of.0.singular)] {
                assert!(heard.contains(&json!(format!("trigger:{wanted}"))), "{wanted} in {heard:?}");
            }
            let published = json!(format!("trigger:{}_published", of.0.singular));
            assert_eq!(heard.contains(&published), events.publication, "{published} in {heard:?}");
            let told: String = app.receiver.received().iter().map(|one| one.json().to_string()).collect();
            assert!(!told.contains(CANARY), "{told}");
        }
    }

    async fn tokens_may_what_they_name_and_the_public_reads_what_is_public(app: &TestApp) {
        for of in &types() {
            let kind = json!({"name": of.0.singular, "kind": "custom", "permissions": [format!("{}.find", of.0.singular)]});
            let made = app.post("/tenon/tokens", json!({"data": kind})).await;
            let token = made.expect(201)["data"]["token"].as_str().expect("a token").to_owned();
            let holder = app.with_token(Some(&token));
            for other in &types() {
                let wanted = if other.0.uid == of.0.uid { 200 } else { 403 };
                assert_eq!(holder.get(&format!("/api/{}", other.0.plural)).await.status, wanted, "{} {}", token, other.0.plural);
            }
            let sent = holder.post(&format!("/api/{}", of.0.plural), json!({"data": named(of, "one")})).await;
            assert_eq!(sent.status, 403, "{}", of.0.plural);
            let public = app.with_token(None).get(&format!("/api/{}", of.0.plural)).await;
            assert_eq!(public.status, if of.0.public { 200 } else { 403 }, "{}", of.0.plural);
        }
    }

    async fn the_openapi_document_that_is_served_describes_the_added_types(app: &TestApp) {
        let served = app.get("/openapi.json").await;
        let served = served.expect(200);
        for of in &types() {
            assert!(served["paths"].get(format!("/api/{}/{{documentId}}", of.0.plural)).is_some(), "{}", of.0.plural);
            assert!(served["tags"].to_string().contains(of.0.plural), "{}", of.0.plural);
        }
        let section = &served["components"]["schemas"]["Section"]["properties"]["Notes"];
        assert!(section.to_string().contains("Note"), "{section}");
        assert!(!WRITTEN.contains("/api/articles"), "the committed document is that of Tenon's own types");
    }

    async fn secrets_of_documents_and_of_items_are_sealed_and_open_again(app: &TestApp) {
        let note = json!({"Text": "a note", "key": {"token": CANARY}});
        let data = json!({"Title": "A", "access": {"key": CANARY, "other": "x"}, "Sections": [{"Heading": "H", "Notes": [note]}]});
        let made = app.create("articles", data).await;
        assert_eq!(made["access"], json!({"key": "********", "other": "********"}));
        let id = made["documentId"].as_str().expect("an id").to_owned();
        let one = format!("/api/articles/{id}");
        let kept = json!({"access": {"key": "********", "other": "y"}});
        assert_eq!(app.put(&one, json!({"data": kept})).await.expect(200)["data"]["access"], json!({"key": "********", "other": "********"}));

        for (table, column) in [("articles", "access"), ("notes", "key")] {
            let mut sql = Sql::new("SELECT ");
            sql.name(column).text(" FROM ").name(table);
            let stored = app.state.db.read(move |conn| conn.list(&sql, |row| row.text(0))).await.expect("rows");
            assert_eq!(stored.len(), 2, "of both versions");
            assert!(stored.iter().all(|text| !text.contains(CANARY)), "{stored:?}");
            for sealed in stored {
                let place = match table {
                    "articles" => seal_place(Shape::Document(&ARTICLE), &id, column),
                    _ => {
                        let shown = app.get(&format!("{one}?populate[Sections][populate]=Notes")).await;
                        let note = &shown.expect(200)["data"]["Sections"][0]["Notes"][0];
                        assert_eq!(note["key"], json!({"token": "********"}));
                        seal_place(Shape::Component(&NOTE), &note["id"], column)
                    }
                };
                let opened = app.state.sealer.open(&sealed, &place).expect("it opens");
                assert!(opened.contains(CANARY), "{opened}");
            }
        }
        let unknown = app.post("/api/articles", json!({"data": {"Title": "B", "access": "********"}})).await;
        assert_eq!(unknown.expect(400)["error"]["details"]["errors"][0]["path"], json!(["access"]));
        assert_eq!(app.get("/api/articles?filters[access][$contains]=kanarien").await.status, 400);
    }

    async fn items_in_items_keep_their_records_through_drafts_and_publishing(app: &TestApp) {
        let note = |text: &str| json!({"Text": text, "extensions": [app.webhook("trigger:*")]});
        let section = |text: &str| json!({"Heading": text, "Notes": [note(text), note("other")]});
        let made = app.create("articles", json!({"Title": "A", "Sections": [section("one"), section("two")]})).await;
        let one = format!("/api/articles/{}", made["documentId"].as_str().expect("an id"));
        let shown = async |status: &str| {
            let path = format!("{one}?status={status}&populate[Sections][populate][Notes][populate]=extensions");
            app.get(&path).await.expect(200)["data"]["Sections"].clone()
        };
        let (draft, published) = (shown("draft").await, shown("published").await);
        assert_eq!(draft, published, "both versions have the same items and records");
        let (first, second) = (&draft[0], &draft[1]);
        let kept = json!({"id": first["Notes"][1]["id"], "Text": "edited"});
        let edited = json!([{"id": second["id"]}, {"id": first["id"], "Notes": [kept, {"Text": "new"}]}]);
        app.put(&format!("{one}?status=draft"), json!({"data": {"Sections": edited}})).await.expect(200);
        let after = shown("draft").await;
        assert_eq!((&after[0], &after[1]["Notes"][0]["Text"]), (second, &json!("edited")));
        assert_eq!(after[1]["Notes"][0]["extensions"], first["Notes"][1]["extensions"], "its record stays");
        assert_eq!(shown("published").await, published, "what is published stays");

        for (found, wanted) in [("edited", 0), ("one", 1)] {
            let path = format!("/api/articles?filters[Sections][Notes][Text]={found}");
            assert_eq!(app.get(&path).await.expect(200)["meta"]["pagination"]["total"], wanted, "{found}");
            let path = format!("{path}&status=draft");
            assert_eq!(app.get(&path).await.expect(200)["meta"]["pagination"]["total"], 1 - wanted, "{found}");
        }
        app.post(&format!("{one}/actions/discard"), json!({})).await.expect(200);
        assert_eq!(shown("draft").await, published, "all of it comes back");
        app.put(&one, json!({"data": {"Sections": [{"id": second["id"]}]}})).await.expect(200);
        assert_eq!(shown("published").await, json!([second]));
        for (table, rows) in [("sections", 2), ("notes", 4)] {
            let mut sql = Sql::new("SELECT count(*) FROM ");
            sql.name(table);
            let count = app.state.db.read(move |conn| conn.first(&sql, |row| row.int(0))).await.expect("a count");
            assert_eq!(count, Some(rows), "{table}");
        }
        assert_eq!(app.delete(&one).await.status, 204);
        assert_eq!(app.texts("SELECT text FROM notes").await, Vec::<String>::new());
        let records = app.texts("SELECT owner_field FROM extensions WHERE removed_at IS NULL").await;
        assert_eq!(records, Vec::<String>::new(), "no record outlives its item");
        app.rest().await;
    }
}
