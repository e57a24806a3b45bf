//! What can be done with the extension records of documents can be done with those of prices: the same operations, under
//! the price.

use serde_json::{Map, Value, json};

const OF_DOCUMENTS: &str = "/api/{type}/{documentId}/extensions";
const OF_PRICES: &str = "/api/products/{documentId}/prices/{priceId}/extensions";

/// The twins of all `paths` that lead to extension records of documents.
pub(super) fn of_prices(paths: &Value) -> Map<String, Value> {
    let mut twins = Map::new();
    for (path, operations) in paths.as_object().into_iter().flatten() {
        let Some(rest) = path.strip_prefix(OF_DOCUMENTS) else { continue };
        let mut twin = operations.clone();
        twin.as_object_mut().into_iter().flat_map(Map::values_mut).for_each(adapt);
        twins.insert(format!("{OF_PRICES}{rest}"), twin);
    }
    twins
}

/// Makes an operation on a record of a document one on a record of a price.
fn adapt(operation: &mut Value) {
    let name = operation["operationId"].as_str().map(|name| format!("{name}OfPrice"));
    operation["operationId"] = json!(name);
    for parameter in operation["parameters"].as_array_mut().into_iter().flatten() {
        if parameter["name"] == "type" {
            parameter["name"] = json!("priceId");
            parameter["description"] = json!("The price that holds the record");
            parameter["schema"] = json!({"type": "integer", "format": "int64"});
        } else if parameter["name"] == "documentId" {
            parameter["description"] = json!("The product");
        }
    }
}
