//! What is shown: fields, components, relations and media.

use serde_json::{Value, json};
use tenon::access::Access;
use tenon::content::{PRODUCT, Version};
use tenon::db::documents::read::{self, Form};
use tenon::documents::find_one;
use tenon::query::ReadPlan;

use super::{get, on_every_backend};

const APPLE: &str = "products/appleappleappleappleappl";

fn apple(conn: &mut tenon::db::Conn, query: &str) -> Value {
    get(conn, &format!("{APPLE}?{query}"))["data"].take()
}

#[test]
fn a_document_shows_its_columns_in_their_kinds() {
    on_every_backend(|conn| {
        let found = get(conn, "stores/acmeacmeacmeacmeacmeacme");
        // As text: numbers in JSON keep their digits.
        assert_eq!(
            found["data"].to_string(),
            r#"{"id":2,"documentId":"acmeacmeacmeacmeacmeacme","title":"Acme Supply","slug":"acme","active":true,"Description":null,"settings":{"a":[1,2.50]},"STRIPE_CUSTOMER_ID":null,"createdAt":"1970-01-01T00:00:01.000Z","updatedAt":"1970-01-01T00:00:01.000Z","publishedAt":"1970-01-01T00:00:02.000Z"}"#
        );
    });
}

#[test]
fn everything_is_populated_by_a_star() {
    on_every_backend(|conn| {
        let found = apple(conn, "populate=*&fields=slug");
        let keys: Vec<_> = found.as_object().expect("an object").keys().map(String::as_str).collect();
        assert_eq!(
            keys,
            ["id", "documentId", "slug", "Thumbnail", "Slides", "SEO", "Tag", "PRICES", "extensions", "stores"]
        );
        assert_eq!((&found["Thumbnail"], &found["Slides"], &found["Tag"]), (&json!(null), &json!([]), &json!([])));
        assert_eq!(found["SEO"]["metaTitle"], "Buy apples");
        assert_eq!(found["PRICES"][0]["Price"].to_string(), "100", "in their order");
        assert!(found["PRICES"][0].get("extensions").is_none(), "one level");
        assert_eq!(found["stores"][0]["slug"], "lima", "in their order");
        assert_eq!(get(conn, "products/breadbreadbreadbreadbrea?populate=SEO")["data"]["SEO"], json!(null));
    });
}

#[test]
fn populated_paths_nest_in_every_spelling() {
    on_every_backend(|conn| {
        let spellings = [
            "populate=PRICES.extensions,stores",
            "populate[0]=PRICES.extensions&populate[1]=stores",
            "populate[PRICES][populate]=extensions&populate[stores]=true",
            "populate[PRICES][populate][extensions]=true&populate=stores",
        ];
        let found: Vec<_> = spellings.iter().map(|spelling| apple(conn, spelling)).collect();
        assert!(found.windows(2).all(|two| two[0] == two[1]), "{found:?}");
        assert_eq!(found[0]["PRICES"][1]["extensions"][0]["key"], "markket:stripe");
        assert_eq!(found[0]["PRICES"][0]["extensions"], json!([]));
        let deep = apple(conn, "populate[stores][populate][products][populate][PRICES][fields]=Name&fields=slug");
        assert_eq!(deep["stores"][1]["products"][0]["PRICES"], json!([{"id": 13, "Name": "Loaf"}]));
        assert_eq!(apple(conn, "populate=SEO.socialImage")["SEO"]["socialImage"], json!(null));
    });
}

#[test]
fn what_is_populated_has_fields_filters_and_an_order_of_its_own() {
    on_every_backend(|conn| {
        let found = apple(conn, "populate[PRICES][fields]=Price&populate[PRICES][sort]=Price:asc");
        assert_eq!(found["PRICES"], json!([{"id": 11, "Price": 9.5}, {"id": 12, "Price": 100}]));
        let found = apple(conn, "populate[PRICES][filters][hidden]=true&populate[PRICES][fields]=Name");
        assert_eq!(found["PRICES"], json!([{"id": 12, "Name": "Large"}]));
        let found = get(conn, "stores?sort=slug&populate[products][sort]=Name&populate[products][fields]=slug");
        let products: Vec<_> =
            found["data"].as_array().expect("stores").iter().map(|store| &store["products"]).collect();
        assert_eq!(products[0][0]["slug"], "bread");
        assert_eq!(products[0][1]["slug"], "apple");
        assert_eq!(products[1][0]["slug"], "apple", "the same product under another store");
        let counted = get(conn, "stores?sort=slug&populate[products][count]=true");
        assert_eq!(
            (&counted["data"][0]["products"], &counted["data"][1]["products"]),
            (&json!({"count": 2}), &json!({"count": 1}))
        );
        assert_eq!(
            get(conn, "products/cheesecheesecheesechees1?populate[stores][count]=true")["data"]["stores"],
            json!({"count": 0})
        );
    });
}

#[test]
fn versions_see_their_own_parts_and_the_same_extension_records() {
    on_every_backend(|conn| {
        let draft = apple(conn, "populate=PRICES,extensions&status=draft");
        assert_eq!((draft["id"].as_i64(), draft["PRICES"].as_array().map(Vec::len)), (Some(1), Some(1)));
        let published = apple(conn, "populate=PRICES,extensions");
        assert_eq!((published["id"].as_i64(), published["PRICES"].as_array().map(Vec::len)), (Some(2), Some(2)));
        assert_eq!(draft["extensions"], published["extensions"]);
        let wanted = json!({"id": 30, "key": "custom:webhook", "triggers": ["trigger:product_*"],
            "credentials": {"secret": "********"}, "config": null, "url": null, "active": true, "last_run": null,
            "run_count": 3, "meta": null});
        assert_eq!(published["extensions"], json!([wanted]), "masked, and without the one that was removed");
        let bread = "products/breadbreadbreadbreadbrea?fields=slug&populate[stores][fields]=title";
        assert_eq!(get(conn, bread)["data"]["stores"][0]["title"], "Acme Supply");
        assert_eq!(get(conn, bread)["data"]["stores"].as_array().map(Vec::len), Some(1), "romeo is not published");
        let draft = get(conn, &format!("{bread}&status=draft"));
        assert_eq!(draft["data"]["stores"][0]["title"], "Acme draft");
        assert_eq!(draft["data"]["stores"][1]["title"], "Romeo");
    });
}

#[test]
fn the_fourth_version_of_the_form_wraps_attributes() {
    on_every_backend(|conn| {
        let query = "fields=slug&populate[PRICES][fields]=Name&populate[stores][fields]=slug&populate[SEO]=true";
        let find = find_one(&PRODUCT, &APPLE[9..], query, Access::Full, Form::Attributes).expect("a plan");
        let body: Value = serde_json::from_slice(&find.run(conn).expect("an answer").body).expect("JSON");
        let attributes = &body["data"]["attributes"];
        assert_eq!(
            (attributes["slug"].as_str(), attributes["PRICES"][0]["Name"].as_str()),
            (Some("apple"), Some("Large"))
        );
        assert_eq!(
            attributes["stores"]["data"][0],
            json!({"id": 4, "documentId": "limalimalimalimalimalima", "attributes": {"slug": "lima"}})
        );
        let bare = find_one(&PRODUCT, &APPLE[9..], "fields=id&populate=Slides", Access::Full, Form::Attributes);
        let body: Value =
            serde_json::from_slice(&bare.expect("a plan").run(conn).expect("an answer").body).expect("JSON");
        assert_eq!(body["data"]["attributes"], json!({"Slides": []}));
    });
}

#[test]
fn events_carry_the_whole_document_without_its_wiring() {
    on_every_backend(|conn| {
        let plan = ReadPlan::whole(&PRODUCT, Version::Published).of_document(&APPLE[9..]);
        let found = read::one(conn, &plan, Form::Flat).expect("an answer").expect("a document");
        let found: Value = serde_json::from_slice(&found.document).expect("JSON");
        assert_eq!(found["PRICES"][1]["Name"], "Small");
        assert_eq!(
            found["stores"][0],
            json!({"id": 4, "documentId": "limalimalimalimalimalima", "title": "Lima", "slug": "lima"})
        );
        assert!(found.get("extensions").is_none() && found["PRICES"][1].get("extensions").is_none(), "{found}");
    });
}
