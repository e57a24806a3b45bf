//! `markket:stripe:subscription`: products and their prices go to Stripe, and who buys a price that is paid again and again
//! gets a subscription there.

use std::time::Duration;

use serde::Deserialize;
use serde_json::{Map, Value, json};
use utoipa::ToSchema;

use crate::commerce::Sale;
use crate::handler::{Context, Descriptor, Done, Failure, Handler, Ordering, Outcome, SetupCheck};
use crate::services::stripe::{
    CatalogSync, Collection, Credentials, DUE, Form, Order, Payer, PaymentBehavior, Placed, ProductFacts, Refused,
    Stripe, Terms, customer_of, find_or_make, id_of, is_recurring, is_sale, means_nothing, prove, recurring_price_of,
    remember, remembered,
};

/// The handler.
pub struct Subscription;

/// How prices and subscriptions are made.
#[derive(Deserialize, ToSchema, Default)]
#[serde(default)]
pub struct Config {
    /// The currency of prices that name none, such as EUR.
    #[schema(min_length = 3, max_length = 3, example = "EUR")]
    currency: Option<String>,
    /// Whether prices that are paid once are made too.
    one_time: bool,
    /// Who subscribes: the buyer of a sale, or the store it is made in.
    customer: Payer,
    /// How a subscription is paid: from what the customer has on file, or by an invoice that is sent.
    collection_method: Option<Collection>,
    /// Days until an invoice that is sent is due; 30 if not set.
    #[schema(minimum = 0, maximum = 3650)]
    days_until_due: Option<u32>,
    /// Days that a subscription is free at first.
    #[schema(minimum = 1, maximum = 730)]
    trial_period_days: Option<u32>,
    /// What becomes of a subscription whose first payment fails; Stripe's own way if not set.
    payment_behavior: Option<PaymentBehavior>,
    /// The connected account that all is done for, such as `acct_1032D82eZvKYlo2C`.
    account: Option<String>,
}

/// What the handler has a use for.
const LISTENS_TO: &str = "price_created, price_updated, price_deleted, product_* and post_sale";

/// What is told of drafts.
const DRAFT: &str = "a draft is not sold yet: it goes to Stripe when it is published";
/// What is told where [`is_overtaken`] holds.
const OVERTAKEN: &str = "a later change is at Stripe already";

/// What Stripe knows of a price. Anything else may change without a call.
const PRICE_FIELDS: [&str; 6] =
    ["Name", "Price", "Currency", "billing_type", "billing_interval", "billing_interval_count"];
/// What Stripe knows of a product.
const PRODUCT_FIELDS: [&str; 4] = ["Name", "SKU", "active", "SEO"];

impl Handler for Subscription {
    type Config = Config;
    type Credentials = Credentials;

    fn descriptor(&self) -> Descriptor {
        Descriptor {
            key: "markket:stripe:subscription",
            name: "Stripe subscriptions",
            description: "Keeps products and recurring prices at Stripe, and subscribes who buys them.",
            category: "payments",
            icon: ICON,
            default_triggers: &[
                "trigger:price_created",
                "trigger:price_updated",
                "trigger:price_deleted",
                "trigger:product_updated",
                "trigger:product_published",
                "trigger:product_unpublished",
                "trigger:product_deleted",
                "trigger:post_sale",
            ],
            timeout: Duration::from_secs(60),
            ordering: Ordering::Target,
            has_test: true,
            never_blocks: true,
            ..Descriptor::default()
        }
    }

    fn check(&self, config: &Config, credentials: &Credentials, check: &mut SetupCheck<'_>) {
        credentials.check(check);
        if config.days_until_due.is_some() && !sends_invoices(config) {
            check.config("days_until_due", "needs config.collection_method to be send_invoice");
        }
    }

    async fn run(&self, context: Context<Self>) -> Outcome {
        let event = &context.event;
        let short = event.trigger.trim_start_matches("trigger:");
        if is_sale(event) {
            return subscribe(&context).await;
        }
        match (event.target.type_name.as_str(), short) {
            (_, "inventory_low" | "inventory_zero" | "inventory_restocked") => Err(means_nothing(event, LISTENS_TO)),
            ("price", "price_deleted") => withdraw(&context).await,
            ("price", _) => keep_price(&context).await,
            ("product", "product_deleted" | "product_unpublished") => retire(&context).await,
            ("product", _) => keep_product(&context).await,
            _ => Err(means_nothing(event, LISTENS_TO)),
        }
    }

    async fn test(&self, context: Context<Self>) -> Outcome {
        prove(&context, context.config.account.as_deref()).await
    }
}

type Given = Context<Subscription>;

fn stripe(context: &Given) -> Result<Stripe, Failure> {
    Stripe::of(context, context.config.account.as_deref())
}

/// The price of ours that an event is about, and its product.
fn price_and_product(context: &Given) -> Result<(i64, &Value, &Value), Failure> {
    let (price, product) = (&context.entity()["price"], &context.entity()["product"]);
    let id = context.event.target.price_id.or_else(|| price["id"].as_i64());
    let id = id.filter(|_| price.is_object()).ok_or_else(|| Failure::discard("the event's data has no price"))?;
    Ok((id, price, product))
}

async fn keep_price(context: &Given) -> Outcome {
    let (_, price, product) = price_and_product(context)?;
    if let Some(done) = nothing_to_do(context, product, &PRICE_FIELDS, has_stripe_id(price)) {
        return Ok(done);
    }
    keep(context, product, &[price]).await
}

async fn keep_product(context: &Given) -> Outcome {
    let product = context.entity();
    let prices = product["PRICES"].as_array().map_or(&[][..], Vec::as_slice);
    // A price that Stripe does not know yet is seen to with whatever is changed.
    let is_known = prices.iter().all(|price| has_stripe_id(price) || !is_wanted(context, price));
    if let Some(done) = nothing_to_do(context, product, &PRODUCT_FIELDS, is_known) {
        return Ok(done);
    }
    if is_overtaken(context, None) {
        return Ok(Done::new(OVERTAKEN));
    }
    keep(context, product, &prices.iter().collect::<Vec<_>>()).await
}

/// Brings a product and these prices of it to Stripe.
async fn keep(context: &Given, product: &Value, prices: &[&Value]) -> Outcome {
    let stripe = &stripe(context)?;
    let facts = &ProductFacts::of(product, &context.event.target.document_id)?;
    let later = |price: &&&Value| is_overtaken(context, price["id"].as_i64());
    if !prices.is_empty() && prices.iter().all(|price| later(&price)) {
        return Ok(Done::new(OVERTAKEN));
    }
    let prices: Vec<&Value> = prices.iter().filter(|price| !later(price)).copied().collect();
    // What is wrong with a price is told before anything is made.
    let terms_of = |price: &Value| match is_wanted(context, price) {
        true => Terms::of(price, context.config.currency.as_deref()).map(Some),
        false => Ok(None),
    };
    let terms: Vec<Option<Terms>> = prices.iter().map(|price| terms_of(price)).collect::<Result<_, _>>()?;
    let document_id = facts.document_id.as_str();
    let known = remembered(context, "product", document_id);
    let adopted = prices.iter().find_map(|price| stripe_id(price));
    let catalog = match terms.iter().any(Option::is_some) {
        true => Some(CatalogSync::open(stripe, facts, known, adopted).await?),
        // Nothing is left to be paid again and again; something may have been.
        false if known.is_some() => CatalogSync::find(stripe, document_id, known, None).await?,
        false => None,
    };
    let Some(mut catalog) = catalog else {
        return Ok(seen(context, Done::new(format!("{} has no price that is paid again and again", facts.name))));
    };
    let (mut told, mut ids) = (Vec::new(), Map::new());
    let mut done = Done::default().with_external_id(&context.meta, "product", document_id, catalog.id());
    for (price, terms) in prices.iter().zip(&terms) {
        let Some(id) = price["id"].as_i64() else { continue };
        let name = price["Name"].as_str().filter(|name| !name.is_empty());
        let own = id.to_string();
        let known: Vec<&str> = stripe_id(price).into_iter().chain(remembered(context, "price", &own)).collect();
        let Some(terms) = terms else {
            // One that is paid once now may have been of ours; any other is none of this handler's business.
            let archived = catalog.withdraw_recurring(id, &known).await?;
            if stripe_id(price).is_some_and(|id| archived.iter().any(|gone| gone == id)) {
                done = done.with_price_change(id, "STRIPE_ID", Value::Null);
            }
            told.extend(archived.iter().map(|gone| format!("{gone} archived")));
            continue;
        };
        let placed = catalog.place((id, name), terms, &known).await?;
        told.push(line(&placed));
        done = done.with_external_id(&context.meta, "price", &own, placed.id.as_str());
        done = done.with_price_change(id, "STRIPE_ID", placed.id.as_str());
        ids.insert(own, placed.id.into());
    }
    if context.event.target.price_id.is_none() {
        // Prices may have gone in the draft, before it was published.
        let all = product["PRICES"].as_array().into_iter().flatten().filter_map(|price| price["id"].as_i64());
        let gone = catalog.withdraw_others(&all.collect::<Vec<_>>()).await?;
        told.extend((gone > 0).then(|| format!("{gone} archived")));
    }
    done.message = format!("{}: {}", facts.name, if told.is_empty() { "kept".to_owned() } else { told.join(", ") });
    done.data = Some(json!({"product": catalog.id(), "prices": ids}));
    Ok(seen(context, done))
}

fn line(placed: &Placed) -> String {
    let what = if placed.is_new { "made" } else { "kept" };
    match placed.archived {
        0 => format!("{} {what}", placed.id),
        archived => format!("{} {what}, {archived} archived", placed.id),
    }
}

/// Archives a price that was deleted.
async fn withdraw(context: &Given) -> Outcome {
    let (id, price, product) = price_and_product(context)?;
    if product["publishedAt"].is_null() {
        // It may be sold still.
        return Ok(Done::new(DRAFT));
    }
    let own = id.to_string();
    if !is_wanted(context, price) && remembered(context, "price", &own).is_none() {
        return Ok(Done::new("the price is paid once, and was not made here"));
    }
    if is_overtaken(context, Some(id)) {
        return Ok(Done::new(OVERTAKEN));
    }
    let stripe = stripe(context)?;
    let known: Vec<&str> = stripe_id(price).into_iter().chain(remembered(context, "price", &own)).collect();
    let document_id = context.event.target.document_id.as_str();
    let product = remembered(context, "product", document_id);
    let archived = match CatalogSync::find(&stripe, document_id, product, stripe_id(price)).await? {
        Some(mut catalog) => catalog.withdraw(id, &known).await?,
        None => 0,
    };
    let done = Done::new(format!("{archived} archived")).with_meta(format!("price:{own}"), Value::Null);
    Ok(seen(context, done))
}

/// Takes a product that was deleted or unpublished off the shelf.
async fn retire(context: &Given) -> Outcome {
    if is_overtaken(context, None) {
        return Ok(Done::new(OVERTAKEN));
    }
    let stripe = stripe(context)?;
    let document_id = context.event.target.document_id.as_str();
    let prices = context.entity()["PRICES"].as_array().map_or(&[][..], Vec::as_slice);
    // A product of which we sold nothing is somebody else's.
    let adopted = prices.iter().filter(|price| is_wanted(context, price)).find_map(stripe_id);
    let known = remembered(context, "product", document_id);
    let Some(catalog) = CatalogSync::find(&stripe, document_id, known, adopted).await? else {
        return Ok(seen(context, Done::new("Stripe does not know the product")));
    };
    if catalog.product["active"] != false {
        let step = format!("retire-{document_id}");
        stripe.post(&["products", catalog.id()], &step, Form::default().with("active", false)).await?;
    }
    let done = Done::new(format!("{} is no longer sold", catalog.id())).with_data(json!({"product": catalog.id()}));
    Ok(seen(context, done))
}

fn stripe_id(price: &Value) -> Option<&str> {
    price["STRIPE_ID"].as_str().filter(|id| !id.is_empty())
}

fn has_stripe_id(price: &Value) -> bool {
    stripe_id(price).is_some()
}

fn is_wanted(context: &Given, price: &Value) -> bool {
    context.config.one_time || is_recurring(price)
}

/// Done already, where an event is none of Stripe's business: about a draft, or a change of what Stripe does not know.
/// With this a price whose STRIPE_ID the handler sets does not bring it back.
fn nothing_to_do(context: &Given, product: &Value, fields: &[&str], is_known: bool) -> Option<Done> {
    if product["publishedAt"].is_null() {
        return Some(Done::new(DRAFT));
    }
    let changes = context.event.changes.as_ref().and_then(|changes| changes.as_object())?;
    let is_update = context.trigger().ends_with("_updated");
    let matters = |path: &String| {
        let field = path.split(['.', '[']).next().unwrap_or_default();
        let in_price = path.strip_prefix("PRICES[").and_then(|rest| rest.split_once(']')).map(|(_, rest)| rest);
        let of_price = |rest: &str| rest.is_empty() || PRICE_FIELDS.contains(&rest.trim_start_matches('.'));
        fields.contains(&field) || in_price.is_some_and(of_price)
    };
    let unchanged = is_update && is_known && !changes.keys().any(matters);
    unchanged.then(|| Done::new("nothing that Stripe knows of was changed"))
}

/// Whether a later event about the product, or about this price of it, has been brought to Stripe: an older one, late or
/// replayed, takes nothing back. An event about the product is one about all its prices.
fn is_overtaken(context: &Given, price: Option<i64>) -> bool {
    let document_id = &context.event.target.document_id;
    context.is_overtaken(&of_product(document_id))
        || price.is_some_and(|id| context.is_overtaken(&of_price(document_id, id)))
}

/// What `meta` remembers the time of a product's events under.
fn of_product(document_id: &str) -> String {
    format!("{document_id}/product")
}

/// The same of a price's.
fn of_price(document_id: &str, id: impl std::fmt::Display) -> String {
    format!("{document_id}/price-{id}")
}

/// `done` with the time of this event, as [`is_overtaken`] looks for it. That of an event about the product stands for
/// those before it about its prices.
fn seen(context: &Given, done: Done) -> Done {
    let (event, meta) = (&context.event, &context.meta);
    let document_id = &event.target.document_id;
    match event.target.price_id {
        Some(id) => done.with_as_of(meta, &of_price(document_id, id), event),
        None => done.without_as_of(meta, &of_price(document_id, ""), event).with_as_of(
            meta,
            &of_product(document_id),
            event,
        ),
    }
}

/// Subscribes who buys to what of it is paid again and again.
async fn subscribe(context: &Given) -> Outcome {
    let sale = Sale::of(&context.event)?;
    let stripe = stripe(context)?;
    let mut items = Vec::new();
    for (place, line) in sale.lines.iter().enumerate() {
        if let Some(price) = recurring_price_of(context, &stripe, (place, line)).await? {
            let quantity = line.quantity.as_whole().filter(|quantity| *quantity > 0);
            let wrong = || format!("payload.items[{place}].quantity is {}: subscriptions are whole", line.quantity);
            items.push((price, quantity.ok_or_else(|| Failure::discard(wrong()))?));
        }
    }
    if items.is_empty() {
        return Ok(Done::new("nothing of this sale is paid again and again"));
    }
    let person = customer_of(context, &sale, context.config.customer == Payer::Store)?;
    let customer = find_or_make(&stripe, &person, remembered(context, "customer", &person.own)).await?;
    let order = Order::of(&context.event, &sale);
    let known = ("subscriptions", remembered(context, "subscription", &sale.id));
    let there = order.find(&stripe, known, &[("customer", &customer), ("status", "all")], |_| true).await?;
    let (subscription, what) = match there {
        Some(there) => (there, "is subscribed already"),
        None => {
            let form = form(&context.config, &customer, &order, &items);
            let made = stripe.make_once("subscriptions", form, |_| true).await;
            (made.map_err(without_payment)?, "is subscribed")
        }
    };
    let id = id_of(&subscription)?;
    let done = Done::new(format!("{customer} {what}: {id}"))
        .with_data(json!({"customer": customer, "subscription": id, "status": subscription["status"]}))
        .with_external_id(&context.meta, "subscription", &sale.id, id);
    Ok(remember(context, &person, &customer, done))
}

fn form(config: &Config, customer: &str, order: &Order, items: &[(String, i64)]) -> Form {
    let mut form = order.mark(Form::default().with("customer", customer));
    for (place, (price, quantity)) in items.iter().enumerate() {
        form = form.with(format!("items[{place}][price]"), price).with(format!("items[{place}][quantity]"), quantity);
    }
    let sends = sends_invoices(config);
    form.with_some("collection_method", config.collection_method.map(Collection::as_str))
        .with_some("days_until_due", sends.then(|| config.days_until_due.unwrap_or(DUE)))
        .with_some("trial_period_days", config.trial_period_days)
        .with_some("payment_behavior", config.payment_behavior.map(PaymentBehavior::as_str))
}

fn sends_invoices(config: &Config) -> bool {
    config.collection_method == Some(Collection::SendInvoice)
}

/// Where nothing is on file to be charged, Stripe says so as of something that is missing.
fn without_payment(refused: Refused) -> Failure {
    let nothing_on_file = refused.is_missing() && refused.param.is_empty();
    let failure = Failure::from(refused);
    match nothing_on_file {
        true => failure
            .map_reason(|reason| format!("{reason} Or have invoices sent (config.collection_method: send_invoice)")),
        false => failure,
    }
}

const ICON: &str = r#"<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 24 24" fill="none" stroke="currentColor" stroke-width="2" stroke-linecap="round" stroke-linejoin="round"><path d="M20 11a8 8 0 0 0-14-4L4 9M4 4v5h5M4 13a8 8 0 0 0 14 4l2-2M20 20v-5h-5"/><path d="M12 9v6"/></svg>"#;
