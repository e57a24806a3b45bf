//! What Odoo does of itself with contacts and numbers, as it was seen in a real one.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

/// The fields of an address.
const ADDRESS: [&str; 6] = ["street", "street2", "city", "zip", "state_id", "country_id"];

/// The first contact below one that has no address lends it its own.
pub fn first_address(partners: &mut BTreeMap<i64, Map<String, Value>>, id: i64) {
    let made = partners[&id].clone();
    let Some(parent) = made.get("parent_id").and_then(Value::as_i64) else { return };
    let is_set = |row: &Map<String, Value>| {
        ADDRESS.iter().any(|field| row.get(*field).is_some_and(|value| *value != json!(false)))
    };
    let children = partners.values().filter(|row| row.get("parent_id") == Some(&json!(parent))).count();
    let above = partners.get_mut(&parent).expect("the contact above");
    if children == 1 && is_set(&made) && !is_set(above) {
        above.extend(ADDRESS.iter().filter_map(|field| Some(((*field).to_owned(), made.get(*field)?.clone()))));
    }
}

/// Rounds prices and quantities to the digits that they are kept with.
pub fn kept_precisely(values: &mut Map<String, Value>, digits: usize) {
    for field in ["list_price", "price_unit", "product_uom_qty"] {
        let Some(told) = values.get(field).and_then(Value::as_f64) else { continue };
        let one = 10_f64.powi(i32::try_from(digits).expect("few digits"));
        let kept = (told * one + 1e-6).round() / one;
        if (kept - told).abs() > 1e-9 {
            values.insert(field.to_owned(), json!(kept));
        }
    }
}

/// Whether two texts are the same but for letter case.
pub fn is_alike(found: &Value, asked: &Value) -> bool {
    matches!((found.as_str(), asked.as_str()), (Some(found), Some(asked)) if found.to_lowercase() == asked.to_lowercase())
}
