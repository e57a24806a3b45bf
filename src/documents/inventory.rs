//! The inventory of a price: taken off by sales, put on by deliveries, counted anew.
//!
//! It is a counter more than it is copy, so an operation is in force at once in both versions, and the product is neither
//! published nor marked as edited by it. The published version decides, where the price is in it: that is what is sold.
//! It counts in the revision, though: an edit under `If-Match` cannot bring back what was sold since the editor looked.
//! Without, an edit that names `inventory` says what it shall be, as in Strapi; one that leaves it out never moves it.

use std::sync::Arc;

use serde_json::Value;

use super::change::DocumentTransaction;
use super::etag::TaggedAnswer;
use super::lifecycle::{self, Change, ContentChange, TOLD_OF_PRODUCT};
use super::prices::prices_field;
use super::read::find_item;
use super::write::Request;
use crate::content::{PRODUCT, Version};
use crate::db::documents::read::{self, Form};
use crate::db::documents::{self as rows, InventoryChange, LARGEST_INVENTORY, PriceRows};
use crate::error::{Error, Problem, Result};
use crate::nesting;
use crate::query::{ReadPlan, Warning};
use crate::state::AppState;
use crate::triggers::stock::tracked;

/// What can be done to an inventory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Operation {
    /// A sale: taken off, never below zero.
    Decrement,
    /// A delivery: put on.
    Increment,
    /// Counted anew.
    Set,
}

/// Changes the inventory of a price. The answer shows the price in the version that is in force.
///
/// What is not tracked can be sold without end: it stays as it is, with a warning. Putting on and counting anew begin to
/// track it.
///
/// Fails with [`Error::NotFound`] when neither version of the product has the price, with [`Error::OutOfStock`] when less
/// is there than is asked for, and with [`Error::Conflict`] when more would be there than can be counted.
pub async fn change_inventory(
    state: &Arc<AppState>,
    request: Request,
    (product, price): (String, i64),
    (operation, quantity): (Operation, i64),
) -> Result<TaggedAnswer> {
    let plan = request.price_plan(state)?;
    check(operation, quantity)?;
    let change = move |transaction: &mut DocumentTransaction<'_>| {
        let mut plan = plan.clone();
        plan.version = transaction.change_inventory(price, operation, quantity)?;
        plan.warnings.append(&mut transaction.warnings);
        transaction.conn.for_answer(|conn| find_item(plan, transaction.document_id, price).run(conn))
    };
    request.write_serially(state, product, change).await
}

fn check(operation: Operation, quantity: i64) -> Result<()> {
    let least = if operation == Operation::Set { 0 } else { 1 };
    if (least..=LARGEST_INVENTORY).contains(&quantity) {
        return Ok(());
    }
    let message = format!("quantity must be from {least} to {LARGEST_INVENTORY}");
    Err(Error::Invalid(vec![Problem { path: vec!["quantity".into()], message, value: Some(quantity.into()) }]))
}

/// What `operation` does to a stored inventory; `None` for a sale of what is not tracked.
fn change_of(stored: Option<i64>, operation: Operation, quantity: i64) -> Option<InventoryChange> {
    match (operation, tracked(stored)) {
        (Operation::Decrement, Some(_)) => Some(InventoryChange::Take(quantity)),
        (Operation::Decrement, None) => None,
        (Operation::Increment, Some(_)) => Some(InventoryChange::Add(quantity)),
        (Operation::Increment, None) => Some(InventoryChange::Start(quantity)),
        (Operation::Set, _) => Some(InventoryChange::Set(quantity)),
    }
}

/// Why the guard held an operation back.
fn refused(operation: Operation, quantity: i64, left: i64) -> Error {
    match operation {
        Operation::Decrement => Error::OutOfStock { left, asked: quantity },
        _ => Error::Conflict(format!("with {left} there, {quantity} more are more than can be counted")),
    }
}

impl DocumentTransaction<'_> {
    /// Returns the version that was in force.
    fn change_inventory(&mut self, price: i64, operation: Operation, quantity: i64) -> Result<Version> {
        let versions = self.lock_and_check_revision()?;
        let published = versions.published.map(|row| (Version::Published, row, Some(versions.draft)));
        for (version, in_force, other) in published.into_iter().chain([(Version::Draft, versions.draft, None)]) {
            if let Some(before) = self.product_with(price, version)? {
                self.count(before, PriceRows { price, in_force, other }, (operation, quantity))?;
                return Ok(version);
            }
        }
        Err(Error::NotFound)
    }

    fn count(&mut self, before: Value, at: PriceRows, (operation, quantity): (Operation, i64)) -> Result<()> {
        let stored = before["PRICES"][0]["inventory"].as_i64();
        let Some(change) = change_of(stored, operation, quantity) else {
            let message = "is not tracked, so nothing was taken off".to_owned();
            self.warnings.push(Warning { path: vec!["inventory".to_owned()], message });
            return Ok(());
        };
        let counted = rows::change_inventory(self.conn, at, change)?;
        let counted = counted.ok_or_else(|| refused(operation, quantity, stored.unwrap_or_default()))?;
        let draft = at.other.unwrap_or(at.in_force);
        rows::revise(self.conn, &PRODUCT, draft)?;
        let mut after = before.clone();
        after["PRICES"][0]["inventory"] = counted.into();
        if before == after { Ok(()) } else { self.tell_of_stock(draft, &before, &after) }
    }

    fn tell_of_stock(&mut self, draft: i64, before: &Value, after: &Value) -> Result<()> {
        let recipients = rows::event_recipients(self.conn, &PRODUCT, draft)?;
        let content_change = ContentChange {
            content_type: &PRODUCT,
            document_id: self.document_id,
            change: Change::Counted,
            before,
            after,
            is_in_force: true,
            actor: self.actor,
            depth: self.depth,
        };
        lifecycle::emit(self.conn, &content_change, &recipients, (self.now, self.state))
    }

    /// A version of the product as the events of its price tell of it; `None` when the price is not in it.
    fn product_with(&mut self, price: i64, version: Version) -> Result<Option<Value>> {
        let plan =
            ReadPlan::whole_item(&PRODUCT, prices_field()?, version, &TOLD_OF_PRODUCT).of_document(self.document_id);
        let Some(found) = read::one(self.conn, &plan.of_item(price), Form::Flat)? else { return Ok(None) };
        let product: Value = nesting::read(&found.document)?;
        Ok(product["PRICES"][0].is_object().then_some(product))
    }
}
