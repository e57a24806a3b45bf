//! Extension records that will not run as they are: stored all the same, since content is never lost, and warned of.

use serde_json::Value as Json;

use crate::content::{EXTENSION, Input, Item, Kind, Value};
use crate::handler::{Misfit, Registry};
use crate::query::Warning;

/// A warning for each record of `input` whose key no handler answers to, or whose config its handler or the runner
/// cannot use.
pub(super) fn find(handlers: &Registry, input: &Input) -> Vec<Warning> {
    let mut found = Vec::new();
    walk(handlers, input, &mut Vec::new(), &mut found);
    found
}

fn walk(handlers: &Registry, input: &Input, path: &mut Vec<String>, found: &mut Vec<Warning>) {
    for (field, items) in &input.items {
        let Kind::Component { of, .. } = field.kind else { continue };
        path.push(field.name.to_owned());
        for (place, item) in items.iter().enumerate() {
            path.push(place.to_string());
            if of.uid == EXTENSION.uid {
                found.extend(misfits(handlers, item, path));
            }
            walk(handlers, &item.input, path, found);
            path.pop();
        }
        path.pop();
    }
}

fn misfits(handlers: &Registry, item: &Item, path: &[String]) -> Vec<Warning> {
    let value = |name: &str| item.input.values.iter().find(|(field, _)| field.name == name).map(|(_, value)| value);
    let Some(Value::Text(key)) = value("key") else { return Vec::new() };
    let below = |names: &[&str]| path.iter().cloned().chain(names.iter().map(|name| (*name).to_owned())).collect();
    let Some(entry) = handlers.find(key) else {
        return vec![Warning { path: below(&["key"]), message: handlers.unknown(key) }];
    };
    let config = match value("config") {
        Some(Value::Json(config)) => config,
        _ => &Json::Null,
    };
    let warning = |misfit: Misfit| {
        let path = if misfit.path.is_empty() { below(&["config"]) } else { below(&["config", &misfit.path]) };
        Warning { path, message: misfit.message }
    };
    entry.misfits(config).into_iter().map(warning).collect()
}
