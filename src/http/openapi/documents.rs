//! The routes of each content type's documents.

use serde_json::{Map, Value, json};
use utoipa::IntoResponses as _;

use super::headers;
use super::names::reference;
use super::parameters::{Part, parameters};
use super::schemas::name;
use crate::content::ContentType;
use crate::error::Result;
use crate::http::answer::Problems;

/// What can be done with documents: the path below `/api/{plural}`, the method, and what it takes and answers.
struct Operation {
    path: &'static str,
    method: &'static str,
    verb: &'static str,
    summary: &'static str,
    takes: &'static [Part],
    answers: (&'static str, Shape),
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
        described["requestBody"] = body(reference(&format!("{}Request", name(of))));
    }
    described["responses"] = responses(of, operation)?;
    Ok(described)
}

fn responses(of: &ContentType, operation: &Operation) -> Result<Value> {
    let mut responses = Map::new();
    let (status, shape) = operation.answers;
    let one = format!("{}Response", name(of));
    let described = match shape {
        Shape::Page => answer("A page of them", reference(&format!("{}ListResponse", name(of)))),
        Shape::One if operation.verb == "create" && of.subscribes => answer(
            "The document; to a caller who may only subscribe that they did",
            json!({"anyOf": [reference(&one), reference("Data_SubscriptionAnswer")]}),
        ),
        Shape::One => answer("The document", reference(&one)),
        Shape::Nothing => json!({"description": "It is not there"}),
    };
    responses.insert(status.to_owned(), described);
    add_others(operation.takes, &mut responses)?;
    Ok(Value::Object(responses))
}

/// An answer with this schema, and its entity tag.
pub(super) fn answer(description: &str, schema: Value) -> Value {
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

/// A body with this schema, as JSON or as a form.
pub(super) fn body(schema: Value) -> Value {
    json!({"required": true, "content": {
        "application/json": {"schema": schema.clone()},
        "application/x-www-form-urlencoded": {"schema": schema}
    }})
}
