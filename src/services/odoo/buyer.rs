//! Whom an order is for: the buyer's contact, with the addresses that it is invoiced and delivered to.
//!
//! Odoo keeps further addresses as contacts below the buyer's, of the type `invoice` or `delivery`. One that is there with
//! the same place is used again.

use serde_json::{Map, Value, json};

use super::partner::{MODEL, PERSON};
use super::{Odoo, Partner, Row, Search, create_partner, find_partner};
use crate::commerce::{Address, Sale};
use crate::handler::Failure;

/// How many addresses of a contact are looked at, the latest first.
const ADDRESSES: u32 = 200;
/// What a place is told by, in fields of texts and in fields that lead to records.
const TEXTS: [&str; 4] = ["street", "street2", "city", "zip"];
const LINKS: [&str; 2] = ["state_id", "country_id"];

/// Whom an order is for, in Odoo.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Buyer {
    /// The buyer's contact.
    pub partner: i64,
    /// The contact that it is invoiced to, where the sale says so; else Odoo chooses.
    pub invoice: Option<i64>,
    /// The contact that it is delivered to, where the sale says so; else Odoo chooses.
    pub delivery: Option<i64>,
}

/// The buyer's contact and addresses. A contact that is there is left as it is, since what stands there is what invoices
/// are written to: only an address is filled in where it has none, and one that was archived is a customer again. Of a
/// company, and of someone who works with Odoo, nothing is changed at all.
pub async fn buyer(odoo: &Odoo, person: &Partner, sale: &Sale) -> Result<Buyer, Failure> {
    let lock = odoo.lock(MODEL, &person.lock_key()).await?;
    let row = match find_partner(odoo, person, None).await? {
        Some(row) => row,
        None => {
            let (id, _) = create_partner(odoo, person).await?;
            let made = odoo.read(MODEL, &[id], &PERSON).await?.into_iter().next();
            made.ok_or_else(|| Failure::retry(format!("the contact {id}, just made in Odoo, is not there")))?
        }
    };
    let is_left = person.is_left(&row);
    if row.is_archived() && !is_left {
        odoo.write(MODEL, &[row.id], json!({"active": true})).await?;
    }

    let mut contact = Contact { odoo, place: Place::of(&row), row: &row, is_left };
    let invoice = match &sale.billing {
        // What stands there is what invoices are written to.
        Some(_) if is_left => None,
        Some(address) => Some(contact.billed_at(address).await?),
        None => None,
    };
    let delivery = match &sale.shipping {
        Some(address) => Some(contact.delivered_at(address, person).await?),
        None => None,
    };
    lock.release(None).await;
    Ok(Buyer { partner: row.id, invoice, delivery })
}

/// The buyer's contact while addresses are found for it.
struct Contact<'a> {
    odoo: &'a Odoo,
    row: &'a Row,
    /// Its own address.
    place: Place,
    is_left: bool,
}

/// The fields of an address in Odoo; those that are empty are not there.
#[derive(Debug, Clone, Default, PartialEq)]
struct Place(Map<String, Value>);

impl Contact<'_> {
    async fn billed_at(&mut self, address: &Address) -> Result<i64, Failure> {
        let place = Place::find(self.odoo, address).await?;
        if self.is_at(&place, address) {
            return Ok(self.row.id);
        }
        // Of someone who belongs to a company, Odoo would change the company's address with it.
        let is_free = self.place.0.is_empty() && self.row.leads_to("parent_id").is_none();
        if is_free && self.is_called(address.name.as_deref()) {
            self.odoo.write(MODEL, &[self.row.id], place.0.clone()).await?;
            self.place = place;
            return Ok(self.row.id);
        }
        self.find_or_make("invoice", &place, (address, address.name.as_deref())).await
    }

    async fn delivered_at(&mut self, address: &Address, person: &Partner) -> Result<i64, Failure> {
        let place = Place::find(self.odoo, address).await?;
        if self.is_at(&place, address) {
            return Ok(self.row.id);
        }
        let buyer = match person {
            Partner::Person { name, .. } => name.as_deref(),
            Partner::Company { name, .. } | Partner::Sample { name, .. } => Some(name.as_str()),
        };
        self.find_or_make("delivery", &place, (address, address.name.as_deref().or(buyer))).await
    }

    /// Whether the contact's own address is meant.
    fn is_at(&self, place: &Place, address: &Address) -> bool {
        self.place.is_same(place) && self.is_called(address.name.as_deref())
    }

    fn is_called(&self, name: Option<&str>) -> bool {
        name.is_none_or(|name| self.row.text("name").is_some_and(|own| is_alike(own, name)))
    }

    async fn find_or_make(
        &self,
        kind: &str,
        place: &Place,
        (address, name): (&Address, Option<&str>),
    ) -> Result<i64, Failure> {
        let domain = json!([["parent_id", "=", self.row.id], ["type", "in", [kind, "other"]]]);
        let search = Search { model: MODEL, domain, fields: &PERSON, order: "id desc", limit: Some(ADDRESSES) };
        let known = self.odoo.search(search).await?;
        let is_meant = |row: &&Row| {
            let is_called = name.is_none_or(|name| row.text("name").is_none_or(|own| is_alike(own, name)));
            is_called && Place::of(row).is_same(place)
        };
        if let Some(found) = known.iter().find(is_meant) {
            return Ok(found.id);
        }

        let mut record = place.0.clone();
        record.insert("type".into(), json!(kind));
        let told = [("name", name), ("email", address.email.as_deref()), ("phone", address.phone.as_deref())];
        record.extend(told.into_iter().filter_map(|(field, value)| Some((field.to_owned(), json!(value?)))));
        // The first address below a contact without one becomes the contact's own in Odoo.
        if !(self.is_left && self.place.0.is_empty()) {
            record.insert("parent_id".into(), json!(self.row.id));
        }
        self.odoo.create(MODEL, Value::Object(record)).await
    }
}

impl Place {
    /// The address of a contact.
    fn of(row: &Row) -> Self {
        let texts = TEXTS.iter().filter_map(|field| Some(((*field).to_owned(), json!(row.text(field)?))));
        let links = LINKS.iter().filter_map(|field| Some(((*field).to_owned(), json!(row.leads_to(field)?))));
        Self(texts.chain(links).collect())
    }

    /// An address of ours with the country and the state as Odoo knows them. What it does not know stands behind the city.
    async fn find(odoo: &Odoo, address: &Address) -> Result<Self, Failure> {
        let country = find_country(odoo, address).await?;
        let state = match (country, &address.state) {
            (Some(country), Some(state)) => find_state(odoo, country, state).await?,
            _ => None,
        };
        let unknown_state = address.state.as_deref().filter(|_| state.is_none());
        let unknown_country = address.country.as_deref().filter(|_| country.is_none());
        let city: Vec<_> = [address.city.as_deref(), unknown_state, unknown_country].into_iter().flatten().collect();
        let city = Some(city.join(", ")).filter(|city| !city.is_empty());
        let texts = [&address.street, &address.street_2, &city, &address.zipcode];
        let texts = TEXTS.iter().zip(texts).filter_map(|(field, text)| Some((*field, json!(text.as_ref()?))));
        let links = LINKS.iter().zip([state, country]).filter_map(|(field, id)| Some((*field, json!(id?))));
        Ok(Self(texts.chain(links).map(|(field, value)| (field.to_owned(), value)).collect()))
    }

    fn is_same(&self, other: &Self) -> bool {
        let text =
            |place: &Self, field: &str| place.0.get(field).and_then(Value::as_str).unwrap_or_default().to_owned();
        TEXTS.iter().all(|field| is_alike(&text(self, field), &text(other, field)))
            && LINKS.iter().all(|field| self.0.get(*field) == other.0.get(*field))
    }
}

/// Whether two texts are the same but for letter case and spaces.
fn is_alike(one: &str, other: &str) -> bool {
    let plain = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ").to_lowercase();
    plain(one) == plain(other)
}

/// What shops call countries that ISO 3166 calls otherwise.
const COUNTRIES: [(&str, &str); 2] = [("USA", "US"), ("UK", "GB")];

async fn find_country(odoo: &Odoo, address: &Address) -> Result<Option<i64>, Failure> {
    let Some(country) = &address.country else { return Ok(None) };
    let alias =
        COUNTRIES.iter().find(|(name, _)| name.eq_ignore_ascii_case(country)).map(|(_, code)| (*code).to_owned());
    let domain = match alias.or_else(|| address.country_code()) {
        Some(code) => json!([["code", "=", code]]),
        None => json!([["name", "=ilike", country]]),
    };
    first(odoo, "res.country", domain).await
}

async fn find_state(odoo: &Odoo, country: i64, state: &str) -> Result<Option<i64>, Failure> {
    let domain = json!([["country_id", "=", country], "|", ["code", "=ilike", state], ["name", "=ilike", state]]);
    first(odoo, "res.country.state", domain).await
}

async fn first(odoo: &Odoo, model: &str, domain: Value) -> Result<Option<i64>, Failure> {
    let search = Search { model, domain, fields: &["code"], order: "id", limit: Some(1) };
    Ok(odoo.search(search).await?.into_iter().next().map(|row| row.id))
}
