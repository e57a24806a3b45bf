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
use crate::commerce::{Amount, Line, Sale};
use crate::handler::{Context, Descriptor, Done, Failure, Handler, Outcome, SetupCheck};
use crate::services::odoo::{
    Buyer, COMPARED, Credentials, Invoiced, Odoo, Partner, Protocol, Row, Search, Versions, articles, buyer, counting,
    difference, invoice, invoice_difference, sample_articles, sample_partner,
};
use crate::triggers::find_in_catalogue;

const MODEL: &str = "sale.order";

/// The handler.
pub struct Orders(pub Versions);

/// What becomes of a sale in Odoo.
#[derive(Deserialize, ToSchema, Default)]
#[serde(default)]
pub struct Config {
    /// Whether the order is invoiced at once, and the invoice posted. One that comes to something else than the sale stays
    /// a draft.
    create_invoice: bool,
    /// Stands before the order's number in Odoo. Shops that share a database need one each: a sale whose number is that of
    /// another shop's order makes none, and its run is dead.
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

    fn check(&self, config: &Config, credentials: &Credentials, check: &mut SetupCheck<'_>) {
        credentials.check(config.protocol, check);
    }

    async fn run(&self, context: Context<Self>) -> Outcome {
        let mut sale = sale(&context)?;
        let reference = reference(&context, &sale);
        let odoo = Odoo::open(&context, context.config.protocol, &self.0).await?;
        let known = context.external_id("order", &reference).and_then(Value::as_i64);
        // One attempt at a time is at a sale that is told twice.
        let lock = odoo.lock(MODEL, &reference).await?;
        let mut orders = find_own(&context, &odoo, (&sale, &reference), known).await?;
        if orders.is_empty() {
            find_numbers(&context, &mut sale).await?;
            let made = make(&context, &odoo, &sale, &reference).await?;
            orders = find_own(&context, &odoo, (&sale, &reference), Some(made)).await?;
            if orders.is_empty() {
                return Err(Failure::retry(format!("the order {made}, just made in Odoo, is not there")));
            }
            withdraw(&odoo, &orders, made).await?;
        }
        let Some(order) = orders.iter().find(|order| !is_cancelled(order)) else {
            let names: Vec<_> = orders.iter().map(name).collect();
            return Ok(Done::new(format!("{} was cancelled in Odoo, and stays so", names.join(", "))));
        };
        check_currency(&sale, order)?;
        let done = finish(&context, &odoo, order, &sale).await?;
        lock.release(None).await;
        Ok(done.with_external_id(&context.meta, "order", &reference, order.id))
    }

    async fn test(&self, context: Context<Self>) -> Outcome {
        Ok(Done::new(Odoo::open(&context, context.config.protocol, &self.0).await?.prove().await?))
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

/// Where the order comes from, as it stands in Odoo: the store by its slug.
fn origin<'a>(context: &'a Context<Orders>, reference: &'a str) -> &'a str {
    let store = context.event.store.as_ref();
    store.map_or(reference, |store| store.slug.as_deref().unwrap_or(&store.document_id))
}

/// The orders of this sale, the oldest first: that of the id that is `known`, and those with its reference from its store.
///
/// Fails when the reference is that of another shop's order, or of another customer's from this one.
async fn find_own(
    context: &Context<Orders>,
    odoo: &Odoo,
    (sale, reference): (&Sale, &str),
    known: Option<i64>,
) -> Result<Vec<Row>, Failure> {
    let orders = find(odoo, reference, known).await?;
    let origin = origin(context, reference);
    let is_known = |order: &Row| Some(order.id) == known;
    let is_own = |order: &Row| is_known(order) || order.text("origin") == Some(origin);
    let (own, others): (Vec<_>, Vec<_>) = orders.into_iter().partition(is_own);
    if own.is_empty()
        && let Some(other) = others.iter().find(|order| !is_cancelled(order))
    {
        return Err(taken(reference, other, &format!("from {}", other.text("origin").unwrap_or("nowhere"))));
    }
    if let Some(order) = own.iter().find(|order| !is_cancelled(order)).filter(|order| !is_known(order))
        && !context.event.test
        && is_anothers(odoo, sale, order).await?
    {
        return Err(taken(reference, order, "for another customer"));
    }
    Ok(own)
}

/// Why an order that is there is not that of the sale, and what would make it another.
fn taken(reference: &str, order: &Row, whose: &str) -> Failure {
    Failure::discard(format!(
        "no order was made: Odoo has {} under the reference {reference:?} {whose}. Set config.reference_prefix to a text of this shop's own, such as SOUTH-, and run this again",
        name(order)
    ))
}

/// Whether the order's contact has another address than the buyer. One without an address says nothing.
async fn is_anothers(odoo: &Odoo, sale: &Sale, order: &Row) -> Result<bool, Failure> {
    let Some(partner) = order.leads_to("partner_id") else { return Ok(false) };
    let rows = odoo.read("res.partner", &[partner], &["email_normalized"]).await?;
    let email = rows.first().and_then(|row| row.text("email_normalized"));
    Ok(email.is_some_and(|email| sale.customer.email.as_deref().is_some_and(|own| !own.eq_ignore_ascii_case(email))))
}

/// The orders with this reference, the oldest first.
async fn find(odoo: &Odoo, reference: &str, known: Option<i64>) -> Result<Vec<Row>, Failure> {
    let by_reference = json!(["client_order_ref", "=", reference]);
    let domain = match known {
        Some(id) => json!(["|", ["id", "=", id], by_reference]),
        None => json!([by_reference]),
    };
    let fields = &[&["name", "state", "currency_id", "origin", "partner_id"][..], &COMPARED].concat();
    odoo.search(Search { model: MODEL, domain, fields, order: "id", limit: None }).await
}

fn name(order: &Row) -> String {
    order.text("name").unwrap_or_default().to_owned()
}

/// Finds the article numbers of lines that name a product of the shop's and no number: Odoo knows products by them.
async fn find_numbers(context: &Context<Orders>, sale: &mut Sale) -> Result<(), Failure> {
    for line in sale.lines.iter_mut().filter(|line| line.sku.is_none()) {
        if let Some(product) = &line.product {
            line.sku = context.host.find_sku(product).await?;
        }
    }
    Ok(())
}

async fn make(context: &Context<Orders>, odoo: &Odoo, sale: &Sale, reference: &str) -> Result<i64, Failure> {
    let is_sample = context.event.test;
    let Buyer { partner, invoice, delivery } = find_buyer(odoo, sale, is_sample).await?;
    let counting = counting(odoo, &context.config.pricelists, sale, partner).await?;
    let articles = match is_sample {
        true => sample_articles(odoo, &sale.lines, counting.is_companys).await?,
        false => articles(odoo, &sale.lines, counting.is_companys).await?,
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
    order["origin"] = json!(origin(context, reference));
    let told = [
        ("pricelist_id", counting.pricelist),
        ("partner_invoice_id", invoice.map(Value::from)),
        ("partner_shipping_id", delivery.map(Value::from)),
    ];
    for (field, value) in told {
        if let Some(value) = value {
            order[field] = value;
        }
    }
    odoo.create(MODEL, order).await
}

/// Whom the order is for. A sample has a contact of its own, and no addresses.
async fn find_buyer(odoo: &Odoo, sale: &Sale, is_sample: bool) -> Result<Buyer, Failure> {
    let customer = &sale.customer;
    let person = Partner::Person {
        email: customer.email()?.to_owned(),
        name: customer.name.clone(),
        phone: customer.phone.clone(),
        is_customer: true,
    };
    match is_sample {
        true => Ok(Buyer { partner: sample_partner(odoo, &person, None).await?.0, invoice: None, delivery: None }),
        false => buyer(odoo, &person, sale).await,
    }
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
            name(order)
        ))),
        _ => Ok(()),
    }
}

/// Confirms the order and invoices it, whatever of it is not done yet. A sample stays a quotation.
async fn finish(context: &Context<Orders>, odoo: &Odoo, order: &Row, sale: &Sale) -> Outcome {
    let name = name(order);
    let mut data = json!({"orderId": order.id, "order": name, "total": order.amount("amount_total")});
    if context.event.test {
        return Ok(Done::new(format!("{name} is a quotation in Odoo: a sample is not confirmed")).with_data(data));
    }
    if is_open(order) {
        confirm(odoo, order.id).await?;
    }
    let mut message = format!("{name} is confirmed in Odoo");
    // The sale says what was paid: an invoice over another amount is for a person to look at, and never posted.
    let mut difference = difference(odoo, sale, order).await?;
    if context.config.create_invoice {
        let is_right = difference.is_none();
        let may_post = |amount: Option<&Amount>| {
            is_right && amount.is_none_or(|amount| invoice_difference(sale, amount).is_none())
        };
        match invoice(odoo, order.id, may_post).await? {
            Invoiced::Posted { id, number } => {
                message = format!("{message}, and its invoice {number} posted");
                (data["invoiceId"], data["invoice"]) = (json!(id), json!(number));
            }
            Invoiced::Draft { id, amount } => {
                message.push_str(", and its invoice left as a draft, to be corrected and posted there");
                data["invoiceId"] = json!(id);
                difference = difference.or_else(|| invoice_difference(sale, amount.as_ref()?));
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

const ICON: &str = r#"<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 24 24" fill="none" stroke="currentColor" stroke-width="2" stroke-linecap="round" stroke-linejoin="round"><path d="M6 3h12v18l-3-2-3 2-3-2-3 2zM9 8h6M9 12h6"/></svg>"#;
