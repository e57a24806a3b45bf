//! The prices of a product, one by one.

use reqwest::Method;
use serde_json::{Value, json};

use crate::support::api::{Answered, Api, send};
use crate::support::app::TestApp;
use crate::support::on_both_databases;

/// A published product with the prices "small" and "large"; the path of its prices, and their ids.
async fn tea(api: &Api) -> (String, [i64; 2]) {
    let tea = api.create(
        "products",
        json!({"Name": "Tea", "PRICES": [
            {"Name": "small", "Price": "4.50", "inventory": 9, "extensions": [
                {"key": "custom:webhook", "triggers": [], "credentials": {"secret": "kept-to-itself"}}
            ]},
            {"Name": "large", "Price": 8},
        ]}),
    );
    let tea = tea.await;
    let id = |place: usize| tea["PRICES"][place]["id"].as_i64().expect("an id");
    (format!("/api/products/{}/prices", tea["documentId"].as_str().expect("a documentId")), [id(0), id(1)])
}

async fn patch(api: &Api, path: &str, data: Value) -> Answered {
    send(api.request(Method::PATCH, path).json(&json!({ "data": data }))).await
}

fn names(list: &Answered) -> Vec<&str> {
    let list = list.expect(200)["data"].as_array().expect("a list");
    list.iter().map(|price| price["Name"].as_str().expect("a name")).collect()
}

on_both_databases! {
    async fn prices_are_listed_read_and_asked_for_as_components_are(app: &TestApp) {
        let (prices, [small, large]) = tea(app).await;
        let all = app.get(&prices).await;
        assert_eq!(names(&all), ["small", "large"]);
        assert_eq!(all.json["meta"], json!({}));
        let one = app.get(&format!("{prices}/{large}")).await;
        assert_eq!((&one.expect(200)["data"], &one.json["meta"]), (&all.json["data"][1], &json!({})));
        assert_eq!(one.json["data"]["Price"], 8);

        for (query, expected) in [
            ("?sort=Price:desc", vec!["large", "small"]),
            ("?filters[Price][$lt]=5", vec!["small"]),
            ("?filters[inventory][$null]=true", vec!["large"]),
            ("?filters[Name]=medium", vec![]),
        ] {
            assert_eq!(names(&app.get(&format!("{prices}{query}")).await), expected, "{query}");
        }
        let short = app.get(&format!("{prices}/{small}?fields=Name&populate=extensions")).await.expect(200)["data"].clone();
        assert_eq!((&short["id"], &short["Name"], short.get("Price")), (&json!(small), &json!("small"), None));
        assert_eq!(short["extensions"][0]["credentials"], json!({"secret": "********"}));

        for (query, key) in [("?fields=no", "no"), ("?populate=stores", "stores"), ("?sort=slug", "slug"), ("?filters[no]=1", "no")] {
            assert_eq!(app.get(&format!("{prices}{query}")).await.expect(400)["error"]["details"]["key"], key, "{query}");
        }
        let warned = app.get(&format!("{prices}?pagination[page]=2")).await;
        assert_eq!(warned.expect(200)["meta"]["warnings"][0]["path"], json!(["pagination"]));
        assert_eq!(names(&warned), ["small", "large"]);
    }

    async fn a_price_is_added_changed_and_removed_and_the_others_stay(app: &TestApp) {
        let (prices, [small, large]) = tea(app).await;
        let made = app.post(&format!("{prices}?populate=extensions"), json!({"data": {
            "Name": "medium", "Price": 6.25, "extensions": [{"key": "custom:nothing"}]
        }})).await;
        let medium = made.expect(201)["data"].clone();
        assert_eq!((&medium["Price"], &medium["billing_type"], &medium["extensions"][0]["key"]),
            (&json!(6.25), &json!("one_time"), &json!("custom:nothing")));
        assert_eq!(made.json["meta"]["warnings"][0]["path"], json!(["extensions", "0", "key"]));
        assert_eq!(names(&app.get(&prices).await), ["small", "large", "medium"]);

        let changed = patch(app, &format!("{prices}/{small}"), json!({"id": small, "Price": "5"})).await;
        let changed = changed.expect(200)["data"].clone();
        assert_eq!((&changed["Price"], &changed["Name"], &changed["inventory"]), (&json!(5), &json!("small"), &json!(9)));
        assert_eq!(app.get(&format!("{prices}/{small}")).await.expect(200)["data"], changed);

        app.delete(&format!("{prices}/{large}")).await.expect(204);
        assert_eq!(names(&app.get(&prices).await), ["small", "medium"]);
        for gone in [large.to_string(), "0".into(), "x".into()] {
            app.get(&format!("{prices}/{gone}")).await.expect(404);
            patch(app, &format!("{prices}/{gone}"), json!({"Price": 1})).await.expect(404);
            app.delete(&format!("{prices}/{gone}")).await.expect(204);
        }
        let kept = app.get(&format!("{prices}/{small}?populate=extensions")).await.expect(200)["data"]["extensions"].clone();
        assert_eq!(kept[0]["credentials"], json!({"secret": "********"}));

        let told = app.texts("SELECT trigger FROM events WHERE trigger LIKE '%price%' ORDER BY id").await;
        assert_eq!(told, ["created", "created", "created", "updated", "deleted"].map(|what| format!("trigger:price_{what}")));
        let changes = app.texts("SELECT changes FROM events WHERE trigger = 'trigger:price_updated'").await;
        assert_eq!(changes, [r#"{"Price":{"from":4.50,"to":5}}"#.replace("4.50", "4.5")]);
    }

    async fn what_is_asked_of_the_draft_is_not_published(app: &TestApp) {
        let (prices, [small, large]) = tea(app).await;
        patch(app, &format!("{prices}/{small}?status=draft"), json!({"Price": 99})).await.expect(200);
        app.delete(&format!("{prices}/{large}?status=draft")).await.expect(204);
        let added = app.post(&format!("{prices}?status=draft"), json!({"data": {"Name": "new"}})).await;
        let added = added.expect(201)["data"]["id"].clone();
        assert_eq!(names(&app.get(&prices).await), ["small", "large"]);
        assert_eq!(app.get(&format!("{prices}/{small}")).await.expect(200)["data"]["Price"], 4.5);
        assert_eq!(names(&app.get(&format!("{prices}?status=draft")).await), ["small", "new"]);
        app.get(&format!("{prices}/{added}")).await.expect(404);
        // Removing it without a status takes it from both, although the draft does not have it any more.
        app.delete(&format!("{prices}/{large}")).await.expect(204);
        assert_eq!(names(&app.get(&prices).await), ["small", "new"]);
        assert_eq!(app.get(&format!("{prices}/{small}")).await.expect(200)["data"]["Price"], 99);
    }

    async fn what_is_wrong_with_a_price_is_told_by_its_own_path(app: &TestApp) {
        let (prices, [small, large]) = tea(app).await;
        let one = format!("{prices}/{small}");
        let wrong = json!({"Price": "much", "extensions": [{"key": "custom:webhook", "triggers": ["{"]}]});
        for answer in [app.post(&prices, json!({ "data": wrong })).await, patch(app, &one, wrong.clone()).await] {
            let paths: Vec<_> = answer.expect(400)["error"]["details"]["errors"].as_array().expect("errors").iter()
                .map(|error| error["path"].clone()).collect();
            assert_eq!(paths, [json!(["Price"]), json!(["extensions", "0", "triggers"])]);
        }
        for data in [json!({"documentId": "x"}), json!({"Prize": 1}), json!({"id": large}), json!({"extensions": [{"no": 1}]})] {
            let answer = patch(app, &one, data.clone()).await;
            assert_eq!(answer.expect(400)["error"]["details"]["source"], "body", "{data}");
        }
        app.post(&prices, json!({"data": {"id": small}})).await.expect(400);
        app.post(&prices, json!({"Name": "no data"})).await.expect(400);
        assert_eq!(names(&app.get(&prices).await), ["small", "large"]);
    }

    async fn whoever_may_not_see_or_change_a_product_may_not_its_prices(app: &TestApp) {
        let (prices, [small, _]) = tea(app).await;
        let one = format!("{prices}/{small}");
        let made = app.post("/tenon/tokens", json!({"data": {"name": "reader", "kind": "read-only"}})).await;
        let reader = app.with_token(made.expect(201)["data"]["token"].as_str());
        let anyone = app.with_token(None);
        reader.get(&format!("{one}?status=draft&populate=extensions")).await.expect(200);
        for path in [&prices, &one] {
            anyone.get(path).await.expect(200);
            anyone.get(&format!("{path}?status=draft")).await.expect(403);
            let asked = anyone.get(&format!("{path}?populate=extensions")).await;
            assert!(!asked.text.contains("custom:webhook"), "{}", asked.text);
            assert_eq!(asked.expect(200)["meta"]["warnings"][0]["path"], json!(["populate", "extensions"]));
            anyone.get(&format!("{path}?filters[extensions][key]=custom:webhook")).await.expect(400);
        }
        for caller in [&anyone, &reader] {
            caller.post(&prices, json!({"data": {}})).await.expect(403);
            patch(caller, &one, json!({"Price": 1})).await.expect(403);
            caller.delete(&one).await.expect(403);
            caller.post(&format!("{one}/inventory"), json!({"op": "decrement", "quantity": 1})).await.expect(403);
        }
        app.post(&prices.replace("/prices", "/actions/unpublish"), json!({})).await.expect(200);
        for path in [&prices, &one] {
            anyone.get(path).await.expect(404);
        }
        let nothing = "/api/products/zzzzzzzzzzzzzzzzzzzzzzzz/prices";
        app.get(nothing).await.expect(404);
        app.post(nothing, json!({"data": {"Price": 1}})).await.expect(404);
        app.delete(&format!("{nothing}/1")).await.expect(204);
    }
}
