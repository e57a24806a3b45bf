//! The routes of a product's prices.

use serde_json::{Map, Value, json};

use super::documents::{add_others, answer, body};
use super::names::reference;
use super::parameters::{Part, parameters};
use crate::error::Result;

/// What can be done with prices: the path below `/api/products/{documentId}/prices`, the method, and what it takes and
/// answers.
struct Operation {
    path: &'static str,
    method: &'static str,
    id: &'static str,
    summary: &'static str,
    description: &'static str,
    takes: &'static [Part],
    body: Option<Body>,
    answers: (&'static str, Answer),
}

/// What is sent.
enum Body {
    Price,
    Inventory,
}

/// What is answered.
enum Answer {
    List,
    Price,
    Nothing,
}

const ONE: &str = "/{priceId}";

const OPERATIONS: &[Operation] = &[
    Operation {
        path: "",
        method: "get",
        id: "listPrices",
        summary: "List the prices of a product",
        description: "All of them, in their order unless `sort` says another. `filters`, `sort`, `fields` and `populate` are \
            about prices.",
        takes: &[Part::Filters, Part::Sort, Part::Shaping, Part::Status, Part::Known],
        body: None,
        answers: ("200", Answer::List),
    },
    Operation {
        path: "",
        method: "post",
        id: "createPrice",
        summary: "Add a price to a product",
        description: "Behind the others, which stay as they are. Like any change of the product it goes to the draft, which \
            is published with it unless status=draft.",
        takes: &[Part::Shaping, Part::Status, Part::Seen, Part::Key],
        body: Some(Body::Price),
        answers: ("201", Answer::Price),
    },
    Operation {
        path: ONE,
        method: "get",
        id: "getPrice",
        summary: "Read a price",
        description: "",
        takes: &[Part::Filters, Part::Shaping, Part::Status, Part::Known],
        body: None,
        answers: ("200", Answer::Price),
    },
    Operation {
        path: ONE,
        method: "patch",
        id: "updatePrice",
        summary: "Change a price",
        description: "What the body does not name stays as it is, and so do the other prices. It goes to the draft, which is \
            published with it unless status=draft.",
        takes: &[Part::Shaping, Part::Status, Part::Seen, Part::Key],
        body: Some(Body::Price),
        answers: ("200", Answer::Price),
    },
    Operation {
        path: ONE,
        method: "delete",
        id: "deletePrice",
        summary: "Remove a price; one that is not there is no error",
        description: "From the draft, which is published without it unless status=draft.",
        takes: &[Part::Status, Part::Seen, Part::Key],
        body: None,
        answers: ("204", Answer::Nothing),
    },
    Operation {
        path: "/{priceId}/inventory",
        method: "post",
        id: "changeInventory",
        summary: "Sell from the inventory of a price, put on it, or count it anew",
        description: "In force at once in the draft and in what is published; nothing else of the product is published by \
            it. `decrement` never goes below zero: where less is left than is asked for, nothing changes and 409 says how \
            much there is (`error.details.inventory`). An inventory of null or -1 is not tracked: `decrement` leaves it as \
            it is with a warning in `meta`, `increment` and `set` begin to track it. The answer is the price as it then \
            is. A sale changes the revision of the product, so an edit made under If-Match cannot bring back what was sold.",
        takes: &[Part::Shaping, Part::Seen, Part::Key],
        body: Some(Body::Inventory),
        answers: ("200", Answer::Price),
    },
];

/// The paths of prices.
pub(super) fn paths() -> Result<Map<String, Value>> {
    let mut paths = Map::new();
    for operation in OPERATIONS {
        let path = format!("/api/products/{{documentId}}/prices{}", operation.path);
        let item = paths.entry(path).or_insert_with(|| json!({}));
        item[operation.method] = describe(operation)?;
    }
    Ok(paths)
}

fn describe(operation: &Operation) -> Result<Value> {
    let named =
        |name: &str, kind: &str| json!({"name": name, "in": "path", "required": true, "schema": {"type": kind}});
    let price = (!operation.path.is_empty()).then(|| named("priceId", "integer"));
    let ids = std::iter::once(named("documentId", "string")).chain(price);
    let parameters: Vec<Value> = ids.chain(operation.takes.iter().flat_map(parameters)).collect();
    let mut described = json!({
        "tags": ["products"],
        "summary": operation.summary,
        "operationId": operation.id,
        "parameters": parameters
    });
    if !operation.description.is_empty() {
        described["description"] = json!(operation.description);
    }
    if let Some(sent) = &operation.body {
        described["requestBody"] = match sent {
            Body::Price => body(reference("PriceRequest")),
            Body::Inventory => {
                json!({"required": true, "content": {"application/json": {"schema": reference("InventoryInput")}}})
            }
        };
    }
    described["responses"] = responses(operation)?;
    Ok(described)
}

fn responses(operation: &Operation) -> Result<Value> {
    let (status, answered) = &operation.answers;
    let described = match answered {
        Answer::List => answer("The prices", reference("PriceListResponse")),
        Answer::Price => answer("The price", reference("PriceResponse")),
        Answer::Nothing => json!({"description": "It is not there"}),
    };
    let mut responses = Map::from_iter([((*status).to_owned(), described)]);
    add_others(operation.takes, &mut responses)?;
    Ok(Value::Object(responses))
}
