//! What the small Odoo keeps: records by model, and what becomes of them when a button is pressed.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::fields::Fields;
use super::people::{self, kept_precisely};

/// An exception.
#[derive(Debug)]
pub struct Fault {
    pub name: &'static str,
    pub message: String,
}

/// The records, and what is known of their fields.
pub struct Books {
    tables: BTreeMap<&'static str, BTreeMap<i64, Map<String, Value>>>,
    /// The last id of each model.
    last: BTreeMap<&'static str, i64>,
    fields: Fields,
    /// What the company counts in.
    pub currency: &'static str,
    /// The tax on every product, in percent.
    pub tax: f64,
    /// What the price list takes off lines that do not say, in percent.
    pub discount: f64,
    /// To how many digits prices and quantities are kept: its Decimal Accuracy.
    pub precision: usize,
    /// What the invoice of an order comes to more than the order, as it does where it is rounded otherwise.
    pub on_invoices: f64,
}

type Done = Result<Value, Fault>;

const MODELS: [&str; 12] = [
    "account.move",
    "mailing.contact",
    "mailing.list",
    "mailing.subscription",
    "product.pricelist",
    "product.template",
    "res.country",
    "res.country.state",
    "res.partner",
    "sale.advance.payment.inv",
    "sale.order",
    "sale.order.line",
];

impl Books {
    /// Empty books, with the ids of the recorded Odoo.
    pub fn new(version: u32) -> Self {
        let last = [
            ("res.partner", 7),
            ("mailing.list", 1),
            ("mailing.contact", 1),
            ("mailing.subscription", 1),
            ("sale.order", 1),
        ];
        Self {
            tables: MODELS.into_iter().map(|model| (model, BTreeMap::new())).collect(),
            last: last.into(),
            fields: Fields::of(version),
            currency: "USD",
            tax: 15.0,
            discount: 0.0,
            precision: 2,
            on_invoices: 0.0,
        }
    }

    /// All records of a model, as they are kept.
    pub fn all(&self, model: &str) -> Vec<Value> {
        self.tables[table(model)].values().cloned().map(Value::Object).collect()
    }

    /// Adds or changes a record, as people do on Odoo's pages.
    pub fn put(&mut self, model: &str, id: i64, values: Value) {
        let kept = self.tables.get_mut(table(model)).expect("a model").entry(id).or_default();
        kept.extend([("id".to_owned(), json!(id)), ("active".to_owned(), json!(true))]);
        kept.extend(values.as_object().expect("an object").clone());
    }

    pub fn remove(&mut self, model: &str, id: i64) {
        self.tables.get_mut(table(model)).expect("a model").remove(&id);
    }

    /// Calls a method of a model with named arguments.
    pub fn call(&mut self, model: &str, method: &str, mut arguments: Map<String, Value>) -> Done {
        if table(model).is_empty() {
            return Err(user(format!("Object {model} doesn't exist")));
        }
        if method.starts_with('_') {
            let message = format!("Private methods (such as {method}) cannot be called remotely.");
            return Err(Fault { name: "odoo.exceptions.AccessError", message });
        }
        let mut take = |name: &str| arguments.remove(name).unwrap_or_default();
        match method {
            "create" => match take("vals_list") {
                Value::Array(all) => all.into_iter().map(|one| self.create(model, one, &take("context"))).collect(),
                one => self.create(model, one, &take("context")),
            },
            "write" => self.write(model, &ids(&take("ids")), take("vals")),
            "read" => self.read(model, &ids(&take("ids")), &take("fields")),
            "search_count" => Ok(json!(self.find(model, &take("domain"))?.len())),
            "search_read" => {
                let mut found = self.find(model, &take("domain"))?;
                found.truncate(take("limit").as_u64().map_or(usize::MAX, |limit| limit as usize));
                self.read(model, &found, &take("fields"))
            }
            method => self.press(model, method, ids(&take("ids"))[0]),
        }
    }

    fn create(&mut self, model: &str, values: Value, context: &Value) -> Done {
        let Value::Object(mut values) = values else { panic!("{model}: {values}") };
        self.fields.check(model, &values)?;
        let set = |name: &str| values.get(name).is_some_and(|value| *value != json!(false));
        match model {
            "res.partner" if !set("name") => {
                return Err(invalid("The operation cannot be completed: Contacts require a name".into()));
            }
            "sale.order" if !set("partner_id") => return Err(invalid(NO_CUSTOMER.into())),
            _ => {}
        }
        kept_precisely(&mut values, self.precision);
        let id = self.last.entry(table(model)).or_default();
        *id += 1;
        let id = *id;
        values.insert("id".into(), json!(id));
        values.entry("active").or_insert(json!(true));
        match model {
            "product.template" | "product.product" => {
                values.entry("list_price").or_insert(json!(1.0));
                values.entry("invoice_policy").or_insert(json!("order"));
                values.insert("product_variant_count".into(), json!(1));
            }
            "mailing.subscription" => drop(values.entry("opt_out").or_insert(json!(false))),
            "res.partner" => drop(values.entry("type").or_insert(json!("contact"))),
            "mailing.contact" => {
                for link in values.remove("list_ids").unwrap_or_default().as_array().into_iter().flatten() {
                    let subscription = json!({"contact_id": id, "list_id": link[1], "opt_out": false});
                    self.create("mailing.subscription", subscription, context)?;
                }
            }
            "sale.advance.payment.inv" => drop(values.insert("orders".into(), context["active_ids"].clone())),
            "sale.order" => self.price(id, &mut values)?,
            _ => {}
        }
        self.tables.get_mut(table(model)).expect("a model").insert(id, values);
        if model == "res.partner" {
            people::first_address(self.tables.get_mut(model).expect("a model"), id);
        }
        Ok(json!(id))
    }

    /// What an order comes to.
    fn price(&mut self, id: i64, values: &mut Map<String, Value>) -> Result<(), Fault> {
        let (mut untaxed, mut tax, mut lines) = (0.0, 0.0, Vec::new());
        for line in values.remove("order_line").unwrap_or_default().as_array().into_iter().flatten() {
            let mut line = line[2].as_object().expect("a line").clone();
            self.fields.check("sale.order.line", &line)?;
            kept_precisely(&mut line, self.precision);
            let number = |name: &str| line.get(name).and_then(Value::as_f64);
            let product = line["product_id"].as_i64().expect("a product");
            let product = &self.tables["product.template"][&product];
            let sum = number("product_uom_qty").unwrap_or(1.0)
                * number("price_unit").unwrap_or_else(|| product["list_price"].as_f64().expect("a number"));
            let sum = sum * (1.0 - number("discount").unwrap_or(self.discount) / 100.0);
            untaxed += sum;
            let is_free = ["tax_id", "tax_ids"].iter().any(|name| line.contains_key(*name));
            tax += if is_free { 0.0 } else { sum * self.tax / 100.0 };
            lines.push(self.create("sale.order.line", Value::Object(line), &Value::Null)?);
        }
        let cents = |amount: f64| json!((amount * 100.0).round() / 100.0);
        let own = || self.tables["res.partner"].get(&values["partner_id"].as_i64()?)?.get("property_product_pricelist");
        let listed = values.get("pricelist_id").or_else(own).and_then(Value::as_i64);
        let listed = listed.map(|list| self.tables["product.pricelist"][&list]["currency"].clone());
        values.extend([
            ("name".to_owned(), json!(format!("S{id:05}"))),
            ("state".to_owned(), json!("draft")),
            ("invoice_status".to_owned(), json!("no")),
            ("order_line".to_owned(), json!(lines)),
            ("invoice_ids".to_owned(), json!([])),
            ("amount_untaxed".to_owned(), cents(untaxed)),
            ("amount_tax".to_owned(), cents(tax)),
            ("amount_total".to_owned(), cents(untaxed + tax)),
            ("currency".to_owned(), listed.unwrap_or_else(|| json!(self.currency))),
        ]);
        Ok(())
    }

    fn write(&mut self, model: &str, ids: &[i64], values: Value) -> Done {
        let Value::Object(mut values) = values else { panic!("{model}: {values}") };
        self.fields.check(model, &values)?;
        kept_precisely(&mut values, self.precision);
        for id in ids {
            let kept = self.tables.get_mut(table(model)).expect("a model").get_mut(id);
            kept.ok_or_else(|| missing(model, *id))?.extend(values.clone());
        }
        Ok(json!(true))
    }

    fn read(&self, model: &str, ids: &[i64], fields: &Value) -> Done {
        let names = || fields.as_array().into_iter().flatten().filter_map(Value::as_str);
        for name in names() {
            self.fields.check_name(model, name)?;
        }
        let rows = ids.iter().filter_map(|id| {
            let kept = self.tables[table(model)].get(id)?;
            let row = names().map(|name| (name.to_owned(), self.field(model, kept, name)));
            Some(std::iter::once(("id".to_owned(), json!(id))).chain(row).collect::<Map<_, _>>())
        });
        Ok(json!(rows.collect::<Vec<_>>()))
    }

    /// The ids that a domain finds: archived ones only when it asks for them.
    fn find(&self, model: &str, domain: &Value) -> Result<Vec<i64>, Fault> {
        let terms = domain.as_array().expect("a domain");
        for name in terms.iter().filter_map(|term| term[0].as_str()) {
            self.fields.check_name(model, name.split('.').next().unwrap_or_default())?;
        }
        let asks_active = terms.iter().any(|term| term[0] == "active");
        let mut found: Vec<_> = self.tables[table(model)]
            .iter()
            .filter(|(_, kept)| (asks_active || kept["active"] == true) && self.holds(model, kept, terms))
            .map(|(id, kept)| (kept["active"] != true, *id))
            .collect();
        found.sort_unstable();
        Ok(found.into_iter().map(|(_, id)| id).collect())
    }

    /// Terms in Polish notation; what stands beside each other must all hold.
    fn holds(&self, model: &str, kept: &Map<String, Value>, terms: &[Value]) -> bool {
        let mut stack: Vec<bool> = Vec::new();
        for term in terms.iter().rev() {
            let held = match term.as_str() {
                Some(operator) => {
                    let (one, other) = (stack.pop().expect("a term"), stack.pop().expect("a term"));
                    if operator == "|" { one || other } else { one && other }
                }
                None => {
                    let found = self.plain(model, kept, term[0].as_str().expect("a field"));
                    match term[1].as_str() {
                        Some("=") => found == term[2],
                        Some("=ilike") => people::is_alike(&found, &term[2]),
                        Some("in") => term[2].as_array().expect("a list").contains(&found),
                        other => panic!("{other:?}"),
                    }
                }
            };
            stack.push(held);
        }
        stack.into_iter().all(|held| held)
    }

    /// A field as searches see it.
    fn plain(&self, model: &str, kept: &Map<String, Value>, name: &str) -> Value {
        match (model, name) {
            (_, "email_normalized") => json!(kept.get("email").and_then(Value::as_str).map(str::to_lowercase)),
            ("res.partner", "is_company") => json!(kept.get("company_type") == Some(&json!("company"))),
            ("res.partner", "partner_share") => kept.get(name).cloned().unwrap_or(json!(true)),
            ("res.partner", "ref_company_ids") => kept.get(name).cloned().unwrap_or(json!([])),
            ("product.pricelist", "currency_id.name") => kept["currency"].clone(),
            _ => kept.get(name).cloned().unwrap_or(json!(false)),
        }
    }

    /// A field as it is told.
    fn field(&self, model: &str, kept: &Map<String, Value>, name: &str) -> Value {
        let plain = || self.plain(model, kept, name);
        let called = |model: &str| {
            let id = plain().as_i64().expect("an id");
            json!([id, self.tables[model][&id]["name"]])
        };
        let by_contact = |field: &str| {
            let of_contact = |row: &&Map<String, Value>| row["contact_id"] == kept["id"];
            let rows = self.tables["mailing.subscription"].values().filter(of_contact);
            json!(rows.map(|row| row[field].clone()).collect::<Vec<_>>())
        };
        match (model, name) {
            ("sale.order" | "product.pricelist", "currency_id") => json!([1, kept["currency"]]),
            (_, "currency_id") => json!([1, self.currency]),
            (_, "property_product_pricelist") if plain().is_i64() => called("product.pricelist"),
            (_, "parent_id") if plain().is_i64() => called("res.partner"),
            (_, "country_id") if plain().is_i64() => called("res.country"),
            (_, "state_id") if plain().is_i64() => called("res.country.state"),
            (_, "partner_id") => called("res.partner"),
            (_, "contact_id") => called("mailing.contact"),
            (_, "list_id") => {
                let on_it =
                    self.tables["mailing.subscription"].values().filter(|row| row["list_id"] == plain()).count();
                json!([plain(), format!("{} ({on_it})", called("mailing.list")[1].as_str().expect("a name"))])
            }
            ("mailing.contact", "list_ids") => by_contact("list_id"),
            ("mailing.contact", "subscription_ids") => by_contact("id"),
            (_, "product_variant_id") => {
                json!([kept["id"], format!("[{}] {}", text(kept, "default_code"), text(kept, "name"))])
            }
            (_, "product_variant_ids") => json!([kept["id"]]),
            _ => plain(),
        }
    }

    fn press(&mut self, model: &str, method: &str, id: i64) -> Done {
        let mut kept = self.tables[table(model)].get(&id).cloned().ok_or_else(|| missing(model, id))?;
        let done = match (model, method) {
            ("sale.order", "action_confirm") if kept["state"] != "draft" => {
                let message = format!("Some orders are not in a state requiring confirmation: {}", text(&kept, "name"));
                return Err(user(message));
            }
            ("sale.order", "action_confirm") => {
                let lines = ids(&kept["order_line"]);
                let is_by_order = |line: &i64| {
                    let product = self.tables["sale.order.line"][line]["product_id"].as_i64().expect("an id");
                    self.tables["product.template"][&product]["invoice_policy"] == "order"
                };
                let status = if lines.iter().all(is_by_order) { "to invoice" } else { "no" };
                kept.extend([("state".to_owned(), json!("sale")), ("invoice_status".to_owned(), json!(status))]);
                json!(true)
            }
            ("sale.order", "action_cancel") => {
                kept.insert("state".into(), json!("cancel"));
                json!(true)
            }
            ("sale.advance.payment.inv", "create_invoices") => {
                self.invoice(kept["orders"][0].as_i64().expect("an order"))?
            }
            ("account.move", "action_post") => {
                if kept["state"] != "draft" {
                    return Err(user(format!("The entry {} (id {id}) must be in draft.", text(&kept, "name"))));
                }
                kept.insert("state".into(), json!("posted"));
                kept.insert("name".into(), json!(format!("INV/2026/{id:05}")));
                json!(false)
            }
            _ => panic!("{model}.{method}"),
        };
        self.tables.get_mut(table(model)).expect("a model").insert(id, kept);
        Ok(done)
    }

    fn invoice(&mut self, order: i64) -> Done {
        let of = self.tables["sale.order"][&order].clone();
        if of["invoice_status"] != "to invoice" {
            return Err(user("Cannot create an invoice. No items are available to invoice.".into()));
        }
        let invoice = json!({"state": "draft", "move_type": "out_invoice", "partner_id": of["partner_id"],
            "payment_state": "not_paid", "amount_total": of["amount_total"].as_f64().expect("a number") + self.on_invoices, "ref": of["client_order_ref"],
            "invoice_date": "2026-11-21", "invoice_origin": of["name"]});
        let id = self.create("account.move", invoice, &Value::Null)?;
        self.put("sale.order", order, json!({"invoice_ids": [id], "invoice_status": "invoiced"}));
        Ok(json!({"type": "ir.actions.act_window", "res_model": "account.move", "res_id": id}))
    }
}

/// Where a model's records are kept, or nothing: a product with one variant is kept once, as template and variant.
fn table(model: &str) -> &'static str {
    let model = if model == "product.product" { "product.template" } else { model };
    MODELS.into_iter().find(|known| *known == model).unwrap_or_default()
}

fn ids(list: &Value) -> Vec<i64> {
    list.as_array().into_iter().flatten().filter_map(Value::as_i64).collect()
}

fn text(kept: &Map<String, Value>, name: &str) -> String {
    kept.get(name).and_then(Value::as_str).unwrap_or_default().to_owned()
}

fn user(message: String) -> Fault {
    Fault { name: "odoo.exceptions.UserError", message }
}

fn invalid(message: String) -> Fault {
    Fault { name: "odoo.exceptions.ValidationError", message }
}

fn missing(model: &str, id: i64) -> Fault {
    let message = format!("Record does not exist or has been deleted.\n(Record: {model}({id},), User: 2)");
    Fault { name: "odoo.exceptions.MissingError", message }
}

const NO_CUSTOMER: &str = "The operation cannot be completed:\n- Create/update: a mandatory field is not set.\n- Delete: another model requires the record being deleted. If possible, archive it instead.\n\nModel: Sales Order (sale.order)\nField: Customer (partner_id)\n";
