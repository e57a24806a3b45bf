//! `markket:sendgrid:order_confirm`: a mail to the customer about an order.

use serde_json::{Value, json};

use crate::commerce::{Address, Line, Sale, Shop, money};
use crate::handler::{Context, Descriptor, Failure, Handler, Outcome, SetupCheck};
use crate::services::sendgrid::{Credentials, Mail, PlainEmail, data, mail_config, prove, recipient, send};

/// The handler.
pub struct OrderConfirm;

mail_config! {
    /// What the mail looks like.
    pub struct Config {}
}

impl Handler for OrderConfirm {
    type Config = Config;
    type Credentials = Credentials;

    fn descriptor(&self) -> Descriptor {
        Descriptor {
            key: "markket:sendgrid:order_confirm",
            name: "SendGrid order confirmation",
            description: "Confirms an order to the customer by mail, once; the url is SendGrid's API, https://api.sendgrid.com if empty.",
            category: "email",
            icon: ICON,
            default_triggers: &["trigger:post_sale"],
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
        let sale = Sale::of(event)?;
        if sale.lines.is_empty() {
            return Err(Failure::discard(
                "no order to confirm: the event has neither payload.items nor payload.order.total; trigger:post_sale and trigger:order_created make sense here",
            ));
        }
        let to = recipient(&sale.customer)?;
        let shop = settings.shop(event);
        let mut data = data(event, &shop, &sale.customer);
        data.insert("order".into(), order(&sale, number(&sale, &event.id)));
        let plain_email = plain_email(&sale, &shop, number(&sale, &event.id));
        let about = format!("order {}", sale.id);
        send(
            &context,
            &settings,
            Mail { to: vec![to], data, plain_email, about, category: "order_confirm", unsubscribe_url: None },
        )
        .await
    }

    async fn test(&self, context: Context<Self>) -> Outcome {
        prove(&context, &context.config.mail()).await
    }
}

/// What the shop calls the order; nothing when it does not say, since the event's id is nothing to a customer.
fn number<'a>(sale: &'a Sale, event: &str) -> Option<&'a str> {
    Some(&*sale.id).filter(|id| *id != event)
}

/// The order, as templates find it: every amount as a number and as people read it.
fn order(sale: &Sale, number: Option<&str>) -> Value {
    let currency = sale.currency.as_deref();
    let lines: Vec<_> = sale
        .lines
        .iter()
        .map(|line| {
            let total = total(line);
            json!({
                "name": line.name,
                "sku": line.sku,
                "quantity": line.quantity,
                "price": line.price,
                "price_formatted": line.price.as_ref().map(|price| money(price, currency)),
                "total": total,
                "total_formatted": total.as_ref().map(|total| money(total, currency)),
            })
        })
        .collect();
    json!({
        "id": number,
        "currency": currency,
        "total": sale.total,
        "total_formatted": sale.total.as_ref().map(|total| money(total, currency)),
        "items": lines,
        "shipping_address": sale.shipping.as_ref().map(address),
        "billing_address": sale.billing.as_ref().map(address),
    })
}

/// An address, as templates find it: its parts, and its lines as on a label.
fn address(address: &Address) -> Value {
    let Address { name, email, phone, street, street_2, city, state, zipcode, country } = address;
    json!({
        "name": name, "email": email, "phone": phone, "street": street, "street_2": street_2, "city": city, "state": state,
        "zipcode": zipcode, "country": country, "lines": address.lines(),
    })
}

fn total(line: &Line) -> Option<crate::commerce::Amount> {
    line.price.as_ref().and_then(|price| price.times(&line.quantity))
}

fn plain_email(sale: &Sale, shop: &Shop, number: Option<&str>) -> PlainEmail {
    let (store, currency) = (shop.title.as_deref().unwrap_or_default(), sale.currency.as_deref());
    let order = number.map_or("your order".to_owned(), |number| format!("your order {number}"));
    let greeting = sale.customer.first_name().map_or("Hello,".to_owned(), |name| format!("Hello {name},"));
    let row = |line: &Line| {
        let total = total(line).map_or(String::new(), |total| money(&total, currency));
        vec![line.name.clone(), format!("× {}", line.quantity), total]
    };
    let mut rows: Vec<_> = sale.lines.iter().map(row).collect();
    if let Some(total) = &sale.total {
        rows.push(vec!["Total".to_owned(), String::new(), money(total, currency)]);
    }
    let plain_email = PlainEmail::new(&format!("{} at {store}", order.replacen('y', "Y", 1)))
        .text(greeting)
        .text(format!("thank you for {order} at {store}. This is what you ordered:"))
        .table(&["Item", "Quantity", "Price"], rows);
    let addresses = [("Delivered to", &sale.shipping), ("Billed to", &sale.billing)];
    let told = addresses.into_iter().filter_map(|(what, address)| Some((what, address.as_ref()?.lines())));
    told.fold(plain_email, |plain_email, (what, lines)| plain_email.text(format!("{what}: {}", lines.join(", "))))
        .link(&format!("Visit {store}"), shop.url.as_deref())
}

const ICON: &str = r#"<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 24 24" fill="none" stroke="currentColor" stroke-width="2" stroke-linecap="round" stroke-linejoin="round"><path d="M5 3h14v18l-3.5-2-3.5 2-3.5-2L5 21z"/><path d="m9 11 2 2 4-4"/></svg>"#;
