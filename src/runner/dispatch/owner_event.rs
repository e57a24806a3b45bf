//! Events about what holds an extension record, made on account of the record: by what comes to its address, by its
//! schedule, by its failing.

use super::manual_event;
use crate::db::Conn;
use crate::db::documents::{self as rows, Holder, reach_of};
use crate::db::events::{NewEvent, Owner, Target};
use crate::documents::{HolderPath, find_holder};
use crate::error::{Error, Result};

/// An event about the document that holds the record `extension_id`, or about its price, with whom it reaches; still
/// without id, time, trigger and payload. `None` when the document is gone.
pub fn holder(conn: &mut Conn, owner: &Owner, extension_id: i64) -> Result<Option<NewEvent>> {
    let Some(content_type) = rows::holder_type(conn.catalog(), &owner.0) else { return Ok(None) };
    let Some(Holder { document_id, price_id: price }) = rows::find_holder(conn, &owner.0, owner.1)? else {
        return Ok(None);
    };
    let place = HolderPath { content_type, document_id, price };
    let found = match find_holder(conn, &place) {
        Err(Error::NotFound) => return Ok(None),
        found => found?,
    };
    let reach = reach_of(conn, content_type, found.subject.draft)?;
    let data = manual_event::entity(conn, &place, &found)?;
    let of_price = price.map(|_| owner.clone());
    Ok(Some(NewEvent {
        uid: String::new(),
        trigger: String::new(),
        occurred_at: 0,
        target: Target {
            type_name: if price.is_some() { "price" } else { content_type.singular }.to_owned(),
            document_id: place.document_id,
            price_id: price,
        },
        store: reach.store,
        owners: of_price.into_iter().chain(reach.owners).collect(),
        data: Some(data),
        changes: None,
        payload: None,
        actor: format!("extension:{extension_id}"),
        depth: 0,
        idempotency_key: None,
    }))
}
