//! What subscribers want.

use crate::handler::Event;

/// Whether the subscriber that `event` is about wants mails after it: whoever left, was deleted or switched off does not.
pub fn is_subscribed(event: &Event) -> bool {
    let (entity, left) = (event.data.value(), ["trigger:subscriber_unsubscribed", "trigger:subscriber_deleted"]);
    !left.contains(&event.trigger.as_str())
        && entity["active"] != false
        && entity["unsubscribed_at"].is_null()
        && entity["newsletter_preferences"]["subscribed"] != false
}

/// The address that the subscriber had before this event, if another than `email`.
pub fn former_address<'a>(event: &'a Event, email: &str) -> Option<&'a str> {
    let former = event.changes.as_ref()?.value().get("Email")?["from"].as_str()?;
    Some(former).filter(|former| !former.is_empty() && !former.eq_ignore_ascii_case(email))
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::handler::Json;
    use crate::handler::testing::sale;

    fn event(trigger: &str, data: &Value, changes: &Value) -> Event {
        let json = |value: &Value| Json::parse(value.to_string()).expect("JSON");
        Event { trigger: trigger.into(), data: json(data), changes: Some(json(changes)), ..sale() }
    }

    #[test]
    fn whoever_left_in_whatever_way_is_not_subscribed() {
        let updated = "trigger:subscriber_updated";
        for (trigger, data, expected) in [
            (updated, json!({"active": true, "unsubscribed_at": null}), true),
            (updated, json!({}), true),
            (updated, json!({"newsletter_preferences": {"frequency": "weekly"}}), true),
            (updated, json!({"newsletter_preferences": {"subscribed": false}}), false),
            (updated, json!({"active": false}), false),
            (updated, json!({"unsubscribed_at": "2026-11-21T09:00:00.000Z"}), false),
            ("trigger:subscriber_unsubscribed", json!({}), false),
            ("trigger:subscriber_deleted", json!({}), false),
        ] {
            assert_eq!(is_subscribed(&event(trigger, &data, &json!({}))), expected, "{trigger} {data}");
        }
    }

    #[test]
    fn a_former_address_is_another_one() {
        for (changes, expected) in [
            (json!({"Email": {"from": "ada@old.example", "to": "ada@example.com"}}), Some("ada@old.example")),
            (json!({"Email": {"from": "ADA@example.com", "to": "ada@example.com"}}), None),
            (json!({"Email": {"from": null, "to": "ada@example.com"}}), None),
            (json!({"active": {"from": false, "to": true}}), None),
        ] {
            let event = event("trigger:subscriber_updated", &json!({}), &changes);
            assert_eq!(former_address(&event, "ada@example.com"), expected, "{changes}");
        }
    }
}
