//! What plans come of query strings, and in which words they are refused.

use serde_json::{Value, json};

use super::*;
use crate::access::{Access, PublicAccess};
use crate::content::{ContentType, PRODUCT, STORE, SUBSCRIBER};
use crate::error::{Error, KeyPath, Source};

fn planned(content_type: &'static ContentType, text: &str) -> Result<ReadPlan, Error> {
    plan(content_type, &parse(text)?, Access::Full)
}

fn products(text: &str) -> ReadPlan {
    planned(&PRODUCT, text).unwrap_or_else(|error| panic!("{text}: {error}"))
}

/// What the answer tells of an error: the message, then key, path and parameter of a key or the path of a value.
fn refusal(text: &str) -> (String, Value) {
    let Err(error) = planned(&PRODUCT, text) else { panic!("{text} is refused") };
    let message = error.to_string();
    match error {
        Error::InvalidKey { key, path, source_of, .. } => {
            let path = match path {
                KeyPath::At(path) => json!(path),
                KeyPath::Null | KeyPath::Absent => Value::Null,
            };
            let param = match source_of {
                Source::Query(param) => json!(param),
                Source::Parameter | Source::Body | Source::Unnamed => Value::Null,
            };
            (message, json!([key, path, param]))
        }
        Error::Invalid(problems) => (message, json!(problems[0].path)),
        _ => (message, Value::Null),
    }
}

#[test]
fn keys_are_refused_in_strapis_words() {
    for (text, message, details) in [
        ("filters[foo]=1", "Invalid key foo", json!(["foo", null, "filters"])),
        ("filters[constructor]=1", "Invalid key constructor", json!(["constructor", null, "filters"])),
        ("filters[PRICES][foo]=1", "Invalid key foo at PRICES", json!(["foo", "PRICES", "filters"])),
        ("filters[Name][$regex]=1", "Invalid key $regex at Name", json!(["$regex", "Name", "filters"])),
        ("filters[$and][0][stores][foo]=1", "Invalid key foo at stores", json!(["foo", "stores", "filters"])),
        ("filters[createdBy][id]=1", "Invalid key createdBy", json!(["createdBy", "createdBy", "filters"])),
        ("filters[stores][$not][slug]=a", "Invalid key slug at stores", json!(["slug", "stores", "filters"])),
        ("filters[Thumbnail][url]=1", "Invalid key Thumbnail", json!(["Thumbnail", "Thumbnail", "filters"])),
        ("sort=foo:desc", "Invalid key foo", json!(["foo", null, "sort"])),
        ("sort=stores", "Invalid key stores", json!(["stores", "stores", "sort"])),
        ("sort=stores.foo", "Invalid key foo at stores", json!(["foo", "stores", "sort"])),
        ("sort=Name.foo", "Invalid key foo at Name", json!(["foo", "Name", "sort"])),
        ("sort=createdBy.id", "Invalid key createdBy", json!(["createdBy", "createdBy", "sort"])),
        ("fields=foo", "Invalid key foo", json!(["foo", null, "fields"])),
        ("fields[0]=Name&fields[1]=locale", "Invalid key locale", json!(["locale", "locale", "fields"])),
        ("fields=SEO", "Invalid key SEO", json!(["SEO", "SEO", "fields"])),
        ("populate=foo", "Invalid key foo", json!(["foo", "foo", "populate"])),
        ("populate=true", "Invalid key true", json!(["true", "true", "populate"])),
        ("populate=*,stores", "Invalid key *", json!(["*", "*", "populate"])),
        ("populate[0]=PRICES&populate[1]=foo", "Invalid key foo", json!(["foo", "foo", "populate"])),
        ("populate[foo]=true", "Invalid key foo", json!(["foo", null, "populate"])),
        ("populate[Name]=true", "Invalid key Name", json!(["Name", "Name", "populate"])),
        ("populate[PRICES]=banana", "Invalid key banana at PRICES", json!(["banana", "PRICES", "populate"])),
        (
            "populate[PRICES]=*",
            "Invalid key extensions at PRICES.extensions",
            json!(["extensions", "PRICES.extensions", null]),
        ),
        ("populate[PRICES][foo]=x", "Invalid key foo at PRICES", json!(["foo", "PRICES", "populate"])),
        ("populate[PRICES][populate][foo]=true", "Invalid key foo at PRICES", json!(["foo", "PRICES", "populate"])),
        ("populate[stores][limit]=2", "Invalid key limit at stores", json!(["limit", "stores", "populate"])),
        ("populate[stores][filters][foo]=1", "Invalid key foo", json!(["foo", null, "populate"])),
        ("populate[stores][sort]=foo", "Invalid key foo", json!(["foo", null, "populate"])),
        ("populate[stores][fields]=foo", "Invalid key foo", json!(["foo", null, "populate"])),
    ] {
        assert_eq!(refusal(text), (message.to_owned(), details), "{text}");
    }
}

#[test]
fn what_strapi_stumbles_over_is_refused_with_its_path() {
    for (text, path) in [
        ("filters[usd_price]=abc", json!(["filters", "usd_price"])),
        ("filters[usd_price][$eq]=", json!(["filters", "usd_price", "$eq"])),
        ("filters[PRICES][Price][$gt]=x", json!(["filters", "PRICES", "Price", "$gt"])),
        ("filters[usd_price][$between]=1", json!(["filters", "usd_price", "$between"])),
        ("filters[usd_price][$and][0][$gt]=1", json!(["filters", "usd_price", "$and"])),
        ("filters[Name][$or][0]=apple", json!(["filters", "Name", "$or"])),
        ("filters[Name][$eq][a]=1", json!(["filters", "Name", "$eq"])),
        ("filters[$and][Name]=apple", json!(["filters", "$and"])),
        ("filters[$or]=", json!(["filters", "$or"])),
        ("filters[$or][0]=x", json!(["filters", "$or"])),
        ("filters[$contains]=apple", json!(["filters", "$contains"])),
        ("filters[0][slug]=acme", json!(["filters", "0"])),
        ("filters[stores][$null]=true&filters[stores][slug]=acme", json!(["filters", "stores"])),
        ("fields=", json!(["fields"])),
        ("populate[stores][filters][createdAt]=x", json!(["populate", "createdAt"])),
    ] {
        let (message, found) = refusal(text);
        assert_eq!(found, path, "{text}: {message}");
    }
    for text in ["filters=abc", "filters=", "filters"] {
        assert_eq!(refusal(text).0, "The filters parameter must be an object or an array", "{text}");
    }
    for (text, message) in [
        ("sort[Name]=sideways", "Invalid order. order can only be one of asc|desc|ASC|DESC"),
        ("lookup[slug]=x", "Invalid params: 'lookup'"),
        (
            "hasPublishedVersion=maybe",
            "Invalid value for 'hasPublishedVersion'. Expected boolean or 'true'/'false' string.",
        ),
        (
            "populate[PRICES][on][x]=true",
            "Using fragments is not permitted to populate \"PRICES\" in \"api::product.product\"",
        ),
        (
            "page=1",
            "Invalid pagination attributes. The page parameters are incorrect and must be in the pagination object",
        ),
    ] {
        assert_eq!(refusal(text).0, message, "{text}");
    }
}

#[test]
fn names_and_paths_become_columns_and_steps() {
    let plan = products("sort=stores.title:desc,Name&fields=slug,id&populate=SEO,stores.SEO&status=draft");
    let through: Vec<_> = plan.sort[0].through.iter().map(|field| field.name).collect();
    assert_eq!((through, plan.sort[0].field.name, plan.sort[0].descending), (vec!["stores"], "title", true));
    let columns: Vec<_> = plan.selection.columns.iter().map(|field| field.name).collect();
    assert_eq!(columns, ["documentId", "slug"]);
    for (text, shown) in [
        ("fields=slug&sort=Name", "documentId slug"),
        ("fields=slug&sort=Name&filters[stores][slug]=a", "documentId Name slug"),
        ("fields=slug&sort=stores.title&filters[stores][slug]=a", "documentId slug"),
    ] {
        let names: Vec<_> = products(text).selection.columns.iter().map(|field| field.name).collect();
        assert_eq!(names.join(" "), shown, "{text}");
    }
    let populated: Vec<_> = plan.selection.populated.iter().map(|populated| populated.field.name).collect();
    assert_eq!(populated, ["SEO", "stores"]);
    assert_eq!(plan.selection.populated[1].selection.populated[0].field.name, "SEO");
    for (text, version) in
        [("", "Published"), ("status=published", "Published"), ("status=", "Draft"), ("status[0]=x", "Draft")]
    {
        assert_eq!(format!("{:?}", products(text).version), version, "{text}");
    }
}

#[test]
fn negation_goes_through_relations_and_joins_follow_nulls() {
    let filter = |text| products(text).filter;
    assert_eq!(filter("filters[$not][stores][slug]=a"), filter("filters[stores][$and][0][$not][slug]=a"));
    for (text, holds) in [
        ("filters[stores][id][$null]=true", Some(true)),
        ("filters[stores][$notNull]=true", Some(false)),
        ("filters[stores][slug]=a", None),
        ("filters[stores][$or][0][slug]=a&filters[stores][$or][1][id][$null]=true", Some(true)),
        ("filters[$not][stores][$or][0][slug]=a", None),
    ] {
        assert_eq!(filter(text).holds_for_nothing(), holds, "{text}");
    }
}

#[test]
fn what_is_not_done_as_asked_is_told() {
    for (text, path) in [
        ("x=1", vec!["x"]),
        ("filter[slug]=a", vec!["filter"]),
        ("pagination[pageSize]=500", vec!["pagination", "pageSize"]),
        ("pagination[foo]=1", vec!["pagination", "foo"]),
        ("pagination=5", vec!["pagination"]),
        ("field[]=slug", vec!["field"]),
        ("locale=de", vec!["locale"]),
        ("status=drafts", vec!["status"]),
    ] {
        let plan = products(text);
        assert_eq!(
            (plan.warnings.len(), &plan.warnings[0].path),
            (1, &path.iter().map(|name| (*name).to_owned()).collect()),
            "{text}"
        );
    }
    assert!(products("locale=&_q=a&pagination[pageSize]=100").warnings.is_empty());
}

#[test]
fn plans_know_whether_they_are_quick() {
    for (text, cost) in [
        ("", Cost::Cheap),
        ("populate=PRICES.extensions,stores", Cost::Cheap),
        ("filters[slug]=a&populate=*", Cost::Cheap),
        ("filters[stores][slug]=a", Cost::Expensive),
        ("filters[usd_price]=0", Cost::Expensive),
        ("sort=Name", Cost::Cheap),
        ("sort=updatedAt:desc", Cost::Cheap),
        ("sort=quantity", Cost::Expensive),
        ("filters[updatedAt]=2026-01-01", Cost::Expensive),
        ("filters[PRICES][Price][$gt]=10", Cost::Search),
        ("filters[Name][$containsi]=a", Cost::Search),
        ("filters[slug][$ne]=a", Cost::Search),
        ("filters[$or][0][slug]=a&filters[$or][1][quantity]=1", Cost::Search),
        ("populate=stores.products", Cost::Expensive),
        ("pagination[page]=400", Cost::Expensive),
        ("_q=a", Cost::Search),
        ("sort=stores.title", Cost::Search),
        ("populate[stores][filters][title][$contains]=a", Cost::Search),
        ("filters[stores][products][slug]=a", Cost::Expensive),
    ] {
        assert_eq!(products(text).cost(), cost, "{text}");
    }
    let parsed = parse("populate=products").expect("a query string");
    let one = plan_one(&STORE, &parsed, Access::Full).expect("a plan").of_document("x");
    assert_eq!(one.cost(), Cost::Expensive, "a store may have ten thousand products");
}

#[test]
fn only_who_may_read_gets_a_plan() {
    let asked = |text| parse(text).expect("a query string");
    let public = Access::Public(PublicAccess::Read);
    assert!(plan(&STORE, &asked(""), public).is_ok());
    for (content_type, text, access) in
        [(&STORE, "status=draft", public), (&SUBSCRIBER, "", public), (&STORE, "", Access::Public(PublicAccess::None))]
    {
        assert!(matches!(plan(content_type, &asked(text), access), Err(Error::MissingRight { .. })), "{text}");
    }
    assert!(plan(&SUBSCRIBER, &asked("status=draft"), Access::ReadOnly).is_ok());
}

#[test]
fn the_whole_document_has_components_and_the_links_it_owns() {
    let whole = Selection::whole(crate::content::Shape::Document(&PRODUCT));
    let names: Vec<_> = whole.populated.iter().map(|populated| populated.field.name).collect();
    assert_eq!(names, ["SEO", "Tag", "PRICES", "stores"]);
    let store = Selection::whole(crate::content::Shape::Document(&STORE));
    assert!(store.populated.iter().all(|populated| !["products", "subscribers"].contains(&populated.field.name)));
}
