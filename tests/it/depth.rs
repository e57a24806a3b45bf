//! How deep JSON may nest, from wherever it comes: what is stored can always be read and saved again.

use serde_json::{Value, json};
use tenon::db::Sql;

use crate::support::app::TestApp;
use crate::support::on_both_databases;
use crate::support::receiver::Answer;

fn nested(levels: usize) -> String {
    format!("{}{}", "[".repeat(levels), "]".repeat(levels))
}

on_both_databases! {
    async fn an_answer_that_nests_too_deep_is_not_stored(app: &TestApp) {
        for (number, (member, refused)) in [
            (r#""meta": {"a": DEEP}"#.replace("DEEP", &nested(101)), "meta.a"),
            (r#""meta": {"a": DEEP}"#.replace("DEEP", &nested(120)), "meta.a"),
            (r#""meta": {"a": DEEP}"#.replace("DEEP", &nested(5_000)), "is no JSON object"),
            (r#""meta": {"a": "\u0000"}"#.to_owned(), "U+0000"),
            (r#""meta": {"\u0000": 1}"#.to_owned(), "U+0000"),
            (r#""data": DEEP"#.replace("DEEP", &nested(101)), "data"),
        ].into_iter().enumerate() {
            app.receiver.answers("/hook", [Answer::status(200).body(format!("{{{member}}}"))]);
            let mut record = app.webhook("trigger:post_sale");
            record["key"] = json!("external:own");
            let store = app.store_named(&format!("s{number}"), vec![record]).await;
            app.emit(&store, "post_sale", json!({})).await;
            app.run_until_idle().await;
            let run = app.runs().await.remove(0);
            assert_eq!(run["state"], "dead", "{run}");
            assert!(run["attempts"][0]["message"].as_str().is_some_and(|why| why.contains(refused)), "{refused}: {run}");
            assert!(app.record(&store, 0).await["meta"].as_object().is_none_or(serde_json::Map::is_empty));
            app.put(&format!("/api/stores/{store}"), json!({"data": {"title": "saved"}})).await.expect(200);
        }
        app.receiver.answers("/hook", [Answer::status(200).body(format!(r#"{{"meta": {{"a": {}}}}}"#, nested(99)))]);
        let mut record = app.webhook("trigger:post_sale");
        record["key"] = json!("external:own");
        let store = app.store_named("deep", vec![record]).await;
        app.emit(&store, "post_sale", json!({})).await;
        app.run_until_idle().await;
        assert_eq!(app.record(&store, 0).await["meta"]["a"].to_string(), nested(99));
        app.put(&format!("/api/stores/{store}"), json!({"data": {"title": "saved"}})).await.expect(200);
    }

    async fn what_was_stored_before_there_was_a_limit_can_be_read_and_saved(app: &TestApp) {
        let mut record = app.webhook("trigger:post_sale");
        record["key"] = json!("external:own");
        let store = app.store(vec![record]).await;
        let product = json!({"Name": "Tea", "stores": [store], "PRICES": [{"Price": 1, "inventory": 9}]});
        let product = app.create("products", product).await;
        for levels in [101, 120, 126, 130, 20_000] {
            let deep = nested(levels);
            let write = move |conn: &mut tenon::db::Conn| {
                let mut sql = Sql::new("UPDATE extensions SET meta = ");
                conn.execute(sql.str(format!(r#"{{"deep": {deep}, "lead": 7}}"#)))?;
                let mut sql = Sql::new("UPDATE stores SET settings = ");
                conn.execute(sql.str(format!(r#"{{"deep": {deep}}}"#)))?;
                let mut sql = Sql::new("UPDATE prices SET extra = ");
                conn.execute(sql.str(format!(r#"{{"deep": {deep}}}"#)))
            };
            app.state.db.write(write).await.expect("stored");
            let path = format!("/api/stores/{store}");
            assert_eq!(app.record(&store, 0).await["meta"]["lead"], 7, "{levels}");
            app.put(&path, json!({"data": {"title": format!("with {levels}")}})).await.expect(200);
            app.put(&format!("{path}?status=draft"), json!({"data": {"title": "draft"}})).await.expect(200);
            app.post(&format!("{path}/actions/publish"), json!({})).await.expect(200);
            let id = product["documentId"].as_str().expect("a documentId");
            app.put(&format!("/api/products/{id}"), json!({"data": {"Name": format!("Tea {levels}")}})).await.expect(200);
            let price = format!("/api/products/{id}/prices/{}/inventory", product["PRICES"][0]["id"]);
            app.post(&price, json!({"op": "decrement", "quantity": 1})).await.expect(200);
            app.receiver.answers("/hook", [Answer::status(200).body(r#"{"meta": {"visits": 2}}"#)]);
            app.emit(&store, "post_sale", json!({})).await;
            app.run_until_idle().await;
            assert_eq!(app.runs().await[0]["state"], "completed", "{levels}");
            let meta = app.record(&store, 0).await["meta"].clone();
            assert_eq!((&meta["lead"], &meta["visits"]), (&json!(7), &json!(2)), "{levels}");
            app.put(&path, json!({"data": {"settings": {"mended": true}}})).await.expect(200);
        }
    }

    async fn json_in_a_text_passes_the_checks_of_the_body(app: &TestApp) {
        let create = async |slug: &str, settings: String| {
            let data = json!({"title": "x", "slug": slug, "settings": settings});
            app.post("/api/stores", json!({ "data": data })).await
        };
        for (number, (settings, part)) in [
            (nested(101), "100 levels"), (nested(126), "100 levels"), (nested(127), "100 levels"), (nested(128), "100 levels"),
            (nested(50_000), "100 levels"), (r#"{"a":"\u0000"}"#.to_owned(), "U+0000"), (r#"{"\u0000":1}"#.to_owned(), "U+0000"),
        ].into_iter().enumerate() {
            let answer = create(&format!("no-{number}"), settings).await;
            let problem = &answer.expect(400)["error"]["details"]["errors"][0];
            assert_eq!(problem["path"], json!(["settings"]), "{}", answer.text);
            assert!(problem["message"].as_str().is_some_and(|why| why.contains(part)), "{}", answer.text);
        }
        let made = create("yes", nested(100)).await.expect(201)["data"].clone();
        assert_eq!(made["settings"].to_string(), nested(100));
        let path = format!("/api/stores/{}", made["documentId"].as_str().expect("a documentId"));
        app.put(&path, json!({"data": {"title": "again"}})).await.expect(200);
        // What is no JSON is a text, however many brackets it has.
        let made = create("text", "[".repeat(200)).await.expect(201)["data"].clone();
        assert_eq!(made["settings"], Value::from("[".repeat(200)));
    }
}
