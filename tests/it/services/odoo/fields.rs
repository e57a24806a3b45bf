//! What Odoo says of its fields, held against what is asked for and written.

use serde_json::{Map, Value};

use super::books::Fault;
use crate::support::shared;

/// The fields of each model, of Odoo 18; nothing where they are not at hand.
pub struct Fields {
    known: Option<Value>,
    version: u32,
}

impl Fields {
    pub fn of(version: u32) -> Self {
        let known = shared::json("contracts/odoo-fields.json").map(|mut told| told["fields"].take());
        Self { known, version }
    }

    /// Refuses a field that the model has not, in Odoo's words.
    pub fn check_name(&self, model: &str, name: &str) -> Result<(), Fault> {
        self.find(model, name).map(drop)
    }

    /// Refuses what cannot be written: fields that are not there, and values of another type.
    pub fn check(&self, model: &str, values: &Map<String, Value>) -> Result<(), Fault> {
        for (name, value) in values {
            let Some(field) = self.find(model, name)? else { continue };
            let kind = field["type"].as_str().expect("a type");
            let is_empty = *value == Value::Bool(false);
            let fits = match kind {
                "char" | "text" | "html" | "date" | "datetime" => is_empty || value.is_string(),
                "boolean" => value.is_boolean(),
                "integer" => value.is_i64(),
                "float" | "monetary" => value.is_number(),
                "many2one" => is_empty || value.is_i64(),
                "many2many" | "one2many" => value.is_array(),
                "selection" => is_empty || field["selection"].as_array().expect("a list").contains(value),
                other => panic!("{other}"),
            };
            if !fits {
                let value = value.to_string().replace('"', "'");
                return Err(wrong(format!("Wrong value for {model}.{name}: {value}")));
            }
        }
        Ok(())
    }

    fn find(&self, model: &str, name: &str) -> Result<Option<&Value>, Fault> {
        let Some(of_model) = self.known.as_ref().and_then(|known| known.get(model)) else { return Ok(None) };
        // What Odoo 19 calls by another name.
        let renamed = model == "sale.order.line" && matches!(name, "tax_ids" | "product_uom_id");
        let old = model == "sale.order.line" && matches!(name, "tax_id" | "product_uom");
        let found = match name {
            "tax_ids" if renamed => of_model.get("tax_id"),
            "product_uom_id" if renamed => of_model.get("product_uom"),
            _ => of_model.get(name),
        };
        let is_there = if self.version >= 19 { !old } else { !renamed };
        let refused = || wrong(format!("Invalid field '{name}' on model '{model}'"));
        found.filter(|_| is_there).map(Some).ok_or_else(refused)
    }
}

fn wrong(message: String) -> Fault {
    Fault { name: "builtins.ValueError", message }
}
