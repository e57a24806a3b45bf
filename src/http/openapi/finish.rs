//! What is done to the whole document at last, so that linters find nothing and generators of clients make types that
//! can be used.

use std::collections::{HashMap, HashSet};

use serde_json::{Map, Value, json};

use super::names::reference;
use super::{examples, rights};
use crate::content::Catalog;
use crate::error::Result;
use crate::json_schema::{tidy, visit, visit_parts};

/// Where the documents of every type are meant.
const OF_ANY_TYPE: &str = "/api/{type}/";

/// What utoipa calls a generic body, and what clients call it.
const GENERIC: [(&str, &str); 5] = [
    ("Data_Vec_", "ListResponse"),
    ("Page_", "ListResponse"),
    ("Data_", "Response"),
    ("Sent_Vec_", "Request"),
    ("Sent_", "Request"),
];

/// Brings the document into its last form.
pub(super) fn finish(document: &mut Value, catalog: &Catalog) -> Result<()> {
    tidy(document);
    describe_defaults(&mut document["components"]["schemas"]);
    each_operation(document, |path, operation| finish_operation(catalog, path, operation));
    each_operation(document, |path, operation| rights::describe(catalog, path, operation));
    name_what_has_a_name(document);
    remove_unused_schemas(document);
    rename_generic_schemas(document);
    let examples = examples::all()?;
    each_operation(document, |_, operation| add_examples(operation, &examples));
    Ok(())
}

/// Does something to each operation, with its path.
fn each_operation(document: &mut Value, change: impl Fn(&str, &mut Value)) {
    for (path, item) in document["paths"].as_object_mut().into_iter().flatten() {
        item.as_object_mut().into_iter().flat_map(Map::values_mut).for_each(|operation| change(path, operation));
    }
}

/// Moves the defaults of properties into their descriptions. A property with a default is always there in an answer, but
/// need not be sent; generators take the first for both, and make it required.
fn describe_defaults(schemas: &mut Value) {
    for schema in schemas.as_object_mut().into_iter().flat_map(Map::values_mut) {
        visit(schema, &|schema| {
            let properties = schema.get_mut("properties").and_then(Value::as_object_mut);
            for property in properties.into_iter().flat_map(Map::values_mut).filter_map(Value::as_object_mut) {
                let Some(default) = property.shift_remove("default") else { continue };
                let said = property.get("description").and_then(Value::as_str).unwrap_or_default();
                let described = format!("{said} Default: `{default}`.").trim_start().to_owned();
                property.insert("description".to_owned(), described.into());
            }
        });
    }
}

/// utoipa writes an optional body as one that may be null, and an optional header as one whose text may be null. The
/// types that a path can name are those of the content.
fn finish_operation(catalog: &Catalog, path: &str, operation: &mut Value) {
    let contents = operation.pointer_mut("/requestBody/content").and_then(Value::as_object_mut);
    for content in contents.into_iter().flat_map(Map::values_mut) {
        let given = content.pointer("/schema/oneOf").and_then(Value::as_array);
        let given = given.and_then(|kinds| kinds.iter().find(|kind| kind["type"] != "null")).cloned();
        if let Some(schema) = given {
            content["schema"] = schema;
        }
    }
    for parameter in operation.get_mut("parameters").and_then(Value::as_array_mut).into_iter().flatten() {
        let kinds = parameter.pointer_mut("/schema/type").filter(|kinds| kinds[1] == "null");
        if let Some(kinds) = kinds {
            *kinds = kinds[0].take();
        }
        if path.starts_with(OF_ANY_TYPE) && parameter["name"] == "type" {
            let plurals: Vec<&str> = catalog.types().map(|content_type| content_type.plural).collect();
            parameter["schema"] = json!({"type": "string", "enum": plurals});
        }
    }
}

/// Refers to a schema where it is written out once more: utoipa writes out what a generic answer holds.
fn name_what_has_a_name(document: &mut Value) {
    let schemas = document["components"]["schemas"].as_object().into_iter().flatten();
    let with_members =
        schemas.filter(|(_, schema)| schema.get("properties").is_some() || schema.get("allOf").is_some());
    let names: HashMap<String, String> =
        with_members.map(|(name, schema)| (schema.to_string(), name.clone())).collect();
    let refer = |schema: &mut Value| {
        if let Some(name) = schema.is_object().then(|| names.get(&schema.to_string())).flatten() {
            *schema = reference(name);
        }
    };

    visit(&mut document["paths"], &refer);
    for schema in document["components"]["schemas"].as_object_mut().into_iter().flat_map(Map::values_mut) {
        visit_parts(schema, &refer);
    }
}

/// Removes the schemas that nothing refers to any more, and then those that only they referred to.
fn remove_unused_schemas(document: &mut Value) {
    loop {
        let mut used = HashSet::new();
        collect_names(document, &mut used);
        let Some(schemas) = document["components"]["schemas"].as_object_mut() else { return };
        let before = schemas.len();
        schemas.retain(|name, _| used.contains(name));
        if schemas.len() == before {
            return;
        }
    }
}

fn collect_names(value: &Value, into: &mut HashSet<String>) {
    match value {
        Value::Object(members) => {
            let referred = members.get("$ref").and_then(Value::as_str);
            into.extend(referred.and_then(|path| path.strip_prefix("#/components/schemas/")).map(str::to_owned));
            members.values().for_each(|member| collect_names(member, into));
        }
        Value::Array(items) => items.iter().for_each(|item| collect_names(item, into)),
        _ => {}
    }
}

/// Gives what utoipa makes of a generic type the name that it has in clients: `EmittedResponse`, not `Data_EmittedAnswer`.
fn rename_generic_schemas(document: &mut Value) {
    let Some(schemas) = document["components"]["schemas"].as_object_mut() else { return };
    let name = |name: &str| {
        let (of, ending) = GENERIC.iter().find_map(|(start, ending)| Some((name.strip_prefix(start)?, ending)))?;
        let of = ["Answer", "Input", "Item"].iter().find_map(|end| of.strip_suffix(end)).unwrap_or(of);
        Some(format!("{of}{ending}"))
    };
    let renamed: HashMap<String, String> =
        schemas.keys().filter_map(|known| Some((known.clone(), name(known)?))).collect();
    let under = std::mem::take(schemas).into_iter();
    schemas.extend(under.map(|(known, schema)| (renamed.get(&known).cloned().unwrap_or(known), schema)));

    visit(document, &|schema| {
        let referred = schema.get("$ref").and_then(Value::as_str).and_then(|path| path.rsplit('/').next());
        if let Some(name) = referred.and_then(|known| renamed.get(known)) {
            schema["$ref"] = reference(name)["$ref"].take();
        }
    });
}

/// Adds the examples of what an operation is sent and answers.
fn add_examples(operation: &mut Value, examples: &Map<String, Value>) {
    let mut add = |content: &mut Value| {
        let name = content.pointer("/schema/$ref").and_then(Value::as_str).and_then(|path| path.rsplit('/').next());
        if let Some(example) = name.and_then(|name| examples.get(name)) {
            content["example"] = example.clone();
        }
    };
    operation.pointer_mut("/requestBody/content/application~1json").map(&mut add);
    let responses = operation.get_mut("responses").and_then(Value::as_object_mut);
    for response in responses.into_iter().flat_map(Map::values_mut) {
        response.pointer_mut("/content/application~1json").map(&mut add);
    }
}
