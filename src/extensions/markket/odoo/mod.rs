//! `markket:odoo`: stores, products, subscribers and customers are contacts and products in Odoo.

pub mod newsletter;
pub mod order;
pub mod product;

use std::time::Duration;

use serde::Deserialize;
use serde_json::{Value, json};
use utoipa::ToSchema;

use crate::commerce::Customer;
use crate::handler::{Context, Descriptor, Done, Event, Failure, Handler, Outcome};
use crate::services::odoo::{Credentials, Odoo, Partner, Protocol, sample_partner, text, upsert_partner};

/// What the triggers are that this means something to.
const USES: &str = "store_created, store_updated, store_published, product_*, new_subscriber, subscriber_updated, subscriber_verified and events with a customer such as post_sale";

/// The handler. Its runs do not wait for each other, or the sales of a store would queue behind one that Odoo keeps failing
/// at; what is older than what Odoo knows of a document is skipped instead.
pub struct Entities;

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
            ..described()
        }
    }

    async fn run(&self, context: Context<Self>) -> Outcome {
        let subject = Subject::of(&context.event)?;
        let odoo = Odoo::open(&context, context.config.protocol).await?;
        match subject {
            Subject::Product => product::keep(&context, &odoo).await,
            Subject::Partner(_, Some(own)) if context.is_overtaken(&own) => Ok(overtaken()),
            Subject::Partner(partner, own) => {
                let known = own.as_deref().and_then(|own| context.outside_id("partner", own)).and_then(Value::as_i64);
                if context.event.test {
                    let (id, is_new) = sample_partner(&odoo, &partner, known).await?;
                    return Ok(sampled("contact", id, is_new));
                }
                let (id, is_new) = upsert_partner(&odoo, &partner, known).await?;
                let done =
                    Done::new(format!("the contact {id} is {} in Odoo", if is_new { "new" } else { "up to date" }))
                        .with_data(json!({"partnerId": id, "created": is_new}));
                Ok(match own {
                    Some(own) => done.with_outside_id(&context.meta, "partner", &own, id).with_as_of(
                        &context.meta,
                        &own,
                        &context.event,
                    ),
                    None => done,
                })
            }
        }
    }

    async fn test(&self, context: Context<Self>) -> Outcome {
        Ok(Done::new(Odoo::open(&context, context.config.protocol).await?.prove().await?))
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

/// What becomes of an event in Odoo.
enum Subject {
    Product,
    /// A contact, and what it is remembered by.
    Partner(Partner, Option<String>),
}

impl Subject {
    fn of(event: &Event) -> Result<Self, Failure> {
        let short = event.trigger.trim_start_matches("trigger:");
        let document = || Some(event.target.document_id.clone());
        match (short, event.target.type_name.as_str()) {
            ("subscriber_deleted" | "store_deleted", _) => Err(Failure::discard(format!(
                "{short}: the contact stays in Odoo, where orders and invoices may need it; archive it there if it should go"
            ))),
            ("product_unpublished", _) => Err(product::stays(short)),
            _ if short.starts_with("price_") || short.starts_with("inventory_") => Err(product::whole(short)),
            _ if names_customer(event) => Ok(Self::Partner(customer(event)?, Customer::of(event).id)),
            (_, "product") => Ok(Self::Product),
            (_, "subscriber") => Ok(Self::Partner(subscriber(event)?, document())),
            (_, "store") if short.starts_with("store_") || short == "manual" => {
                Ok(Self::Partner(store(event)?, document()))
            }
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
