//! The invoice of an order. Each step looks first at how far an earlier attempt came.

use serde_json::json;

use super::{Odoo, Row};
use crate::commerce::Amount;
use crate::handler::Failure;

const ORDER: &str = "sale.order";
const MOVE: &str = "account.move";
const WIZARD: &str = "sale.advance.payment.inv";

/// What became of an order's invoice.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Invoiced {
    /// It is posted, under this id and number.
    Posted {
        /// Its id.
        id: i64,
        /// Its number: `INV/2026/00001`.
        number: String,
    },
    /// It is a draft, under this id.
    Draft {
        /// Its id.
        id: i64,
        /// What it comes to.
        amount: Option<Amount>,
    },
    /// Odoo has nothing to invoice yet: what the order sells is invoiced when it is delivered.
    Nothing,
}

/// Makes the invoice of a confirmed order, and posts it if what it comes to `is_right`; what is made or posted already
/// stays.
pub async fn invoice(
    odoo: &Odoo,
    order: i64,
    is_right: impl Fn(Option<&Amount>) -> bool + Send,
) -> Result<Invoiced, Failure> {
    let fields = &["invoice_ids", "invoice_status"];
    let row = first(odoo.read(ORDER, &[order], fields).await?, order)?;
    let mut moves = moves(odoo, &row).await?;
    if moves.is_empty() {
        if row.text("invoice_status") != Some("to invoice") {
            return Ok(Invoiced::Nothing);
        }
        let made = unless_refused(make(odoo, order).await)?;
        let row = first(odoo.read(ORDER, &[order], fields).await?, order)?;
        moves = self::moves(odoo, &row).await?;
        if moves.is_empty() {
            made?;
        }
    }
    let Some(mut found) = moves.into_iter().next() else {
        return Err(Failure::retry("Odoo made an invoice, and the order does not tell of it"));
    };
    if found.text("state") != Some("posted") {
        // It may come to something else than the order: Odoo rounds it anew.
        let amount = found.amount("amount_total");
        if !is_right(amount.as_ref()) {
            return Ok(Invoiced::Draft { id: found.id, amount });
        }
        let pressed = unless_refused(odoo.press(MOVE, "action_post", found.id).await)?;
        found = first(odoo.read(MOVE, &[found.id], &["name", "state"]).await?, order)?;
        if found.text("state") != Some("posted") {
            pressed?;
            return Err(Failure::retry(format!("the invoice {} is not posted, and Odoo does not say why", found.id)));
        }
    }
    Ok(Invoiced::Posted { id: found.id, number: found.text("name").unwrap_or_default().to_owned() })
}

/// What Odoo refuses may be done already, by another run at the same time: that is looked at before it counts.
fn unless_refused(done: Result<(), Failure>) -> Result<Result<(), Failure>, Failure> {
    match done {
        Err(failure) if !matches!(failure, Failure::Discard { .. }) => Err(failure),
        done => Ok(done),
    }
}

/// The order's invoices that stand: no refunds, and none that somebody cancelled.
async fn moves(odoo: &Odoo, order: &Row) -> Result<Vec<Row>, Failure> {
    let mut rows = odoo.read(MOVE, &order.ids("invoice_ids"), &["name", "state", "move_type", "amount_total"]).await?;
    rows.retain(|row| row.text("move_type") != Some("out_refund") && row.text("state") != Some("cancel"));
    Ok(rows)
}

/// Through the wizard that people use: the method behind it cannot be called from outside.
async fn make(odoo: &Odoo, order: i64) -> Result<(), Failure> {
    let within = [("context", json!({"active_model": ORDER, "active_ids": [order], "active_id": order}))];
    let wizard = odoo.create_within(WIZARD, json!({"advance_payment_method": "delivered"}), &within).await?;
    odoo.call(WIZARD, "create_invoices", &[("ids", json!([wizard]))], &within).await.map(drop)
}

fn first(rows: Vec<Row>, order: i64) -> Result<Row, Failure> {
    rows.into_iter().next().ok_or_else(|| Failure::retry(format!("the order {order} is gone from Odoo")))
}
