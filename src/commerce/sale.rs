//! Sales and orders, as storefronts send them with `post_sale` and its kin.

use serde_json::Value;

use super::customer::text;
use super::{Address, Amount, Customer};
use crate::handler::{Event, Failure};

/// What was bought, by whom.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sale {
    /// What the shop calls the order; the event's id where it does not say.
    pub id: String,
    /// ISO 4217, in capitals.
    pub currency: Option<String>,
    /// What the order costs in all.
    pub total: Option<Amount>,
    /// Who buys.
    pub customer: Customer,
    /// What is bought.
    pub lines: Vec<Line>,
    /// Where it is delivered to.
    pub shipping: Option<Address>,
    /// Where it is billed to.
    pub billing: Option<Address>,
}

/// One thing that is bought.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    /// What it is called.
    pub name: String,
    /// The shop's article number.
    pub sku: Option<String>,
    /// The documentId of the product.
    pub product: Option<String>,
    /// Which price of the product it is sold at, by our id.
    pub price_id: Option<i64>,
    /// The same, by its id at Stripe.
    pub stripe_id: Option<String>,
    /// How many, or how much.
    pub quantity: Amount,
    /// What one costs; none where only the order's total is known.
    pub price: Option<Amount>,
}

impl Sale {
    /// The sale that `event` tells of, in `payload.order`, `payload.customer` and `payload.items`. An order without items
    /// that has a total has one line for it.
    ///
    /// Fails with the path of what cannot be read. Nothing else is made up: whoever needs an address or a price asks.
    pub fn of(event: &Event) -> Result<Self, Failure> {
        let payload = event.payload.as_ref().map(|payload| payload.value()).unwrap_or(&Value::Null);
        let order = &payload["order"];
        // Some storefronts send the order's id and nothing else of it.
        let id = text(order).or_else(|| text(&order["id"])).or_else(|| text(&order["number"]));
        let id = id.unwrap_or_else(|| event.id.clone());
        let total = amount(&order["total"], "payload.order.total")?;
        let total = total.map_or_else(|| amount(&payload["total"], "payload.total"), |total| Ok(Some(total)))?;
        let currency = text(&order["currency"]).or_else(|| text(&payload["currency"]));
        let mut lines = lines(&payload["items"])?;
        if lines.is_empty()
            && let Some(total) = &total
        {
            lines.push(Line {
                name: format!("Order {id}"),
                sku: None,
                product: None,
                price_id: None,
                stripe_id: None,
                quantity: Amount::from(1),
                price: Some(total.clone()),
            });
        }
        let currency = currency.map(|code| code.to_uppercase());
        let (shipping, billing) = (Address::shipping(payload), Address::billing(payload));
        Ok(Self { id, currency, total, customer: Customer::of(event), lines, shipping, billing })
    }
}

fn lines(items: &Value) -> Result<Vec<Line>, Failure> {
    match items {
        Value::Null => Ok(Vec::new()),
        Value::Array(items) => items.iter().enumerate().map(|(place, item)| line(place, item)).collect(),
        _ => Err(Failure::discard("payload.items is no list")),
    }
}

fn line(place: usize, item: &Value) -> Result<Line, Failure> {
    let at = |member: &str| format!("payload.items[{place}].{member}");
    let sku = text(&item["sku"]);
    let name = text(&item["name"]).or_else(|| sku.clone());
    let name = name.ok_or_else(|| Failure::discard(format!("{} is missing", at("name"))))?;
    let quantity = amount(&item["quantity"], &at("quantity"))?.unwrap_or_else(|| Amount::from(1));
    let price = amount(&item["price"], &at("price"))?;
    let (product, price_id) = (text(&item["documentId"]), item["priceId"].as_i64());
    Ok(Line { name, sku, product, price_id, stripe_id: text(&item["STRIPE_ID"]), quantity, price })
}

fn amount(value: &Value, path: &str) -> Result<Option<Amount>, Failure> {
    match value {
        Value::Null => Ok(None),
        value => Amount::read(value).map(Some).ok_or_else(|| Failure::discard(format!("{path} is no number: {value}"))),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::handler::Json;
    use crate::handler::testing::sale;

    fn of(payload: Value) -> Result<Sale, Failure> {
        Sale::of(&Event { payload: Json::parse(payload.to_string()).ok(), ..sale() })
    }

    #[test]
    fn a_sale_is_read_as_the_catalogue_describes_it() {
        let sale = of(json!({
            "order": {"id": 1001, "total": "25.80", "currency": "eur"},
            "customer": {"email": "ada@example.com"},
            "items": [{"name": "Sencha", "sku": "S-1", "quantity": 2, "price": 12.9, "documentId": "p1"},
                {"sku": "S-2", "priceId": 7, "STRIPE_ID": "price_1"}],
        }));
        let sale = sale.expect("a sale");
        assert_eq!((&*sale.id, sale.currency.as_deref()), ("1001", Some("EUR")));
        assert_eq!(sale.total.as_ref().map(Amount::as_str), Some("25.8"));
        let read: Vec<_> =
            sale.lines.iter().map(|line| (&*line.name, line.quantity.as_str(), line.price.is_some())).collect();
        assert_eq!(read, [("Sencha", "2", true), ("S-2", "1", false)]);
        assert_eq!((sale.lines[1].price_id, sale.lines[1].stripe_id.as_deref()), (Some(7), Some("price_1")));
    }

    #[test]
    fn an_order_without_items_is_one_line() {
        let sale = of(json!({"order": "1042", "total": "48.50"})).expect("a sale");
        assert_eq!((&*sale.id, &*sale.lines[0].name), ("1042", "Order 1042"));
        assert_eq!(sale.lines[0].price.as_ref().map(Amount::as_str), Some("48.5"));
        assert_eq!(of(json!({})).expect("a sale").lines, []);
    }

    #[test]
    fn what_cannot_be_read_is_named() {
        for (payload, expected) in [
            (
                json!({"items": [{"name": "x"}, {"name": "y", "price": "12,50"}]}),
                r#"payload.items[1].price is no number: "12,50""#,
            ),
            (json!({"items": [{}]}), "payload.items[0].name is missing"),
            (json!({"items": {}}), "payload.items is no list"),
            (json!({"order": {"total": []}}), "payload.order.total is no number: []"),
        ] {
            assert_eq!(of(payload).err().map(|failure| failure.reason().to_owned()).as_deref(), Some(expected));
        }
    }
}
