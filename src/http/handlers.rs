//! The directory of handlers over HTTP: what can be put into an extension record's `key`, what its config may hold, and
//! activating it.

use std::collections::BTreeMap;

use actix_web::http::StatusCode;
use actix_web::{HttpRequest, HttpResponse, web};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use utoipa::ToSchema;
use utoipa::openapi::Ref;

use super::answer::{self, Data, Problems, Sent};
use super::body::Submission;
use super::conditional::written;
use super::documents::idempotency_key;
use super::endpoint::Endpoint;
use super::extract::{Cost, Reader};
use super::list::Parameters;
use crate::access::{Caller, Right};
use crate::content::Catalog;
use crate::db::records;
use crate::documents::{self, Activation, OwnerPath};
use crate::error::{Error, Problem, Result};
use crate::handler::{Description, Entry, Target};
use crate::nesting;
use crate::state::AppState;

/// The most targets of an activation.
const TARGETS: usize = 100;

pub(super) fn endpoints() -> Vec<Endpoint> {
    vec![
        Endpoint::at("/tenon/handlers").with_parameters().get(list),
        Endpoint::at("/tenon/handlers/{key}").get(find),
        Endpoint::at("/tenon/handlers/{key}/activate").post(activate),
    ]
}

/// A handler of the directory.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct HandlerAnswer {
    #[serde(flatten)]
    description: Description,
    /// How many active extension records name it, by its key or an alias.
    in_use: i64,
    /// Whether this instance has credentials of its own for it: those of a record with `use_default`.
    has_default: bool,
}

/// What shall be activated.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct ActivationInput {
    /// Where; at most 100.
    #[schema(min_items = 1, max_items = 100)]
    targets: Vec<TargetInput>,
    /// Whether a target that has the handler already gets another record; else it is refused.
    #[serde(default)]
    again: bool,
    /// The trigger patterns; those of the handler if left out.
    #[serde(default, deserialize_with = "nesting::read_member")]
    #[schema(value_type = Option<Vec<String>>)]
    triggers: Option<Value>,
    /// The credentials.
    #[serde(default, deserialize_with = "nesting::read_member")]
    #[schema(value_type = Option<Object>)]
    credentials: Option<Value>,
    /// The config.
    #[serde(default, deserialize_with = "nesting::read_member")]
    #[schema(value_type = Option<Object>)]
    config: Option<Value>,
    /// The outside end point.
    #[serde(default, deserialize_with = "nesting::read_member")]
    #[schema(value_type = Option<String>)]
    url: Option<Value>,
    /// Whether it is switched on, as it is if this is left out.
    #[serde(default, deserialize_with = "nesting::read_member")]
    #[schema(value_type = Option<bool>)]
    active: Option<Value>,
}

/// What shall hold a new record.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct TargetInput {
    /// `store`, `product`, `subscriber` or `price`.
    #[serde(rename = "type")]
    #[schema(pattern = "^(store|product|subscriber|price)$")]
    type_name: String,
    /// The document's id; for a price that of its product.
    document_id: String,
    /// The price.
    price_id: Option<i64>,
}

/// A record that was made.
#[derive(ToSchema)]
#[expect(dead_code, reason = "the fields are read by the derive alone")]
pub(super) struct ActivatedAnswer {
    /// What holds it.
    target: Target,
    /// The record.
    #[schema(schema_with = extension)]
    extension: Value,
}

fn extension() -> Ref {
    Ref::from_schema_name("Extension")
}

/// List the handlers
#[utoipa::path(get, path = "/tenon/handlers", tag = "extensions", operation_id = "listHandlers",
    params(
        ("category" = Option<String>, Query, description = "Only handlers of this category"),
        ("namespace" = Option<String>, Query, description = "Only handlers whose key begins with this part")
    ),
    responses((status = 200, description = "All of them, by key", body = Data<Vec<HandlerAnswer>>), Problems))]
pub(super) async fn list(
    request: HttpRequest,
    state: web::Data<AppState>,
    caller: Caller,
    reader: Reader,
) -> Result<HttpResponse> {
    require_directory(state.catalog, &caller)?;
    let asked = Parameters::read(request.query_string(), &["category", "namespace"])?;
    let (category, namespace) = (asked.text("category")?, asked.text("namespace")?);
    let in_use = reader.read(Cost::Expensive, records::count_by_key).await?;
    let shown = state.handlers.entries().filter(|entry| {
        let descriptor = entry.descriptor();
        category.as_deref().is_none_or(|category| category == descriptor.category)
            && namespace.as_deref().is_none_or(|namespace| descriptor.key.split(':').next() == Some(namespace))
    });
    let shown = shown.map(|entry| HandlerAnswer::new(&state, entry.descriptor().key, entry, &in_use));
    answer::data(StatusCode::OK, shown.collect::<Vec<_>>())
}

/// Find a handler
#[utoipa::path(get, path = "/tenon/handlers/{key}", tag = "extensions", operation_id = "findHandler",
    params(("key" = String, Path, description = "Its key, or an alias of it", example = "custom:webhook")),
    responses((status = 200, description = "What it does and what it needs", body = Data<HandlerAnswer>), Problems))]
pub(super) async fn find(
    state: web::Data<AppState>,
    key: web::Path<String>,
    caller: Caller,
    reader: Reader,
) -> Result<HttpResponse> {
    require_directory(state.catalog, &caller)?;
    let entry = state.handlers.find_shown(&key).ok_or(Error::NotFound)?;
    let in_use = reader.read(Cost::Expensive, records::count_by_key).await?;
    answer::data(StatusCode::OK, HandlerAnswer::new(&state, &key, entry, &in_use))
}

/// Activate a handler for many documents and prices at once
///
/// Each target gets an extension record of it, or none does: what would not work is refused, with a problem for each
/// target that is not there or has the handler already.
#[utoipa::path(post, path = "/tenon/handlers/{key}/activate", tag = "extensions", operation_id = "activateHandler",
    params(
        ("key" = String, Path, description = "Its key, or an alias of it", example = "custom:webhook"),
        ("Idempotency-Key" = Option<String>, Header, description = "What is sent again under the same key within 24 hours is not done again")
    ),
    request_body = Sent<ActivationInput>,
    responses((status = 201, description = "The new records, in the order of the targets", body = Data<Vec<ActivatedAnswer>>), Problems))]
pub(super) async fn activate(
    request: HttpRequest,
    state: web::Data<AppState>,
    key: web::Path<String>,
    sent: Submission,
) -> Result<HttpResponse> {
    sent.caller.access.require_somewhere(Right::Extensions, state.catalog)?;
    let sent = sent.read().await?;
    let body = sent.body.as_ref().and_then(Value::as_object).cloned();
    let (caller, input) = sent.parse_data::<ActivationInput>()?;
    let once = idempotency_key(&request, &caller, body.as_ref())?;
    let activation = input.activation(state.catalog, key.into_inner())?;
    let answer = documents::activate(&state.into_inner(), caller, once, activation).await?;
    Ok(written(StatusCode::CREATED, answer))
}

/// Whoever may manage extension records of any type may look at what there is.
fn require_directory(catalog: &Catalog, caller: &Caller) -> Result<()> {
    caller.access.require_somewhere(Right::Extensions, catalog).or_else(|_| caller.access.require_internals())
}

impl HandlerAnswer {
    /// The handler as it answers to `key`.
    fn new(state: &AppState, key: &str, entry: &Entry, in_use: &BTreeMap<String, i64>) -> Self {
        let descriptor = entry.descriptor();
        let is_its = |key: &str| match descriptor.namespace() {
            Some(_) => state.handlers.find(key).is_some_and(|found| found.descriptor().key == descriptor.key),
            None => key == descriptor.key || descriptor.aliases.contains(&key),
        };
        let in_use = in_use.iter().filter(|(key, _)| is_its(key)).map(|(_, count)| count).sum();
        let has_default = state.config.defaults.has(key, descriptor);
        Self { description: entry.description().clone(), in_use, has_default }
    }
}

impl ActivationInput {
    fn activation(self, catalog: &Catalog, key: String) -> Result<Activation> {
        if self.targets.is_empty() || self.targets.len() > TARGETS {
            let message = format!("targets must be 1 to {TARGETS}");
            return Err(Error::Invalid(vec![Problem { path: vec!["targets".into()], message, value: None }]));
        }
        let targets = self.targets.into_iter().enumerate().map(|(place, target)| target.path(catalog, place));
        let targets = targets.collect::<Result<_>>()?;
        let members = [
            ("triggers", self.triggers),
            ("credentials", self.credentials),
            ("config", self.config),
            ("url", self.url),
            ("active", self.active),
        ];
        let sent = members.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?)));
        Ok(Activation { key, targets, data: sent.collect::<Map<_, _>>(), again: self.again })
    }
}

/// `must be store, product, subscriber or price`
fn known_targets(catalog: &Catalog) -> String {
    let priced = catalog.types().filter_map(|one| Some(one.prices()?.held()?.key));
    let mut names: Vec<&str> = catalog.types().map(|one| one.singular).chain(priced).collect();
    let last = names.pop().unwrap_or_default();
    format!("must be {} or {last}", names.join(", "))
}

impl TargetInput {
    fn path(self, catalog: &Catalog, place: usize) -> Result<OwnerPath> {
        let refused = |member: &str, message: &str| {
            let path = vec!["targets".to_owned(), place.to_string(), member.to_owned()];
            let message = format!("targets[{place}].{member} {message}");
            Err(Error::Invalid(vec![Problem { path, message, value: None }]))
        };
        let (document_id, price) = (self.document_id, self.price_id);
        if let (Some(content_type), Some(_)) = (catalog.find_priced(&self.type_name), price) {
            return Ok(OwnerPath { content_type, document_id, price });
        }
        match (self.type_name.as_str(), price) {
            (name, None) if catalog.find_priced(name).is_some() => refused("priceId", "must be the id of a price"),
            (_, Some(_)) => refused("priceId", "is for a price alone"),
            (name, None) => match catalog.find_by_singular(name) {
                Some(content_type) => Ok(OwnerPath { content_type, document_id, price }),
                None => refused("type", &known_targets(catalog)),
            },
        }
    }
}
