//! Whatever is answered in any test is what the OpenAPI document says, and what is not in it is not answered.

use std::collections::HashMap;
use std::sync::{LazyLock, Mutex};

use jsonschema::{Registry, Resource, Validator};
use serde_json::{Value, json};
use tenon::http::openapi;

use super::added;

/// A request and what was answered to it.
pub struct Exchange<'a> {
    pub method: &'a str,
    /// Path and query string.
    pub target: &'a str,
    /// The body that was sent, if it is JSON.
    pub sent: Option<&'a Value>,
    pub status: u16,
    /// The body that was answered, if it is JSON.
    pub answered: Option<&'a Value>,
}

/// With the content types that tests add, beside which it says the same.
static DOCUMENT: LazyLock<Value> = LazyLock::new(|| openapi::document(added::catalog()).expect("a document"));
static VALIDATORS: LazyLock<Mutex<HashMap<String, &'static Validator>>> = LazyLock::new(Mutex::default);

/// Panics when the document does not describe `exchange`.
#[track_caller]
pub fn check(exchange: &Exchange<'_>) {
    if let Err(problem) = describes(exchange) {
        panic!("{} {} {}: {problem}", exchange.method, exchange.target, exchange.status);
    }
}

/// Whether the document describes `exchange`; the error says what it does not.
pub fn describes(exchange: &Exchange<'_>) -> Result<(), String> {
    let (path, query) = exchange.target.split_once('?').unwrap_or((exchange.target, ""));
    let method = if exchange.method == "HEAD" { "get".to_owned() } else { exchange.method.to_lowercase() };
    let place = template(path).map(|template| pointer(&["paths", template, &method]));
    let Some((place, operation)) = place.and_then(|place| Some((place.clone(), DOCUMENT.pointer(&place)?))) else {
        let refused = [404, 405, 501].contains(&exchange.status) || method == "options";
        return if refused { Ok(()) } else { Err("the operation is not described".into()) };
    };
    let status = exchange.status.to_string();
    if operation["responses"].get(&status).is_none() {
        return Err("the status is not described".into());
    }
    let response = resolved(format!("{place}/responses/{status}"));
    // That a count stands in place of a list is told in words: clients shall have lists.
    let counts = url::form_urlencoded::parse(query.as_bytes()).any(|(name, _)| name.ends_with("[count]"));
    if let Some(answered) = exchange.answered.filter(|_| exchange.method != "HEAD" && !counts) {
        conforms(&format!("{response}/content/application~1json/schema"), answered)?;
    }
    if exchange.status >= 300 {
        return Ok(());
    }
    if let Some(sent) = exchange.sent.filter(|_| operation.get("requestBody").is_some()) {
        let schema = format!("{place}/requestBody/content/application~1json/schema");
        conforms(&schema, sent).map_err(|problem| format!("sent: {problem}"))?;
    }
    parameters(&place, query, exchange)
}

/// A parameter that is not described is warned of, where there is an answer to say so. Those of lists may be sent to all
/// operations on documents.
fn parameters(place: &str, query: &str, exchange: &Exchange<'_>) -> Result<(), String> {
    let Some(answered) = exchange.answered else { return Ok(()) };
    let list = place.split("~1{documentId}").next().unwrap_or_default();
    let described = [place.to_owned(), format!("{list}/get"), list.replace("/post", "/get")];
    let described = described.iter().filter_map(|place| DOCUMENT.pointer(place)?["parameters"].as_array());
    // What several operations take is described once, and referred to.
    let meant = |parameter: &'static Value| {
        let at = parameter["$ref"].as_str().and_then(|reference| DOCUMENT.pointer(reference.strip_prefix('#')?));
        at.unwrap_or(parameter)
    };
    let known = described.flatten().map(meant).filter(|parameter| parameter["in"] == "query");
    let known: Vec<_> = known.filter_map(|parameter| parameter["name"].as_str().map(root)).collect();
    let warned = answered["meta"]["warnings"].to_string();
    for (name, _) in url::form_urlencoded::parse(query.as_bytes()) {
        let name = root(&name);
        if !(known.contains(&name) || name.is_empty() || warned.contains(&format!("\"{name}\""))) {
            return Err(format!("the parameter {name} is neither described nor warned of"));
        }
    }
    Ok(())
}

/// `pagination` of `pagination[page]`.
fn root(name: &str) -> &str {
    name.split(['[', '.']).next().unwrap_or_default()
}

/// The path as the document has it; literal parts before those that stand for any.
fn template(path: &str) -> Option<&'static str> {
    let path = url::form_urlencoded::parse(path.as_bytes()).next().unwrap_or_default().0;
    let parts: Vec<_> = path.trim_end_matches('/').split('/').collect();
    let fits = |template: &&str| {
        let wanted: Vec<_> = template.trim_end_matches('/').split('/').collect();
        let fit = |(wanted, part): (&&str, &&str)| wanted == part || (wanted.starts_with('{') && !part.is_empty());
        wanted.len() == parts.len() && wanted.iter().zip(&parts).all(fit)
    };
    let templates = DOCUMENT["paths"].as_object().expect("paths").keys().map(String::as_str);
    templates.filter(fits).min_by_key(|template| template.matches('{').count())
}

fn pointer(parts: &[&str]) -> String {
    parts.iter().map(|part| format!("/{}", part.replace('~', "~0").replace('/', "~1"))).collect()
}

/// Where the reference at `place` leads, or `place`.
fn resolved(place: String) -> String {
    let reference = DOCUMENT.pointer(&place).and_then(|found| found["$ref"].as_str());
    reference.map_or(place.clone(), |reference| reference.trim_start_matches('#').to_owned())
}

fn conforms(schema: &str, value: &Value) -> Result<(), String> {
    if DOCUMENT.pointer(schema).is_none() {
        return Err(format!("no JSON is described: {value}"));
    }
    validator(schema).validate(value).map_err(|error| format!("{error} at {}", error.instance_path()))
}

/// The validator of the schema at this place of the document, made once.
fn validator(schema: &str) -> &'static Validator {
    let mut validators = VALIDATORS.lock().expect("no test panicked here");
    validators.entry(schema.to_owned()).or_insert_with(|| {
        let registry = Registry::new().add("tenon:openapi", Resource::from_contents(DOCUMENT.clone()));
        let registry = registry.and_then(|registry| registry.prepare()).expect("a schema document");
        let fragment = schema.replace('{', "%7B").replace('}', "%7D");
        let schema = json!({"$ref": format!("tenon:openapi#{fragment}")});
        let validator = jsonschema::options().with_registry(&registry).build(&schema);
        Box::leak(Box::new(validator.unwrap_or_else(|error| panic!("{schema}: {error}"))))
    })
}
