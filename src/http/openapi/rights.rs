//! Which right an operation needs, in its description. A test calls every operation with and without it.

use serde_json::{Map, Value};

use crate::content::{Catalog, ContentType};

/// What a caller needs.
enum Need {
    /// The right of this name for the type in the path.
    Right(&'static str),
    /// One of these rights for the type in the path.
    OneOf(&'static [&'static str]),
    /// This right for the type in the path, or a token that reads everything.
    OrReader(&'static str),
    /// This right for the type of everything that the request names.
    OfAll(&'static str),
    /// This right for any type, or a token that reads everything.
    AnyOrReader(&'static str),
    /// A token that reads everything.
    Reader,
    /// A token that may do everything.
    Full,
    /// What subscribing needs.
    Subscribe,
}

/// By the beginning of the `operationId`, the first that fits: those of content end with the name of their type, those of a price's records
/// with `OfPrice`.
const NEEDS: &[(&str, Need)] = &[
    ("listHandlers", Need::AnyOrReader("extensions")),
    ("findHandler", Need::AnyOrReader("extensions")),
    ("activateHandler", Need::OfAll("extensions")),
    ("explain", Need::OrReader("extensions")),
    ("findInboundAddress", Need::OfAll("extensions")),
    ("rotateInboundAddress", Need::OfAll("extensions")),
    ("listDeliveries", Need::OfAll("extensions")),
    ("listRunsOfRecord", Need::OrReader("extensions")),
    ("statsOfRecord", Need::OrReader("extensions")),
    ("listTriggers", Need::Reader),
    ("emitTriggers", Need::OfAll("emit")),
    ("findTrigger", Need::Reader),
    ("emitTrigger", Need::Right("emit")),
    ("listRuns", Need::Reader),
    ("findRun", Need::Reader),
    ("runExtension", Need::Right("run")),
    ("testExtension", Need::Right("run")),
    ("cancelRun", Need::OfAll("run")),
    ("replayRun", Need::OfAll("run")),
    ("listEvents", Need::Reader),
    ("findEvent", Need::Reader),
    ("getStoreInfo", Need::Right("find")),
    ("getStoreVisibility", Need::Right("find")),
    ("subscribe", Need::Subscribe),
    ("unsubscribe", Need::Subscribe),
    ("listTokens", Need::Full),
    ("createToken", Need::Full),
    ("deleteToken", Need::Full),
    ("listRecords", Need::OneOf(&["extensions", "findOne"])),
    ("getRecord", Need::OneOf(&["extensions", "findOne"])),
    ("createRecord", Need::Right("extensions")),
    ("updateRecord", Need::Right("extensions")),
    ("deleteRecord", Need::Right("extensions")),
    ("toggleRecord", Need::Right("extensions")),
    ("listPrices", Need::Right("findOne")),
    ("getPrice", Need::Right("findOne")),
    ("createPrice", Need::Right("update")),
    ("updatePrice", Need::Right("update")),
    ("deletePrice", Need::Right("update")),
    ("changeInventory", Need::Right("update")),
    ("list", Need::Right("find")),
    ("get", Need::Right("findOne")),
    ("create", Need::Right("create")),
    ("delete", Need::Right("delete")),
    ("update", Need::Right("update")),
    ("publish", Need::Right("update")),
    ("unpublish", Need::Right("update")),
    ("withdraw", Need::Right("update")),
    ("discard", Need::Right("update")),
];

/// Says behind the description of an operation what it needs.
pub(super) fn describe(catalog: &Catalog, path: &str, operation: &mut Value) {
    let id = operation["operationId"].as_str().unwrap_or_default().to_owned();
    let is_open = operation["security"][0].as_object().is_some_and(Map::is_empty);
    let found = NEEDS.iter().find(|(beginning, _)| id.starts_with(beginning));
    let needed = match found {
        _ if is_open => "Needs no token.".to_owned(),
        Some((_, need)) => need.text(catalog, path),
        None => return,
    };
    let described = operation.get("description").and_then(Value::as_str).unwrap_or_default().trim_end();
    let between = if described.is_empty() { "" } else { "\n\n" };
    operation["description"] = format!("{described}{between}{needed}").into();
}

impl Need {
    fn text(&self, catalog: &Catalog, path: &str) -> String {
        let here = types_in(catalog, path);
        let every: Vec<_> = catalog.types().collect();
        match self {
            Self::Right(right) => format!("Needs the right {}{}.", names(&here, &[right]), of_path(&here)),
            Self::OneOf(rights) => format!("Needs the right {}{}.", names(&here, rights), of_path(&here)),
            Self::OrReader(right) => {
                format!("Needs the right {}{}, or a read-only token.", names(&here, &[right]), of_path(&here))
            }
            Self::OfAll(right) => {
                format!("Needs the right {}: that of whatever holds what is named.", names(&every, &[right]))
            }
            Self::AnyOrReader(right) => format!("Needs the right {}, or a read-only token.", names(&every, &[right])),
            Self::Reader => "Needs a read-only or a full-access token.".to_owned(),
            Self::Full => "Needs a full-access token.".to_owned(),
            Self::Subscribe => "Needs the right `subscriber.create`, or no token where the public reads.".to_owned(),
        }
    }
}

/// The types whose documents the path can name.
fn types_in(catalog: &Catalog, path: &str) -> Vec<&'static ContentType> {
    let named = path.split('/').nth(2).unwrap_or_default();
    let found = catalog.types().filter(|content_type| named == content_type.plural || named == "{type}");
    found.collect()
}

fn of_path(types: &[&ContentType]) -> &'static str {
    if types.len() > 1 { ", that of the type in the path" } else { "" }
}

/// `` `store.run`, `product.run` or `subscriber.run` ``
fn names(types: &[&ContentType], rights: &[&str]) -> String {
    let of_type = |content_type: &&ContentType| {
        rights.iter().map(|right| format!("`{}.{right}`", content_type.singular)).collect::<Vec<_>>()
    };
    let mut names: Vec<String> = types.iter().flat_map(of_type).collect();
    let last = names.pop().unwrap_or_default();
    if names.is_empty() { last } else { format!("{} or {last}", names.join(", ")) }
}
