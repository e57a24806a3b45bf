//! The routes of each content type's documents.

use serde_json::{Map, Value, json};
use utoipa::IntoResponses as _;

use super::headers;
use super::schemas::{input_name, name, reference};
use crate::content::{ContentType, SUBSCRIBER};
use crate::error::Result;
use crate::http::answer::Problems;
use crate::query::{CONDITIONS, DEFAULT_SIZE, DEPTH, LIST, PAGE, POPULATED};

/// What can be done with documents: the path below `/api/{plural}`, the method, and what it takes and answers.
struct Operation {
    path: &'static str,
    method: &'static str,
    verb: &'static str,
    summary: &'static str,
    takes: &'static [Part],
    answers: (&'static str, Shape),
}

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

/// What an operation answers.
#[derive(Clone, Copy)]
enum Shape {
    Page,
    One,
    Nothing,
}

const ONE: &str = "/{documentId}";

const OPERATIONS: &[Operation] = &[
    Operation {
        path: "",
        method: "get",
        verb: "list",
        summary: "List documents",
        takes: &[Part::Filters, Part::Sort, Part::Listing, Part::Shaping, Part::Status, Part::Known],
        answers: ("200", Shape::Page),
    },
    Operation {
        path: "",
        method: "post",
        verb: "create",
        summary: "Create a document, published unless status=draft",
        takes: &[Part::Body, Part::Shaping, Part::Status, Part::Key],
        answers: ("201", Shape::One),
    },
    Operation {
        path: ONE,
        method: "get",
        verb: "get",
        summary: "Read a document",
        takes: &[Part::Filters, Part::Shaping, Part::Status, Part::Known],
        answers: ("200", Shape::One),
    },
    Operation {
        path: ONE,
        method: "put",
        verb: "update",
        summary: "Change a document and publish it, or with status=draft its draft alone",
        takes: &[Part::Body, Part::Shaping, Part::Status, Part::Seen, Part::Key],
        answers: ("200", Shape::One),
    },
    Operation {
        path: ONE,
        method: "delete",
        verb: "delete",
        summary: "Delete a document, both versions; one that is not there is no error",
        takes: &[Part::Seen, Part::Key],
        answers: ("204", Shape::Nothing),
    },
    Operation {
        path: "/{documentId}/actions/publish",
        method: "post",
        verb: "publish",
        summary: "Publish the draft",
        takes: &[Part::Shaping, Part::Seen, Part::Key],
        answers: ("200", Shape::One),
    },
    Operation {
        path: "/{documentId}/actions/publish",
        method: "delete",
        verb: "withdraw",
        summary: "Withdraw the published version, as actions/unpublish does",
        takes: &[Part::Shaping],
        answers: ("200", Shape::One),
    },
    Operation {
        path: "/{documentId}/actions/unpublish",
        method: "post",
        verb: "unpublish",
        summary: "Withdraw the published version; the draft stays",
        takes: &[Part::Shaping, Part::Seen, Part::Key],
        answers: ("200", Shape::One),
    },
    Operation {
        path: "/{documentId}/actions/discard",
        method: "post",
        verb: "discard",
        summary: "Make the draft what is published again",
        takes: &[Part::Shaping, Part::Seen, Part::Key],
        answers: ("200", Shape::One),
    },
];

/// The paths of a content type's documents.
pub(super) fn paths(of: &'static ContentType) -> Result<Map<String, Value>> {
    let mut paths = Map::new();
    for operation in OPERATIONS {
        let path = format!("/api/{}{}", of.plural, operation.path);
        let item = paths.entry(path).or_insert_with(|| json!({}));
        item[operation.method] = describe(of, operation)?;
    }
    Ok(paths)
}

fn describe(of: &ContentType, operation: &Operation) -> Result<Value> {
    let noun = if operation.verb == "list" { format!("{}s", name(of)) } else { name(of) };
    let id = (!operation.path.is_empty())
        .then(|| json!({"name": "documentId", "in": "path", "required": true, "schema": {"type": "string"}}));
    let parameters: Vec<Value> = id.into_iter().chain(operation.takes.iter().flat_map(parameters)).collect();
    let mut described = json!({
        "tags": [of.plural],
        "summary": operation.summary,
        "operationId": format!("{}{noun}", operation.verb),
        "parameters": parameters
    });
    if operation.takes.contains(&Part::Body) {
        described["requestBody"] = body(reference(&input_name(of)));
    }
    described["responses"] = responses(of, operation)?;
    Ok(described)
}

fn responses(of: &ContentType, operation: &Operation) -> Result<Value> {
    let mut responses = Map::new();
    let (status, shape) = operation.answers;
    let document = reference(&name(of));
    let described = match shape {
        Shape::Page => answer("A page of them", json!({"type": "array", "items": document}), reference("ListMeta")),
        Shape::One if operation.verb == "create" && of.uid == SUBSCRIBER.uid => answer(
            "The document; to a caller who may only subscribe that he did",
            json!({"oneOf": [document, reference("SubscriptionAnswer")]}),
            reference("Meta"),
        ),
        Shape::One => answer("The document", document, reference("Meta")),
        Shape::Nothing => json!({"description": "It is not there"}),
    };
    responses.insert(status.to_owned(), described);
    add_others(operation.takes, &mut responses)?;
    Ok(Value::Object(responses))
}

/// An answer with `data` and `meta` of these schemas.
pub(super) fn answer(description: &str, data: Value, meta: Value) -> Value {
    let schema = json!({"type": "object", "required": ["data", "meta"], "properties": {"data": data, "meta": meta}});
    json!({
        "description": description,
        "headers": {"ETag": headers::reference("headers", "ETag")},
        "content": {"application/json": {"schema": schema}}
    })
}

/// What a route that takes this may answer beside what it was asked for: every error among it.
pub(super) fn add_others(takes: &[Part], responses: &mut Map<String, Value>) -> Result<()> {
    if takes.contains(&Part::Known) {
        responses.insert("304".to_owned(), json!({"description": "The caller has the answer already"}));
    }
    for (status, problem) in Problems::responses() {
        responses.insert(status, serde_json::to_value(problem)?);
    }
    Ok(())
}

/// A body whose `data` has this schema.
pub(super) fn body(data: Value) -> Value {
    let schema = json!({"type": "object", "required": ["data"], "properties": {"data": data}});
    json!({"required": true, "content": {
        "application/json": {"schema": schema.clone()},
        "application/x-www-form-urlencoded": {"schema": schema}
    }})
}

pub(super) fn parameters(part: &Part) -> Vec<Value> {
    let (levels, fields) = (DEPTH.most, POPULATED.most);
    match part {
        Part::Body => Vec::new(),
        Part::Known => vec![headers::reference("parameters", "IfNoneMatch")],
        Part::Seen => vec![headers::reference("parameters", "IfMatch")],
        Part::Key => vec![headers::reference("parameters", "IdempotencyKey")],
        Part::Status => status(),
        Part::Filters => vec![filters()],
        Part::Shaping => vec![
            headers::reference("parameters", "ResponseFormat"),
            query(
                "fields",
                "The attributes to answer, comma separated or as a list; all of them if left out.",
                json!({"oneOf": [{"type": "string"}, {"type": "array", "items": {"type": "string"}}]}),
            ),
            object(
                "populate",
                &format!(
                    "The components and relations to answer: `*`, a list of names with dots \
                     (`PRICES.extensions,stores`), or an object with `fields`, `filters`, `sort` and `populate` for \
                     each; at most {fields} in all, {levels} levels deep."
                ),
                json!({}),
            ),
        ],
        Part::Sort => vec![query(
            "sort",
            "Fields with `:asc` or `:desc`, comma separated, with dots through relations and components. Ties are in \
             the order of the id.",
            json!({"type": "string", "examples": ["usd_price:desc,Name"]}),
        )],
        Part::Listing => vec![
            object(
                "pagination",
                &format!(
                    "`page` and `pageSize`, or `start` and `limit`; {DEFAULT_SIZE} at a time unless asked, {} at most: \
                     more is answered with a warning.",
                    PAGE.most
                ),
                json!({
                    "page": {"type": "integer"}, "pageSize": {"type": "integer"},
                    "start": {"type": "integer"}, "limit": {"type": "integer"}, "withCount": {"type": "boolean"}
                }),
            ),
            query(
                "publicationFilter",
                "How the two versions of a document relate.",
                json!({"enum": [
                    "never-published", "never-published-document", "has-published-version",
                    "has-published-version-document", "modified", "unmodified", "published-without-draft",
                    "published-with-draft"
                ]}),
            ),
            query("hasPublishedVersion", "Whether there is a published version.", json!({"type": "boolean"})),
            query("_q", "Words to find in the texts and numbers of the document.", json!({"type": "string"})),
        ],
    }
}

fn status() -> Vec<Value> {
    vec![
        query(
            "status",
            "Which version: `published` (the default) or `draft`.",
            json!({"enum": ["published", "draft"], "default": "published"}),
        ),
        query("locale", "Documents have one locale: it changes nothing.", json!({"type": "string"})),
    ]
}

fn filters() -> Value {
    let (conditions, levels) = (CONDITIONS.most, DEPTH.most);
    object(
        "filters",
        &format!(
            "What documents must be like: `filters[slug][$eq]=tea`, through relations and components as \
                 `filters[stores][slug][$eq]=x`, combined with `$and`, `$or`, `$not`. Operators: `$eq` `$eqi` `$ne` \
                 `$nei` `$lt` `$lte` `$gt` `$gte` `$in` `$notIn` `$contains` `$notContains` `$containsi` \
                 `$notContainsi` `$startsWith` `$startsWithi` `$endsWith` `$endsWithi` `$null` `$notNull` `$between`. \
                 With `sort` at most {conditions} conditions, {levels} relations and components deep; a list has at \
                 most {} values.",
            LIST.most
        ),
        json!({}),
    )
}

fn query(name: &str, description: &str, schema: Value) -> Value {
    json!({"name": name, "in": "query", "description": description, "schema": schema})
}

fn object(name: &str, description: &str, properties: Value) -> Value {
    let mut parameter = query(name, description, json!({"type": "object", "properties": properties}));
    parameter["style"] = json!("deepObject");
    parameter["explode"] = json!(true);
    parameter
}
