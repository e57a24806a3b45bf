//! Who an event is about.

use serde_json::Value;

use crate::handler::{Event, Failure};

/// A person, as far as an event knows one.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Customer {
    /// The address for mail.
    pub email: Option<String>,
    /// What the person is called.
    pub name: Option<String>,
    /// The telephone number.
    pub phone: Option<String>,
    /// What the shop calls the customer.
    pub id: Option<String>,
}

impl Customer {
    /// The person that `event` is about: the subscriber, else the customer that its payload names.
    pub fn of(event: &Event) -> Self {
        let payload = event.payload.as_ref().map(|payload| payload.value()).unwrap_or(&Value::Null);
        let (entity, told) = (event.data.value(), &payload["customer"]);
        Self {
            email: text(&entity["Email"]).or_else(|| first(told, payload, "email")),
            name: first(told, payload, "name").or_else(|| full_name(told)),
            phone: first(told, payload, "phone"),
            id: text(&told["id"]),
        }
    }

    /// The address; an event without one is discarded with a reason that says where it could stand.
    pub fn email(&self) -> Result<&str, Failure> {
        let email = self.email.as_deref();
        email.ok_or_else(|| {
            Failure::discard("nobody to write to: the event has no e-mail address (payload.customer.email, or the subscriber's Email)")
        })
    }

    /// The name, or the address where nobody knows the name.
    pub fn called(&self) -> Option<&str> {
        self.name.as_deref().or(self.email.as_deref())
    }

    /// The name by which a letter greets: `Ada` of `Ada Lovelace`.
    pub fn first_name(&self) -> Option<&str> {
        self.name.as_deref().and_then(|name| name.split_whitespace().next())
    }

    /// What follows the first name.
    pub fn last_name(&self) -> Option<&str> {
        let (_, rest) = self.name.as_deref()?.trim().split_once(char::is_whitespace)?;
        Some(rest.trim())
    }
}

fn first(customer: &Value, payload: &Value, member: &str) -> Option<String> {
    text(&customer[member]).or_else(|| text(&payload[member]))
}

fn full_name(customer: &Value) -> Option<String> {
    let parts: Vec<_> = ["first_name", "last_name"].iter().filter_map(|part| text(&customer[*part])).collect();
    Some(parts.join(" ")).filter(|name| !name.is_empty())
}

/// A text that says something, or a number.
pub(super) fn text(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.trim().to_owned()).filter(|text| !text.is_empty()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::handler::Json;
    use crate::handler::testing::sale;

    fn of(data: Value, payload: Value) -> Customer {
        let json = |value: Value| Json::parse(value.to_string()).expect("JSON");
        Customer::of(&Event { data: json(data), payload: Some(json(payload)), ..sale() })
    }

    #[test]
    fn a_customer_is_found_where_events_have_one() {
        let told = of(json!({}), json!({"customer": {"email": " ada@example.com ", "name": "Ada  King Lovelace"}}));
        assert_eq!(told.email(), Ok("ada@example.com"));
        assert_eq!((told.first_name(), told.last_name()), (Some("Ada"), Some("King Lovelace")));
        let parts = of(json!({}), json!({"customer": {"first_name": "Ada", "last_name": "Lovelace", "id": 7}}));
        assert_eq!((parts.called(), parts.id.as_deref()), (Some("Ada Lovelace"), Some("7")));
        let subscriber = of(json!({"Email": "grace@example.com"}), json!({"email": "other@example.com"}));
        assert_eq!((subscriber.called(), subscriber.first_name()), (Some("grace@example.com"), None));
        assert!(of(json!({}), json!([])).email().is_err());
    }
}
