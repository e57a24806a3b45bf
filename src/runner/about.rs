//! Events about what holds an extension record, made on account of the record: by what comes to its address, by its
//! schedule, by its failing.

use serde_json::{Value, json};

use super::subjects::{self, Wanted};
use crate::db::Conn;
use crate::db::documents::{self as rows, Holder};
use crate::db::events::{NewEvent, Owner, Target};
use crate::error::Result;

/// An event about the document that holds the record `extension_id`, or about its price, with whom it reaches; still
/// without id, time, trigger and payload. `None` when the document is gone.
pub(super) fn holder(conn: &mut Conn, owner: &Owner, extension_id: i64) -> Result<Option<NewEvent>> {
    let (field, row) = owner;
    let Some(content_type) = rows::holder_type(field) else { return Ok(None) };
    let Some(Holder { document_id, price_id }) = rows::find_holder(conn, field, *row)? else { return Ok(None) };
    let found = subjects::find(conn, Wanted::document(content_type, &document_id))?;
    let Some(found) = found.get(content_type, &document_id) else { return Ok(None) };
    let mut event = NewEvent {
        uid: String::new(),
        trigger: String::new(),
        occurred_at: 0,
        target: Target { type_name: content_type.singular.to_owned(), document_id, price_id },
        store: found.reach.store.clone(),
        owners: found.reach.owners.clone(),
        data: found.data.clone(),
        changes: None,
        payload: None,
        actor: format!("extension:{extension_id}"),
        depth: 0,
        idempotency_key: None,
    };
    if let Some(price) = price_id {
        event.target.type_name = "price".to_owned();
        event.owners.insert(0, (field.clone(), price));
        event.data = event.data.as_deref().map(|product| price_data(product, price)).transpose()?;
    }
    Ok(Some(event))
}

/// A price as events tell of it.
fn price_data(product: &str, price: i64) -> Result<String> {
    let product: Value = serde_json::from_str(product)?;
    let prices = product["PRICES"].as_array().map_or(&[][..], Vec::as_slice);
    let price = prices.iter().find(|found| found["id"].as_i64() == Some(price));
    let told = json!({ "documentId": product["documentId"], "Name": product["Name"] });
    Ok(json!({ "price": price, "product": told }).to_string())
}
