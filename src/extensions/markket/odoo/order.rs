//! `markket:odoo:order`: a sale is a confirmed order in Odoo, and with `create_invoice` a posted invoice.
//!
//! Each step looks first at what earlier attempts came to, so that one which ended anywhere is taken up there: the order is
//! found by its reference, confirmed when it is not, invoiced when it has no invoice, posted when that is a draft.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use utoipa::ToSchema;

use super::described;
use crate::commerce::{Amount, Line, Sale, minor_digits, money};
use crate::handler::{Context, Descriptor, Done, Failure, Handler, Outcome};
use crate::services::odoo::{
    Credentials, Invoiced, Odoo, Partner, Protocol, Row, Search, articles, create_partner, find_partner, invoice,
    sample_articles, sample_partner,
};
use crate::triggers::find_in_catalogue;

const MODEL: &str = "sale.order";

/// The handler.
pub struct Orders;

/// What becomes of a sale in Odoo.
#[derive(Deserialize, ToSchema, Default)]
#[serde(default)]
pub struct Config {
    /// Whether the order is invoiced at once, and the invoice posted. One that comes to something else than the sale stays
    /// a draft.
    create_invoice: bool,
    /// Stands before the order's number in Odoo. Shops that share a database need one each, or the second order 1001 would
    /// be taken for the first.
    #[schema(example = "WEB-", max_length = 32)]
    reference_prefix: Option<String>,
    /// Which taxes the lines of an order have.
    #[schema(inline)]
    taxes: Taxes,
    /// Odoo's price list for each currency, by its id, where the first one in that currency is not the right one.
    #[schema(example = json!({"EUR": 3}))]
    pricelists: BTreeMap<String, i64>,
    /// Which language Odoo speaks: `auto` asks it for its version.
    #[schema(inline)]
    protocol: Protocol,
}

/// Which taxes the lines of an order have.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
enum Taxes {
    /// Those that the products have in Odoo.
    #[default]
    Odoo,
    /// None: what the shop says is what is paid.
    None,
}

impl Handler for Orders {
    type Config = Config;
    type Credentials = Credentials;

    fn descriptor(&self) -> Descriptor {
        Descriptor {
            key: "markket:odoo:order",
            name: "Odoo orders",
            description: "Makes a confirmed sales order of each sale in Odoo, and a posted invoice if you want.",
            default_triggers: &["trigger:post_sale"],
            icon: ICON,
            // A dozen calls, of which confirming and posting are slow ones.
            timeout: Duration::from_secs(60),
            ..described()
        }
    }

    async fn run(&self, context: Context<Self>) -> Outcome {
        let sale = sale(&context)?;
        let reference = reference(&context, &sale);
        let odoo = Odoo::open(&context, context.config.protocol).await?;
        let known = context.outside_id("order", &reference).and_then(Value::as_i64);
        let mut orders = find(&odoo, &reference, known).await?;
        if orders.is_empty() {
            let made = make(&context, &odoo, &sale, &reference).await?;
            orders = find(&odoo, &reference, Some(made)).await?;
            if orders.is_empty() {
                return Err(Failure::retry(format!("the order {made}, just made in Odoo, is not there")));
            }
            withdraw(&odoo, &orders, made).await?;
        }
        let name = |order: &Row| order.text("name").unwrap_or_default().to_owned();
        let Some(order) = orders.iter().find(|order| !is_cancelled(order)) else {
            let names: Vec<_> = orders.iter().map(name).collect();
            return Ok(Done::new(format!("{} was cancelled in Odoo, and stays so", names.join(", "))));
        };
        check_currency(&sale, order)?;
        let done = finish(&context, &odoo, order, &sale).await?;
        Ok(done.with_outside_id(&context.meta, "order", &reference, order.id))
    }

    async fn test(&self, context: Context<Self>) -> Outcome {
        Ok(Done::new(Odoo::open(&context, context.config.protocol).await?.prove().await?))
    }
}

/// The sale that the event tells of.
fn sale(context: &Context<Orders>) -> Result<Sale, Failure> {
    let short = context.trigger().trim_start_matches("trigger:");
    let is_sale = find_in_catalogue(short).is_none_or(|entry| matches!(entry.name, "post_sale" | "order_created"));
    if !is_sale {
        return Err(Failure::discard(format!(
            "{short} makes no order: this is for post_sale, or for order_created where orders come before they are paid"
        )));
    }
    let sale = Sale::of(&context.event)?;
    sale.customer.email()?;
    if sale.lines.is_empty() {
        return Err(Failure::discard("nothing was sold: the event has neither payload.items nor payload.order.total"));
    }
    Ok(sale)
}

/// What the order is known by in Odoo.
fn reference(context: &Context<Orders>, sale: &Sale) -> String {
    let test = if context.event.test { "TEST " } else { "" };
    format!("{test}{}{}", context.config.reference_prefix.as_deref().unwrap_or_default(), sale.id)
}

/// The orders with this reference, the oldest first.
async fn find(odoo: &Odoo, reference: &str, known: Option<i64>) -> Result<Vec<Row>, Failure> {
    let by_reference = json!(["client_order_ref", "=", reference]);
    let domain = match known {
        Some(id) => json!(["|", ["id", "=", id], by_reference]),
        None => json!([by_reference]),
    };
    let fields = &["name", "state", "currency_id", "amount_total", "amount_tax"];
    odoo.search(Search { model: MODEL, domain, fields, order: "id", limit: None }).await
}

async fn make(context: &Context<Orders>, odoo: &Odoo, sale: &Sale, reference: &str) -> Result<i64, Failure> {
    let is_sample = context.event.test;
    let partner = partner(odoo, sale, is_sample).await?;
    let pricelist = pricelist(odoo, &context.config, sale, partner).await?;
    let articles = match is_sample {
        true => sample_articles(odoo, &sale.lines).await?,
        false => articles(odoo, &sale.lines).await?,
    };
    let taxes = match context.config.taxes {
        Taxes::Odoo => None,
        Taxes::None => Some(odoo.taxes_field().await?),
    };
    let mut lines: Vec<_> = sale.lines.iter().zip(articles).map(|(line, id)| order_line(line, id, taxes)).collect();
    if is_sample {
        // Shown where people will see it.
        lines
            .iter_mut()
            .zip(&sale.lines)
            .for_each(|(made, line)| made[2]["name"] = json!(format!("Test: {}", line.name)));
    }
    let mut order = json!({"partner_id": partner, "client_order_ref": reference, "order_line": lines});
    let shop = context.event.store.as_ref().and_then(|store| store.slug.as_ref());
    order["origin"] = json!(shop.map_or(reference, String::as_str));
    if let Some(pricelist) = pricelist {
        order["pricelist_id"] = json!(pricelist);
    }
    odoo.create(MODEL, order).await
}

/// The buyer's contact. One that is there is left as it is, since what stands there is what invoices are written to; one
/// that was archived is a customer again.
async fn partner(odoo: &Odoo, sale: &Sale, is_sample: bool) -> Result<i64, Failure> {
    let customer = &sale.customer;
    let partner = Partner::Person {
        email: customer.email()?.to_owned(),
        name: customer.name.clone(),
        phone: customer.phone.clone(),
        is_customer: true,
    };
    if is_sample {
        return Ok(sample_partner(odoo, &partner, None).await?.0);
    }
    match find_partner(odoo, &partner, None).await? {
        Some(found) => {
            if found.is_archived() {
                odoo.write("res.partner", &[found.id], json!({"active": true})).await?;
            }
            Ok(found.id)
        }
        None => create_partner(odoo, &partner).await,
    }
}

/// The price list that makes the order one in the sale's currency; none is needed in the company's own.
async fn pricelist(odoo: &Odoo, config: &Config, sale: &Sale, partner: i64) -> Result<Option<i64>, Failure> {
    let Some(currency) = &sale.currency else { return Ok(None) };
    if let Some(told) = config.pricelists.get(currency) {
        return Ok(Some(*told));
    }
    // Odoo tells with a contact what the company counts in.
    let rows = odoo.read("res.partner", &[partner], &["currency_id"]).await?;
    let Some(companys) = rows.first().and_then(|row| row.called("currency_id")) else { return Ok(None) };
    if companys == currency {
        return Ok(None);
    }
    let domain = json!([["currency_id.name", "=", currency]]);
    let search = Search { model: "product.pricelist", domain, fields: &["name"], order: "id", limit: Some(1) };
    let found = odoo.search(search).await?.into_iter().next().map(|row| row.id);
    let missing = || {
        Failure::discard(format!(
            "the sale is in {currency}, Odoo counts in {companys} and has no price list in {currency}: make one there (Sales, Products, Pricelists), or name one in config.pricelists.{currency}"
        ))
    };
    found.map(Some).ok_or_else(missing)
}

fn order_line(line: &Line, article: i64, taxes: Option<&str>) -> Value {
    let mut values = json!({"product_id": article, "product_uom_qty": line.quantity, "name": line.name});
    // Without a price of the shop's, it is Odoo's own. A price list must not take something off what was paid.
    if let Some(price) = &line.price {
        (values["price_unit"], values["discount"]) = (json!(price), json!(0));
    }
    if let Some(field) = taxes {
        values[field] = json!([[6, 0, []]]);
    }
    json!([0, 0, values])
}

/// Two runs at once may both have found no order and made one. The first stands; whoever made another takes it back.
async fn withdraw(odoo: &Odoo, orders: &[Row], made: i64) -> Result<(), Failure> {
    match orders.iter().find(|order| !is_cancelled(order)) {
        Some(first) if first.id != made => odoo.press(MODEL, "action_cancel", made).await,
        _ => Ok(()),
    }
}

fn is_cancelled(order: &Row) -> bool {
    order.text("state") == Some("cancel")
}

/// A price list of the customer's may have made it another currency than that of the prices in it.
fn check_currency(sale: &Sale, order: &Row) -> Result<(), Failure> {
    match (sale.currency.as_deref(), order.called("currency_id")) {
        (Some(sales), Some(orders)) if sales != orders => Err(Failure::discard(format!(
            "{} is in {orders} in Odoo and the sale in {sales}, so it was not confirmed: correct its price list there, or name one in config.pricelists.{sales} and delete it; then run this again",
            order.text("name").unwrap_or_default()
        ))),
        _ => Ok(()),
    }
}

/// Confirms the order and invoices it, whatever of it is not done yet. A sample stays a quotation.
async fn finish(context: &Context<Orders>, odoo: &Odoo, order: &Row, sale: &Sale) -> Outcome {
    let name = order.text("name").unwrap_or_default();
    let mut data = json!({"orderId": order.id, "order": name, "total": order.amount("amount_total")});
    if context.event.test {
        return Ok(Done::new(format!("{name} is a quotation in Odoo: a sample is not confirmed")).with_data(data));
    }
    if is_open(order) {
        confirm(odoo, order.id).await?;
    }
    let mut message = format!("{name} is confirmed in Odoo");
    // The sale says what was paid: an invoice over another amount is for a person to look at, and never posted.
    let difference = difference(sale, order);
    if context.config.create_invoice {
        match invoice(odoo, order.id, difference.is_none()).await? {
            Invoiced::Posted { id, number } => {
                message = format!("{message}, and its invoice {number} posted");
                (data["invoiceId"], data["invoice"]) = (json!(id), json!(number));
            }
            Invoiced::Draft { id } => {
                message.push_str(", and its invoice left as a draft, to be corrected and posted there");
                data["invoiceId"] = json!(id);
            }
            Invoiced::Nothing => {
                message
                    .push_str("; there is nothing to invoice yet: its products are invoiced when they are delivered");
            }
        }
    }
    if let Some(difference) = difference {
        message = format!("{message}; {difference}");
    }
    Ok(Done::new(message).with_data(data))
}

fn is_open(order: &Row) -> bool {
    matches!(order.text("state"), Some("draft" | "sent"))
}

/// What Odoo refuses may be done already, by another run at the same time: that is looked at before it counts.
async fn confirm(odoo: &Odoo, order: i64) -> Result<(), Failure> {
    let Err(failure) = odoo.press(MODEL, "action_confirm", order).await else { return Ok(()) };
    let is_refused = matches!(failure, Failure::Discard { .. });
    let again = if is_refused { odoo.read(MODEL, &[order], &["state"]).await? } else { Vec::new() };
    match again.first() {
        Some(order) if !is_open(order) && !is_cancelled(order) => Ok(()),
        _ => Err(failure),
    }
}

/// In what the order in Odoo and the sale differ by more than a rounding, and what makes it so; none where they agree, and
/// where the sale does not say what it came to.
fn difference(sale: &Sale, order: &Row) -> Option<String> {
    let (total, odoos) = (sale.total.as_ref()?, order.amount("amount_total")?);
    let currency = sale.currency.as_deref();
    let digits = currency.map_or(2, minor_digits);
    if total.is_about(&odoos, digits) {
        return None;
    }
    let mut causes = Vec::new();
    let (items, nothing) = (items(sale), Amount::from(0));
    let beyond = odoos.minus(items.as_ref().unwrap_or(total));
    let is_more = beyond.is_some_and(|beyond| !beyond.is_negative() && !beyond.is_about(&nothing, digits));
    if let Some(tax) = order.amount("amount_tax").filter(|tax| is_more && *tax != nothing) {
        causes.push(format!(
            "{} of it are taxes that Odoo adds: make them taxes that are included in the price there, or set config.taxes to none",
            money(&tax, currency)
        ));
    }
    match items.and_then(|items| total.minus(&items)) {
        None => causes.push("Odoo's own prices stand for those that payload.items does not tell".to_owned()),
        Some(gap) if gap.is_about(&nothing, digits) => {}
        Some(gap) if gap.is_negative() => causes.push(format!(
            "payload.order.total is {} less than payload.items come to: a discount has to be taken off the items' prices",
            money(&gap, currency).trim_start_matches('-')
        )),
        Some(gap) => causes.push(format!(
            "payload.order.total is {} more than payload.items come to: shipping, fees and taxes have to be items too",
            money(&gap, currency)
        )),
    }
    if causes.is_empty() {
        causes.push("the order was changed there".to_owned());
    }
    let (total, odoos) = (money(total, currency), money(&odoos, currency));
    Some(format!("it comes to {odoos} there and to {total} in the shop: {}", causes.join("; ")))
}

/// What the items come to; none where one has no price.
fn items(sale: &Sale) -> Option<Amount> {
    sale.lines.iter().try_fold(Amount::from(0), |sum, line| sum.plus(&line.price.as_ref()?.times(&line.quantity)?))
}

const ICON: &str = r#"<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 24 24" fill="none" stroke="currentColor" stroke-width="2" stroke-linecap="round" stroke-linejoin="round"><path d="M6 3h12v18l-3-2-3 2-3-2-3 2zM9 8h6M9 12h6"/></svg>"#;
