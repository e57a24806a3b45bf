//! How much of what a handler reports is kept. It comes from outside, and is read again inside of other JSON.

use serde_json::{Map, Value};

use super::{Done, Json};
use crate::nesting::check_value;

/// How many bytes the `meta` of a record may have, as JSON.
const META: usize = 64 * 1024;
/// The same for what is kept with an attempt.
const DATA: usize = 64 * 1024;

/// Why `more` cannot be merged into `known`, the `meta` of a record.
pub fn check_meta(known: &Value, more: &Map<String, Value>) -> Result<(), String> {
    if more.is_empty() {
        return Ok(());
    }
    more.iter().try_for_each(|(name, value)| check_member("meta", name, value))?;
    let mut all = known.as_object().cloned().unwrap_or_default();
    all.extend(more.clone());
    all.retain(|_, value| !value.is_null());
    check_length("meta", META, &Value::Object(all))
}

/// Why `data` with more than `most` bytes, or of this kind, cannot be kept with an attempt.
pub fn check_data(data: &Value, most: usize) -> Result<(), String> {
    check_value(data).map_err(|why| format!("data holds what cannot be kept: {why}"))?;
    check_length("data", most, data)
}

fn check_member(of: &str, name: &str, value: &Value) -> Result<(), String> {
    let named = check_value(&Value::from(name)).and_then(|()| check_value(value));
    named.map_err(|why| format!("{of}.{} holds what cannot be kept: {why}", name.replace('\0', "\u{fffd}")))
}

fn check_length(of: &str, most: usize, value: &Value) -> Result<(), String> {
    match value.to_string().len() {
        length if length > most => Err(format!("{of} would have {length} bytes, and may have {most}")),
        _ => Ok(()),
    }
}

impl Done {
    /// The same without what cannot be kept, of which the message tells: the work is done all the same, and must not be done
    /// again for it. `known` is the record's `meta`.
    pub(super) fn kept(mut self, known: &Json) -> Self {
        let mut problems = Vec::new();
        if !self.meta.is_empty()
            && let Err(problem) = check_meta(known.value(), &self.meta)
        {
            problems.push(problem);
            self.meta.clear();
        }
        if let Err(problem) = self.data.as_ref().map_or(Ok(()), |data| check_data(data, DATA)) {
            problems.push(problem);
            self.data = None;
        }
        for values in std::iter::once(&mut self.changes).chain(self.price_changes.values_mut()) {
            values.retain(|name, value| match check_member("the document", name, value) {
                Ok(()) => true,
                Err(problem) => {
                    problems.push(problem);
                    false
                }
            });
        }
        for problem in problems {
            self.message.push_str(&format!("; not kept: {problem}"));
        }
        self
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::nesting::LEVELS;

    #[test]
    fn what_cannot_be_kept_is_left_out_and_told_of() {
        let deep = (0..=LEVELS).fold(json!(1), |inner, _| json!([inner]));
        let known = Json::parse(json!({"a": "x".repeat(META - 20)}).to_string()).expect("JSON");
        let done = |value: Value| Done::new("done").with_meta("b", value.clone()).with_data(json!([value]));
        let kept = done(json!("y")).kept(&known);
        assert_eq!(kept, done(json!("y")));
        for (value, parts) in [
            (deep.clone(), ["meta.b", "deeper than 100 levels", "data"]),
            (json!({"\0": 1}), ["meta.b", "U+0000", "data"]),
            (json!("y".repeat(DATA)), ["meta would have", "may have 65536", "data would have"]),
        ] {
            let kept = done(value).kept(&known);
            assert!(kept.meta.is_empty() && kept.data.is_none());
            assert!(
                kept.message.starts_with("done; not kept: ") && parts.iter().all(|part| kept.message.contains(part))
            );
        }
        let kept = Done::new("done").with_change("settings", deep).with_change("Name", "Tea").kept(&Json::default());
        assert_eq!(Value::Object(kept.changes), json!({"Name": "Tea"}));
        assert!(kept.message.contains("the document.settings"), "{}", kept.message);
    }
}
