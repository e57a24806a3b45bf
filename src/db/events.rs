//! The outbox: events, written in the transaction of the change they tell of.

use serde_json::Value;

use super::{Conn, Sql};
use crate::clock::Millis;
use crate::error::Result;
pub use crate::handler::{StoreRef, Target};

/// Something that happened, before it is stored.
#[derive(Debug, Clone)]
pub struct NewEvent {
    /// The id the world sees, from [`crate::ids::sortable`] with the prefix `evt`.
    pub uid: String,
    /// `trigger:post_sale`, in the long form.
    pub trigger: String,
    /// When.
    pub occurred_at: Millis,
    /// What it is about.
    pub target: Target,
    /// The store it belongs to, where there is one.
    pub store: Option<StoreRef>,
    /// Whose extension records it reaches.
    pub owners: Vec<Owner>,
    /// The entity as the API would show it, credentials out; JSON.
    pub data: Option<String>,
    /// What changed: `{path: {from, to}}`.
    pub changes: Option<Value>,
    /// What the caller sent along.
    pub payload: Option<Value>,
    /// Who caused it, such as `token:shop` or `public`.
    pub actor: String,
    /// The caller's key, with what it is valid for in front.
    pub idempotency_key: Option<String>,
}

/// The holder of extension records: `("product.extensions", 3)`, the second the row of the draft or the price's id.
pub type Owner = (String, i64);

/// Stores `events`, in their order.
pub fn insert(conn: &mut Conn, events: &[NewEvent]) -> Result<()> {
    for event in events {
        conn.execute(&insertion(event)?)?;
    }
    Ok(())
}

fn insertion(event: &NewEvent) -> Result<Sql> {
    let mut sql = Sql::new(
        "INSERT INTO events (uid, trigger, occurred_at, target, target_document_id, store, store_document_id, owners, \
         data, changes, payload, actor, idempotency_key) VALUES (",
    );
    let json = |value: &Option<Value>| value.as_ref().map(Value::to_string);
    let store = event.store.as_ref().map(serde_json::to_string).transpose()?;
    sql.str(&event.uid).text(", ").str(&event.trigger).text(", ").int(event.occurred_at).text(", ");
    sql.str(serde_json::to_string(&event.target)?).text(", ").str(&event.target.document_id).text(", ");
    sql.find_str(store).text(", ").find_str(event.store.as_ref().map(|store| store.document_id.clone())).text(", ");
    sql.str(serde_json::to_string(&event.owners)?).text(", ").find_str(event.data.clone()).text(", ");
    sql.find_str(json(&event.changes))
        .text(", ")
        .find_str(json(&event.payload))
        .text(", ")
        .str(&event.actor)
        .text(", ");
    sql.find_str(event.idempotency_key.clone()).text(")");
    Ok(sql)
}
