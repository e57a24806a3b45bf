//! Events about the owner of an extension record: the document, or the price of a product, as it is now. A run by hand, a
//! schedule, an inbound delivery and the circuit that switches a record off all begin with one.

use serde_json::{Value, json};

use crate::content::Version;
use crate::db::Conn;
use crate::db::documents::read::{self, Form};
use crate::db::documents::{self as rows, event_recipients};
use crate::db::events::{NewEvent, Owner, StoreRef, Target};
use crate::db::extensions::ExtensionRecord;
use crate::documents::{OwnerPath, RecordOwner, RecordPath, get_owner, get_record, product_of_price};
use crate::error::{Error, Result};
use crate::nesting;
use crate::query::ReadPlan;

/// A record and what an event for it alone is about.
pub struct ManualEventContext {
    /// What holds the record.
    pub holder: RecordOwner,
    /// The record.
    pub record: ExtensionRecord,
    /// The document, or the price.
    pub target: Target,
    /// The store it belongs to.
    pub store: Option<StoreRef>,
    /// The entity as events tell of it, published if it is; JSON.
    pub data: String,
}

impl ManualEventContext {
    /// Looks up the record at `path` and what holds it.
    ///
    /// [`Error::NotFound`] when either is not there.
    pub fn find(conn: &mut Conn, path: &RecordPath) -> Result<Self> {
        let (holder, record) = get_record(conn, path)?;
        let RecordPath { holder: place, .. } = path;
        let store = event_recipients(conn, place.content_type, holder.subject.draft)?.store;
        let target = Target {
            type_name: if place.price.is_some() { "price" } else { place.content_type.singular }.to_owned(),
            document_id: place.document_id.clone(),
            price_id: place.price,
        };
        let data = entity(conn, place, &holder)?;
        Ok(Self { holder, record, target, store, data })
    }
}

/// An event about the document that holds the record `extension_id`, or about its price, with whom it reaches; still
/// without id, time, trigger and payload. `None` when the document is gone.
pub fn owner_event(conn: &mut Conn, owner: &Owner, extension_id: i64) -> Result<Option<NewEvent>> {
    let found = rows::find_owner_document(conn, &owner.0, owner.1)?;
    let Some(rows::OwnerDocument { content_type, document_id, price_id: price }) = found else { return Ok(None) };
    let place = OwnerPath { content_type, document_id, price };
    let found = match get_owner(conn, &place) {
        Err(Error::NotFound) => return Ok(None),
        found => found?,
    };
    let recipients = event_recipients(conn, content_type, found.subject.draft)?;
    let data = entity(conn, &place, &found)?;
    let of_price = price.map(|_| owner.clone());
    Ok(Some(NewEvent {
        store: recipients.store,
        owners: of_price.into_iter().chain(recipients.owners).collect(),
        data: Some(data),
        actor: format!("extension:{extension_id}"),
        ..NewEvent::about(Target {
            type_name: if price.is_some() { "price" } else { content_type.singular }.to_owned(),
            document_id: place.document_id,
            price_id: price,
        })
    }))
}

/// What holds the record, as events tell of it: a price with the product it belongs to.
pub fn entity(conn: &mut Conn, place: &OwnerPath, holder: &RecordOwner) -> Result<String> {
    let Some(price) = place.price else {
        let version = if holder.subject.is_published { Version::Published } else { Version::Draft };
        return document(conn, place, version)?.ok_or(Error::NotFound);
    };
    // A new price may be in the draft alone, one that is about to go in what is published.
    for version in [Version::Published, Version::Draft] {
        let Some(text) = document(conn, place, version)? else { continue };
        let product: Value = nesting::read(&text)?;
        let prices = place.content_type.prices().and_then(|field| product[field.name].as_array());
        let prices = prices.map_or(&[][..], Vec::as_slice);
        if let Some(found) = prices.iter().find(|item| item["id"].as_i64() == Some(price)) {
            let product = product_of_price(&place.document_id, &product);
            return Ok(json!({"price": found, "product": product}).to_string());
        }
    }
    Err(Error::NotFound)
}

fn document(conn: &mut Conn, place: &OwnerPath, version: Version) -> Result<Option<String>> {
    let whole = ReadPlan::whole(place.content_type, version).of_document(&place.document_id);
    let found = read::one(conn, &whole, Form::Flat)?.map(|found| String::from_utf8(found.document));
    found.transpose().map_err(|error| Error::Internal(error.into()))
}
