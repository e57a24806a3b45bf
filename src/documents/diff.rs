//! What changed between two states of a document, by path.

use std::borrow::Cow;
use std::collections::HashMap;

use serde_json::{Map, Value, json};

/// Members that every save moves, and that tell nothing.
const BOOKKEEPING: [&str; 4] = ["id", "createdAt", "updatedAt", "publishedAt"];

/// How many differences within one JSON object are told apart, and how long their paths may be, in bytes. Beyond either the
/// object is told as a whole, so that a change is never told in much more bytes than it was sent in.
const MOST: usize = 1000;
const LONGEST_PATH: usize = 512;
/// The longest text that an item is known by, in bytes: documentIds have 24.
const LONGEST_ID: usize = 64;

/// Paths, each with the values on both sides.
type Differences<'a> = Vec<(String, Cow<'a, Value>, Cow<'a, Value>)>;

/// `{path: {from, to}}` for each value that differs. Items of a list are compared by their `id`: `PRICES[12].Price`;
/// one that came or went is named whole, with null on the other side.
pub(super) fn changes(before: &Value, after: &Value) -> Map<String, Value> {
    let mut found = Vec::new();
    compare("", before, after, &mut found);
    found.into_iter().map(|(path, from, to)| (path, json!({ "from": from, "to": to }))).collect()
}

fn compare<'a>(path: &str, before: &'a Value, after: &'a Value, found: &mut Differences<'a>) {
    match (before, after) {
        (Value::Object(old), Value::Object(new)) if has_short_paths(path, old) && has_short_paths(path, new) => {
            let first = found.len();
            let names = old.keys().chain(new.keys().filter(|name| !old.contains_key(*name)));
            for name in names.filter(|name| !BOOKKEEPING.contains(&name.as_str())) {
                let below = if path.is_empty() { name.clone() } else { format!("{path}.{name}") };
                compare(&below, at(old.get(name)), at(new.get(name)), found);
                if !path.is_empty() && found.len() - first > MOST {
                    found.truncate(first);
                    return found.push((path.to_owned(), Cow::Borrowed(before), Cow::Borrowed(after)));
                }
            }
        }
        (Value::Array(old), Value::Array(new)) if is_items(old) && is_items(new) => {
            compare_items(path, old, new, found)
        }
        (before, after) if before == after => {}
        (before, after) => found.push((path.to_owned(), Cow::Borrowed(before), Cow::Borrowed(after))),
    }
}

/// Items are found by their ids in maps: the work grows with their number, and not with its square.
fn compare_items<'a>(path: &str, old: &'a [Value], new: &'a [Value], found: &mut Differences<'a>) {
    let (old_by_id, new_by_id) = (by_id(old), by_id(new));
    let ids = old.iter().chain(new.iter().filter(|item| !old_by_id.contains_key(id(item)))).map(id);
    for id in ids {
        let name = id.as_str().map_or_else(|| id.to_string(), str::to_owned);
        let (before, after) = (old_by_id.get(id).copied(), new_by_id.get(id).copied());
        compare(&format!("{path}[{name}]"), at(before), at(after), found);
    }
    let kept_before = old.iter().map(id).filter(|id| new_by_id.contains_key(id));
    let kept_after = new.iter().map(id).filter(|id| old_by_id.contains_key(id));
    if !kept_before.eq(kept_after) {
        let order = |items: &[Value]| Cow::Owned(items.iter().map(id).cloned().collect());
        found.push((format!("{path}.order"), order(old), order(new)));
    }
}

/// The items by what they are known by; the first of those that are known by the same.
fn by_id(items: &[Value]) -> HashMap<&Value, &Value> {
    let mut found = HashMap::with_capacity(items.len());
    for item in items {
        found.entry(id(item)).or_insert(item);
    }
    found
}

fn has_short_paths(path: &str, members: &Map<String, Value>) -> bool {
    path.is_empty() || members.keys().all(|name| path.len() + name.len() < LONGEST_PATH)
}

/// Whether `list` is one of a component or a relation: objects that have an id.
fn is_items(list: &[Value]) -> bool {
    list.iter().all(|item| match id(item) {
        Value::String(id) => id.len() <= LONGEST_ID,
        id => id.is_number(),
    })
}

/// What an item is known by: a linked document's `id` changes with every publish, its documentId does not.
fn id(item: &Value) -> &Value {
    at(item.get("documentId").or_else(|| item.get("id")))
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

    #[test]
    fn the_work_grows_with_the_number_of_items_and_not_with_its_square() {
        let items = |count: u32, price: u32| -> Value {
            (0..count).map(|id| json!({ "id": id, "Price": price, "extra": {"note": "n"} })).collect()
        };
        let (before, after) = (json!({ "PRICES": items(30_000, 1) }), json!({ "PRICES": items(30_000, 2) }));
        let since = std::time::Instant::now();
        assert_eq!(changes(&before, &after).len(), 30_000);
        assert!(since.elapsed().as_secs() < 20, "{:?}", since.elapsed()); // By pairs it would be a matter of minutes.
    }

    #[test]
    fn what_is_told_is_not_much_larger_than_what_was_sent() {
        let members = |count: usize, value: u32| -> Value {
            Value::Object((0..count).map(|number| (format!("m{number}"), value.into())).collect())
        };
        for (name, count, told) in [("n", MOST, MOST), ("n", MOST + 1, 1), ("n", 40_000, 1)] {
            let state = |value| json!({ "settings": {name: members(count, value)} });
            assert_eq!(changes(&state(1), &state(2)).len(), told, "{count} members");
        }
        let long = "n".repeat(100_000);
        let state = |value| json!({ "settings": {&*long: members(100, value), "same": 1} });
        let found = changes(&state(1), &state(2));
        assert_eq!(found.keys().collect::<Vec<_>>(), ["settings"]);
        assert_eq!(found["settings"], json!({ "from": state(1)["settings"], "to": state(2)["settings"] }));
        assert!(changes(&state(1), &state(1)).is_empty());
    }
}
