//! What Odoo tells of a record.

use serde_json::{Map, Value};

use crate::commerce::Amount;

/// The fields of one record. What is not set is `false` there, whatever its type.
#[derive(Debug, Clone, PartialEq)]
pub struct Row {
    /// Its id.
    pub id: i64,
    fields: Map<String, Value>,
}

impl Row {
    /// The records of an answer; none when it is no list of records.
    pub(super) fn list(answer: Value) -> Option<Vec<Self>> {
        let Value::Array(rows) = answer else { return None };
        let read = |row| match row {
            Value::Object(fields) => Some(Self { id: fields.get("id")?.as_i64()?, fields }),
            _ => None,
        };
        rows.into_iter().map(read).collect()
    }

    /// The text in a field.
    pub fn text(&self, field: &str) -> Option<&str> {
        self.fields.get(field)?.as_str().filter(|text| !text.is_empty())
    }

    /// Whether a field says yes.
    pub fn is(&self, field: &str) -> bool {
        self.fields.get(field).and_then(Value::as_bool).unwrap_or(false)
    }

    /// Whether somebody put it away.
    pub fn is_archived(&self) -> bool {
        self.fields.get("active").and_then(Value::as_bool) == Some(false)
    }

    /// The number in a field.
    pub fn amount(&self, field: &str) -> Option<Amount> {
        Amount::read(self.fields.get(field)?)
    }

    /// The ids in a field that leads to many records.
    pub fn ids(&self, field: &str) -> Vec<i64> {
        let ids = self.fields.get(field).and_then(Value::as_array);
        ids.into_iter().flatten().filter_map(Value::as_i64).collect()
    }

    /// What the one record is called that a field leads to: of a currency its code.
    pub fn called(&self, field: &str) -> Option<&str> {
        self.fields.get(field)?.get(1)?.as_str()
    }

    /// The id of the one record that a field leads to.
    pub fn leads_to(&self, field: &str) -> Option<i64> {
        self.fields.get(field)?.get(0)?.as_i64()
    }

    fn says(&self, field: &str, wanted: &Value) -> bool {
        let Some(found) = self.fields.get(field) else { return false };
        match wanted {
            Value::Number(_) => Amount::read(found) == Amount::read(wanted),
            Value::String(text) => found.as_str().unwrap_or_default() == text,
            other => found == other,
        }
    }
}

/// What of `wanted` stands in Odoo otherwise: what is left to be written.
pub fn differing(row: &Row, wanted: Map<String, Value>) -> Map<String, Value> {
    wanted.into_iter().filter(|(field, value)| !row.says(field, value)).collect()
}

/// A text that says something.
pub fn text(value: &Value) -> Option<&str> {
    value.as_str().map(str::trim).filter(|text| !text.is_empty())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn only_what_differs_is_written() {
        let rows = Row::list(json!([{"id": 7, "name": "Tea", "list_price": 12.90, "ref": false, "active": false}]));
        let row = rows.expect("rows").remove(0);
        let left = |wanted: Value| {
            let Value::Object(wanted) = wanted else { panic!("an object") };
            Value::Object(differing(&row, wanted))
        };
        assert_eq!(left(json!({"name": "Tea", "list_price": 12.9, "ref": "", "active": false})), json!({}));
        assert_eq!(left(json!({"name": "Teas", "list_price": 12.91})), json!({"name": "Teas", "list_price": 12.91}));
        assert_eq!(left(json!({"ref": "x", "website": "y"})), json!({"ref": "x", "website": "y"}));
        assert_eq!((row.text("ref"), row.is_archived()), (None, true));
    }

    #[test]
    fn an_answer_in_another_form_is_no_list() {
        for answer in [json!({}), json!(true), json!([1]), json!([{"name": "x"}])] {
            assert_eq!(Row::list(answer.clone()), None, "{answer}");
        }
        assert_eq!(Row::list(json!([])), Some(Vec::new()));
    }
}
