//! `markket:odoo:product`: a product is a product in Odoo, with its list price.

use serde::Deserialize;
use serde_json::{Value, json};
use utoipa::ToSchema;

use super::{described, overtaken, sampled};
use crate::handler::{Context, Descriptor, Done, ExtensionContext, Failure, Handler, Ordering, Outcome, SetupCheck};
use crate::services::odoo::{Credentials, Odoo, Protocol, Versions, archive_product, sample_product, upsert_product};

/// The handler.
pub struct Products(pub Versions);

/// How Odoo is spoken to.
#[derive(Deserialize, ToSchema, Default)]
#[serde(default)]
pub struct Config {
    /// Which language Odoo speaks: `auto` asks it for its version.
    #[schema(inline)]
    protocol: Protocol,
}

impl Handler for Products {
    type Config = Config;
    type Credentials = Credentials;

    fn descriptor(&self) -> Descriptor {
        Descriptor {
            key: "markket:odoo:product",
            name: "Odoo products",
            description: "Keeps each product in Odoo, with article number, list price and description.",
            default_triggers: &["trigger:product_published", "trigger:product_updated", "trigger:product_deleted"],
            icon: ICON,
            ordering: Ordering::Target,
            ..described()
        }
    }

    fn check(&self, config: &Config, credentials: &Credentials, check: &mut SetupCheck<'_>) {
        credentials.check(config.protocol, check);
    }

    async fn run(&self, context: Context<Self>) -> Outcome {
        let event = &context.event;
        let short = event.trigger.trim_start_matches("trigger:");
        match event.target.type_name.as_str() {
            "product" if short == "product_unpublished" => Err(stays(short)),
            // What its stock comes to is Odoo's own business.
            "product" if !short.starts_with("inventory_") => {
                let odoo = Odoo::open(&context, context.config.protocol, &self.0).await?;
                keep(&context, &odoo).await
            }
            _ => Err(whole(short)),
        }
    }

    async fn test(&self, context: Context<Self>) -> Outcome {
        Ok(Done::new(Odoo::open(&context, context.config.protocol, &self.0).await?.prove().await?))
    }
}

/// Makes or changes the product that the event is about, or archives it when it was deleted.
pub(super) async fn keep<Config>(context: &ExtensionContext<Config, Credentials>, odoo: &Odoo) -> Outcome {
    let (product, own) = (context.entity(), &context.event.target.document_id);
    if context.is_overtaken(own) {
        return Ok(overtaken());
    }
    let known = context.external_id("product", own).and_then(Value::as_i64);
    let short = context.trigger().trim_start_matches("trigger:");
    if context.event.test {
        let (id, is_new) = sample_product(odoo, product, known).await?;
        return Ok(sampled("product", id, is_new));
    }
    if short == "product_deleted" {
        let done = match archive_product(odoo, product, known).await? {
            Some(id) => Done::new(format!("the product {id} is archived in Odoo")).with_data(json!({"productId": id})),
            None => Done::new("Odoo did not have the product"),
        };
        return Ok(done.with_as_of(&context.meta, own, &context.event));
    }
    let brought_back = matches!(short, "product_created" | "product_published");
    let upserted = upsert_product(odoo, product, known, brought_back).await?;
    let (id, currency) = (upserted.id, upserted.currency.as_deref().unwrap_or("the currency of Odoo"));
    let state = if upserted.is_new { "new" } else { "up to date" };
    let message = match &upserted.list_price {
        Some(price) => format!("the product {id} is {state} in Odoo, for {price} {currency}"),
        None => {
            format!("the product {id} is {state} in Odoo, without a list price: none of its prices is in {currency}")
        }
    };
    let data = json!({"productId": id, "created": upserted.is_new, "listPrice": upserted.list_price});
    let done = Done::new(message).with_data(data).with_external_id(&context.meta, "product", own, id);
    Ok(done.with_as_of(&context.meta, own, &context.event))
}

/// Why an event about a part of a product is left alone.
pub(super) fn whole(short: &str) -> Failure {
    Failure::discard(format!(
        "{short} tells too little of a product for Odoo: product_updated comes with every change of it and of its prices, to the records of products and stores"
    ))
}

/// Why a product that is no longer shown stays.
pub(super) fn stays(short: &str) -> Failure {
    Failure::discard(format!(
        "{short}: what the shop no longer shows may be sold by other ways and stays in Odoo; product_deleted archives it"
    ))
}

const ICON: &str = r#"<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 24 24" fill="none" stroke="currentColor" stroke-width="2" stroke-linecap="round" stroke-linejoin="round"><path d="M12 3l8 4v10l-8 4-8-4V7zM4 7l8 4 8-4M12 11v10"/></svg>"#;
