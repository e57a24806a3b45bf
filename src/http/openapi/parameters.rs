//! What operations take beside their bodies. What several take is described once, under `components/parameters`.

use serde_json::{Value, json};

use super::headers;
use super::names::reference as schema;
use crate::limits::{CONDITIONS, DEPTH, LIST, PAGE, POPULATED};
use crate::query::DEFAULT_SIZE;

/// What an operation takes.
#[derive(PartialEq)]
pub(super) enum Part {
    /// `fields` and `populate`, which shape the answer.
    Shaping,
    /// `status`.
    Status,
    /// `filters`.
    Filters,
    /// `sort`.
    Sort,
    /// `pagination` and `_q`.
    Listing,
    /// The document in the body.
    Body,
    /// `If-None-Match`.
    Known,
    /// `If-Match`.
    Seen,
    /// `Idempotency-Key`.
    Key,
}

/// References to the parameters that are part of this.
pub(super) fn parameters(part: &Part) -> Vec<Value> {
    let names: &[&str] = match part {
        Part::Body => &[],
        Part::Known => &["IfNoneMatch"],
        Part::Seen => &["IfMatch"],
        Part::Key => &["IdempotencyKey"],
        Part::Status => &["Status", "Locale"],
        Part::Filters => &["Filters"],
        Part::Shaping => &["ResponseFormat", "Fields", "Populate"],
        Part::Sort => &["Sort"],
        Part::Listing => &["Pagination", "PublicationFilter", "HasPublishedVersion", "Search"],
    };
    names.iter().map(|name| headers::reference("parameters", name)).collect()
}

/// All that several operations take.
pub(super) fn all() -> Value {
    let mut all = headers::parameters();
    let queries = [
        ("Fields", fields()),
        ("Populate", populate()),
        ("Filters", filters()),
        ("Sort", sort()),
        ("Pagination", pagination()),
        ("Status", status()),
        ("Locale", query("locale", "Documents have one locale: it changes nothing.", json!({"type": "string"}))),
        ("PublicationFilter", publication_filter()),
        (
            "HasPublishedVersion",
            query("hasPublishedVersion", "Whether there is a published version.", json!({"type": "boolean"})),
        ),
        ("Search", query("_q", "Words to find in the texts and numbers of the document.", json!({"type": "string"}))),
    ];
    for (name, parameter) in queries {
        all[name] = parameter;
    }
    all
}

fn fields() -> Value {
    query("fields", "The attributes to answer, comma separated or as a list; all of them if left out.", schema("Names"))
}

fn populate() -> Value {
    let description = format!(
        "The components and relations to answer: `*`, names with dots, comma separated or as a list \
         (`PRICES.extensions,stores`), or an object with `fields`, `filters`, `sort` and `populate` for each \
         (`populate[PRICES][sort]=Price`); at most {} in all, {} levels deep. With `populate[PRICES][count]=true` \
         `{{\"count\": 2}}` is answered in place of the list.",
        POPULATED.most, DEPTH.most
    );
    deep(query("populate", &description, schema("Populate")))
}

fn sort() -> Value {
    query(
        "sort",
        "Fields with `:asc` or `:desc`, comma separated or as a list, with dots through relations and components. Ties \
         are in the order of the id.",
        schema("Names"),
    )
}

fn pagination() -> Value {
    let description = format!(
        "`page` and `pageSize`, or `start` and `limit`; {DEFAULT_SIZE} at a time unless asked, {} at most: more is \
         answered with a warning.",
        PAGE.most
    );
    let whole = |minimum: u32| json!({"type": "integer", "minimum": minimum});
    let asked = json!({"type": "object", "additionalProperties": false, "properties": {
        "page": whole(1), "pageSize": whole(1), "start": whole(0), "limit": whole(1), "withCount": {"type": "boolean"}
    }});
    deep(query("pagination", &description, asked))
}

fn status() -> Value {
    query(
        "status",
        "Which version: `published` (the default) or `draft`.",
        json!({"type": "string", "enum": ["published", "draft"], "default": "published"}),
    )
}

fn publication_filter() -> Value {
    query(
        "publicationFilter",
        "How the two versions of a document relate.",
        json!({"type": "string", "enum": [
            "never-published", "never-published-document", "has-published-version", "has-published-version-document",
            "modified", "unmodified", "published-without-draft", "published-with-draft"
        ]}),
    )
}

fn filters() -> Value {
    let description = format!(
        "What documents must be like: `filters[slug][$eq]=tea`, through relations and components as \
         `filters[stores][slug][$eq]=x`, combined with `$and`, `$or`, `$not`. Operators: `$eq` `$eqi` `$ne` `$nei` `$lt` \
         `$lte` `$gt` `$gte` `$in` `$notIn` `$contains` `$notContains` `$containsi` `$notContainsi` `$startsWith` \
         `$startsWithi` `$endsWith` `$endsWithi` `$null` `$notNull` `$between`. With `sort` at most {} conditions, {} \
         relations and components deep; a list has at most {} values. Objects within objects are sent as \
         `qs.stringify` writes them.",
        CONDITIONS.most, DEPTH.most, LIST.most
    );
    deep(query("filters", &description, schema("Filters")))
}

fn query(name: &str, description: &str, schema: Value) -> Value {
    json!({"name": name, "in": "query", "description": description, "schema": schema})
}

/// The same parameter, whose objects are sent as `name[member]=value`.
fn deep(mut parameter: Value) -> Value {
    parameter["style"] = json!("deepObject");
    parameter["explode"] = json!(true);
    parameter
}
