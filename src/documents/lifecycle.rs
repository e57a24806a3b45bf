//! The events of a change of content, written in its own transaction.

use std::collections::{BTreeMap, HashMap};

use serde_json::{Map, Value, json};

use super::diff;
use super::stock::{self, Moved};
use crate::clock::Millis;
use crate::content::{ContentType, Field, Shape};
use crate::db::Conn;
use crate::db::documents::EventRecipients;
use crate::db::events::{self, NewEvent, Target};
use crate::error::Result;
use crate::ids;
use crate::state::AppState;
use crate::triggers::stock::Movement;

/// What was done to a document.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Change {
    Created,
    Updated,
    Published,
    Unpublished,
    Deleted,
    /// The inventory of a price was counted: no edit of the product.
    Counted,
}

/// A logical change with the states around it; `before` is null for a new document, `after` for a deleted one.
pub(super) struct ContentChange<'a> {
    pub content_type: &'static ContentType,
    pub document_id: &'a str,
    pub change: Change,
    pub before: &'a Value,
    pub after: &'a Value,
    /// Whether these are states of the version whose stocks count: the published one, where there is one.
    pub is_in_force: bool,
    pub actor: &'a str,
    /// How many events led to it.
    pub depth: u32,
}

/// Writes the events of `content_change`: the document's own, those of its prices and those of stocks, each once.
pub(super) fn emit(
    conn: &mut Conn,
    content_change: &ContentChange<'_>,
    recipients: &EventRecipients,
    (now, state): (Millis, &AppState),
) -> Result<()> {
    let changes = match content_change.change {
        // What is published for the first time differs from nothing.
        Change::Updated | Change::Published if !content_change.before.is_null() => {
            diff::changes(content_change.before, content_change.after)
        }
        _ => Map::new(),
    };
    let own = content_change.trigger().map(|trigger| content_change.event(trigger, &changes, recipients));
    let mut told: Vec<NewEvent> = own.into_iter().collect();
    told.extend(content_change.moment_events(&changes, recipients));
    told.extend(content_change.price_events(recipients));
    told.extend(stock::events(conn, &state.matchers, content_change.moved_stocks(recipients))?);
    for event in &mut told {
        event.uid = ids::sortable("evt", now, &*state.random);
        event.occurred_at = now;
    }
    events::insert(conn, &told)
}

impl ContentChange<'_> {
    /// The trigger of the document's own event, if its type emits one.
    fn trigger(&self) -> Option<String> {
        let events = self.content_type.events?;
        let action = match self.change {
            Change::Created if !events.created.is_empty() => return Some(format!("trigger:{}", events.created)),
            Change::Published | Change::Unpublished if !events.publication => return None,
            Change::Counted => return None,
            Change::Created => "created",
            Change::Updated => "updated",
            Change::Published => "published",
            Change::Unpublished => "unpublished",
            Change::Deleted => "deleted",
        };
        Some(format!("trigger:{}_{action}", self.content_type.singular))
    }

    fn event(&self, trigger: String, changes: &Map<String, Value>, recipients: &EventRecipients) -> NewEvent {
        let data = if self.after.is_null() { self.before } else { self.after };
        NewEvent { data: Some(data.to_string()), ..self.event_without_data(trigger, changes, recipients) }
    }

    fn event_without_data(
        &self,
        trigger: String,
        changes: &Map<String, Value>,
        recipients: &EventRecipients,
    ) -> NewEvent {
        NewEvent {
            trigger,
            store: recipients.store.clone(),
            owners: recipients.owners.clone(),
            changes: (!changes.is_empty()).then(|| Value::Object(changes.clone())),
            actor: self.actor.to_owned(),
            depth: self.depth,
            ..NewEvent::about(Target {
                type_name: self.content_type.singular.to_owned(),
                document_id: self.document_id.to_owned(),
                price_id: None,
            })
        }
    }

    /// What is set for the first time is told apart from other changes: a subscriber who confirms or leaves from one whose
    /// name is mended.
    fn moment_events(&self, changes: &Map<String, Value>, recipients: &EventRecipients) -> Vec<NewEvent> {
        let was_set =
            |field: &str| changes.get(field).is_some_and(|change| change["from"].is_null() && !change["to"].is_null());
        let Some(events) = self.content_type.events.filter(|_| self.change == Change::Updated) else {
            return Vec::new();
        };
        let moments = events.moments.iter().filter(|moment| was_set(moment.field));
        moments.map(|moment| self.event(format!("trigger:{}", moment.trigger), changes, recipients)).collect()
    }

    /// Prices that came, changed or went with an edit of their product. They reach their own records first.
    fn price_events(&self, recipients: &EventRecipients) -> Vec<NewEvent> {
        let changes_prices = matches!(self.change, Change::Created | Change::Updated | Change::Counted);
        let Some(prices) = self.content_type.prices().filter(|_| changes_prices) else { return Vec::new() };
        let (old, new) = (items_by_id(prices, self.before), items_by_id(prices, self.after));
        let both: BTreeMap<i64, _> = old.keys().chain(new.keys()).map(|id| (*id, (old.get(id), new.get(id)))).collect();
        let events = both.into_iter().filter_map(|(id, (before, after))| {
            let (before, after) = (before.copied(), after.copied());
            let changes = diff::changes(before.unwrap_or(&Value::Null), after.unwrap_or(&Value::Null));
            let (trigger, changes) = match (before, after) {
                (None, _) => ("trigger:price_created", Map::new()),
                (Some(_), None) => ("trigger:price_deleted", Map::new()),
                (Some(_), Some(_)) if changes.is_empty() => return None,
                (Some(_), Some(_)) => ("trigger:price_updated", changes),
            };
            Some(self.price_event(trigger, id, (after.or(before)?.clone(), changes), recipients))
        });
        events.collect()
    }

    /// The stocks that moved: the product's quantity and the inventory of each price that was there before.
    fn moved_stocks(&self, recipients: &EventRecipients) -> Vec<Moved> {
        let may_move = matches!(self.change, Change::Updated | Change::Published | Change::Counted);
        if !may_move || !self.is_in_force || self.before.is_null() {
            return Vec::new();
        }
        let movement = |field: &str, before: &Value, after: &Value| {
            if field.is_empty() {
                return None;
            }
            let movement = Movement::of(before[field].as_i64(), after[field].as_i64())?;
            let change = json!({ "from": movement.from, "to": movement.to });
            Some((movement, Map::from_iter([(field.to_owned(), change)])))
        };
        let quantity = movement(self.content_type.stock, self.before, self.after)
            .map(|(movement, changes)| Moved { movement, event: self.event(String::new(), &changes, recipients) });
        let Some(prices) = self.content_type.prices() else { return quantity.into_iter().collect() };
        let before = items_by_id(prices, self.before);
        let inventories = items(prices, self.after).iter().filter_map(|price| {
            let id = price["id"].as_i64()?;
            let (movement, changes) = movement(prices.held()?.stock, before.get(&id)?, price)?;
            Some(Moved { movement, event: self.price_event("", id, (price.clone(), changes), recipients) })
        });
        quantity.into_iter().chain(inventories).collect()
    }

    fn price_event(
        &self,
        trigger: &str,
        id: i64,
        (price, changes): (Value, Map<String, Value>),
        recipients: &EventRecipients,
    ) -> NewEvent {
        let product = if self.after.is_null() { self.before } else { self.after };
        let data = json!({ "price": price, "product": product_of_price(self.document_id, product) });
        // The product is not told whole: with a thousand prices it would be a thousand times.
        let mut event = self.event_without_data(trigger.to_owned(), &changes, recipients);
        if let Some(of) = self.content_type.prices().and_then(Field::held) {
            event.target =
                Target { type_name: of.key.to_owned(), document_id: self.document_id.to_owned(), price_id: Some(id) };
            event.owners.insert(0, (Shape::Component(of).records_owner_field(), id));
        }
        event.data = Some(data.to_string());
        event
    }
}

/// What the events of a price say of its product, beside the documentId.
pub(super) const TOLD_OF_PRODUCT: [&str; 4] = ["Name", "slug", "SKU", "publishedAt"];

/// The product, as the events of its prices tell of it.
pub fn product_of_price(document_id: &str, product: &Value) -> Value {
    let mut told = json!({ "documentId": document_id });
    for field in TOLD_OF_PRODUCT {
        told[field] = product[field].clone();
    }
    told
}

/// The price with this id.
pub(super) fn find_price(list: &[Value], id: i64) -> Option<&Value> {
    list.iter().find(|price| price["id"].as_i64() == Some(id))
}

fn items_by_id<'a>(list: &Field, document: &'a Value) -> HashMap<i64, &'a Value> {
    items(list, document).iter().filter_map(|item| Some((item["id"].as_i64()?, item))).collect()
}

fn items<'a>(list: &Field, document: &'a Value) -> &'a [Value] {
    document[list.name].as_array().map_or(&[], Vec::as_slice)
}
