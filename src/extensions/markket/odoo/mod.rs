//! `markket:odoo`: stores, products, subscribers and customers are contacts and products in Odoo.

pub mod newsletter;
pub mod order;
pub mod product;

use std::time::Duration;

use serde::Deserialize;
use serde_json::{Value, json};
use utoipa::ToSchema;

use crate::commerce::Customer;
use crate::handler::{Context, Descriptor, Done, Event, Failure, Handler, Ordering, Outcome, SetupCheck};
use crate::services::odoo::{
    Credentials, Kept, Memory, Odoo, Partner, Protocol, Versions, What, sample_partner, text, upsert_partner,
};

/// What the triggers are that this means something to.
const USES: &str = "store_created, store_updated, store_published, product_*, new_subscriber, subscriber_updated, subscriber_verified and events with a customer such as post_sale";

/// The handler. Its runs about a document go in order. Those of sales do not, or the sales of a store would queue behind
/// one that Odoo keeps failing at: what is older than what was written of a customer overwrites nothing instead.
pub struct Entities(pub Versions);

/// How Odoo is spoken to.
#[derive(Deserialize, ToSchema, Default)]
#[serde(default)]
pub struct Config {
    /// Which language Odoo speaks: `auto` asks it for its version.
    #[schema(inline)]
    protocol: Protocol,
}

impl Handler for Entities {
    type Config = Config;
    type Credentials = Credentials;

    fn descriptor(&self) -> Descriptor {
        Descriptor {
            key: "markket:odoo",
            name: "Odoo",
            description: "Keeps stores, customers and subscribers as contacts in Odoo, and products as products.",
            default_triggers: &[
                "trigger:store_updated",
                "trigger:product_published",
                "trigger:product_updated",
                "trigger:product_deleted",
                "trigger:new_subscriber",
                "trigger:post_sale",
            ],
            icon: ICON,
            ordering: Ordering::Target,
            ..described()
        }
    }

    fn check(&self, config: &Config, credentials: &Credentials, check: &mut SetupCheck<'_>) {
        credentials.check(config.protocol, check);
    }

    async fn run(&self, context: Context<Self>) -> Outcome {
        let subject = Subject::of(&context.event)?;
        let odoo = Odoo::open(&context, context.config.protocol, &self.0).await?;
        match subject {
            Subject::Product => product::keep(&context, &odoo).await,
            Subject::Document(partner) => keep_document(&context, &odoo, &partner).await,
            Subject::Customer(partner, own) => keep_customer(&context, &odoo, &partner, own.as_deref()).await,
        }
    }

    async fn test(&self, context: Context<Self>) -> Outcome {
        Ok(Done::new(Odoo::open(&context, context.config.protocol, &self.0).await?.prove().await?))
    }
}

/// Keeps the contact that the event's own document is.
async fn keep_document(context: &Context<Entities>, odoo: &Odoo, partner: &Partner) -> Outcome {
    let own = &context.event.target.document_id;
    if context.is_overtaken(own) {
        return Ok(overtaken());
    }
    let known = context.external_id(DOCUMENT, own).and_then(Value::as_i64);
    if context.event.test {
        let (id, is_new) = sample_partner(odoo, partner, known).await?;
        return Ok(sampled("contact", id, is_new));
    }
    let kept = upsert_partner(odoo, partner, memory(context, known, &|id| is_own(context, id))).await?;
    let done = told(context, kept).with_external_id(&context.meta, DOCUMENT, own, kept.id);
    Ok(done.with_as_of(&context.meta, own, &context.event))
}

/// Keeps the contact of a customer whom the event's payload names, by an id of the shop's if it has one.
async fn keep_customer(context: &Context<Entities>, odoo: &Odoo, partner: &Partner, own: Option<&str>) -> Outcome {
    let known = own.and_then(|own| context.external_id(CUSTOMER, own)).and_then(Value::as_i64);
    if context.event.test {
        let (id, is_new) = sample_partner(odoo, partner, known).await?;
        return Ok(sampled("contact", id, is_new));
    }
    let kept = upsert_partner(odoo, partner, memory(context, known, &|id| is_own(context, id))).await?;
    let done = told(context, kept);
    Ok(match own {
        Some(own) => done.with_external_id(&context.meta, CUSTOMER, own, kept.id),
        None => done,
    })
}

/// What `meta` calls the contacts of documents, those of customers by ids of the shop's, and those that the record made. The
/// first two are kept apart: whoever buys may have any id.
const DOCUMENT: &str = "partner";
const CUSTOMER: &str = "customer";
const MADE: &str = "made";

fn is_own(context: &Context<Entities>, id: i64) -> bool {
    context.external_id(MADE, &id.to_string()).is_some()
}

fn memory<'a>(context: &Context<Entities>, id: Option<i64>, made: &'a (dyn Fn(i64) -> bool + Sync)) -> Memory<'a> {
    Memory { id, made, as_of: context.event.occurred_at }
}

/// What is told of a contact. One that the record made is its own from then on.
fn told(context: &Context<Entities>, kept: Kept) -> Done {
    let id = kept.id;
    let done = Done::new(match kept.what {
        What::Made => format!("the contact {id} is new in Odoo"),
        What::UpToDate => format!("the contact {id} is up to date in Odoo"),
        What::Left => format!(
            "the contact {id} is a company's in Odoo, or of someone who works with it, and was left as it is: change it there"
        ),
    });
    let is_made = kept.what == What::Made;
    let done = done.with_data(json!({"partnerId": id, "created": is_made}));
    if is_made || is_own(context, id) {
        done.with_external_id(&context.meta, MADE, &id.to_string(), true)
    } else {
        done
    }
}

/// What the handlers of Odoo have in common.
fn described() -> Descriptor {
    Descriptor {
        category: "erp",
        // Each call is made for several others, and Odoo takes its time over each.
        timeout: Duration::from_secs(30),
        has_test: true,
        never_blocks: true,
        ..Descriptor::default()
    }
}

/// What comes of an event that is older than what Odoo knows.
fn overtaken() -> Done {
    Done::new("nothing for Odoo: it knows of a later change")
}

/// What came of a sample, which changes nothing that is there, and is not remembered.
fn sampled(what: &str, id: i64, is_new: bool) -> Done {
    Done::new(match is_new {
        true => format!("the sample is the {what} {id} in Odoo"),
        false => format!("the {what} {id} is in Odoo, and a sample changes nothing of it"),
    })
}

/// What an event is to Odoo.
enum Subject {
    Product,
    /// The contact that the event's document is.
    Document(Partner),
    /// The contact of a customer, and the id that the shop has for it.
    Customer(Partner, Option<String>),
}

impl Subject {
    fn of(event: &Event) -> Result<Self, Failure> {
        let short = event.trigger.trim_start_matches("trigger:");
        match (short, event.target.type_name.as_str()) {
            ("subscriber_deleted" | "store_deleted", _) => Err(Failure::discard(format!(
                "{short}: the contact stays in Odoo, where orders and invoices may need it; archive it there if it should go"
            ))),
            ("product_unpublished", _) => Err(product::stays(short)),
            _ if short.starts_with("price_") || short.starts_with("inventory_") => Err(product::whole(short)),
            _ if names_customer(event) => Ok(Self::Customer(customer(event)?, Customer::of(event).id)),
            (_, "product") => Ok(Self::Product),
            (_, "subscriber") => Ok(Self::Document(subscriber(event)?)),
            (_, "store") if short.starts_with("store_") || short == "manual" => Ok(Self::Document(store(event)?)),
            _ => Err(Failure::discard(format!("{short} has nothing for Odoo: this is for {USES}"))),
        }
    }
}

fn names_customer(event: &Event) -> bool {
    event.payload.as_ref().is_some_and(|payload| payload["customer"].is_object())
}

fn customer(event: &Event) -> Result<Partner, Failure> {
    let customer = Customer::of(event);
    let email = customer.email()?.to_owned();
    let is_customer = event.trigger != "trigger:pre_sale";
    Ok(Partner::Person { email, name: customer.name, phone: customer.phone, is_customer })
}

fn subscriber(event: &Event) -> Result<Partner, Failure> {
    let Customer { email, name, phone, .. } = Customer::of(event);
    let email = email.ok_or_else(|| Failure::discard("the subscriber has no Email, by which Odoo knows people"))?;
    Ok(Partner::Person { email, name, phone, is_customer: false })
}

fn store(event: &Event) -> Result<Partner, Failure> {
    let store = event.data.value();
    let name = text(&store["title"]).or_else(|| text(&store["slug"]));
    let name = name.ok_or_else(|| Failure::discard("the store has no title, which Odoo needs for a name"))?.to_owned();
    let urls = store["URLS"].as_array().into_iter().flatten();
    let website = urls.filter_map(|url| text(&url["URL"])).find(|url| url.starts_with("http"));
    let reference = event.target.document_id.clone();
    Ok(Partner::Company { reference, name, website: website.map(str::to_owned) })
}

const ICON: &str = r#"<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 24 24" fill="none" stroke="currentColor" stroke-width="2" stroke-linecap="round" stroke-linejoin="round"><path d="M3 21V8l6-4v17M9 21h12V11l-12-3M13 14h.01M17 14h.01M13 18h.01M17 18h.01"/></svg>"#;
