//! `customer:acme:erp`: books each sale as an order in ACME's ERP, the example of a customer's own handler.
//!
//! The ERP is a plain REST service: `POST /orders` books one and answers its number, `PUT /orders/{number}` changes it,
//! `GET /orders?reference=…` finds what is booked, `GET /warehouses/{code}` tells of a warehouse.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::commerce::{Amount, Line, Sale};
use crate::handler::{Answer, Call, Context, Descriptor, Done, Failure, Handler, Outcome};

/// The handler.
pub struct Erp;

/// Where orders are booked.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// The code of the warehouse that orders are booked on.
    #[schema(example = "NORTH", min_length = 1)]
    warehouse: String,
    /// The currency of orders that name none; ISO 4217.
    #[schema(example = "EUR", pattern = "^[A-Z]{3}$")]
    currency: Option<String>,
}

/// How the ERP knows us.
#[derive(Deserialize, ToSchema)]
pub struct Credentials {
    /// The token that the ERP's administrator made.
    #[schema(format = Password, min_length = 1)]
    token: String,
}

/// An order as the ERP takes it.
#[derive(Serialize)]
struct Order<'a> {
    /// What the shop calls it: the ERP finds it by this.
    reference: &'a str,
    warehouse: &'a str,
    currency: &'a str,
    customer: Buyer<'a>,
    lines: Vec<Position<'a>>,
    /// Nothing is delivered for a test.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    test: bool,
}

#[derive(Serialize)]
struct Buyer<'a> {
    name: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    email: Option<&'a str>,
}

#[derive(Serialize)]
struct Position<'a> {
    article: &'a str,
    text: &'a str,
    quantity: &'a Amount,
    price: &'a Amount,
}

/// An order that is booked.
#[derive(Deserialize)]
struct Booked {
    number: String,
}

impl Handler for Erp {
    type Config = Config;
    type Credentials = Credentials;

    fn descriptor(&self) -> Descriptor {
        Descriptor {
            key: "customer:acme:erp",
            name: "ACME ERP",
            description: "Books each sale as an order in ACME's ERP, and changes it when the order changes.",
            category: "erp",
            icon: ICON,
            author: "ACME",
            default_triggers: &["trigger:post_sale", "trigger:order_updated"],
            needs_url: true,
            has_test: true,
            never_blocks: true,
            ..Descriptor::default()
        }
    }

    async fn run(&self, context: Context<Self>) -> Outcome {
        let sale = Sale::of(&context.event)?;
        let order = order(&context, &sale)?;
        let number = match context.external_id("order", &sale.id).and_then(|number| number.as_str()) {
            Some(number) => Some(number.to_owned()),
            // Another record may have booked it, or an answer was lost: the ERP knows.
            None => find(&context, &sale.id).await?,
        };
        let (call, done) = match &number {
            Some(number) => (call(&context, "PUT", &["orders", number], None)?, "changed"),
            None => (call(&context, "POST", &["orders"], None)?, "booked"),
        };
        let answer = call.header("Idempotency-Key", context.run.idempotency_key()).json(&order).send().await?;
        let booked: Booked = understood(answer, &context.config)?.parse()?;
        Ok(Done::new(format!("order {} {done}", booked.number)).with_external_id(
            &context.meta,
            "order",
            &sale.id,
            booked.number,
        ))
    }

    /// The warehouse is there, and the token may see it.
    async fn test(&self, context: Context<Self>) -> Outcome {
        let warehouse = &context.config.warehouse;
        let answer = call(&context, "GET", &["warehouses", warehouse], None)?.send().await?;
        if answer.status() == 404 {
            return Err(Failure::discard(format!("config.warehouse: the ERP has no warehouse {warehouse:?}")));
        }
        understood(answer, &context.config)?;
        Ok(Done::new(format!("the ERP knows the token and the warehouse {warehouse}")))
    }
}

/// The order that is booked for a sale. What the ERP cannot do without is asked for by its name.
fn order<'a>(context: &'a Context<Erp>, sale: &'a Sale) -> Result<Order<'a>, Failure> {
    let currency = sale.currency.as_deref().or(context.config.currency.as_deref());
    let currency = currency.ok_or_else(|| {
        Failure::discard("the sale has no currency: send payload.order.currency, or set config.currency")
    })?;
    if sale.lines.is_empty() {
        return Err(Failure::discard(
            "nothing to book: the event has neither payload.items nor payload.order.total. post_sale and order_updated have",
        ));
    }
    let lines = sale.lines.iter().enumerate().map(|(place, line)| position(place, line)).collect::<Result<_, _>>()?;
    let customer =
        Buyer { name: sale.customer.called().unwrap_or("Unknown customer"), email: sale.customer.email.as_deref() };
    let (reference, test) = (&*sale.id, context.event.test);
    Ok(Order { reference, warehouse: &context.config.warehouse, currency, customer, lines, test })
}

fn position(place: usize, line: &Line) -> Result<Position<'_>, Failure> {
    let price = line.price.as_ref();
    let price = price.ok_or_else(|| Failure::discard(format!("payload.items[{place}].price is missing")))?;
    let article = line.sku.as_deref().or(line.product.as_deref()).unwrap_or("MISC");
    Ok(Position { article, text: &line.name, quantity: &line.quantity, price })
}

/// The number of the order that the ERP has for this reference.
async fn find(context: &Context<Erp>, reference: &str) -> Result<Option<String>, Failure> {
    let answer = call(context, "GET", &["orders"], Some(reference))?.send().await?;
    let found: Vec<Booked> = understood(answer, &context.config)?.parse()?;
    Ok(found.into_iter().next().map(|booked| booked.number))
}

/// A request to the ERP, which may stand below a path of the record's url.
fn call(context: &Context<Erp>, method: &str, path: &[&str], reference: Option<&str>) -> Result<Call, Failure> {
    let mut url = url::Url::parse(context.url()?).map_err(|error| Failure::discard(format!("url: {error}")))?;
    if let Ok(mut segments) = url.path_segments_mut() {
        segments.pop_if_empty().extend(path);
    }
    if let Some(reference) = reference {
        url.query_pairs_mut().append_pair("reference", reference);
    }
    let method = method.parse().map_err(|_| Failure::discard(format!("{method} is no method")))?;
    let call = context.http.call(method, url);
    Ok(call.secret_header("Authorization", format!("Bearer {}", context.credentials.token)))
}

/// The common rule, with what a person can do about the answers that this ERP is known for.
fn understood(answer: Answer, config: &Config) -> Result<Answer, Failure> {
    let line = answer.line();
    answer.ok().map_err(|failure| {
        let mend = match line.split(' ').next() {
            Some("401" | "403") => "credentials.token was refused by the ERP",
            Some("404") => "the ERP does not know this: is the url that of its API?",
            Some("422") => {
                return failure.map_reason(|reason| {
                    format!(
                        "the ERP cannot book this on the warehouse {:?} (config.warehouse): {reason}",
                        config.warehouse
                    )
                });
            }
            _ => return failure,
        };
        failure.map_reason(|reason| format!("{mend}: {reason}"))
    })
}

const ICON: &str = r#"<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 24 24" fill="none" stroke="currentColor" stroke-width="2" stroke-linecap="round" stroke-linejoin="round"><path d="M3 21V9l6 4V9l6 4V5h6v16z"/><path d="M8 17h2M14 17h2"/></svg>"#;
