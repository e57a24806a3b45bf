//! What storefronts of Markket ask for beside documents.

use actix_web::http::StatusCode;
use actix_web::{HttpRequest, HttpResponse, web};
use serde::Serialize;
use serde_json::{Map, Value, json};
use utoipa::ToSchema;

use super::answer::{self, Problems};
use super::conditional;
use super::endpoint::Endpoint;
use super::extract::{Cost, Reader};
use crate::access::Caller;
use crate::clock::iso;
use crate::documents::{self, Signals};
use crate::error::Result;
use crate::state::AppState;

pub(super) fn endpoints() -> Vec<Endpoint> {
    vec![
        Endpoint::at("/api/stores/{slug}/info").with_parameters().get(info),
        Endpoint::at("/api/stores/{store}/visibility").with_parameters().get(visibility),
    ]
}

/// Which sections a storefront shows.
#[derive(Serialize, ToSchema)]
pub(super) struct VisibilityAnswer {
    data: Visibility,
    /// The same as `data.summary`: storefronts look in both places.
    summary: Summary,
}

#[derive(Serialize, ToSchema)]
struct Visibility {
    show_blog: bool,
    show_events: bool,
    show_shop: bool,
    show_about: bool,
    show_newsletter: bool,
    show_home: bool,
    has_upcoming_events: bool,
    has_events: bool,
    #[schema(inline)]
    content_summary: ContentSummary,
    /// Pages whose slug shows a section; there are no pages here.
    magic_pages_detected: Vec<String>,
    /// The switches that the store's settings have.
    #[schema(example = json!(["show_blog"]))]
    settings_overrides: Vec<String>,
    summary: Summary,
}

/// How much of what there is. Articles, events and pages are not kept here.
#[derive(Serialize, ToSchema)]
struct ContentSummary {
    articles_count: i64,
    products_count: i64,
    events_count: i64,
    upcoming_events_count: i64,
    pages_count: i64,
}

#[derive(Clone, Serialize, ToSchema)]
struct Summary {
    enabled_sections: Vec<&'static str>,
    disabled_sections: Vec<&'static str>,
    /// What the settings say of sections, by section.
    #[schema(value_type = Object)]
    explicit_overrides: Map<String, Value>,
    /// How much there is, by kind.
    #[schema(value_type = Object)]
    content_signals: Value,
    #[schema(format = DateTime)]
    generated_at: String,
}

/// The public face of a store
///
/// The published store with this slug, in a list of one, with SEO, links and media.
#[utoipa::path(get, path = "/api/stores/{slug}/info", tag = "stores", operation_id = "getStoreInfo",
    params(("slug" = String, Path, description = "The store's slug")),
    responses((status = 200, description = "The store", body = Object), Problems))]
pub(super) async fn info(
    request: HttpRequest,
    slug: web::Path<String>,
    caller: Caller,
    reader: Reader,
) -> Result<HttpResponse> {
    conditional::read(&request, caller, &reader, |terms, form| documents::info(&slug, terms.access, form)).await
}

/// Which sections a store's site shows
///
/// A section is shown when the store's settings say so (`navigation.show_shop`), or else when there is something in it.
#[utoipa::path(get, path = "/api/stores/{store}/visibility", tag = "stores", operation_id = "getStoreVisibility",
    params(("store" = String, Path, description = "The store's documentId or slug")),
    responses((status = 200, description = "Which are shown, and why", body = VisibilityAnswer), Problems))]
pub(super) async fn visibility(
    name: web::Path<String>,
    caller: Caller,
    reader: Reader,
    state: web::Data<AppState>,
) -> Result<HttpResponse> {
    let name = name.into_inner();
    // Of a store with ten thousand products it is a long count.
    let signals = reader.read(Cost::Expensive, move |conn| documents::signals(conn, caller.access, &name)).await?;
    answer::json(StatusCode::OK, &VisibilityAnswer::new(&signals, iso(state.clock.now())))
}

impl VisibilityAnswer {
    fn new(signals: &Signals, generated_at: String) -> Self {
        let navigation = navigation(&signals.settings);
        let switch = |section: &str| navigation.get(&format!("show_{section}")).and_then(Value::as_bool);
        let has_content = |section: &str| section == "shop" && signals.products > 0;
        let is_shown = |section: &str| switch(section).unwrap_or_else(|| has_content(section));
        let (enabled_sections, disabled_sections) = SECTIONS.into_iter().partition(|section| is_shown(section));
        let summary = Summary {
            enabled_sections,
            disabled_sections,
            explicit_overrides: SECTIONS
                .iter()
                .filter_map(|section| Some(((*section).to_owned(), switch(section)?.into())))
                .collect(),
            content_signals: json!({
                "articles": 0, "pages": 0, "products": signals.products, "events": 0, "upcoming_events": 0
            }),
            generated_at,
        };
        let data = Visibility {
            show_blog: is_shown("blog"),
            show_events: is_shown("events"),
            show_shop: is_shown("shop"),
            show_about: is_shown("about"),
            show_newsletter: is_shown("newsletter"),
            show_home: is_shown("home"),
            has_upcoming_events: false,
            has_events: false,
            content_summary: ContentSummary {
                articles_count: 0,
                products_count: signals.products,
                events_count: 0,
                upcoming_events_count: 0,
                pages_count: 0,
            },
            magic_pages_detected: Vec::new(),
            settings_overrides: navigation.keys().filter(|key| key.starts_with("show_")).cloned().collect(),
            summary: summary.clone(),
        };
        Self { data, summary }
    }
}

const SECTIONS: [&str; 6] = ["blog", "events", "shop", "about", "newsletter", "home"];

/// The switches in a store's settings: `navigation`, or `meta.navigation` of older ones.
fn navigation(settings: &Value) -> Map<String, Value> {
    let found = ["/navigation", "/meta/navigation"].iter().find_map(|place| settings.pointer(place)?.as_object());
    found.cloned().unwrap_or_default()
}
