//! Contacts, which Odoo calls partners: people by their address, companies by a reference of ours.
//!
//! Whoever knows an address can buy under it, so a contact is no more than filled in where it is empty, unless the record
//! made it. Companies, those who work with Odoo and the company that Odoo is run by are left as they are.

use serde_json::{Map, Value, json};

use super::{Odoo, Row, Search, differing};
use crate::clock::Millis;
use crate::handler::Failure;

pub(super) const MODEL: &str = "res.partner";

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

/// What is known of a contact before Odoo is asked.
pub struct Memory<'a> {
    /// The id that it had in Odoo.
    pub id: Option<i64>,
    /// Whether the record made the contact with this id.
    pub made: &'a (dyn Fn(i64) -> bool + Sync),
    /// When what is to be written was so.
    pub as_of: Millis,
}

/// What became of a contact in Odoo.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Kept {
    /// Its id.
    pub id: i64,
    /// What was done with it.
    pub what: What,
}

/// What was done with a contact.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum What {
    /// It is new, and the record's own.
    Made,
    /// It has all that is known.
    UpToDate,
    /// It is a company's, or of someone who works with Odoo: nothing was changed.
    Left,
}

impl Partner {
    fn sample(&self) -> Self {
        let (key, name) = match self {
            Self::Person { email, name, .. } => (email, name.as_ref().unwrap_or(email)),
            Self::Company { reference, name, .. } | Self::Sample { reference, name } => (reference, name),
        };
        Self::Sample { reference: format!("TEST {key}"), name: format!("Test: {name}") }
    }

    /// What two attempts must not both make.
    pub(super) fn lock_key(&self) -> String {
        match self {
            Self::Person { email, .. } => email.to_lowercase(),
            Self::Company { reference, .. } | Self::Sample { reference, .. } => reference.clone(),
        }
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

    /// How surely `row` is meant: less is surer.
    fn distance(&self, row: &Row, remembered: Option<i64>) -> (bool, bool) {
        let is_other = Some(row.id) != remembered;
        match self {
            // Where a person and a company have one address, the person is meant.
            Self::Person { .. } => (self.is_left(row), is_other),
            Self::Company { reference, .. } | Self::Sample { reference, .. } => {
                (is_other, row.text("ref") != Some(reference))
            }
        }
    }

    /// Whether nothing of `row` is ours to change, not even where it is empty.
    pub fn is_left(&self, row: &Row) -> bool {
        match self {
            Self::Person { .. } => row.is("is_company") || !row.is("partner_share"),
            Self::Company { .. } => !row.ids("ref_company_ids").is_empty(),
            Self::Sample { .. } => false,
        }
    }

    /// Whether the record made `row`, so that it may overwrite what stands there.
    fn is_own(&self, row: &Row, memory: &Memory<'_>) -> bool {
        match self {
            // Our reference stands in what we made; or in what was found by its name, which is remembered then.
            Self::Company { reference, .. } if row.text("ref") == Some(reference) && memory.id != Some(row.id) => true,
            _ => (memory.made)(row.id),
        }
    }
}

/// The contact in Odoo, if there is one: that of the `remembered` id, else the one that is found.
pub async fn find_partner(odoo: &Odoo, partner: &Partner, remembered: Option<i64>) -> Result<Option<Row>, Failure> {
    let fields: &[&str] = match partner {
        Partner::Person { .. } => &PERSON,
        Partner::Company { .. } | Partner::Sample { .. } => &["name", "ref", "website", "active", "ref_company_ids"],
    };
    let domain = partner.domain(remembered);
    let rows = odoo.search(Search { model: MODEL, domain, fields, order: "active desc, id", limit: None }).await?;
    Ok(rows.into_iter().min_by_key(|row| partner.distance(row, remembered)))
}

/// What is read of a person, the address among it.
pub(super) const PERSON: [&str; 14] = [
    "name",
    "email",
    "phone",
    "active",
    "is_company",
    "partner_share",
    "parent_id",
    "street",
    "street2",
    "city",
    "zip",
    "state_id",
    "country_id",
    "type",
];

/// Makes the contact in Odoo, where it was not found. Returns its id and whether that is the one which was made: where
/// somebody else made one at the same time, the first stands.
pub async fn create_partner(odoo: &Odoo, partner: &Partner) -> Result<(i64, bool), Failure> {
    let made = odoo.create(MODEL, partner.new_record()).await?;
    match find_partner(odoo, partner, None).await? {
        Some(first) if first.id < made => {
            odoo.write(MODEL, &[made], json!({"active": false})).await?;
            Ok((first.id, false))
        }
        _ => Ok((made, true)),
    }
}

/// Makes the contact in Odoo, or writes into it what we know: where it is empty, and, if the record made it and knows
/// nothing later, where it stands otherwise. One attempt at a time does so for a contact.
pub async fn upsert_partner(odoo: &Odoo, partner: &Partner, memory: Memory<'_>) -> Result<Kept, Failure> {
    let lock = odoo.lock(MODEL, &partner.lock_key()).await?;
    let is_late = lock.as_of().is_some_and(|as_of| as_of > memory.as_of);
    let Some(row) = find_partner(odoo, partner, memory.id).await? else {
        let (id, is_new) = create_partner(odoo, partner).await?;
        lock.release(Some(memory.as_of)).await;
        return Ok(Kept { id, what: if is_new { What::Made } else { What::UpToDate } });
    };
    if partner.is_left(&row) {
        lock.release(None).await;
        return Ok(Kept { id: row.id, what: What::Left });
    }

    let may_overwrite = !is_late && partner.is_own(&row, &memory);
    let mut changed = differing(&row, partner.known());
    changed.retain(|field, _| may_overwrite || is_empty(&row, field));
    if !changed.is_empty() {
        odoo.write(MODEL, &[row.id], changed.clone()).await?;
    }
    lock.release((!changed.is_empty()).then_some(memory.as_of)).await;
    Ok(Kept { id: row.id, what: What::UpToDate })
}

/// Whether nothing stands in a field. An address in place of a name stands for an unknown one.
fn is_empty(row: &Row, field: &str) -> bool {
    match (field, row.text(field)) {
        (_, None) => true,
        ("name", Some(name)) => row.text("email").is_some_and(|email| email.trim().eq_ignore_ascii_case(name.trim())),
        _ => false,
    }
}

/// What a sample comes to: the contact as it is, if Odoo has it, else one that shows what it is. Returns its id and whether
/// it is new.
pub async fn sample_partner(odoo: &Odoo, partner: &Partner, remembered: Option<i64>) -> Result<(i64, bool), Failure> {
    if let Some(found) = find_partner(odoo, partner, remembered).await? {
        return Ok((found.id, false));
    }
    let sample = partner.sample();
    let lock = odoo.lock(MODEL, &sample.lock_key()).await?;
    let (id, is_new) = match find_partner(odoo, &sample, None).await? {
        Some(found) => (found.id, false),
        None => create_partner(odoo, &sample).await?,
    };
    lock.release(None).await;
    Ok((id, is_new))
}
