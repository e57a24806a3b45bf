//! What one request may ask for: as much as a limit allows is answered, one more is refused with the limit named.

use serde_json::json;
use tenon::limits::{CONDITIONS, DEPTH, LIST, Limit, PAGE, PARAMETERS, POPULATED};

use crate::support::app::TestApp;
use crate::support::on_both_databases;

/// A limit, a request for so many, and the refusal of one for more.
type Case = (&'static Limit, fn(usize) -> String, &'static str);

static CASES: [Case; 9] = [
    (
        &PARAMETERS,
        |count| (0..count).map(|number| format!("x{number}&")).collect(),
        "The query string has more than 1000 parameters",
    ),
    (&LIST, |count| "filters[Name][$in]=a&".repeat(count), "The filters parameter has a list of more than 100 values"),
    (&LIST, |place| format!("filters[id][$in][{place}]=1"), "The filters parameter has a list of more than 100 values"),
    (&CONDITIONS, conditions, "Filters and sort have more than 200 conditions"),
    (
        &CONDITIONS,
        |count| format!("sort={}", ["Name"].repeat(count).join(",")),
        "Filters and sort have more than 200 conditions",
    ),
    (
        &DEPTH,
        |depth| format!("filters[{}][slug]=a", way(depth).join("][")),
        "The filters parameter leads through more than 8 levels",
    ),
    (
        &DEPTH,
        |depth| format!("sort={}.slug", way(depth).join(".")),
        "The sort parameter leads through more than 8 levels",
    ),
    (
        &DEPTH,
        |depth| format!("populate={}", way(depth).join(".")),
        "The populate parameter leads through more than 8 levels",
    ),
    (&POPULATED, populated, "The request populates more than 64 fields"),
];

on_both_databases! {
    async fn more_than_a_limit_is_refused_with_the_limit_named(app: &TestApp) {
        for (limit, asked, refusal) in &CASES {
            let allowed = app.get(&format!("/api/products?{}", asked(limit.most))).await;
            assert_eq!(allowed.status, 200, "{} {}: {}", limit.most, limit.unit, allowed.text);
            let refused = app.get(&format!("/api/products?{}", asked(limit.most + 1))).await;
            let error = &refused.expect(400)["error"];
            assert_eq!((&error["name"], &error["message"]), (&json!("ValidationError"), &json!(refusal)));
        }
    }

    async fn more_documents_than_a_page_has_are_not_answered_and_told_of(app: &TestApp) {
        for (parameter, size) in [("pageSize", PAGE.most + 1), ("limit", 1_000_000)] {
            let answer = app.get(&format!("/api/products?pagination[{parameter}]={size}")).await;
            let meta = &answer.expect(200)["meta"];
            assert_eq!(meta["pagination"][parameter], PAGE.most);
            assert_eq!(meta["warnings"][0]["message"], "at most 100 are answered at a time");
        }
        let exact = app.get(&format!("/api/products?pagination[pageSize]={}", PAGE.most)).await;
        assert_eq!(exact.expect(200)["meta"].get("warnings"), None);
    }

    async fn an_answer_that_would_be_huge_is_refused_with_its_limit(app: &TestApp) {
        let description = "x".repeat(1_000_000);
        for _ in 0..34 {
            app.create("products", json!({ "Name": "Long", "Description": description })).await;
        }
        let refused = app.get("/api/products?pagination[pageSize]=34").await;
        assert_eq!(refused.expect(400)["error"]["message"], "The answer would have more than 32 MiB");
        app.get("/api/products?pagination[pageSize]=32").await.expect(200);
        app.get("/api/products?pagination[pageSize]=34&fields=Name").await.expect(200);
    }

    async fn the_same_path_populated_often_counts_once(app: &TestApp) {
        app.get(&format!("/api/products?populate={}", ["PRICES.extensions"].repeat(100).join(","))).await.expect(200);
    }
}

/// So many conditions, in lists that are not too long.
fn conditions(count: usize) -> String {
    let each = |number| format!("filters[$or][{}][$or][{}][Name]=x&", number / 50, number % 50);
    (0..count).map(each).collect()
}

/// So many relations, each leading on from the one before.
fn way(depth: usize) -> Vec<&'static str> {
    ["stores", "products"].into_iter().cycle().take(depth).collect()
}

/// So many populated fields, none twice: five below each way of six relations, and those on the ways themselves.
fn populated(count: usize) -> String {
    let mut fields = vec!["stores".to_owned()];
    let mut ends = fields.clone();
    while fields.len() < count {
        let below = |end: &String| {
            let to_store = end.ends_with("stores");
            let names: &[&str] =
                if to_store { &["products", "subscribers", "URLS"] } else { &["stores", "extensions"] };
            names.iter().map(|name| format!("{end}.{name}")).collect::<Vec<_>>()
        };
        ends =
            ends.iter().filter(|end| !end.ends_with("URLS") && !end.ends_with("extensions")).flat_map(below).collect();
        fields.extend(ends.iter().cloned());
    }
    fields.truncate(count);
    format!("populate={}", fields.join(","))
}
