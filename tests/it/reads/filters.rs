//! Filters, sort and pages.

use serde_json::json;

use super::{PUBLIC, get, on_every_backend, refusal, slugs, try_get};

/// What is asked, and what is found of the content of `seed.sql`.
const FILTERS: &[(&str, &str)] = &[
    ("products?sort=slug", "apple bread eclair"),
    ("products?filters[Name]=apple", "apple"),
    ("products?filters[Name]=Apple", ""),
    ("products?filters[Name][$eqi]=APPLE", "apple"),
    ("products?filters[Name][$ne]=apple&sort=slug", "bread eclair"),
    ("products?filters[Name][$contains]=B", "bread"),
    ("products?filters[Name][$contains]=b", ""),
    ("products?filters[Name][$containsi]=%C3%A9", "eclair"),
    ("products?filters[Name][$contains]=%25", "eclair"),
    ("products?filters[Name][$startsWith]=app", "apple"),
    ("products?filters[Name][$startsWithi]=%C3%A9c", "eclair"),
    ("products?filters[Name][$endsWith]=ple", "apple"),
    ("products?filters[Name][$endsWith]=&sort=slug", "apple bread eclair"),
    ("products?filters[Name][$endsWith]=a%20longer%20one%20than%20any", ""),
    ("products?filters[Name][$notContains]=e&sort=slug", "eclair"),
    ("products?filters[slug][$in][0]=apple&filters[slug][$in][1]=bread&sort=slug:desc", "bread apple"),
    ("products?filters[slug][$notIn]=apple&sort=slug", "bread eclair"),
    ("products?filters[slug]=apple&filters[slug]=bread&sort=slug", "apple bread"),
    ("products?filters[usd_price][$gt]=2", "bread"),
    ("products?filters[usd_price][$lt]=100&sort=slug", "apple bread"),
    ("products?filters[usd_price][$between][0]=2.0&filters[usd_price][$between][1]=1e1", "apple"),
    ("products?filters[usd_price][$in][0]=12.50&filters[usd_price][$in][1]=7", "bread"),
    ("products?filters[usd_price][$notIn]=12.50", "apple"),
    ("products?filters[usd_price][$null]=true", "eclair"),
    ("products?filters[usd_price]", "eclair"),
    ("products?filters[quantity][$gt]=10.5", "bread"),
    ("products?filters[quantity]=1e1", "apple"),
    ("products?filters[quantity][$startsWith]=2", "bread"),
    ("products?filters[active]=true", "apple"),
    ("products?filters[active][$ne]=true", "bread"),
    ("products?filters[active][$in]=f", "bread"),
    ("products?filters[publishedAt][$lte]=1970-01-01T00:00:02.000Z&sort=slug", "apple bread eclair"),
    ("products?filters[documentId]=breadbreadbreadbreadbrea", "bread"),
    ("products?filters[id]=4", "bread"),
    ("products?filters[id]=abc", ""),
    ("products?filters[$or][0][slug]=apple&filters[$or][1][usd_price][$gt]=10&sort=slug", "apple bread"),
    ("products?filters[$and][0][slug]=apple&filters[$and][1][slug]=bread", ""),
    ("products?filters[$not][slug]=apple&sort=slug", "bread eclair"),
    ("products?filters[Name][$not][$contains]=e", "eclair"),
    ("products?filters[stores][slug]=lima", "apple"),
    ("products?filters[stores][slug][$contains]=m&sort=slug", "apple bread"),
    ("products?filters[stores][$not][$null]=true&sort=slug", "apple bread"),
    ("products?filters[stores][$null]=true", "eclair"),
    ("products?filters[stores][id][$null]=true", "eclair"),
    ("products?filters[stores]=4", "apple"),
    ("products?filters[stores][slug]=romeo", ""),
    ("products?filters[stores][slug]=romeo&status=draft", "bread"),
    ("products?filters[$not][stores][slug]=lima&sort=slug", "apple bread"),
    ("products?filters[stores][slug]=acme&filters[stores][active]=false", ""),
    ("products?filters[$and][0][stores][slug]=acme&filters[$and][1][stores][active]=false", "apple"),
    ("products?filters[PRICES][Price][$gt]=9.6&sort=slug", "apple bread"),
    ("products?filters[PRICES][Price]=9.50", "apple"),
    ("products?filters[PRICES][Currency]=EUR&filters[PRICES][Price][$gt]=50", ""),
    ("products?filters[PRICES][extensions][key][$startsWith]=markket", "apple"),
    ("products?filters[extensions][run_count]=3", "apple"),
    ("products?filters[extensions][key]=custom:gone", ""),
    ("products?filters[SEO][metaTitle][$startsWith]=Buy", "apple"),
    ("products?filters[SEO][id][$null]=true&sort=slug", "bread eclair"),
    ("products?filters[Thumbnail][$notNull]=true", ""),
    ("stores?filters[products][Name]=apple&sort=slug", "acme lima"),
    ("stores?filters[subscribers][Email][$startsWithi]=ANA", "acme"),
    ("stores?filters[products][stores][slug]=lima&sort=slug", "acme lima"),
    ("stores?filters[Description][$containsi]=%C3%A4PFEL", "lima"),
    ("stores?filter[slug]=lima", "lima"),
    ("stores?publicationFilter=modified", "lima"),
    ("stores?publicationFilter=unmodified", "acme"),
    ("stores?status=draft&publicationFilter=never-published", "romeo"),
    ("stores?status=draft&hasPublishedVersion=true&sort=slug", "acme lima"),
    ("stores?_q=SUPPLY", "acme"),
    ("products?_q=12.5", "bread"),
];

#[test]
fn filters_find_the_same_on_both_databases() {
    on_every_backend(|conn| {
        for (target, wanted) in FILTERS {
            assert_eq!(slugs(conn, target).join(" "), *wanted, "{target}");
        }
    });
}

#[test]
fn rows_are_sorted_the_same_on_both_databases_with_nulls_at_the_great_end() {
    let cases = [
        ("products?sort=usd_price", "apple bread eclair"),
        ("products?sort=usd_price:desc", "eclair bread apple"),
        ("products?sort=Name", "bread apple eclair"),
        ("products?sort[0]=active:desc&sort[1]=slug", "eclair apple bread"),
        ("products?sort[active]=asc&sort[slug]=desc", "bread apple eclair"),
        ("products?sort=createdAt,id:desc", "eclair bread apple"),
        ("products?sort=stores.title:desc", "eclair apple bread"),
        ("products?sort[stores][slug]=asc", "apple bread eclair"),
        ("products?sort=PRICES.Price:desc", "eclair apple bread"),
        ("products?sort=PRICES.extensions.key", "apple bread eclair"),
        ("products?sort=,", "apple bread eclair"),
    ];
    on_every_backend(|conn| {
        for (target, wanted) in cases {
            assert_eq!(slugs(conn, target).join(" "), wanted, "{target}");
        }
    });
}

#[test]
fn pages_tell_where_they_are() {
    on_every_backend(|conn| {
        let page = get(conn, "products?pagination[page]=2&pagination[pageSize]=2&fields=slug");
        assert_eq!(page["meta"], json!({"pagination": {"page": 2, "pageSize": 2, "pageCount": 2, "total": 3}}));
        assert_eq!(page["data"][0]["slug"], "eclair");
        let page = get(conn, "products?pagination[start]=1&pagination[limit]=1&filters[slug][$ne]=x");
        assert_eq!(page["meta"], json!({"pagination": {"start": 1, "limit": 1, "total": 3}}));
        let page = get(conn, "products?pagination[pageSize]=500&pagination[withCount]=false");
        assert_eq!(page["meta"]["pagination"], json!({"page": 1, "pageSize": 100}));
        assert_eq!(page["meta"]["warnings"][0]["path"], json!(["pagination", "pageSize"]));
        assert!(slugs(conn, "products?pagination[page]=999999999999999").is_empty());
    });
}

#[test]
fn one_document_is_found_by_its_id_and_by_filters() {
    on_every_backend(|conn| {
        let found = get(conn, "products/breadbreadbreadbreadbrea?fields=Name,usd_price&pagination[page]=7");
        let wanted = json!({"id": 4, "documentId": "breadbreadbreadbreadbrea", "Name": "Bread", "usd_price": 12.5});
        assert_eq!(found, json!({"data": wanted, "meta": {}}));
        for target in [
            "products/draftdraftdraftdraftdraf",
            "products/1",
            "products/breadbreadbreadbreadbrea?filters[slug]=apple",
            "stores/breadbreadbreadbreadbrea",
        ] {
            assert_eq!(refusal(conn, target, PUBLIC), "Not Found", "{target}");
        }
        assert_eq!(get(conn, "products/draftdraftdraftdraftdraf?status=draft")["data"]["publishedAt"], json!(null));
    });
}

#[test]
fn the_public_reads_published_stores_and_products_and_nothing_else() {
    on_every_backend(|conn| {
        for target in ["products?status=draft", "products/draftdraftdraftdraftdraf?status=draft", "subscribers"] {
            assert_eq!(refusal(conn, target, PUBLIC), "Forbidden", "{target}");
        }
        for (target, message) in [
            ("products?filters[extensions][key]=x", "Invalid key extensions"),
            ("products?filters[PRICES][extensions][key]=x", "Invalid key extensions at PRICES.extensions"),
            ("products?filters[stores][subscribers][id]=1", "Invalid key subscribers at stores.subscribers"),
            ("products?sort=stores.subscribers.Email", "Invalid key subscribers at stores.subscribers"),
        ] {
            assert_eq!(refusal(conn, target, PUBLIC), message, "{target}");
        }
        let all = try_get(conn, "products?populate=*&filters[slug]=apple", PUBLIC).expect("an answer");
        assert!(all["data"][0].get("extensions").is_none(), "{all}");
        assert!(all["meta"].get("warnings").is_none(), "* is what may be read");
        let named = try_get(conn, "stores?populate=subscribers,products.extensions", PUBLIC).expect("an answer");
        assert!(named["data"][0].get("subscribers").is_none(), "{named}");
        assert_eq!(named["meta"]["warnings"].as_array().map(Vec::len), Some(2), "{named}");
    });
}

#[test]
fn credentials_can_be_neither_filtered_nor_sorted_by() {
    on_every_backend(|conn| {
        for target in [
            "products?filters[extensions][credentials][$contains]=s",
            "products?filters[extensions][credentials][$null]=true",
            "products?sort=extensions.credentials",
            "products?populate[extensions][filters][credentials][$notNull]=true",
        ] {
            assert!(
                refusal(conn, target, tenon::access::Access::Full).starts_with("Invalid key credentials"),
                "{target}"
            );
        }
    });
}
