//! `markket:stripe:invoice`: an invoice for each sale.

use std::time::Duration;

use serde::Deserialize;
use serde_json::{Value, json};
use utoipa::ToSchema;

use crate::commerce::{Address, Amount, Sale};
use crate::handler::{Context, Descriptor, Done, Failure, Handler, Outcome, SetupCheck};
use crate::services::stripe::{
    Collection, Credentials, DUE, Form, Minor, Order, Payer, Refused, Stripe, customer_of, find_or_make, id_of,
    is_sale, means_nothing, prove, remember, remembered,
};

/// The handler.
pub struct Invoice;

/// What invoices are like.
#[derive(Deserialize, ToSchema, Default)]
#[serde(default)]
pub struct Config {
    /// Whether Stripe sends the invoice by mail.
    send: bool,
    /// Whether Stripe goes on by itself: charges what is on file, reminds, retries.
    auto_advance: bool,
    /// Whether the sale is paid already: the invoice is marked so, and nothing is collected.
    paid: bool,
    /// How the invoice is paid: by an invoice that is sent if not set, or from what the customer has on file.
    collection_method: Option<Collection>,
    /// Days until it is due; 30 if not set.
    #[schema(minimum = 0, maximum = 3650)]
    days_until_due: Option<u32>,
    /// Who is billed: the buyer of the sale, or the store it is made in.
    customer: Payer,
    /// The currency of sales that name none, such as EUR.
    #[schema(min_length = 3, max_length = 3, example = "EUR")]
    currency: Option<String>,
    /// The line for what an order costs beside its items, such as Shipping; without it, a total that is not the sum of
    /// the items makes no invoice.
    #[schema(min_length = 1, max_length = 250, example = "Shipping")]
    rest_line: Option<String>,
    /// The connected account that it is done for, such as `acct_1032D82eZvKYlo2C`.
    account: Option<String>,
}

impl Handler for Invoice {
    type Config = Config;
    type Credentials = Credentials;

    fn descriptor(&self) -> Descriptor {
        Descriptor {
            key: "markket:stripe:invoice",
            name: "Stripe invoices",
            description: "Makes an invoice at Stripe for each sale, and sends it where that is wanted.",
            category: "payments",
            icon: ICON,
            default_triggers: &["trigger:post_sale"],
            timeout: Duration::from_secs(60),
            has_test: true,
            never_blocks: true,
            ..Descriptor::default()
        }
    }

    fn check(&self, config: &Config, credentials: &Credentials, check: &mut SetupCheck<'_>) {
        credentials.check(check);
        if let Some((name, why)) = refused(config) {
            check.config(name, why);
        }
    }

    async fn run(&self, context: Context<Self>) -> Outcome {
        if !is_sale(&context.event) {
            return Err(means_nothing(&context.event, "post_sale, order_created, order_fulfilled or order_shipped"));
        }
        let config = &context.config;
        let sale = Sale::of(&context.event)?;
        let lines = Lines::of(&sale, config)?;
        let stripe = Stripe::of(&context, config.account.as_deref())?;
        let person = customer_of(&context, &sale, config.customer == Payer::Store)?;
        let customer = find_or_make(&stripe, &person, remembered(&context, "customer", &person.own)).await?;
        let (order, remembered) = (Order::of(&context.event, &sale), remembered(&context, "invoice", &sale.id));
        let delivery = sale.shipping.as_ref().map(|address| (address, person.called()));
        let billing = Billing { stripe: &stripe, config, order, remembered, lines: &lines, delivery };
        let (invoice, message) = billing.bill(&customer).await?;
        let id = id_of(&invoice)?;
        let done = Done::new(format!("the invoice {id} for order {} {message}", sale.id))
            .with_data(json!({
                "customer": customer,
                "invoice": id,
                "number": invoice["number"],
                "status": invoice["status"],
                "total": invoice["total"],
                "currency": lines.currency,
            }))
            .with_external_id(&context.meta, "invoice", &sale.id, id);
        Ok(remember(&context, &person, &customer, done))
    }

    async fn test(&self, context: Context<Self>) -> Outcome {
        prove(&context, context.config.account.as_deref()).await
    }
}

fn method(config: &Config) -> Collection {
    config.collection_method.unwrap_or(Collection::SendInvoice)
}

/// What Stripe would refuse in the config, whatever is sold: where, and why.
fn refused(config: &Config) -> Option<(&'static str, &'static str)> {
    let charges = method(config) == Collection::ChargeAutomatically;
    match (charges && config.send, charges && config.days_until_due.is_some()) {
        (true, _) => Some(("send", NEEDS_SENDING)),
        (_, true) => Some(("days_until_due", NEEDS_SENDING)),
        _ => None,
    }
}

/// Why something means nothing for what is charged.
const NEEDS_SENDING: &str = "needs config.collection_method to be send_invoice";

/// What an invoice is about.
struct Lines {
    /// ISO 4217, in small letters.
    currency: String,
    lines: Vec<InvoiceLine>,
}

struct InvoiceLine {
    name: String,
    sku: Option<String>,
    quantity: Amount,
    unit: Minor,
}

impl Lines {
    /// Fails with the path of what is missing, or cannot be charged.
    fn of(sale: &Sale, config: &Config) -> Result<Self, Failure> {
        let currency = sale.currency.clone().or_else(|| config.currency.as_ref().map(|code| code.to_uppercase()));
        let currency = currency.ok_or_else(|| {
            Failure::discard("payload.order.currency is missing, and config.currency too: what is it sold in?")
        })?;
        if sale.lines.is_empty() {
            return Err(Failure::discard(
                "nothing to bill: the sale has neither payload.items nor payload.order.total",
            ));
        }
        let mut lines = Vec::new();
        let mut sum = Some(Amount::from(0));
        for (place, line) in sale.lines.iter().enumerate() {
            let wrong =
                |member: &str, problem: String| Failure::discard(format!("payload.items[{place}].{member}{problem}"));
            let price = line.price.as_ref().ok_or_else(|| wrong("price", " is missing".into()))?;
            let unit = Minor::of(price, &currency).map_err(|problem| wrong("price", format!(": {problem}")))?;
            if line.quantity.is_negative() || line.quantity == Amount::from(0) {
                return Err(wrong("quantity", format!(" is {}: nothing to bill", line.quantity)));
            }
            sum = sum.and_then(|sum| sum.plus(&price.times(&line.quantity)?));
            let (name, sku, quantity) = (line.name.clone(), line.sku.clone(), line.quantity.clone());
            lines.push(InvoiceLine { name, sku, quantity, unit });
        }
        let sum = sum.ok_or_else(|| Failure::discard("payload.items sum up to more than can be counted"))?;
        lines.extend(rest(sale, config, &sum, &currency)?);
        Ok(Self { currency: currency.to_lowercase(), lines })
    }
}

/// What the order costs beside its items. Less than a smallest unit is left to rounding.
fn rest(sale: &Sale, config: &Config, sum: &Amount, currency: &str) -> Result<Option<InvoiceLine>, Failure> {
    let Some(total) = &sale.total else { return Ok(None) };
    let less = sum.times(&Amount::from(-1));
    let rest = less.and_then(|less| total.plus(&less));
    let rest = rest.ok_or_else(|| Failure::discard("payload.order.total is more than can be counted"))?;
    let unit = Minor::of(&rest, currency);
    if unit.as_ref().is_ok_and(Minor::is_below_one) {
        return Ok(None);
    }
    let Some(name) = &config.rest_line else {
        return Err(Failure::discard(format!(
            "payload.items sum up to {sum}, but payload.order.total is {total}: send shipping, discounts and taxes as \
             items, or say in config.rest_line what the rest is"
        )));
    };
    let unit = unit.map_err(|problem| Failure::discard(format!("payload.order.total: {problem}")))?;
    Ok(Some(InvoiceLine { name: name.clone(), sku: None, quantity: Amount::from(1), unit }))
}

/// One sale on its way to be billed.
struct Billing<'a> {
    stripe: &'a Stripe,
    config: &'a Config,
    order: Order,
    /// The invoice that an earlier run has made of it, as far as that is known.
    remembered: Option<&'a str>,
    lines: &'a Lines,
    /// Where it is delivered to, and what the customer is called.
    delivery: Option<(&'a Address, &'a str)>,
}

impl Billing<'_> {
    /// The invoice, and what was done with it. One that is there is finished where it was left, and else left alone. Each
    /// step has the same key in all runs for the order: what two of them do at once is done once.
    async fn bill(&self, customer: &str) -> Result<(Value, &'static str), Refused> {
        let query = [("customer", customer)];
        let there = self.order.find(self.stripe, ("invoices", self.remembered), &query, is_valid).await?;
        let is_new = there.is_none();
        let mut invoice = match there {
            Some(invoice) => invoice,
            None => self.make(customer).await?,
        };
        let is_draft = invoice["status"] == "draft";
        if !is_draft && invoice["metadata"][BILLING] != BEGUN {
            return Ok((invoice, "is there already"));
        }
        let id = id_of(&invoice)?.to_owned();
        if is_draft {
            self.add_lines(customer, &id, is_new).await?;
            // What is paid must not be collected too.
            let goes_on = self.config.auto_advance && !self.config.paid;
            let form = Form::default().with("auto_advance", goes_on);
            // Another config is another request, which Stripe takes no key for twice.
            let key = format!("finalize-{id}-{goes_on}");
            invoice = self.stripe.post_once(&["invoices", &id, "finalize"], &key, form, |_| true).await?;
        }
        if self.config.paid && invoice["status"] != "paid" {
            invoice = self.step(&id, "pay", Form::default().with("paid_out_of_band", true)).await?;
        }
        if self.config.send {
            invoice = self.step(&id, "send", Form::default()).await?;
        }
        if self.config.has_more_steps() {
            let form = Form::default().with_metadata(BILLING, "done");
            self.stripe.post_once(&["invoices", &id], &format!("billed-{id}"), form, |_| true).await?;
        }
        Ok((invoice, if self.config.send { "was sent" } else { "was finalised" }))
    }

    async fn step(&self, invoice: &str, step: &str, form: Form) -> Result<Value, Refused> {
        let key = format!("{step}-{invoice}");
        self.stripe.post_once(&["invoices", invoice, step], &key, form, |_| true).await
    }

    async fn make(&self, customer: &str) -> Result<Value, Refused> {
        let method = method(self.config);
        let sends = method == Collection::SendInvoice;
        let form = Form::default()
            .with("customer", customer)
            .with("currency", &self.lines.currency)
            .with("collection_method", method.as_str())
            .with_some("days_until_due", sends.then(|| self.config.days_until_due.unwrap_or(DUE)))
            // Nothing is collected before all lines are there, and nothing that waits for another invoice is taken in.
            .with("auto_advance", false)
            .with("pending_invoice_items_behavior", "exclude");
        let form = match self.delivery {
            Some((address, buyer)) => form.with_delivery("shipping_details", address, buyer),
            None => form,
        };
        let begun = self.config.has_more_steps().then_some(BEGUN);
        let form = self.order.mark(form).with_some(&format!("metadata[{BILLING}]"), begun);
        self.stripe.make_once("invoices", form, is_valid).await
    }

    async fn add_lines(&self, customer: &str, invoice: &str, is_new: bool) -> Result<(), Refused> {
        let there = match is_new {
            true => Vec::new(),
            false => self.stripe.list("invoiceitems", &[("invoice", invoice)]).await?,
        };
        for (place, line) in self.lines.lines.iter().enumerate() {
            let number = place.to_string();
            if there.iter().any(|item| item["metadata"]["line"] == number.as_str()) {
                continue;
            }
            let form = Form::default()
                .with("customer", customer)
                .with("invoice", invoice)
                .with("currency", &self.lines.currency)
                .with("unit_amount_decimal", line.unit.as_str())
                .with(if line.quantity.as_whole().is_some() { "quantity" } else { "quantity_decimal" }, &line.quantity)
                .with("description", &line.name)
                .with_metadata("line", &number)
                .with_some("metadata[SKU]", line.sku.as_deref());
            // There is one line in each place, whatever other runs say is in it.
            let key = format!("line-{invoice}-{number}");
            match self.stripe.post_once(&["invoiceitems"], &key, form, |_| true).await {
                Err(refused) if refused.is_of_another() => {
                    let reason = format!("another run is writing the invoice {invoice}, with other lines");
                    return Err(Failure::retry(reason).into());
                }
                done => done?,
            };
        }
        Ok(())
    }
}

impl Config {
    /// Whether an invoice that is finalised is not all that is wanted.
    fn has_more_steps(&self) -> bool {
        self.send || self.paid
    }
}

fn is_valid(invoice: &Value) -> bool {
    invoice["status"] != "void"
}

/// What of an invoice's metadata says how far it is, where finalising it is not the end.
const BILLING: &str = "billing";
/// There are steps to come, which a later run goes on with.
const BEGUN: &str = "begun";

const ICON: &str = r#"<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 24 24" fill="none" stroke="currentColor" stroke-width="2" stroke-linecap="round" stroke-linejoin="round"><path d="M6 3h12v18l-3-2-3 2-3-2-3 2z"/><path d="M9 8h6M9 12h6"/></svg>"#;
