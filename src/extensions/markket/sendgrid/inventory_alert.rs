//! `markket:sendgrid:inventory_alert`: a mail to the shop's people about a stock.

use serde_json::{Value, json};

use crate::commerce::{Customer, Shop};
use crate::handler::{Context, Descriptor, Event, Failure, Handler, Outcome, SetupCheck};
use crate::services::sendgrid::{Credentials, Email, Mail, PlainEmail, at_least_one, data, mail_config, prove, send};

/// The handler.
pub struct InventoryAlert;

mail_config! {
    /// Who is told, and what the mail looks like.
    pub struct Config {
        /// Who is told, each by a mail of their own.
        #[serde(deserialize_with = "at_least_one")]
        #[schema(value_type = Vec<String>, min_items = 1, example = json!(["stock@north.example"]))]
        to: Vec<Email>,
    }
}

impl Handler for InventoryAlert {
    type Config = Config;
    type Credentials = Credentials;

    fn descriptor(&self) -> Descriptor {
        Descriptor {
            key: "markket:sendgrid:inventory_alert",
            name: "SendGrid inventory alert",
            description: "Tells the shop's people by mail when a stock is low or out; the url is SendGrid's API, https://api.sendgrid.com if empty.",
            category: "email",
            icon: ICON,
            default_triggers: &["trigger:inventory_low", "trigger:inventory_zero"],
            has_test: true,
            never_blocks: true,
            ..Descriptor::default()
        }
    }

    fn check(&self, _: &Config, credentials: &Credentials, check: &mut SetupCheck<'_>) {
        credentials.check(check);
    }

    async fn run(&self, context: Context<Self>) -> Outcome {
        let (event, settings) = (&*context.event, context.config.mail());
        let stock = Stock::of(event)?;
        let shop = settings.shop(event);
        let mut data = data(event, &shop, &Customer::default());
        data.extend([("product".to_owned(), stock.product()), ("stock".to_owned(), stock.levels(event))]);
        let plain_email = stock.plain_email(&shop);
        let mut to: Vec<(Email, Option<String>)> = Vec::new();
        for email in &context.config.to {
            if to.iter().all(|(known, _)| !known.as_str().eq_ignore_ascii_case(email.as_str())) {
                to.push((email.clone(), None));
            }
        }
        send(
            &context,
            &settings,
            Mail { to, data, plain_email, about: event.id.clone(), category: "inventory_alert", unsubscribe_url: None },
        )
        .await
    }

    async fn test(&self, context: Context<Self>) -> Outcome {
        prove(&context, &context.config.mail()).await
    }
}

/// A stock, of a product or one of its prices, that an event tells of.
struct Stock<'a> {
    name: String,
    product: &'a Value,
    price: Option<&'a Value>,
    document_id: &'a str,
    level: i64,
    /// Whether it was filled up.
    is_back: bool,
}

impl<'a> Stock<'a> {
    /// Fails when the event is about nothing that has a stock, or its stock is not tracked.
    fn of(event: &'a Event) -> Result<Self, Failure> {
        let data = event.data.value();
        let (product, price, level) = match event.target.type_name.as_str() {
            "price" => (
                &data["product"],
                Some(&data["price"]),
                moved(event, "inventory").unwrap_or(&data["price"]["inventory"]),
            ),
            "product" => (data, None, moved(event, "quantity").unwrap_or(&data["quantity"])),
            other => {
                return Err(Failure::discard(format!(
                    "a {other} has no stock: trigger:inventory_low, trigger:inventory_zero and trigger:inventory_restocked make sense here"
                )));
            }
        };
        let level = level.as_i64().filter(|level| *level >= 0);
        let level = level.ok_or_else(|| Failure::discard("nothing to tell: the stock is not tracked"))?;
        let names = [Some(product), price].into_iter().flatten().filter_map(|it| it["Name"].as_str());
        let name = names.filter(|name| !name.trim().is_empty()).collect::<Vec<_>>().join(", ");
        let document_id = event.target.document_id.as_str();
        let name = if name.is_empty() { document_id.to_owned() } else { name };
        let is_back = event.trigger == "trigger:inventory_restocked";
        Ok(Self { name, product, price, document_id, level, is_back })
    }

    /// The product, as templates find it.
    fn product(&self) -> Value {
        json!({
            "name": self.product["Name"],
            "sku": self.product["SKU"],
            "slug": self.product["slug"],
            "documentId": self.document_id,
            "price": self.price.map(|price| json!({"id": price["id"], "name": price["Name"], "amount": price["Price"], "currency": price["Currency"]})),
        })
    }

    /// The levels, as templates find them.
    fn levels(&self, event: &Event) -> Value {
        let changes = event.changes.as_ref().map_or(&Value::Null, |changes| changes.value());
        let path = if self.price.is_some() { "inventory" } else { "quantity" };
        let thresholds = event.payload.as_ref().map_or(&Value::Null, |payload| &payload.value()["thresholds"]);
        json!({
            "name": self.name,
            "level": self.level,
            "before": changes[path]["from"],
            "is_out": self.level == 0,
            "thresholds": thresholds,
        })
    }

    fn plain_email(&self, shop: &Shop) -> PlainEmail {
        let (name, store) = (&self.name, shop.title.as_deref().unwrap_or_default());
        let (subject, said) = match self.level {
            level if self.is_back => {
                (format!("Back in stock: {level} of {name}"), format!("There are {level} of {name} at {store} again."))
            }
            0 => (format!("Out of stock: {name}"), format!("{name} is out of stock at {store}.")),
            1 => (format!("Stock: one left of {name}"), format!("There is one left of {name} at {store}.")),
            level => {
                (format!("Stock: {level} left of {name}"), format!("There are {level} left of {name} at {store}."))
            }
        };
        let sku = self.product["SKU"].as_str().filter(|sku| !sku.is_empty());
        let plain_email = PlainEmail::new(&subject).text(said);
        match sku {
            Some(sku) => plain_email.text(format!("Article number: {sku}")),
            None => plain_email,
        }
    }
}

/// What `path` changed to.
fn moved<'a>(event: &'a Event, path: &str) -> Option<&'a Value> {
    event.changes.as_ref()?.value().get(path)?.get("to")
}

const ICON: &str = r#"<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 24 24" fill="none" stroke="currentColor" stroke-width="2" stroke-linecap="round" stroke-linejoin="round"><path d="M3 8l9-5 9 5v8l-9 5-9-5z"/><path d="M12 8v5M12 16.5h.01"/></svg>"#;
