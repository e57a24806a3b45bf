//! What is told of changes to extension records: to the caller what was lost by them, and to everyone else that they happened.

use serde_json::{Map, Value, json};

use super::change::DocumentTransaction;
use super::lifecycle::{find_price, product_of_price};
use crate::content::Holding;
use crate::db::documents::{self as rows, Done, EventRecipients, RecordChange};
use crate::db::events::{self, NewEvent, Target};
use crate::error::Result;
use crate::handler::Masker;
use crate::ids;
use crate::query::Warning;
use crate::triggers::{EXTENSION_CREATED, EXTENSION_REMOVED, EXTENSION_UPDATED};

/// How many losses one answer names.
const NAMED: usize = 50;

impl DocumentTransaction<'_> {
    /// Warns of records and credentials that are gone because the body did not have them.
    pub(super) fn warn_of_losses(&mut self) {
        let losses: Vec<Warning> = self.record_changes.iter().flat_map(losses).collect();
        let more = losses.len().saturating_sub(NAMED);
        self.warnings.extend(losses.into_iter().take(NAMED));
        if more > 0 {
            let message = format!("{more} more records or credentials were removed, since they were not sent");
            self.warnings.push(Warning { path: Vec::new(), message });
        }
    }

    /// Tells of what was done to records, in the transaction of the change, which is done otherwise.
    pub(super) fn finish_records(&mut self) -> Result<()> {
        if self.record_changes.is_empty() {
            return Ok(());
        }
        let Some(versions) = rows::find(self.conn, self.content_type, self.document_id)? else { return Ok(()) };
        let recipients = rows::event_recipients(self.conn, self.content_type, versions.draft)?;
        let document = self.state_of(versions.published.is_some())?;
        let changes = std::mem::take(&mut self.record_changes);
        let told: Vec<NewEvent> =
            changes.into_iter().map(|change| self.event_of(change, &recipients, &document)).collect();
        events::insert(self.conn, &told)
    }

    fn event_of(&self, change: RecordChange, recipients: &EventRecipients, document: &Value) -> NewEvent {
        let RecordChange { id, key, url, owner, done, .. } = change;
        let (trigger, members) = match done {
            Done::Created => (EXTENSION_CREATED, Map::new()),
            Done::Updated { members, .. } => (EXTENSION_UPDATED, members),
            Done::Removed { .. } => (EXTENSION_REMOVED, Map::new()),
        };
        let is_price = self.state.catalog.holdings_of(&owner.0).any(Holding::is_of_prices);
        let price_id = is_price.then_some(owner.1);
        let type_name = if price_id.is_some() { "price" } else { self.content_type.singular };
        let of_item = (Some(&owner) != recipients.owners.first()).then_some(owner);
        NewEvent {
            uid: ids::sortable("evt", self.now, &*self.state.random),
            trigger: trigger.to_owned(),
            occurred_at: self.now,
            store: recipients.store.clone(),
            owners: of_item.into_iter().chain(recipients.owners.iter().cloned()).collect(),
            data: Some(self.entity(document, price_id).to_string()),
            changes: (!members.is_empty()).then(|| Value::Object(without_secrets(members))),
            payload: Some(json!({"extension": {"id": id, "key": key, "url": url.as_deref().map(Masker::url)}})),
            actor: self.actor.to_owned(),
            depth: self.depth,
            ..NewEvent::about(Target {
                type_name: type_name.to_owned(),
                document_id: self.document_id.to_owned(),
                price_id,
            })
        }
    }

    /// What holds the record, as events tell of it: a price with its product.
    fn entity(&self, document: &Value, price_id: Option<i64>) -> Value {
        let Some(price) = price_id else { return document.clone() };
        let prices = self.content_type.prices().and_then(|field| document[field.name].as_array());
        let price = find_price(prices.map_or(&[][..], Vec::as_slice), price);
        json!({"price": price, "product": product_of_price(self.document_id, document)})
    }
}

/// The same changes; of credentials there are only masks already, and a url may hold a secret.
fn without_secrets(mut members: Map<String, Value>) -> Map<String, Value> {
    for url in members.get_mut("url").and_then(Value::as_object_mut).into_iter().flat_map(Map::values_mut) {
        *url = url.as_str().map_or(Value::Null, |text| Value::from(Masker::url(text)));
    }
    members
}

fn losses(change: &RecordChange) -> Vec<Warning> {
    let RecordChange { id, key, path, .. } = change;
    let record = key.as_deref().map_or_else(|| id.to_string(), |key| format!("{id} ({key})"));
    match &change.done {
        Done::Removed { with_credentials } => {
            let credentials = if *with_credentials { " with its credentials" } else { "" };
            let message = format!("extension record {record} was removed{credentials}, since it was not sent");
            vec![Warning { path: path.clone(), message }]
        }
        Done::Updated { lost, .. } => {
            let warning = |name: &String| Warning {
                path: path.iter().cloned().chain(["credentials".to_owned(), name.clone()]).collect(),
                message: format!("the stored {name} of extension record {record} was removed, since it was not sent"),
            };
            lost.iter().map(warning).collect()
        }
        Done::Created => Vec::new(),
    }
}
