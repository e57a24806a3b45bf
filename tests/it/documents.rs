//! Documents through their lives: drafts, publishing, what is kept and what is told.

use serde_json::{Value, json};
use tenon::db::Sql;

use crate::support::app::TestApp;
use crate::support::on_both_databases;

/// The triggers and changes of all events, in their order.
async fn told(app: &TestApp) -> Vec<(String, Value)> {
    let read = app.state.db.read(|conn| {
        conn.list(&Sql::new("SELECT trigger, changes FROM events ORDER BY id"), |row| {
            let changes = row.find_text(1)?.map_or(Value::Null, |text| serde_json::from_str(&text).expect("JSON"));
            Ok((row.text(0)?.trim_start_matches("trigger:").to_owned(), changes))
        })
    });
    read.await.expect("the events")
}

async fn triggers(app: &TestApp) -> Vec<String> {
    told(app).await.into_iter().map(|(trigger, _)| trigger).collect()
}

fn id(document: &Value) -> &str {
    document["documentId"].as_str().expect("a documentId")
}

on_both_databases! {
    async fn a_draft_edit_shows_only_when_it_is_published(app: &TestApp) {
        let tea = app.create("products", json!({"Name": "Tea", "PRICES": [{"Name": "small", "Price": 4}]})).await;
        let path = format!("/api/products/{}", id(&tea));
        let edit = json!({"data": {"Name": "Green tea", "PRICES": [{"id": tea["PRICES"][0]["id"], "Price": 5}, {"Price": 9}]}});
        app.put(&format!("{path}?status=draft"), edit).await.expect(200);

        let shown = app.get(&format!("{path}?populate=PRICES")).await.expect(200)["data"].clone();
        assert_eq!((&shown["Name"], shown["PRICES"].as_array().map(Vec::len)), (&json!("Tea"), Some(1)));

        let published = app.post(&format!("{path}/actions/publish?populate=PRICES"), json!({})).await.expect(200)["data"].clone();
        assert_eq!(published["Name"], "Green tea");
        assert_eq!(published["PRICES"][0], json!({
            "id": tea["PRICES"][0]["id"], "Name": "small", "Price": 5, "STRIPE_ID": null, "Currency": null,
            "Description": null, "hidden": false, "extra": {}, "inventory": null, "billing_type": "one_time",
            "billing_interval": null, "billing_interval_count": 0, "ships_to": [],
        }), "the item kept its id and what the edit did not name");
        assert_ne!(published["id"], tea["id"], "the published version is made anew");
    }

    async fn discarding_goes_back_to_what_is_published_and_unpublishing_leaves_the_draft(app: &TestApp) {
        let tea = app.create("products", json!({"Name": "Tea", "Tag": [{"Label": "hot"}]})).await;
        let path = format!("/api/products/{}", id(&tea));
        app.put(&format!("{path}?status=draft"), json!({"data": {"Name": "Coffee", "Tag": []}})).await.expect(200);
        let draft = app.post(&format!("{path}/actions/discard?populate=Tag"), json!({})).await.expect(200)["data"].clone();
        assert_eq!((&draft["Name"], &draft["Tag"][0]["Label"], &draft["publishedAt"]), (&json!("Tea"), &json!("hot"), &Value::Null));

        app.post(&format!("{path}/actions/unpublish"), json!({})).await.expect(200);
        app.get(&path).await.expect(404);
        app.get(&format!("{path}?status=draft")).await.expect(200);
        app.post(&format!("{path}/actions/discard"), json!({})).await.expect(400);
    }

    async fn what_a_draft_was_spared_is_asked_for_when_it_is_published(app: &TestApp) {
        let answer = app.post("/api/stores?status=draft", json!({"data": {"extensions": [{"url": "u"}]}})).await;
        let path = format!("/api/stores/{}", id(&answer.expect(201)["data"]));
        let refused = app.post(&format!("{path}/actions/publish"), json!({})).await;
        let problems = refused.expect(400)["error"]["details"]["errors"].clone();
        let paths: Vec<_> = problems.as_array().expect("problems").iter().map(|problem| problem["path"].to_string()).collect();
        assert_eq!(paths, [r#"["title"]"#, r#"["slug"]"#, r#"["extensions","0","key"]"#]);
        app.get(&path).await.expect(404);
    }

    async fn a_slug_that_is_taken_changes_nothing(app: &TestApp) {
        app.create("stores", json!({"title": "One", "slug": "one"})).await;
        let two = app.create("stores", json!({"title": "Two", "slug": "two"})).await;
        let before = triggers(app).await;
        let refused = app.put(&format!("/api/stores/{}", id(&two)), json!({"data": {"title": "2", "slug": "one"}})).await;
        assert_eq!(refused.expect(400)["error"]["details"]["errors"][0], json!({
            "path": ["slug"], "message": "This attribute must be unique", "name": "ValidationError", "value": "one",
        }));
        let draft = app.get(&format!("/api/stores/{}?status=draft", id(&two))).await.expect(200)["data"].clone();
        assert_eq!((&draft["title"], &draft["slug"]), (&json!("Two"), &json!("two")), "the draft is as it was");
        assert_eq!(triggers(app).await, before, "nothing happened, and nothing is told");
    }

    async fn both_versions_show_the_same_extension_records_and_an_edit_is_in_force_at_once(app: &TestApp) {
        let record = json!({"key": "custom:webhook", "url": "http://a.example", "run_count": 7, "meta": {"outside": 1}});
        let store = app.create("stores", json!({"title": "S", "slug": "s", "extensions": [record]})).await;
        let path = format!("/api/stores/{}", id(&store));
        let records = async |status: &str| {
            app.get(&format!("{path}?populate=extensions&status={status}")).await.expect(200)["data"]["extensions"].clone()
        };
        assert_eq!(records("published").await, records("draft").await);

        let edited = json!([{"id": store["extensions"][0]["id"], "url": "http://b.example", "run_count": 99, "meta": null}]);
        app.put(&format!("{path}?status=draft"), json!({"data": {"extensions": edited}})).await.expect(200);
        let shown = records("published").await;
        assert_eq!(shown, records("draft").await);
        assert_eq!(shown[0]["url"], "http://b.example", "a draft's edit is in force at once");
        assert_eq!((&shown[0]["run_count"], &shown[0]["meta"]), (&json!(7), &json!({"outside": 1})), "the server's own stays");
    }

    async fn a_new_record_counts_from_nothing_where_its_body_has_no_number(app: &TestApp) {
        let records = json!([{"key": "custom:webhook"}, {"key": "custom:webhook", "run_count": null}]);
        let store = app.create("stores", json!({"title": "S", "slug": "s", "extensions": records})).await;
        assert_eq!([&store["extensions"][0]["run_count"], &store["extensions"][1]["run_count"]], [0, 0], "{store}");
    }

    async fn credentials_are_masked_and_a_mask_keeps_what_is_stored(app: &TestApp) {
        let record = json!({"key": "custom:webhook", "credentials": {"secret": "s3cret-value", "more": {"pin": 1234}}});
        let store = app.create("stores", json!({"title": "S", "slug": "s", "extensions": [record]})).await;
        let masked = json!({"secret": "********", "more": {"pin": "********"}});
        assert_eq!(store["extensions"][0]["credentials"], masked);

        let id_of_record = store["extensions"][0]["id"].clone();
        let edit = |credentials: Value| json!({"data": {"extensions": [{"id": id_of_record, "credentials": credentials}]}});
        let path = format!("/api/stores/{}?populate=extensions", id(&store));
        app.put(&path, edit(json!({"secret": "********", "more": {"pin": 4321}}))).await.expect(200);
        let opened = app.state.db.read(|conn| {
            conn.first(&Sql::new("SELECT id, credentials FROM extensions"), |row| Ok((row.int(0)?, row.text(1)?)))
        });
        let (id_of_row, sealed) = opened.await.expect("a row").expect("a row");
        assert!(sealed.starts_with("v1:") && !sealed.contains("s3cret-value"));
        let plain = app.state.sealer.open(&sealed, &format!("extensions/{id_of_row}/credentials")).expect("it opens");
        assert_eq!(serde_json::from_str::<Value>(&plain).expect("JSON"), json!({"secret": "s3cret-value", "more": {"pin": 4321}}));

        let refused = app.put(&path, edit(json!({"other": "********"}))).await;
        assert_eq!(refused.expect(400)["error"]["details"]["errors"][0]["path"], json!(["extensions", "0", "credentials", "other"]));
        app.put(&path, edit(Value::Null)).await.expect(200);
        assert_eq!(app.get(&path).await.expect(200)["data"]["extensions"][0]["credentials"], Value::Null);
    }

    async fn a_record_that_cannot_run_is_stored_and_warned_of(app: &TestApp) {
        let records = json!([{"key": "custom:webhok", "url": "http://a.example"}, {"key": "posthog:track", "config": {"distinct_id": 5}}]);
        let answer = app.post("/api/stores?populate=extensions", json!({"data": {"title": "S", "slug": "s", "extensions": records}})).await;
        let body = answer.expect(201).clone();
        assert_eq!(body["data"]["extensions"].as_array().map(Vec::len), Some(2));
        let warnings = body["meta"]["warnings"].as_array().expect("warnings").clone();
        assert_eq!(warnings[0]["path"], json!(["extensions", "0", "key"]));
        assert!(warnings[0]["message"].as_str().is_some_and(|text| text.contains("custom:webhook")), "the nearest key is named");
        assert_eq!(warnings[1]["path"], json!(["extensions", "1", "config", "distinct_id"]));
    }

    async fn every_change_is_told_once_with_what_changed(app: &TestApp) {
        let tea = app.create("products", json!({"Name": "Tea", "quantity": 3})).await;
        let path = format!("/api/products/{}", id(&tea));
        assert_eq!(triggers(app).await, ["product_created", "product_published"]);
        app.put(&path, json!({"data": {"quantity": 2}})).await.expect(200);
        app.put(&path, json!({"data": {"quantity": 2}})).await.expect(200);
        app.put(&path, json!({"data": {"PRICES": [{"Price": 1.5}]}})).await.expect(200);
        app.put(&format!("{path}?status=draft"), json!({"data": {"Name": "Chai"}})).await.expect(200);
        app.post(&format!("{path}/actions/publish"), json!({})).await.expect(200);
        app.post(&format!("{path}/actions/unpublish"), json!({})).await.expect(200);
        app.delete(&path).await.expect(204);
        app.delete(&path).await.expect(204);

        let told = told(app).await.split_off(2);
        let names: Vec<_> = told.iter().map(|(trigger, _)| trigger.as_str()).collect();
        let expected = ["product_updated", "product_updated", "price_created", "product_updated", "product_published", "product_unpublished", "product_deleted"];
        assert_eq!(names, expected, "a save without a change is told of as little as a delete of nothing");
        assert_eq!(told[0].1, json!({"quantity": {"from": 3, "to": 2}}));
        assert_eq!(told[3].1, json!({"Name": {"from": "Tea", "to": "Chai"}}));
        assert_eq!(told[4].1, json!({"Name": {"from": "Tea", "to": "Chai"}}), "publishing tells what the public sees change");
    }

    async fn subscribers_who_confirm_or_leave_are_told_apart(app: &TestApp) {
        let ana = app.create("subscribers", json!({"Email": "ana@example.com"})).await;
        let path = format!("/api/subscribers/{}", id(&ana));
        app.put(&path, json!({"data": {"EmailVerified": "2026-11-21T10:00:00Z"}})).await.expect(200);
        app.put(&path, json!({"data": {"unsubscribed_at": "2026-11-22T10:00:00Z"}})).await.expect(200);
        let expected = ["new_subscriber", "subscriber_updated", "subscriber_verified", "subscriber_updated", "subscriber_unsubscribed"];
        assert_eq!(triggers(app).await, expected);
    }

    async fn an_event_reaches_the_document_and_the_stores_that_hold_it(app: &TestApp) {
        let store = app.create("stores", json!({"title": "S", "slug": "s"})).await;
        let other = app.create("stores", json!({"title": "O", "slug": "o"})).await;
        let data = json!({"Name": "Tea", "stores": [id(&store), id(&other)], "PRICES": [{"Price": 1}]});
        app.create("products", data).await;
        let read = app.state.db.read(|conn| {
            let sql = Sql::new("SELECT trigger, owners, store FROM events WHERE trigger LIKE 'trigger:pr%' ORDER BY id");
            conn.list(&sql, |row| Ok((row.text(0)?, row.text(1)?, row.find_text(2)?)))
        });
        let events = read.await.expect("the events");
        let fields = |owners: &str| {
            let owners: Vec<(String, i64)> = serde_json::from_str(owners).expect("owners");
            owners.into_iter().map(|(field, _)| field).collect::<Vec<_>>()
        };
        assert_eq!(fields(&events[0].1), ["product.extensions", "store.extensions", "store.extensions"]);
        let price = events.iter().find(|(trigger, ..)| trigger == "trigger:price_created").expect("the price's event");
        assert_eq!(fields(&price.1), ["price.extensions", "product.extensions", "store.extensions", "store.extensions"]);
        assert!(events.iter().all(|(.., store)| store.as_deref().is_some_and(|store| store.contains("\"slug\":\"s\""))));
    }

    async fn records_of_a_price_go_when_no_version_has_the_price_any_more(app: &TestApp) {
        let price = json!({"Price": 1, "extensions": [{"key": "custom:webhook", "url": "http://a.example"}]});
        let tea = app.create("products", json!({"Name": "Tea", "PRICES": [price]})).await;
        let path = format!("/api/products/{}", id(&tea));
        let left = async || {
            let sql = "SELECT count(*) FROM extensions WHERE removed_at IS NULL";
            app.state.db.read(|conn| conn.first(&Sql::new(sql), |row| row.int(0))).await.expect("a count")
        };
        app.put(&format!("{path}?status=draft"), json!({"data": {"PRICES": []}})).await.expect(200);
        assert_eq!(left().await, Some(1), "the published version has it still");
        app.post(&format!("{path}/actions/publish"), json!({})).await.expect(200);
        assert_eq!(left().await, Some(0));
    }
}
