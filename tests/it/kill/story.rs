//! The events of one document, read as its story: each begins where the one before it ended.

use serde_json::{Value, json};

/// An event about a product, as it is stored.
pub struct Told {
    pub trigger: String,
    pub occurred_at: i64,
    pub data: Value,
    pub changes: Value,
}

/// What a story comes to.
#[derive(Debug, PartialEq, Eq)]
pub struct End {
    /// Changes that were committed.
    pub changes: i64,
    pub name: Value,
    pub sku: Value,
    pub is_published: bool,
    pub is_deleted: bool,
}

/// Follows the events of one product; the error says where they do not fit together.
pub fn follow(events: &[Told]) -> Result<End, String> {
    let [first, rest @ ..] = events else { return Err("no events".into()) };
    if first.trigger != "trigger:product_created" {
        return Err(format!("it begins with {}", first.trigger));
    }
    let (name, sku) = (first.data["Name"].clone(), first.data["SKU"].clone());
    let mut end = End { changes: 1, name, sku, is_published: false, is_deleted: false };
    let mut before = first;
    for event in rest {
        end.go_on(event, before).map_err(|problem| format!("{}: {problem}; until then {end:?}", event.trigger))?;
        before = event;
    }
    Ok(end)
}

impl End {
    fn go_on(&mut self, event: &Told, before: &Told) -> Result<(), String> {
        let belongs = |to: &str| before.trigger == format!("trigger:product_{to}");
        let at_once = event.occurred_at == before.occurred_at && (belongs("created") || belongs("updated"));
        match event.trigger.trim_start_matches("trigger:product_") {
            _ if self.is_deleted => return Err("it was deleted".into()),
            "updated" => {
                self.name = changed(&event.changes, "Name", &self.name)?;
                self.sku = changed(&event.changes, "SKU", &self.sku)?;
                self.changes += 1;
            }
            // A creation or an edit that publishes tells of both.
            "published" if !self.is_published && at_once => self.is_published = true,
            "published" => {
                self.is_published = true;
                self.changes += 1;
            }
            "unpublished" if self.is_published => {
                self.is_published = false;
                self.changes += 1;
            }
            "deleted" => self.is_deleted = true,
            _ => return Err("it cannot have happened".into()),
        }
        let seen = (&event.data["Name"], &event.data["SKU"]);
        if seen == (&self.name, &self.sku) { Ok(()) } else { Err(format!("it shows {seen:?}")) }
    }
}

/// The value that `changes` gives a field, which had the value `from`.
fn changed(changes: &Value, field: &str, from: &Value) -> Result<Value, String> {
    match changes.get(field) {
        None => Ok(from.clone()),
        Some(change) if change["from"] == *from && change["to"] != *from => Ok(change["to"].clone()),
        Some(change) => Err(format!("{field} changed {change}")),
    }
}

#[test]
fn a_story_with_an_event_missing_or_told_twice_is_noticed() {
    let told = |action: &str, at: i64, name: &str, from: Option<&str>| Told {
        trigger: format!("trigger:product_{action}"),
        occurred_at: at,
        data: json!({"Name": name, "SKU": null}),
        changes: from.map_or(Value::Null, |from| json!({"Name": {"from": from, "to": name}})),
    };
    let whole = || {
        vec![
            told("created", 1, "a", None),
            told("updated", 2, "b", Some("a")),
            told("published", 2, "b", Some("a")),
            told("updated", 3, "c", Some("b")),
            told("unpublished", 4, "c", None),
            told("published", 5, "c", None),
            told("deleted", 6, "c", None),
        ]
    };
    let end = End { changes: 5, name: json!("c"), sku: Value::Null, is_published: true, is_deleted: true };
    assert_eq!(follow(&whole()), Ok(end));
    for place in 0..whole().len() {
        let (mut without, mut twice) = (whole(), whole());
        without.remove(place);
        twice.insert(place, whole().remove(place));
        let noticed = |events: &[Told]| follow(events) != follow(&whole());
        assert!(noticed(&without) && noticed(&twice), "event {place}");
    }
}
