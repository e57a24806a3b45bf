//! What a handler's schemas say of values beyond their types: lengths, patterns, ranges. Types themselves are for serde to
//! judge, which takes more than a schema says: a number for a text, an empty text for none.

use regex::Regex;
use serde_json::{Map, Value};

use super::ConfigError;

/// The constraints of the members of a schema, which forms show and which every record is held to.
#[derive(Default)]
pub(super) struct Constraints(Vec<(String, Constraint)>);

#[derive(Default)]
struct Constraint {
    /// Whether an empty text is a value, and not what a form sends for none.
    is_required: bool,
    shortest: Option<u64>,
    longest: Option<u64>,
    pattern: Option<Regex>,
    minimum: Option<f64>,
    maximum: Option<f64>,
    items: Bounds,
}

/// How many letters or items there may be.
#[derive(Default, Clone, Copy)]
struct Bounds {
    least: Option<u64>,
    most: Option<u64>,
}

impl Constraints {
    /// The constraints in a schema of config or credentials. A pattern that is no regular expression counts for nothing: a
    /// test over all handlers says so.
    pub(super) fn of(schema: &Value) -> Self {
        let properties = schema["properties"].as_object().into_iter().flatten();
        let of_property = |(name, property): (&String, &Value)| {
            let property = property.as_object()?;
            let constraint = Constraint { is_required: is_required(schema, name), ..Constraint::of(property) };
            Some((name.clone(), constraint))
        };
        Self(properties.filter_map(of_property).collect())
    }

    /// What in `value` is outside of them: where, and why. Nothing of the values is quoted.
    pub(super) fn config_errors(&self, value: &Value) -> Vec<ConfigError> {
        self.find(value, Constraint::problem)
    }

    /// The texts in `value` that are too long. Handlers cut what a service would refuse, so these keep nothing from working.
    pub(super) fn too_long(&self, value: &Value) -> Vec<ConfigError> {
        self.find(value, |constraint, value| {
            let count = value.as_str()?.chars().count() as u64;
            let most = constraint.longest.filter(|most| count > *most)?;
            Some(format!("must have at most {most} characters, not {count}"))
        })
    }

    fn find(&self, value: &Value, problem: impl Fn(&Constraint, &Value) -> Option<String>) -> Vec<ConfigError> {
        let found = self.0.iter().filter_map(|(name, constraint)| {
            let message = problem(constraint, value.get(name)?)?;
            Some(ConfigError { path: name.clone(), message })
        });
        found.collect()
    }
}

/// Whether a schema of config or credentials requires this member of who has no instance's own.
pub(super) fn is_required(schema: &Value, name: &str) -> bool {
    let lists = [&schema["required"], &schema["else"]["required"]];
    lists.iter().filter_map(|list| list.as_array()).flatten().any(|required| required == name)
}

impl Constraint {
    fn of(property: &Map<String, Value>) -> Self {
        let count = |name: &str| property.get(name).and_then(Value::as_u64);
        let number = |name: &str| property.get(name).and_then(Value::as_f64);
        Self {
            is_required: false,
            shortest: count("minLength"),
            longest: count("maxLength"),
            pattern: property.get("pattern").and_then(Value::as_str).and_then(|text| Regex::new(text).ok()),
            minimum: number("minimum"),
            maximum: number("maximum"),
            items: Bounds { least: count("minItems"), most: count("maxItems") },
        }
    }

    fn problem(&self, value: &Value) -> Option<String> {
        match value {
            Value::String(text) if text.is_empty() && !self.is_required => None,
            Value::String(text) => {
                // A blank text is as good as none.
                let length = Bounds { least: self.shortest, most: None };
                let short = length.problem(text.trim().chars().count() as u64, "characters");
                let pattern = self.pattern.as_ref().filter(|pattern| !pattern.is_match(text));
                short.or_else(|| pattern.map(|pattern| format!("must match {pattern}")))
            }
            Value::Array(items) => self.items.problem(items.len() as u64, "items"),
            Value::Number(number) => self.range_problem(number.as_f64()?),
            _ => None,
        }
    }

    fn range_problem(&self, number: f64) -> Option<String> {
        let least = self.minimum.filter(|least| number < *least).map(|least| format!("must be at least {least}"));
        least.or_else(|| self.maximum.filter(|most| number > *most).map(|most| format!("must be at most {most}")))
    }
}

impl Bounds {
    fn problem(self, count: u64, of: &str) -> Option<String> {
        let least = self.least.filter(|least| count < *least).map(|least| match (count, least) {
            (0, 1) => "must not be empty".to_owned(),
            _ => format!("must have at least {least} {of}, not {count}"),
        });
        least.or_else(|| {
            let most = self.most.filter(|most| count > *most)?;
            Some(format!("must have at most {most} {of}, not {count}"))
        })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn values_are_held_to_what_their_schema_says() {
        let schema = json!({"required": ["name"], "properties": {
            "name": {"type": "string", "minLength": 1, "maxLength": 3},
            "thread": {"type": ["string", "null"], "pattern": "^[0-9]+$"},
            "color": {"type": "integer", "minimum": 0, "maximum": 255},
            "lists": {"type": "array", "minItems": 1, "maxItems": 2},
        }});
        let constraints = Constraints::of(&schema);
        for right in [
            json!(null),
            json!({}),
            json!({"name": "äöü", "thread": "12", "color": 255, "lists": [1, 2]}),
            json!({"name": 12345, "thread": "", "color": "red", "other": "x"}),
            json!({"name": "abcd"}),
        ] {
            assert_eq!(constraints.config_errors(&right), [], "{right}");
        }
        for (wrong, path, part) in [
            (json!({"name": ""}), "name", "must not be empty"),
            (json!({"name": " \n"}), "name", "must not be empty"),
            (json!({"thread": "a1"}), "thread", "^[0-9]+$"),
            (json!({"color": -1}), "color", "at least 0"),
            (json!({"color": 256}), "color", "at most 255"),
            (json!({"lists": []}), "lists", "must not be empty"),
            (json!({"lists": [1, 2, 3]}), "lists", "at most 2 items, not 3"),
        ] {
            let found = constraints.config_errors(&wrong);
            assert!(
                matches!(&found[..], [one] if one.path == path && one.message.contains(part)),
                "{wrong}: {found:?}"
            );
        }
        let long = constraints.too_long(&json!({"name": "abcd", "thread": "1"}));
        assert!(matches!(&long[..], [one] if one.message == "must have at most 3 characters, not 4"), "{long:?}");
    }
}
