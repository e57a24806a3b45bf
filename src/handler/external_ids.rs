//! What outside services call our entities, kept in the record's `meta`: `"partner:<documentId>": 42`. A second run then
//! updates what the first one made.
//!
//! It is a memory, not the truth: whoever makes something where nothing is remembered searches the service first. So only
//! the latest ids are kept, and a record that serves a whole store does not grow with it.
//!
//! Beside them stands what the service knows of ours as of when: `"as_of:<documentId>": 1795255200000`. An event that is older,
//! tried again or replayed, would take back what was changed since.

use serde_json::Value;

use super::{Done, Event, ExtensionContext, Json};
use crate::clock::Millis;

/// How many ids of one kind a record remembers.
const REMEMBERED: usize = 200;

const AS_OF: &str = "as_of";

impl<Config, Credentials> ExtensionContext<Config, Credentials> {
    /// What the service calls our `own` (a documentId, an order's number), as something of this kind.
    pub fn external_id(&self, kind: &str, own: &str) -> Option<&Value> {
        self.meta.get(name(kind, own)).filter(|id| !id.is_null())
    }

    /// When the latest event happened that was brought to the service for our `own`, as far as it is remembered.
    pub fn as_of(&self, own: &str) -> Option<Millis> {
        self.external_id(AS_OF, own).and_then(Value::as_i64)
    }

    /// Whether a later event than this one was brought to the service for our `own`.
    pub fn is_overtaken(&self, own: &str) -> bool {
        self.as_of(own).is_some_and(|latest| latest > self.event.occurred_at)
    }
}

impl Done {
    /// The same, with `event` to be remembered as the latest that was brought to the service for our `own`. A sample tells
    /// nothing that happened, and leaves no trace.
    pub fn with_as_of(self, known: &Json, own: &str, event: &Event) -> Self {
        if event.test { self } else { self.with_external_id(known, AS_OF, own, event.occurred_at) }
    }

    /// The same, without the times that are remembered for what of ours begins with `own`, up to that of `event`: it stands
    /// for those.
    pub fn without_as_of(mut self, known: &Json, own: &str, event: &Event) -> Self {
        let prefix = name(AS_OF, own);
        let is_before = |at: &Value| at.as_i64().is_none_or(|at| at <= event.occurred_at);
        let members = known.as_object().into_iter().flatten();
        for (name, _) in members.filter(|(name, at)| name.starts_with(&prefix) && is_before(at)) {
            self.meta.insert(name.clone(), Value::Null);
        }
        self
    }

    /// The same, with what the service calls our `own` to be remembered in the record's `meta`, of which `known` is
    /// what stands there. Those of the kind that were not used for the longest are forgotten when there are too many, but
    /// none that is remembered here.
    pub fn with_external_id(mut self, known: &Json, kind: &str, own: &str, id: impl Into<Value>) -> Self {
        let (name, prefix) = (name(kind, own), name(kind, ""));
        let is_other = |known: &String| known.starts_with(&prefix) && *known != name;
        let used = self.meta.iter().filter(|(known, id)| is_other(known) && !id.is_null()).count();
        // What is written again moves to the end of `meta`.
        let members = known.as_object().into_iter().flatten().map(|(name, _)| name);
        let of_kind: Vec<_> = members.filter(|known| is_other(known) && !self.meta.contains_key(*known)).collect();
        let too_many = (of_kind.len() + used + 1).saturating_sub(REMEMBERED);
        for oldest in of_kind.into_iter().take(too_many) {
            self.meta.insert(oldest.clone(), Value::Null);
        }
        self.meta.insert(name, id.into());
        self
    }
}

fn name(kind: &str, own: &str) -> String {
    format!("{kind}:{own}")
}

#[cfg(test)]
mod tests {
    use serde_json::{Map, json};

    use super::*;

    #[test]
    fn the_oldest_of_too_many_are_forgotten() {
        let mut meta: Map<_, _> = (0..REMEMBERED).map(|place| (format!("partner:{place}"), json!(place))).collect();
        meta.insert("order:1".into(), json!(1));
        let known = Json::parse(Value::Object(meta).to_string()).expect("JSON");
        let done = Done::new("").with_external_id(&known, "partner", "new", 7);
        assert_eq!(Value::Object(done.meta), json!({"partner:0": null, "partner:new": 7}));
        let again = Done::new("").with_external_id(&known, "partner", "5", 7);
        assert_eq!(Value::Object(again.meta), json!({"partner:5": 7}));
    }

    #[test]
    fn what_is_remembered_at_once_makes_nothing_of_it_forgotten() {
        let meta = (0..REMEMBERED).map(|place| (format!("price:{place}"), json!(place))).collect();
        let known = Json::parse(Value::Object(meta).to_string()).expect("JSON");
        let mut done = Done::new("").with_external_id(&known, "price", "0", "a");
        for new in ["x", "y"] {
            done = done.with_external_id(&known, "price", new, "b");
        }
        let expected = json!({"price:0": "a", "price:1": null, "price:x": "b", "price:2": null, "price:y": "b"});
        assert_eq!(Value::Object(done.meta), expected);

        let mut many = Done::new("");
        for place in 0..REMEMBERED + 50 {
            many = many.with_external_id(&known, "price", &format!("new-{place}"), place);
        }
        assert_eq!(many.meta.values().filter(|id| id.is_null()).count(), REMEMBERED, "all that was known");
        assert_eq!(many.meta.values().filter(|id| !id.is_null()).count(), REMEMBERED + 50, "and nothing new");
    }
}
