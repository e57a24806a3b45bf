//! Contacts, which Odoo calls partners: people by their address, companies by a reference of ours.

use serde_json::{Map, Value, json};

use super::{Odoo, Row, Search, differing};
use crate::handler::Failure;

const MODEL: &str = "res.partner";

/// Who is to be known in Odoo.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Partner {
    /// Someone with an address.
    Person {
        /// The address.
        email: String,
        /// The name, where one is known.
        name: Option<String>,
        /// The telephone number.
        phone: Option<String>,
        /// Whether something was bought: Odoo lists those as customers.
        is_customer: bool,
    },
    /// A company.
    Company {
        /// What we call it.
        reference: String,
        /// Its name.
        name: String,
        /// Its page.
        website: Option<String>,
    },
    /// What stands for one of them in a sample. It has a reference of its own and no address, so that neither is ever taken
    /// for the other.
    Sample {
        /// What it is known by.
        reference: String,
        /// Its name, which shows what it is.
        name: String,
    },
}

impl Partner {
    fn sample(&self) -> Self {
        let (key, name) = match self {
            Self::Person { email, name, .. } => (email, name.as_ref().unwrap_or(email)),
            Self::Company { reference, name, .. } | Self::Sample { reference, name } => (reference, name),
        };
        Self::Sample { reference: format!("TEST {key}"), name: format!("Test: {name}") }
    }

    /// The record to begin with.
    fn new_record(&self) -> Value {
        match self {
            Self::Person { email, name, phone, is_customer } => {
                let name = name.as_ref().unwrap_or(email);
                let mut record = json!({"name": name, "email": email, "company_type": "person"});
                if *is_customer {
                    record["customer_rank"] = json!(1);
                }
                if let Some(phone) = phone {
                    record["phone"] = json!(phone);
                }
                record
            }
            Self::Company { reference, name, website } => {
                let mut record = json!({"name": name, "company_type": "company", "ref": reference});
                if let Some(website) = website {
                    record["website"] = json!(website);
                }
                record
            }
            Self::Sample { reference, name } => json!({"name": name, "ref": reference}),
        }
    }

    /// What we know to be so, in a record that is there already. An address that stands for an unknown name is not it.
    fn known(&self) -> Map<String, Value> {
        let known = match self {
            Self::Person { email, name, phone, .. } => vec![
                ("email", Some(email).filter(|email| !email.is_empty())),
                ("name", name.as_ref()),
                ("phone", phone.as_ref()),
            ],
            Self::Company { reference, name, website } => {
                vec![("name", Some(name)), ("ref", Some(reference)), ("website", website.as_ref())]
            }
            Self::Sample { reference, name } => vec![("name", Some(name)), ("ref", Some(reference))],
        };
        known.into_iter().filter_map(|(field, value)| Some((field.to_owned(), json!(value?)))).collect()
    }

    /// What tells it apart: archived ones too, since a second one beside them would be worse.
    fn domain(&self, remembered: Option<i64>) -> Value {
        let mut domain = vec![json!(["active", "in", [true, false]])];
        if let Some(id) = remembered {
            domain.extend([json!("|"), json!(["id", "=", id])]);
        }
        match self {
            // Addresses for invoices and deliveries have their person's address too.
            Self::Person { email, .. } => domain.extend([
                json!("&"),
                json!(["email_normalized", "=", email.to_lowercase()]),
                json!(["type", "=", "contact"]),
            ]),
            // One that is there already under this name, and of nobody's reference, is meant.
            Self::Company { reference, name, .. } => domain.extend([
                json!("&"),
                json!(["is_company", "=", true]),
                json!("|"),
                json!(["ref", "=", reference]),
                json!("&"),
                json!(["ref", "=", false]),
                json!(["name", "=", name]),
            ]),
            Self::Sample { reference, .. } => domain.push(json!(["ref", "=", reference])),
        }
        Value::Array(domain)
    }

    /// Whether `row` is surely this one, and not only of the same name.
    fn is(&self, row: &Row) -> bool {
        match self {
            Self::Person { .. } => true,
            Self::Company { reference, .. } | Self::Sample { reference, .. } => row.text("ref") == Some(reference),
        }
    }
}

/// The contact in Odoo, if there is one: that of the `remembered` id, else the one that is found.
pub async fn find_partner(odoo: &Odoo, partner: &Partner, remembered: Option<i64>) -> Result<Option<Row>, Failure> {
    let fields: &[&str] = match partner {
        Partner::Person { .. } => &["name", "email", "phone", "active"],
        Partner::Company { .. } | Partner::Sample { .. } => &["name", "ref", "website", "active"],
    };
    let domain = partner.domain(remembered);
    let mut rows = odoo.search(Search { model: MODEL, domain, fields, order: "active desc, id", limit: None }).await?;
    let place = rows.iter().position(|row| Some(row.id) == remembered);
    let place = place.or_else(|| rows.iter().position(|row| partner.is(row)));
    Ok(if rows.is_empty() { None } else { Some(rows.swap_remove(place.unwrap_or(0))) })
}

/// Makes the contact in Odoo, where it was not found. Returns its id: that of another, where another run made one at the
/// same time. The first of them stands.
pub async fn create_partner(odoo: &Odoo, partner: &Partner) -> Result<i64, Failure> {
    let made = odoo.create(MODEL, partner.new_record()).await?;
    match find_partner(odoo, partner, None).await? {
        Some(first) if first.id < made => {
            odoo.write(MODEL, &[made], json!({"active": false})).await?;
            Ok(first.id)
        }
        _ => Ok(made),
    }
}

/// Makes the contact in Odoo, or writes into it what we know to be otherwise. Returns its id and whether it is new.
pub async fn upsert_partner(odoo: &Odoo, partner: &Partner, remembered: Option<i64>) -> Result<(i64, bool), Failure> {
    let Some(row) = find_partner(odoo, partner, remembered).await? else {
        return Ok((create_partner(odoo, partner).await?, true));
    };
    let changed = differing(&row, partner.known());
    if !changed.is_empty() {
        odoo.write(MODEL, &[row.id], changed).await?;
    }
    Ok((row.id, false))
}

/// What a sample comes to: the contact as it is, if Odoo has it, else one that shows what it is. Returns its id and whether
/// it is new.
pub async fn sample_partner(odoo: &Odoo, partner: &Partner, remembered: Option<i64>) -> Result<(i64, bool), Failure> {
    match find_partner(odoo, partner, remembered).await? {
        Some(found) => Ok((found.id, false)),
        None => upsert_partner(odoo, &partner.sample(), None).await,
    }
}
