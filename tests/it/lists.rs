//! Lists and texts in bodies: up to their limits they are stored, beyond refused with the path and the limit, and what was
//! stored before there was a limit does not stand in the way of anything else.

use serde_json::{Value, json};
use tenon::limits::{ALL_ITEMS, CHARACTERS, ITEMS, RECORD};

use crate::support::app::TestApp;
use crate::support::on_both_databases;

/// A content type, a body with so many items, and where they are.
type Case = (&'static str, fn(usize) -> Value, &'static [&'static str]);

static CASES: [Case; 12] = [
    ("products", |count| json!({"Name": "p", "PRICES": vec![json!({}); count]}), &["PRICES"]),
    ("products", |count| json!({"Name": "p", "Tag": vec![json!({"Label": "x"}); count]}), &["Tag"]),
    ("products", |count| json!({"Name": "p", "extensions": records(count)}), &["extensions"]),
    (
        "products",
        |count| json!({"Name": "p", "PRICES": [{}, {"extensions": records(count)}]}),
        &["PRICES", "1", "extensions"],
    ),
    ("products", |count| json!({"Name": "p", "stores": vec!["nowhere"; count]}), &["stores"]),
    ("stores", |count| json!({"title": "s", "slug": "s", "URLS": vec![json!({}); count]}), &["URLS"]),
    ("stores", |count| json!({"title": "s", "slug": "s", "products": {"set": ids(count)}}), &["products", "set"]),
    (
        "stores",
        |count| json!({"title": "s", "slug": "s", "products": {"connect": ids(count)}}),
        &["products", "connect"],
    ),
    (
        "stores",
        |count| json!({"title": "s", "slug": "s", "subscribers": {"disconnect": ids(count)}}),
        &["subscribers", "disconnect"],
    ),
    ("subscribers", |count| json!({"Email": "a@b.example", "extensions": records(count)}), &["extensions"]),
    ("subscribers", |count| json!({"Email": "a@b.example", "stores": {"connect": ids(count)}}), &["stores", "connect"]),
    // Not in the list itself, but with those before it.
    ("products", |_| json!({"Name": "p", "PRICES": with_records(3 * ITEMS.most)}), &["PRICES", "3", "extensions"]),
];

fn records(count: usize) -> Vec<Value> {
    vec![json!({"key": "custom:webhook"}); count]
}

fn ids(count: usize) -> Vec<usize> {
    (1_000_000..1_000_000 + count).collect()
}

/// Four prices that have `count` records together.
fn with_records(count: usize) -> Vec<Value> {
    (0..4).map(|place| json!({"extensions": records((count + place) / 4)})).collect()
}

on_both_databases! {
    async fn more_items_than_a_list_may_have_are_refused_with_the_path_and_the_limit(app: &TestApp) {
        for (plural, body, path) in &CASES {
            for count in [ITEMS.most + 1, 10_000] {
                let refused = app.post(&format!("/api/{plural}"), json!({ "data": body(count) })).await;
                let problem = &refused.expect(400)["error"]["details"]["errors"][0];
                assert_eq!(problem["path"], json!(path), "{plural} {count}: {}", refused.text);
                let message = problem["message"].as_str().unwrap_or_default();
                let limits = [&ITEMS, &ALL_ITEMS].map(|limit| format!("have more than {} {}", limit.most, limit.unit));
                let told = limits.iter().any(|limit| message.replace("has ", "have ").ends_with(limit));
                assert!(told, "{message}");
            }
        }
    }

    async fn as_many_items_as_a_list_may_have_are_stored_and_no_more_are_added(app: &TestApp) {
        let prices = vec![json!({"Price": 1}); ITEMS.most];
        let product = app.create("products", json!({"Name": "p", "PRICES": prices})).await;
        let id = product["documentId"].as_str().expect("an id");
        let message = format!("With this one PRICES would have more than {} items", ITEMS.most);
        let refused = app.post(&format!("/api/products/{id}/prices"), json!({"data": {}})).await;
        assert_eq!(refused.expect(400)["error"]["details"]["errors"][0]["message"], message);

        let store = app.store(records(ITEMS.most)).await;
        let message = format!("With this one extensions would have more than {} items", ITEMS.most);
        let refused = app.post(&format!("/api/stores/{store}/extensions"), json!({"data": {"key": "custom:inbound"}})).await;
        assert_eq!(refused.expect(400)["error"]["details"]["errors"][0]["message"], message);
        let (path, activation) = ("/tenon/handlers/custom:inbound/activate", json!({"data": {
            "targets": [{"type": "store", "documentId": store}], "credentials": {"secret": "not so short"},
        }}));
        assert_eq!(app.post(path, activation).await.expect(400)["error"]["details"]["errors"][0]["message"], message);
    }

    async fn targets_of_an_event_are_limited(app: &TestApp) {
        let store = app.store(Vec::new()).await;
        let emit = async |count| {
            let targets = vec![json!({"type": "product", "documentId": "p"}); count];
            let path = format!("/api/stores/{store}/triggers/post_sale");
            app.post(&path, json!({"payload": {"targets": targets}})).await.expect(400)["error"]["message"].clone()
        };
        assert_eq!(emit(ITEMS.most + 1).await, "payload.targets has more than 1000 items");
        assert_eq!(emit(ITEMS.most).await, "payload.targets[0] is not there");
    }

    async fn what_has_more_since_before_can_be_read_and_saved_in_other_fields(app: &TestApp) {
        let product = app.create("products", json!({"Name": "old", "slug": "old", "Tag": [{"Label": "one"}]})).await;
        let id = product["documentId"].as_str().expect("an id");
        app.sql(
            "INSERT INTO tags (owner_field, owner_id, id, position, label, color) \
             WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 1600) \
             SELECT owner_field, owner_id, 900000 + i, i, label, color FROM tags, n",
        ).await;
        app.sql("UPDATE products SET slug = (WITH RECURSIVE n(t, i) AS (SELECT CAST('x' AS TEXT), 1 UNION ALL \
             SELECT t || 'y', i + 1 FROM n WHERE i < 300) SELECT t FROM n WHERE i = 300)").await;
        let read = app.get(&format!("/api/products/{id}?populate=Tag")).await;
        assert_eq!(read.expect(200)["data"]["Tag"].as_array().map(Vec::len), Some(1601));
        assert_eq!(read.json["data"]["slug"].as_str().map(str::len), Some(300));

        let saved = app.put(&format!("/api/products/{id}?populate=Tag"), json!({"data": {"Name": "new"}})).await;
        assert_eq!(saved.expect(200)["data"]["Name"], "new");
        assert_eq!(saved.json["data"]["Tag"].as_array().map(Vec::len), Some(1601));
        app.post(&format!("/api/products/{id}/actions/publish"), json!({})).await.expect(200);
        let put = json!({"data": {"slug": "short", "Tag": []}});
        assert_eq!(app.put(&format!("/api/products/{id}"), put).await.expect(200)["data"]["slug"], "short");
    }

    async fn long_texts_are_refused_in_strapis_words_on_both_databases(app: &TestApp) {
        let longest = "日".repeat(CHARACTERS.most); // Of letters with three bytes, which indexes count.
        let long = |unit: &str| unit.repeat(2800);
        app.create("stores", json!({"title": longest, "slug": longest, "URLS": [{"Label": longest}]})).await;
        app.create("products", json!({"Name": "p", "Description": long("日"), "PRICES": [{"Description": long("x")}]})).await;
        for (path, data, at) in [
            ("/api/stores", json!({"title": "x", "slug": long("z")}), json!(["slug"])),
            ("/api/stores?status=draft", json!({"title": format!("{longest}!")}), json!(["title"])),
            ("/api/products", json!({"Name": "x", "SKU": long("é")}), json!(["SKU"])),
            ("/api/products", json!({"Name": "x", "PRICES": [{"Currency": long("E")}]}), json!(["PRICES", "0", "Currency"])),
            ("/api/products", json!({"Name": "x", "SEO": {"metaTitle": long("t")}}), json!(["SEO", "metaTitle"])),
            ("/api/products", json!({"Name": "x", "extensions": [{"key": format!("a:{}", long("b"))}]}), json!(["extensions", "0", "key"])),
            ("/api/subscribers?status=draft", json!({"Email": format!("{}@x.example", long("a"))}), json!(["Email"])),
            ("/api/subscribers", json!({"Email": format!("{}@x.example", long("a"))}), json!(["Email"])),
        ] {
            let problem = app.post(path, json!({ "data": data })).await.expect(400)["error"]["details"]["errors"][0].clone();
            assert_eq!(problem["path"], at, "{path}");
            assert!(problem["message"].as_str().is_some_and(|text| text.ends_with("must be at most 255 characters")), "{problem}");
        }
    }

    async fn a_record_takes_no_more_than_a_record_needs(app: &TestApp) {
        let of = |size: usize| json!({"note": "n".repeat(size - r#"{"note":""}"#.len())});
        let record = |size| json!({"key": "custom:inbound", "config": of(size)});
        let most = RECORD.most << 10;
        let store = app.store(vec![record(most)]).await;
        let id = app.record(&store, 0).await["id"].clone();
        for (path, body, at) in [
            (format!("/api/stores/{store}"), json!({"extensions": [{"id": id}, record(most + 1)]}), json!(["extensions", "1", "config"])),
            (format!("/api/stores/{store}"), json!({"extensions": [{"id": id, "credentials": of(most + 1)}]}), json!(["extensions", "0", "credentials"])),
        ] {
            let refused = app.put(&path, json!({ "data": body })).await;
            let problem = &refused.expect(400)["error"]["details"]["errors"][0];
            assert_eq!(problem["path"], at);
            assert!(problem["message"].as_str().is_some_and(|text| text.ends_with("has more than 64 KiB")), "{problem}");
        }
    }

    async fn links_are_stored_in_their_order_whatever_moves(app: &TestApp) {
        let mut products = Vec::new();
        for number in 0..6 {
            let product = app.create("products", json!({"Name": format!("p{number}")})).await;
            products.push(product["documentId"].as_str().expect("an id").to_owned());
        }
        let store = app.store(Vec::new()).await;
        let named = |numbers: &[usize]| numbers.iter().map(|number| products[*number].as_str()).collect::<Vec<_>>();
        for (links, expected) in [
            (json!({"set": named(&[0, 1, 2, 3])}), "0123"),
            (json!({"connect": named(&[4])}), "01234"),
            (json!({"connect": named(&[1, 5, 1])}), "023451"),
            (json!({"connect": [{"documentId": products[5], "position": {"start": true}}]}), "502341"),
            (json!({"disconnect": named(&[2]), "connect": [{"documentId": products[1], "position": {"after": products[0]}}]}), "50134"),
            (json!({"connect": [{"documentId": products[2], "position": {"before": products[5]}}]}), "250134"),
            (json!(named(&[4, 3, 4, 0])), "430"),
            (json!({"connect": named(&[5, 4])}), "3054"),
        ] {
            app.put(&format!("/api/stores/{store}"), json!({"data": {"products": links}})).await.expect(200);
            for status in ["draft", "published"] {
                let read = app.get(&format!("/api/stores/{store}?status={status}&populate[products][fields]=Name")).await;
                let names = read.expect(200)["data"]["products"].as_array().cloned().unwrap_or_default();
                let order: String = names.iter().filter_map(|product| product["Name"].as_str()?.strip_prefix('p')).collect();
                assert_eq!(order, expected, "{status} after {links}");
            }
        }
    }
}
