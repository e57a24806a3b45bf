//! Which store an event belongs to, as people know it.

use serde::Serialize;
use serde_json::Value;
use url::Url;

use super::customer::text;
use crate::handler::Event;

/// A store, as far as an event tells of it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Shop {
    /// What it is called.
    pub title: Option<String>,
    /// Its short name in addresses.
    pub slug: Option<String>,
    /// Its page: the first of its URLS that is one.
    pub url: Option<String>,
    /// Its documentId.
    #[serde(rename = "documentId")]
    pub document_id: Option<String>,
}

impl Shop {
    /// The store of `event`: the entity itself, or the one of the entity's stores that the event names. A product's or
    /// subscriber's event knows its stores by title and slug alone, a price's by slug.
    pub fn of(event: &Event) -> Self {
        let (data, named) = (event.data.value(), event.store.as_ref());
        let entity =
            if event.target.type_name == "store" { data } else { known(data, named.map(|it| &*it.document_id)) };
        let urls = entity["URLS"].as_array().into_iter().flatten();
        Self {
            title: text(&entity["title"]),
            slug: text(&entity["slug"]).or_else(|| named.and_then(|store| store.slug.clone())),
            url: urls.filter_map(|item| text(&item["URL"])).find(|url| is_page(url)),
            document_id: text(&entity["documentId"]).or_else(|| named.map(|store| store.document_id.clone())),
        }
    }
}

/// The store with this id among those of an entity, or the first.
fn known<'a>(entity: &'a Value, id: Option<&str>) -> &'a Value {
    let stores = entity["stores"].as_array().map_or(&[][..], Vec::as_slice);
    let named = stores.iter().find(|store| id.is_some() && store["documentId"].as_str() == id);
    named.or(stores.first()).unwrap_or(&Value::Null)
}

/// Whether a text is an address that a link may lead to.
pub fn is_page(text: &str) -> bool {
    Url::parse(text).is_ok_and(|url| matches!(url.scheme(), "http" | "https") && url.has_host())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::handler::testing::sale;
    use crate::handler::{Json, Target};

    #[test]
    fn a_store_is_found_where_events_have_one() {
        let json = |value: Value| Json::parse(value.to_string()).expect("JSON");
        let urls = json!([{"URL": "javascript:alert(1)"}, {"Label": "Shop", "URL": "https://north.example"}]);
        let own =
            Shop::of(&super::Event { data: json(json!({"title": "North", "slug": "n", "URLS": urls})), ..sale() });
        assert_eq!((own.title.as_deref(), own.url.as_deref()), (Some("North"), Some("https://north.example")));

        let target = Target { type_name: "subscriber".into(), document_id: "x".into(), price_id: None };
        let stores =
            json!([{"documentId": "other", "title": "South"}, {"documentId": "s".repeat(24), "title": "North"}]);
        let of = |data: Value| Shop::of(&super::Event { data: json(data), target: target.clone(), ..sale() });
        assert_eq!(of(json!({"stores": stores})).title.as_deref(), Some("North"));
        let bare = of(json!({}));
        assert_eq!((bare.title, bare.slug.as_deref()), (None, Some("north")));
    }
}
