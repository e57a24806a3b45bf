//! The documents that callers' events are about, and those that their payloads name, looked up for a whole batch.

use std::collections::{HashMap, HashSet};

use serde::Deserialize;
use serde_json::Value;

use crate::content::{ContentType, PRODUCT, Shape, StoreLink, Version};
use crate::db::Conn;
use crate::db::documents::read::{self, Form};
use crate::db::documents::{EventRecipients, Subject, event_recipients, find_subject, has_price};
use crate::db::events::Owner;
use crate::error::{Error, Problem, Result};
use crate::limits::ITEMS;
use crate::query::ReadPlan;
use crate::queue::ingest::EmitRequest;

/// A document that an event is about.
pub struct Found {
    /// Which rows it has.
    pub subject: Subject,
    /// Whose extension records its events reach.
    pub recipients: EventRecipients,
    /// The document as the API shows it; JSON.
    pub data: Option<String>,
}

/// What a batch is about.
#[derive(Default)]
pub struct Subjects {
    documents: HashMap<Key, Found>,
    prices: HashSet<(String, i64)>,
}

/// What is to be looked up.
#[derive(Default)]
pub struct TargetLookup {
    documents: HashSet<Key>,
    prices: HashSet<(String, i64)>,
}

/// A content type's singular name and a documentId.
type Key = (&'static str, String);

/// A product or price that a payload names: its records are reached too.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Named {
    #[serde(rename = "type")]
    type_name: String,
    document_id: String,
    price_id: Option<i64>,
}

/// What must be looked up for `emissions`.
pub fn lookup<'a>(emissions: impl IntoIterator<Item = &'a EmitRequest>) -> TargetLookup {
    let mut lookup = TargetLookup::default();
    for emission in emissions {
        lookup.documents.insert((emission.content_type.singular, emission.document_id.clone()));
        for named in named(emission.payload.as_ref()).unwrap_or_default() {
            lookup.prices.extend(named.price_id.map(|price| (named.document_id.clone(), price)));
            lookup.documents.insert((PRODUCT.singular, named.document_id));
        }
    }
    lookup
}

/// Looks up what is wanted; what does not exist is left out.
pub fn find(conn: &mut Conn, lookup: TargetLookup) -> Result<Subjects> {
    let mut found = Subjects::default();
    for key in lookup.documents {
        let Some(content_type) = conn.catalog().find_by_singular(key.0) else { continue };
        let Some(subject) = find_subject(conn, content_type, &key.1)? else { continue };
        let recipients = event_recipients(conn, content_type, subject.draft)?;
        let version = if subject.is_published { Version::Published } else { Version::Draft };
        let whole = ReadPlan::whole(content_type, version).of_document(&key.1);
        let data = read::one(conn, &whole, Form::Flat)?.map(|found| String::from_utf8(found.document)).transpose();
        let data = data.map_err(|error| Error::Internal(error.into()))?;
        found.documents.insert(key, Found { subject, recipients, data });
    }
    for (product, price) in lookup.prices {
        let draft = found.get(&PRODUCT, &product).map(|found| found.subject.draft);
        if draft.map(|draft| has_price(conn, &PRODUCT, draft, price)).transpose()? == Some(true) {
            found.prices.insert((product, price));
        }
    }
    Ok(found)
}

impl Subjects {
    pub fn get(&self, content_type: &ContentType, document_id: &str) -> Option<&Found> {
        self.documents.get(&(content_type.singular, document_id.to_owned()))
    }

    /// The owners that `payload.targets` adds to an event about the document with this draft.
    ///
    /// Fails when a target is not there; for a store, also when the store does not have the product: the payload of one
    /// store must not run what belongs to another.
    pub fn targets(
        &self,
        content_type: &'static ContentType,
        draft: i64,
        payload: Option<&Value>,
    ) -> Result<Vec<Owner>> {
        let mut owners = Vec::new();
        let own = Shape::Document(content_type).records_owner_field();
        for (place, named) in named(payload)?.into_iter().enumerate() {
            let refused = |message: &str| {
                let path = ["payload", "targets", &place.to_string()].map(str::to_owned).into();
                Error::Invalid(vec![Problem {
                    path,
                    message: format!("payload.targets[{place}] {message}"),
                    value: None,
                }])
            };
            if !matches!(named.type_name.as_str(), "product" | "price") {
                return Err(refused("must be a product or a price"));
            }
            let product = self.get(&PRODUCT, &named.document_id).ok_or_else(|| refused("is not there"))?;
            let is_store = |owner: &Owner| owner.1 == draft && owner.0 == own;
            if content_type.store == StoreLink::Itself && !product.recipients.owners.iter().any(is_store) {
                return Err(refused("is not of this store"));
            }
            match (named.type_name.as_str(), named.price_id) {
                ("price", Some(price)) if self.prices.contains(&(named.document_id.clone(), price)) => {
                    owners.push(("price.extensions".to_owned(), price));
                }
                ("price", Some(_)) => return Err(refused("is not a price of this product")),
                ("price", None) => return Err(refused("needs a priceId")),
                _ => {}
            }
            owners.push(("product.extensions".to_owned(), product.subject.draft));
        }
        Ok(owners)
    }
}

/// The documents that a payload names.
fn named(payload: Option<&Value>) -> Result<Vec<Named>> {
    let Some(targets) = payload.and_then(|payload| payload.get("targets")) else { return Ok(Vec::new()) };
    if targets.as_array().is_some_and(|targets| targets.len() > ITEMS.most) {
        return Err(ITEMS.exceeded_at(["payload", "targets"].map(str::to_owned).into(), "payload.targets has"));
    }
    serde_path_to_error::deserialize(targets).map_err(|error| {
        let path = ["payload", "targets"].map(str::to_owned).into();
        let message = format!("payload.targets{}: {}", at(&error.path().to_string()), error.inner());
        Error::Invalid(vec![Problem { path, message, value: None }])
    })
}

fn at(path: &str) -> &str {
    if path == "." { "" } else { path }
}
