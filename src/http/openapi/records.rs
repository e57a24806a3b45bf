//! The routes of extension records, one by one: those of documents, of which those of prices are made.

use serde_json::{Map, Value, json};

use super::documents::{add_others, answer, body};
use super::names::reference;
use super::parameters::{Part, parameters};
use crate::error::Result;

/// What can be done with records: the path below their list, the method, and what it takes and answers.
struct Operation {
    path: &'static str,
    method: &'static str,
    id: &'static str,
    summary: &'static str,
    description: &'static str,
    takes: &'static [Part],
    filters: &'static [(&'static str, &'static str, &'static str)],
    body: Option<&'static str>,
    answers: (&'static str, Answer),
}

/// What is answered.
enum Answer {
    /// A page of records.
    Records,
    /// A record.
    Record,
    Nothing,
}

const ONE: &str = "/{id}";

const PAGES: [(&str, &str, &str); 2] = [
    ("pagination[page]", "integer", "The page, from 1"),
    ("pagination[pageSize]", "integer", "Entries on a page, at most 100; 25 if not sent"),
];

const REFUSED: &str = "Unlike in the body of a document, what would not work is refused with 400 and its path: a key that no \
    handler answers to (with the nearest), a config, credentials or a policy that the handler cannot use, a missing url.";

const OPERATIONS: &[Operation] = &[
    Operation {
        path: "",
        method: "get",
        id: "listRecords",
        summary: "List the extension records",
        description: "In their order. Records belong to the document and not to one of its versions.",
        takes: &[],
        filters: &[
            ("key", "string", "Only records with this key"),
            ("filters[key]", "string", "The same as `key`, in the form of other lists; so is `[active]`"),
            ("active", "boolean", "Only records that are switched on, or off"),
            PAGES[0],
            PAGES[1],
        ],
        body: None,
        answers: ("200", Answer::Records),
    },
    Operation {
        path: "",
        method: "post",
        id: "createRecord",
        summary: "Add an extension record",
        description: "Behind the others, and in force at once; nothing is published. Without `triggers` it begins with those \
            of its handler.",
        takes: &[Part::Seen, Part::Key],
        filters: &[],
        body: Some("ExtensionRequest"),
        answers: ("201", Answer::Record),
    },
    Operation {
        path: ONE,
        method: "get",
        id: "getRecord",
        summary: "Read an extension record",
        description: "",
        takes: &[Part::Known],
        filters: &[],
        body: None,
        answers: ("200", Answer::Record),
    },
    Operation {
        path: ONE,
        method: "patch",
        id: "updateRecord",
        summary: "Change an extension record",
        description: "What the body does not name stays as it is. A masked secret that is sent back keeps what is stored.",
        takes: &[Part::Seen, Part::Key],
        filters: &[],
        body: Some("ExtensionRequest"),
        answers: ("200", Answer::Record),
    },
    Operation {
        path: ONE,
        method: "delete",
        id: "deleteRecord",
        summary: "Remove an extension record; one that is not there is no error",
        description: "",
        takes: &[Part::Seen, Part::Key],
        filters: &[],
        body: None,
        answers: ("204", Answer::Nothing),
    },
    Operation {
        path: "/{id}/toggle",
        method: "post",
        id: "toggleRecord",
        summary: "Switch an extension record on or off",
        description: "Without a body it becomes what it is not. One that would not work as it is is switched on with a \
            warning in `meta`.",
        takes: &[Part::Seen, Part::Key],
        filters: &[],
        body: Some("ToggleRequest"),
        answers: ("200", Answer::Record),
    },
];

/// The paths of records.
pub(super) fn paths() -> Result<Map<String, Value>> {
    let mut paths = Map::new();
    for operation in OPERATIONS {
        let path = format!("/api/{{type}}/{{documentId}}/extensions{}", operation.path);
        let item = paths.entry(path).or_insert_with(|| json!({}));
        item[operation.method] = describe(operation)?;
    }
    Ok(paths)
}

fn describe(operation: &Operation) -> Result<Value> {
    let ids = ["type", "documentId"].into_iter().chain((!operation.path.is_empty()).then_some("id"));
    let filters = operation.filters.iter().map(|(name, kind, description)| {
        json!({"name": name, "in": "query", "description": description, "schema": {"type": kind}})
    });
    let parameters: Vec<Value> =
        ids.map(id).chain(operation.takes.iter().flat_map(parameters)).chain(filters).collect();
    let mut described = json!({
        "tags": ["extensions"],
        "summary": operation.summary,
        "operationId": operation.id,
        "parameters": parameters
    });
    let refused = operation.body.filter(|sent| *sent == "ExtensionRequest").map(|_| REFUSED);
    let description = [Some(operation.description), refused].into_iter().flatten().filter(|text| !text.is_empty());
    let description = description.collect::<Vec<_>>().join(" ");
    if !description.is_empty() {
        described["description"] = json!(description);
    }
    if let Some(sent) = operation.body {
        described["requestBody"] = body(reference(sent));
        if sent == "ToggleRequest" {
            described["requestBody"]["required"] = json!(false);
        }
    }
    described["responses"] = responses(operation)?;
    Ok(described)
}

/// An id in the path.
fn id(name: &str) -> Value {
    let kind = if name == "id" { "integer" } else { "string" };
    let mut parameter = json!({"name": name, "in": "path", "required": true, "schema": {"type": kind}});
    if name == "type" {
        parameter["description"] = json!("`stores`, `products` or `subscribers`");
    }
    parameter
}

fn responses(operation: &Operation) -> Result<Value> {
    let (status, answered) = &operation.answers;
    let described = match answered {
        Answer::Records => {
            let mut page = answer("A page of them", reference("ExtensionListResponse"));
            page.as_object_mut().map(|page| page.remove("headers"));
            page
        }
        Answer::Record => answer("The record", reference("ExtensionResponse")),
        Answer::Nothing => json!({"description": "It is not there"}),
    };
    let mut responses = Map::from_iter([((*status).to_owned(), described)]);
    add_others(operation.takes, &mut responses)?;
    Ok(Value::Object(responses))
}
