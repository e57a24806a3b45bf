//! API tokens: what each kind may do, when it stops, and what is kept of it.

use serde_json::{Value, json};
use tenon::access::PublicAccess;
use tenon::clock::{DAY, MINUTE};
use tenon::db::Sql;

use crate::support::api::Answered;
use crate::support::app::TestApp;
use crate::support::on_both_databases;

on_both_databases! {
    async fn a_token_is_told_once_and_kept_as_a_hash(app: &TestApp) {
        let made = make(app, json!({"name": "shop", "kind": "full-access"})).await;
        let token = made.expect(201)["data"]["token"].as_str().expect("a token").to_owned();
        let listed = app.with_token(Some(&token)).get("/tenon/tokens").await;
        let listed = &listed.expect(200)["data"];
        assert_eq!((&listed[0]["name"], &listed[0]["kind"]), (&json!("shop"), &json!("full-access")));
        assert!(!listed.to_string().contains(&token), "{listed}");
        let kept = app.state.db.read(|conn| {
            conn.first(&Sql::new("SELECT name, kind, hash FROM tokens"), |row| {
                Ok(format!("{} {} {}", row.text(0)?, row.text(1)?, row.text(2)?))
            })
        });
        let kept = kept.await.expect("the database answers").expect("a row");
        assert!(!kept.contains(&token) && kept.len() > 64, "{kept}");
    }

    async fn a_read_only_token_reads_drafts_and_changes_nothing(app: &TestApp) {
        let token = token(app, json!({"name": "reader", "kind": "read-only"})).await;
        let reader = app.with_token(Some(&token));
        assert_eq!(reader.get("/tenon/tokens").await.status, 403);
        assert_eq!(make(&reader, json!({"name": "another", "kind": "full-access"})).await.status, 403);
    }

    async fn a_custom_token_does_what_it_names_and_nothing_else(app: &TestApp) {
        let store = app.store(vec![]).await;
        let permissions = json!(["store.find", "api::store.store.emit", "product.create"]);
        let token = token(app, json!({"name": "shop", "kind": "custom", "permissions": permissions})).await;
        let shop = app.with_token(Some(&token));
        let product = json!({"data": {"Name": "Tea", "stores": [store]}});
        let made = shop.post("/api/products", product).await;
        let product = made.expect(201)["data"]["documentId"].as_str().expect("an id").to_owned();
        shop.get("/api/stores?status=draft&populate=extensions").await.expect(200);
        shop.emit(&store, "post_sale", json!({})).await;
        let populated = shop.get("/api/stores?populate=*").await;
        assert!(populated.expect(200)["data"][0].get("products").is_none(), "products may not be found");
        for unknown in ["filters[products][Name]=Tea", "sort=products.Name"] {
            assert_eq!(shop.get(&format!("/api/stores?{unknown}")).await.expect(400)["error"]["message"], "Invalid key products");
        }
        for path in [&format!("/api/stores/{store}"), "/api/products", "/api/subscribers", "/tenon/runs", "/tenon/events", "/api/triggers", "/tenon/tokens"] {
            shop.get(path).await.expect(403);
        }
        let emission = |of: &str, id: &str| json!({"trigger": "post_sale", "target": {"type": of, "documentId": id}});
        let batch = json!({"data": [emission("store", &store), emission("product", &product)]});
        let subscription = json!({"data": {"Email": "ada@example.com", "stores": [store]}});
        for (path, body) in [
            (format!("/api/products/{product}/triggers/post_sale"), json!({})),
            ("/api/triggers".to_owned(), batch),
            (format!("/api/products/{product}/actions/publish"), json!({})),
            ("/api/stores".to_owned(), json!({"data": {"title": "x", "slug": "x"}})),
            ("/api/subscribers/subscribe".to_owned(), subscription),
        ] {
            shop.post(&path, body).await.expect(403);
        }
        shop.put(&format!("/api/products/{product}"), json!({"data": {}})).await.expect(403);
        shop.delete(&format!("/api/products/{product}")).await.expect(403);
        let listed = app.get("/tenon/tokens").await;
        assert_eq!(listed.expect(200)["data"][0]["permissions"], json!(["store.find", "store.emit", "product.create"]));
    }

    async fn who_may_create_subscribers_may_subscribe(app: &TestApp) {
        let store = app.store(vec![]).await;
        let token = token(app, json!({"name": "site", "kind": "custom", "permissions": ["subscriber.create"]})).await;
        let subscription = json!({"data": {"Email": "ada@example.com", "stores": [store]}});
        app.with_token(Some(&token)).post("/api/subscribers/subscribe", subscription).await.expect(200);
    }

    async fn a_token_stops_at_its_end(app: &TestApp) {
        let token = token(app, json!({"name": "guest", "kind": "full-access", "expiresInDays": 1})).await;
        let guest = app.with_token(Some(&token));
        guest.get("/tenon/tokens").await.expect(200);
        app.clock.advance(DAY);
        assert_eq!(guest.get("/tenon/tokens").await.expect(401)["error"]["message"], "Token expired");
    }

    async fn a_deleted_token_stops_at_once(app: &TestApp) {
        let made = make(app, json!({"name": "leaver", "kind": "full-access"})).await;
        let made = &made.expect(201)["data"];
        let leaver = app.with_token(made["token"].as_str());
        leaver.get("/tenon/tokens").await.expect(200);
        let path = format!("/tenon/tokens/{}", made["id"]);
        app.delete(&path).await.expect(204);
        assert_eq!(leaver.get("/tenon/tokens").await.expect(401)["error"]["message"], "Missing or invalid credentials");
        app.delete(&path).await.expect(404);
        app.delete("/tenon/tokens/everyone").await.expect(404);
    }

    async fn the_last_use_is_noted_to_the_minute(app: &TestApp) {
        let token = token(app, json!({"name": "user", "kind": "read-only"})).await;
        let user = app.with_token(Some(&token));
        assert_eq!(last_use(app).await, None);
        let mut seen = Vec::new();
        for _ in 0..2 {
            app.clock.advance(MINUTE);
            user.get("/openapi.json").await.expect(200); // Asks for no caller.
            user.get("/tenon/tokens").await.expect(403);
            user.get("/tenon/tokens").await.expect(403);
            seen.push(wait_for_use(app, seen.last().copied()).await);
        }
        assert_eq!(seen[1] - seen[0], MINUTE);
    }

    async fn what_a_token_must_be_is_said_with_its_path(app: &TestApp) {
        let refused = make(app, json!({"name": "x", "kind": "admin"})).await;
        let problem = &refused.expect(400)["error"];
        assert_eq!((&problem["name"], &problem["details"]["errors"][0]["path"]), (&json!("ValidationError"), &json!(["kind"])));
        let refused = make(app, json!({"name": "", "kind": "read-only"})).await;
        assert_eq!(refused.expect(400)["error"]["details"]["errors"][0]["path"], json!(["name"]));
        let refused = make(app, json!({"name": "x", "kind": "read-only", "expiresInDays": 0})).await;
        assert_eq!(refused.expect(400)["error"]["details"]["errors"][0]["path"], json!(["expiresInDays"]));
        for (kind, permissions) in [
            ("custom", Value::Null),
            ("custom", json!([])),
            ("custom", json!(["store.read"])),
            ("read-only", json!(["store.find"])),
        ] {
            let refused = make(app, json!({"name": "x", "kind": kind, "permissions": permissions})).await;
            assert_eq!(refused.expect(400)["error"]["details"]["errors"][0]["path"], json!(["permissions"]), "{kind}");
        }
        token(app, json!({"name": "taken", "kind": "read-only"})).await;
        let refused = make(app, json!({"name": "taken", "kind": "read-only"})).await;
        assert_eq!(refused.expect(409)["error"]["name"], "ConflictError");
    }

    async fn a_public_that_may_do_everything_makes_no_tokens(app: &TestApp)
    with |config| config.public_access = PublicAccess::Full; {
        assert_eq!(make(&app.with_token(None), json!({"name": "x", "kind": "full-access"})).await.status, 403);
    }
}

async fn make(api: &crate::support::api::Api, data: Value) -> Answered {
    api.post("/tenon/tokens", json!({"data": data})).await
}

async fn token(app: &TestApp, data: Value) -> String {
    make(app, data).await.expect(201)["data"]["token"].as_str().expect("a token").to_owned()
}

async fn last_use(app: &TestApp) -> Option<i64> {
    let read =
        app.state.db.read(|conn| conn.first(&Sql::new("SELECT last_used_at FROM tokens"), |row| row.find_int(0)));
    read.await.expect("the database answers").flatten()
}

/// The use that is noted beside the request, so that it may come a little after the answer.
async fn wait_for_use(app: &TestApp, before: Option<i64>) -> i64 {
    for _ in 0..1000 {
        match last_use(app).await {
            Some(at) if Some(at) != before => return at,
            _ => tokio::time::sleep(std::time::Duration::from_millis(2)).await,
        }
    }
    panic!("the use was not noted")
}
