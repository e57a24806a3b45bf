//! In what an order in Odoo and the sale differ, and why: an invoice over another amount than what was paid is never posted.

use super::{Odoo, Row};
use crate::commerce::{Amount, Line, Sale, minor_digits, money};
use crate::handler::Failure;

/// What is read of an order to compare it.
pub const COMPARED: [&str; 3] = ["amount_total", "amount_tax", "order_line"];

/// How many digits behind the point Odoo may be set to round to.
const PRECISIONS: std::ops::RangeInclusive<usize> = 1..=6;

/// What the order and the sale differ by once both are rounded to the currency's digits, and what makes it so; `None`
/// where they agree, and where the sale does not say what it came to.
pub async fn difference(odoo: &Odoo, sale: &Sale, order: &Row) -> Result<Option<String>, Failure> {
    let (Some(total), Some(odoos)) = (&sale.total, order.amount("amount_total")) else { return Ok(None) };
    if total.is_same(&odoos, digits(sale)) {
        return Ok(None);
    }
    let currency = sale.currency.as_deref();
    let mut causes = causes(sale, order, total, &odoos);
    causes.extend(roundings(odoo, sale, order).await?);
    if causes.is_empty() {
        causes.push("the order was changed there, or its taxes are rounded otherwise".to_owned());
    }
    let (total, odoos) = (money(total, currency), money(&odoos, currency));
    Ok(Some(format!("it comes to {odoos} there and to {total} in the shop: {}", causes.join("; "))))
}

/// What an invoice over `amount` differs in from the sale; `None` where they agree.
pub fn invoice_difference(sale: &Sale, amount: &Amount) -> Option<String> {
    let total = sale.total.as_ref().filter(|total| !total.is_same(amount, digits(sale)))?;
    let (amount, total) = (money(amount, sale.currency.as_deref()), money(total, sale.currency.as_deref()));
    Some(format!(
        "its invoice comes to {amount} there and the sale to {total}: its lines were changed, or it is rounded otherwise than the order (Invoicing, Configuration, Settings: Rounding Method, Cash Rounding)"
    ))
}

fn digits(sale: &Sale) -> usize {
    sale.currency.as_deref().map_or(2, minor_digits)
}

/// What of the difference the totals alone tell.
fn causes(sale: &Sale, order: &Row, total: &Amount, odoos: &Amount) -> Vec<String> {
    let (currency, digits) = (sale.currency.as_deref(), digits(sale));
    let mut causes = Vec::new();
    let (items, nothing) = (items(sale), Amount::from(0));
    let beyond = odoos.minus(items.as_ref().unwrap_or(total));
    let is_more = beyond.is_some_and(|beyond| !beyond.is_negative() && !beyond.is_same(&nothing, digits));
    if let Some(tax) = order.amount("amount_tax").filter(|tax| is_more && *tax != nothing) {
        causes.push(format!(
            "{} of it are taxes that Odoo adds: make them taxes that are included in the price there, or set config.taxes to none",
            money(&tax, currency)
        ));
    }
    match items.and_then(|items| total.minus(&items)) {
        None => causes.push("Odoo's own prices stand for those that payload.items does not tell".to_owned()),
        Some(gap) if gap.is_same(&nothing, digits) => {}
        Some(gap) if gap.is_negative() => causes.push(format!(
            "payload.order.total is {} less than payload.items come to: a discount has to be taken off the items' prices",
            money(&gap, currency).trim_start_matches('-')
        )),
        Some(gap) => causes.push(format!(
            "payload.order.total is {} more than payload.items come to: shipping, fees and taxes have to be items too",
            money(&gap, currency)
        )),
    }
    causes
}

/// What the items come to; none where one has no price.
fn items(sale: &Sale) -> Option<Amount> {
    sale.lines.iter().try_fold(Amount::from(0), |sum, line| sum.plus(&line.price.as_ref()?.times(&line.quantity)?))
}

/// Which prices and quantities Odoo has rounded, as it does to its own precision.
async fn roundings(odoo: &Odoo, sale: &Sale, order: &Row) -> Result<Vec<String>, Failure> {
    let ids = order.ids("order_line");
    if ids.len() != sale.lines.len() {
        return Ok(Vec::new());
    }
    let mut rows = odoo.read("sale.order.line", &ids, &["price_unit", "product_uom_qty"]).await?;
    rows.sort_by_key(|row| ids.iter().position(|id| *id == row.id));
    let price = rounded(sale, &rows, "price_unit", |line| line.price.as_ref());
    let quantity = rounded(sale, &rows, "product_uom_qty", |line| Some(&line.quantity));
    let told = |found: Option<(Amount, Amount)>, what: &str, accuracy: &str| {
        found.map(|(ours, odoos)| {
            format!(
                "Odoo rounds {what} to fewer digits than the shop, {ours} became {odoos}: set more digits for {accuracy:?} there (Settings, Technical, Decimal Accuracy)"
            )
        })
    };
    let told = [told(price, "prices", "Product Price"), told(quantity, "quantities", "Product Unit of Measure")];
    Ok(told.into_iter().flatten().collect())
}

/// The first value of the lines that Odoo keeps with fewer digits, and what became of it.
fn rounded(sale: &Sale, rows: &[Row], field: &str, of: impl Fn(&Line) -> Option<&Amount>) -> Option<(Amount, Amount)> {
    sale.lines.iter().zip(rows).find_map(|(line, row)| {
        let (ours, odoos) = (of(line)?, row.amount(field)?);
        let is_rounded =
            *ours != odoos && PRECISIONS.into_iter().any(|digits| ours.rounded(digits) == Some(odoos.clone()));
        is_rounded.then(|| (ours.clone(), odoos))
    })
}
