//! What there is to say about an event in a few lines of plain text: the messages of all chats are made of it.

use serde_json::{Map, Value};

use super::customer::text;
use super::{Customer, Line, Sale, money};
use crate::clock::Millis;
use crate::handler::Event;
use crate::triggers::find_in_catalogue;

/// How many changes of a document are told.
const CHANGES: usize = 8;
/// Members of a payload that are told of in words of their own.
const TOLD: [&str; 7] = ["order", "customer", "items", "targets", "total", "currency", "changes"];

/// An event in a few lines. Nothing of it is escaped or cut.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Summary {
    /// What happened: `A sale is done.`
    pub title: String,
    /// What it happened to: the title, name or address of the entity.
    pub subject: Option<String>,
    /// What is known of it: names and values, the most important first. None is empty.
    pub facts: Vec<(String, String)>,
    /// What was bought, a line for each: `2 × Sencha, 100 g: 12.90 EUR`.
    pub lines: Vec<String>,
    /// Where more can be seen.
    pub link: Option<String>,
    /// Where it comes from: the trigger and the event's id.
    pub source: String,
    /// When it happened.
    pub occurred_at: Millis,
}

impl Summary {
    /// What there is to say about `event`, under `title` where one is given. A sample sent by hand says that it is one.
    pub fn of(event: &Event, title: Option<&str>) -> Self {
        let short = event.trigger.trim_start_matches("trigger:");
        let known = find_in_catalogue(short).map_or(short, |entry| entry.description);
        let title = title.filter(|title| !title.trim().is_empty()).unwrap_or(known);
        let entity = event.data.value();
        let payload = event.payload.as_ref().map(|payload| payload.value()).unwrap_or(&Value::Null);
        let store = event.store.as_ref().map(|store| store.slug.clone().unwrap_or_else(|| store.document_id.clone()));
        let mut facts: Vec<(String, String)> = store.into_iter().map(|store| ("Store".to_owned(), store)).collect();
        let mut lines = Vec::new();
        match Sale::of(event) {
            Ok(sale) => tell_sale(&sale, payload, &mut facts, &mut lines),
            // A message is worth more than none: what cannot be read as a sale is told as it came.
            Err(_) => facts.extend(members(payload, |name| TOLD.contains(&name))),
        }
        facts.extend(members(payload, |name| !TOLD.contains(&name)));
        facts.extend(changes(event));
        Self {
            title: if event.test { format!("Test: {title}") } else { title.to_owned() },
            subject: ["title", "Name", "Email"].iter().find_map(|field| text(&entity[*field])),
            facts,
            lines,
            link: link(payload, entity),
            source: format!("{} · {}", event.trigger, event.id),
            occurred_at: event.occurred_at,
        }
    }
}

fn tell_sale(sale: &Sale, payload: &Value, facts: &mut Vec<(String, String)>, lines: &mut Vec<String>) {
    let currency = sale.currency.as_deref();
    let mut fact = |name: &str, value: Option<String>| facts.extend(value.map(|value| (name.to_owned(), value)));
    fact("Order", Some(&sale.id).filter(|_| !payload["order"].is_null()).cloned());
    fact("Total", sale.total.as_ref().map(|total| money(total, currency)));
    fact("Customer", person(&sale.customer).filter(|_| !payload["customer"].is_null()));
    if payload["items"].is_array() {
        lines.extend(sale.lines.iter().map(|line| told_line(line, currency)));
    }
}

/// `Ada Lovelace, ada@example.com`.
fn person(customer: &Customer) -> Option<String> {
    let Customer { name, email, phone, .. } = customer;
    let parts: Vec<&str> = [name, email, phone].into_iter().flatten().map(String::as_str).collect();
    Some(parts.join(", ")).filter(|told| !told.is_empty())
}

fn told_line(line: &Line, currency: Option<&str>) -> String {
    let price = line.price.as_ref().map(|price| format!(": {}", money(price, currency))).unwrap_or_default();
    format!("{} × {}{price}", line.quantity, line.name)
}

/// Members of an object as facts.
fn members(object: &Value, wanted: impl Fn(&str) -> bool) -> Vec<(String, String)> {
    let members = object.as_object().into_iter().flatten().filter(|(name, _)| wanted(name));
    let told = members.map(|(name, value)| (words(name), value_text(value)));
    told.filter(|(name, value)| !name.is_empty() && !value.is_empty()).collect()
}

/// What changed: `4.20 → 4.50`.
fn changes(event: &Event) -> Vec<(String, String)> {
    let none = Map::new();
    let changes = event.changes.as_ref().and_then(|changes| changes.as_object()).unwrap_or(&none);
    let told = changes.iter().map(|(path, change)| {
        let [from, to] = ["from", "to"].map(|side| Some(value_text(&change[side])).filter(|text| !text.is_empty()));
        let [from, to] = [from, to].map(|side| side.unwrap_or_else(|| "nothing".to_owned()));
        (words(path), format!("{from} → {to}"))
    });
    told.filter(|(path, _)| !path.is_empty()).take(CHANGES).collect()
}

/// A value in a line: what nests is told as JSON, its simple members by their names.
fn value_text(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => text.trim().to_owned(),
        Value::Object(members) if members.values().all(|value| !value.is_object() && !value.is_array()) => {
            let told = members.iter().map(|(name, value)| format!("{}: {}", words(name), value_text(value)));
            told.collect::<Vec<_>>().join(", ")
        }
        other => other.to_string(),
    }
}

/// `failingSince` and `unsubscribed_at` as people read them: `Failing since`, `Unsubscribed at`.
fn words(name: &str) -> String {
    let mut words = String::new();
    for letter in name.trim().chars() {
        let after_small = words.chars().last().is_some_and(char::is_lowercase);
        match letter {
            '_' | '-' => words.push(' '),
            letter if letter.is_uppercase() && after_small => {
                words.extend([' '].into_iter().chain(letter.to_lowercase()))
            }
            letter => words.push(letter),
        }
    }
    let mut letters = words.chars();
    letters.next().map(|first| first.to_uppercase().chain(letters).collect()).unwrap_or_default()
}

/// A web address that the payload or the entity names.
fn link(payload: &Value, entity: &Value) -> Option<String> {
    let told = [&payload["order"]["url"], &payload["url"], &payload["shipment"]["url"], &entity["SEO"]["metaUrl"]];
    let urls = told.into_iter().filter_map(|value| url::Url::parse(value.as_str()?).ok());
    let mut web = urls.filter(|url| matches!(url.scheme(), "http" | "https"));
    web.next().map(String::from)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::handler::Json;
    use crate::handler::testing::sale;

    fn json(value: Value) -> Json {
        Json::parse(value.to_string()).expect("JSON")
    }

    fn facts(summary: &Summary) -> Vec<(&str, &str)> {
        summary.facts.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect()
    }

    #[test]
    fn a_sale_is_told_in_a_few_lines() {
        let payload = json!({
            "order": {"id": 1001, "total": "25.8", "currency": "eur", "url": "https://shop.example/orders/1001"},
            "customer": {"email": "ada@example.com", "name": "Ada Lovelace"},
            "items": [{"name": "Sencha", "quantity": 2, "price": 12.9}, {"name": "Sieve"}],
            "note": "as a gift", "shipTo": {"city": "Turin", "floor": 2}, "empty": "",
        });
        let event = Event { payload: Some(json(payload)), test: true, ..sale() };
        let told = Summary::of(&event, None);
        assert_eq!((told.title.as_str(), told.subject.as_deref()), ("Test: A sale is done.", Some("North")));
        let expected = [
            ("Store", "north"),
            ("Order", "1001"),
            ("Total", "25.80 EUR"),
            ("Customer", "Ada Lovelace, ada@example.com"),
            ("Note", "as a gift"),
            ("Ship to", "City: Turin, Floor: 2"),
        ];
        assert_eq!(facts(&told), expected);
        assert_eq!(told.lines, ["2 × Sencha: 12.90 EUR", "1 × Sieve"]);
        assert_eq!(
            (told.link.as_deref(), &*told.source),
            (Some("https://shop.example/orders/1001"), "trigger:post_sale · evt_1")
        );
    }

    #[test]
    fn what_changed_and_what_is_no_sale_is_told_too() {
        let event = Event {
            trigger: "trigger:price_updated".into(),
            changes: Some(json(
                json!({"Price": {"from": 4.2, "to": 4.5}, "unsubscribed_at": {"from": null, "to": "now"}}),
            )),
            payload: None,
            ..sale()
        };
        let told = Summary::of(&event, Some("Look"));
        assert_eq!(told.title, "Look");
        assert_eq!(facts(&told)[1..], [("Price", "4.2 → 4.5"), ("Unsubscribed at", "nothing → now")]);
        let odd = Event { payload: Some(json(json!({"items": {}, "total": "12,50"}))), ..sale() };
        assert_eq!(facts(&Summary::of(&odd, None))[1..], [("Total", "12,50")]);
        let list = Event { payload: Some(json(json!(["x"]))), trigger: "trigger:own_name".into(), ..sale() };
        assert_eq!((Summary::of(&list, None).title.as_str(), Summary::of(&list, None).facts.len()), ("own_name", 1));
    }

    #[test]
    fn money_is_told_as_everywhere() {
        for (currency, told) in [("KWD", "1.200 KWD"), ("UYI", "1.2 UYI"), ("CLF", "1.2000 CLF"), ("EUR", "1.20 EUR")] {
            let payload = json!({"order": {"total": 1.2, "currency": currency}});
            let event = Event { payload: Some(json(payload)), ..sale() };
            assert!(facts(&Summary::of(&event, None)).contains(&("Total", told)), "{currency}");
        }
    }
}
