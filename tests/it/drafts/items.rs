//! Defects that Strapi's users reported of components, as things that do not happen here: items that get lost, come back,
//! change their order or their ids, or lose what was not sent. See `defects`.

use serde_json::{Value, json};

use super::defects::{act, save};
use crate::support::app::TestApp;
use crate::support::on_both_databases;

/// A product with one value of everything that is a component, published, and its path below `/api`.
async fn tea(app: &TestApp) -> (String, Value) {
    let record = |key: &str| json!({"key": key, "triggers": ["post_sale"], "url": "https://shop.example/hook"});
    let price = |name: &str, price: &str| {
        json!({
            "Name": name, "Price": price, "Currency": "EUR", "inventory": 7, "extra": {"shelf": 3},
            "extensions": [record("custom:webhook"), record("discord:webhook")],
        })
    };
    let product = json!({
        "Name": "Tea", "Tag": [{"Label": "a", "Color": "Teal"}, {"Label": "b"}], "SEO": {"metaTitle": "t", "metaDescription": "d"},
        "PRICES": [price("small", "4.50"), price("large", "9")], "extensions": [record("custom:webhook")],
    });
    let created = app.create("products", product).await;
    let path = format!("products/{}", created["documentId"].as_str().expect("a documentId"));
    let parts = parts(app, &path, "published").await;
    (path, parts)
}

/// The components of a product.
async fn parts(app: &TestApp, path: &str, status: &str) -> Value {
    let populate =
        "populate[PRICES][populate]=extensions&populate[Tag]=true&populate[SEO]=true&populate[extensions]=true";
    let shown = app.get(&format!("/api/{path}?status={status}&{populate}")).await.expect(200)["data"].clone();
    json!({"Tag": shown["Tag"], "PRICES": shown["PRICES"], "SEO": shown["SEO"], "extensions": shown["extensions"]})
}

on_both_databases! {
    /// strapi/strapi #22170 and #21565: repeatable components are published out of order, and get new ids each time.
    async fn items_keep_their_order_and_their_ids_through_every_publish(app: &TestApp) {
        let tags = json!({"Name": "Tea", "Tag": [{"Label": "a"}, {"Label": "b"}, {"Label": "c"}]});
        let tea = app.create("products", tags).await;
        let path = format!("products/{}", tea["documentId"].as_str().expect("a documentId"));
        let (a, b, c) = (&tea["Tag"][0]["id"], &tea["Tag"][1]["id"], &tea["Tag"][2]["id"]);
        save(app, &path, "draft", json!({"Tag": [{"id": c}, {"id": a}, {"id": b, "Label": "B"}]})).await;
        act(app, &path, "publish").await;
        act(app, &path, "publish").await;
        for status in ["draft", "published"] {
            let shown = app.get(&format!("/api/{path}?status={status}&populate=Tag")).await.expect(200)["data"]["Tag"].clone();
            let shown: Vec<_> = shown.as_array().expect("tags").iter().map(|tag| json!([tag["id"], tag["Label"]])).collect();
            assert_eq!(shown, [json!([c, "c"]), json!([a, "a"]), json!([b, "B"])]);
        }
    }

    /// strapi/strapi #20542: of the items that are added one by one, each with a save, some get lost.
    async fn items_that_are_added_one_by_one_are_all_there(app: &TestApp) {
        let created = app.create("products", json!({"Name": "Tea"})).await;
        let path = format!("products/{}", created["documentId"].as_str().expect("a documentId"));
        for (field, name) in [("PRICES", "Name"), ("Tag", "Label"), ("extensions", "key")] {
            let mut names = Vec::new();
            for number in 1..=5 {
                let there = parts(app, &path, "draft").await[field].as_array().expect("items").clone();
                assert_eq!(there.iter().map(|item| item[name].clone()).collect::<Vec<_>>(), names, "{field} before {number}");
                let added = if name == "key" { format!("custom:webhook{number}") } else { format!("item {number}") };
                names.push(json!(added));
                // As an editor sends them: those that are there by their ids alone, or whole.
                let by_id = |item: &Value| if number % 2 == 0 { item.clone() } else { json!({"id": item["id"]}) };
                let items = there.iter().map(by_id).chain([json!({ (name): added })]).collect::<Vec<_>>();
                save(app, &path, if number == 3 { "published" } else { "draft" }, json!({ (field): items })).await;
            }
            act(app, &path, "publish").await;
            for status in ["draft", "published"] {
                let shown = parts(app, &path, status).await[field].as_array().expect("items").clone();
                assert_eq!(shown.iter().map(|item| item[name].clone()).collect::<Vec<_>>(), names, "{field}, {status}");
            }
        }
    }

    /// strapi/strapi #12753: a save that sends a part of an item, or of the components, deletes what it does not send.
    async fn what_a_save_does_not_send_stays(app: &TestApp) {
        let (path, mut expected) = tea(app).await;
        let (large, tag) = (expected["PRICES"][1]["id"].clone(), expected["Tag"][0]["id"].clone());
        let cases = [
            (json!({"SKU": "a"}), vec![]),
            (json!({"SEO": {"id": expected["SEO"]["id"], "metaTitle": "T"}}), vec![("/SEO/metaTitle", json!("T"))]),
            (
                json!({"PRICES": [{"id": expected["PRICES"][0]["id"], "Price": "5"}, {"id": large}]}),
                vec![("/PRICES/0/Price", json!(5))],
            ),
            (
                json!({"Tag": [{"id": tag, "Label": "A"}, {"id": expected["Tag"][1]["id"]}]}),
                vec![("/Tag/0/Label", json!("A"))],
            ),
            (
                json!({"PRICES": [{"id": expected["PRICES"][0]["id"], "extensions": [
                    {"id": expected["PRICES"][0]["extensions"][0]["id"], "url": "https://shop.example/other"},
                    {"id": expected["PRICES"][0]["extensions"][1]["id"]},
                ]}, {"id": large}]}),
                vec![("/PRICES/0/extensions/0/url", json!("https://shop.example/other"))],
            ),
        ];
        for (data, changes) in cases {
            save(app, &path, "draft", data.clone()).await;
            for (pointer, value) in changes {
                *expected.pointer_mut(pointer).expect("a place") = value.clone();
            }
            assert_eq!(parts(app, &path, "draft").await, expected, "{data}");
        }
        act(app, &path, "publish").await;
        assert_eq!(parts(app, &path, "published").await, expected);
        // A list is the whole list: of what it leaves out nothing stays, and nothing else goes with it.
        save(app, &path, "published", json!({"PRICES": [{"id": large}]})).await;
        expected["PRICES"].as_array_mut().expect("prices").remove(0);
        for status in ["draft", "published"] {
            assert_eq!(parts(app, &path, status).await, expected, "{status}");
        }
    }

    /// strapi/strapi #24315 and #24361: a component that was taken away, also one in a component, is back after the next
    /// save.
    async fn an_item_that_is_taken_away_stays_away(app: &TestApp) {
        let (path, mut expected) = tea(app).await;
        let ids = expected["PRICES"].as_array().expect("prices").iter().map(|price| json!({"id": price["id"]}));
        let mut prices: Vec<_> = ids.collect();
        prices[0]["extensions"] = json!([]);
        prices[1]["extensions"] = json!([{"id": expected["PRICES"][1]["extensions"][1]["id"]}]);
        for (data, pointer, left) in [
            (json!({"SEO": null}), "/SEO", Value::Null),
            (json!({ "PRICES": prices }), "/PRICES/0/extensions", json!([])),
            (json!({ "PRICES": prices }), "/PRICES/1/extensions", json!([expected["PRICES"][1]["extensions"][1]])),
            (json!({"Tag": [{"id": expected["Tag"][1]["id"]}]}), "/Tag", json!([expected["Tag"][1]])),
            (json!({"Tag": []}), "/Tag", json!([])),
        ] {
            *expected.pointer_mut(pointer).expect("a place") = left;
            save(app, &path, "draft", data).await;
            save(app, &path, "draft", json!({"SKU": pointer})).await;
            assert_eq!(parts(app, &path, "draft").await.pointer(pointer), expected.pointer(pointer));
        }
        act(app, &path, "publish").await;
        for status in ["draft", "published"] {
            assert_eq!(parts(app, &path, status).await, expected, "{status}");
        }
    }
}
