//! What changed between two states of a document, by path.

use serde_json::{Map, Value, json};

/// Members that every save moves, and that tell nothing.
const BOOKKEEPING: [&str; 4] = ["id", "createdAt", "updatedAt", "publishedAt"];

/// `{path: {from, to}}` for each value that differs. Items of a list are compared by their `id`: `PRICES[12].Price`;
/// one that came or went is named whole, with null on the other side.
pub(super) fn changes(before: &Value, after: &Value) -> Map<String, Value> {
    let mut found = Map::new();
    compare("", before, after, &mut found);
    found
}

fn compare(path: &str, before: &Value, after: &Value, found: &mut Map<String, Value>) {
    match (before, after) {
        (Value::Object(old), Value::Object(new)) => {
            let mut names: Vec<&String> =
                old.keys().chain(new.keys().filter(|name| !old.contains_key(*name))).collect();
            names.retain(|name| !BOOKKEEPING.contains(&name.as_str()));
            for name in names {
                let path = if path.is_empty() { name.clone() } else { format!("{path}.{name}") };
                compare(&path, at(old.get(name)), at(new.get(name)), found);
            }
        }
        (Value::Array(old), Value::Array(new)) if is_items(old) && is_items(new) => {
            compare_items(path, old, new, found)
        }
        (before, after) if before == after => {}
        (before, after) => {
            found.insert(path.to_owned(), json!({ "from": before, "to": after }));
        }
    }
}

fn compare_items(path: &str, old: &[Value], new: &[Value], found: &mut Map<String, Value>) {
    let ids: Vec<&Value> = old.iter().chain(new.iter().filter(|item| find(old, id(item)).is_null())).map(id).collect();
    for id in ids {
        let name = id.as_str().map_or_else(|| id.to_string(), str::to_owned);
        compare(&format!("{path}[{name}]"), find(old, id), find(new, id), found);
    }
    let order = |items: &[Value]| items.iter().map(id).cloned().collect::<Vec<_>>();
    let (from, to) = (order(old), order(new));
    let is_kept = |ids: &[Value], id: &&Value| ids.contains(id);
    let kept_before: Vec<&Value> = from.iter().filter(|id| is_kept(&to, id)).collect();
    let kept_after: Vec<&Value> = to.iter().filter(|id| is_kept(&from, id)).collect();
    if kept_before != kept_after {
        found.insert(format!("{path}.order"), json!({ "from": from, "to": to }));
    }
}

/// Whether `list` is one of a component or a relation: objects that have an id.
fn is_items(list: &[Value]) -> bool {
    list.iter().all(|item| item.get("id").is_some())
}

/// What an item is known by: a linked document's `id` changes with every publish, its documentId does not.
fn id(item: &Value) -> &Value {
    at(item.get("documentId").or_else(|| item.get("id")))
}

fn find<'a>(items: &'a [Value], wanted: &Value) -> &'a Value {
    at(items.iter().find(|item| id(item) == wanted))
}

fn at(value: Option<&Value>) -> &Value {
    value.unwrap_or(&Value::Null)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn changes_are_named_by_path() {
        let before = json!({
            "id": 1, "Name": "Tea", "quantity": 3, "updatedAt": "x", "SEO": null,
            "PRICES": [{"id": 7, "Price": 1}, {"id": 8, "Price": 2}, {"id": 9, "Price": 3}]
        });
        let after = json!({
            "id": 2, "Name": "Tea", "quantity": 2, "updatedAt": "y", "SEO": {"id": 4, "metaTitle": "t"},
            "PRICES": [{"id": 9, "Price": 3}, {"id": 7, "Price": 1.5}, {"id": 10, "Price": 4}]
        });
        let expected = json!({
            "quantity": {"from": 3, "to": 2},
            "SEO": {"from": null, "to": {"id": 4, "metaTitle": "t"}},
            "PRICES[7].Price": {"from": 1, "to": 1.5},
            "PRICES[8]": {"from": {"id": 8, "Price": 2}, "to": null},
            "PRICES[10]": {"from": null, "to": {"id": 10, "Price": 4}},
            "PRICES.order": {"from": [7, 8, 9], "to": [9, 7, 10]},
        });
        assert_eq!(Value::Object(changes(&before, &after)), expected);
        assert!(changes(&before, &before).is_empty());
    }
}
