//! Products. One of ours is one template in Odoo, with one list price.
//!
//! Its prices become no variants there and no price lists. Variants of Odoo are made of attributes that a company designs
//! for its whole catalogue, and once something moved in stock they cannot be unmade; a price list is the company's policy,
//! not a product's. What a price of ours differs in reaches Odoo with the sale: an order's line says what was paid.

use serde_json::{Map, Value, json};

use super::article::ARTICLE;
use super::{Odoo, Row, Search, differing, text};
use crate::commerce::Amount;
use crate::handler::Failure;

const MODEL: &str = "product.template";
const FIELDS: [&str; 7] =
    ["name", "default_code", "list_price", "description", "active", "currency_id", "product_variant_count"];

/// What became of a product in Odoo.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Upserted {
    /// The template's id.
    pub id: i64,
    /// Whether it is new there.
    pub is_new: bool,
    /// The list price that was set.
    pub list_price: Option<Amount>,
    /// What Odoo counts in.
    pub currency: Option<String>,
}

/// Makes a product of ours in Odoo, or writes there what is otherwise. One that somebody archived stays so, unless it is
/// `brought_back` here.
///
/// Fails when it has no name.
pub async fn upsert_product(
    odoo: &Odoo,
    product: &Value,
    remembered: Option<i64>,
    brought_back: bool,
) -> Result<Upserted, Failure> {
    let (code, name) = (code(product)?, name(product)?);
    let found = find(odoo, code, remembered).await?;
    let is_new = found.is_none();
    let row = match found {
        Some(row) => row,
        None => find_or_make(odoo, code, name).await?,
    };
    let currency = row.called("currency_id").map(str::to_owned);
    let list_price = list_price(product, currency.as_deref());
    let mut wanted = Map::new();
    wanted.insert("name".into(), json!(name));
    // With several variants each has a number of its own, and the template none.
    if row.amount("product_variant_count").is_none_or(|count| count == Amount::from(1)) {
        wanted.insert("default_code".into(), json!(code));
    }
    wanted.extend(list_price.as_ref().map(|price| ("list_price".to_owned(), json!(price))));
    wanted.extend(text(&product["Description"]).map(|text| ("description".to_owned(), json!(paragraphs(text)))));
    if brought_back {
        wanted.insert("active".into(), json!(true));
    }
    let changed = differing(&row, wanted);
    if !changed.is_empty() {
        odoo.write(MODEL, &[row.id], changed).await?;
    }
    Ok(Upserted { id: row.id, is_new, list_price, currency })
}

/// What a sample comes to: the product as it is, if Odoo has it, else one that shows what it is, archived and under a number
/// of its own. Returns its id and whether it is new.
pub async fn sample_product(odoo: &Odoo, product: &Value, remembered: Option<i64>) -> Result<(i64, bool), Failure> {
    let (code, name) = (code(product)?, name(product)?);
    let own = format!("TEST {code}");
    let found = match find(odoo, code, remembered).await? {
        None => find(odoo, &own, None).await?,
        found => found,
    };
    if let Some(found) = found {
        return Ok((found.id, false));
    }
    let record = json!({"name": format!("Test: {name}"), "default_code": own, "type": "consu", "active": false});
    Ok((odoo.create(MODEL, record).await?, true))
}

/// Archives a product of ours in Odoo, which does not let go of what was ever sold. Returns its id, if it is there.
pub async fn archive_product(odoo: &Odoo, product: &Value, remembered: Option<i64>) -> Result<Option<i64>, Failure> {
    let found = find(odoo, code(product)?, remembered).await?;
    if let Some(row) = found.as_ref().filter(|row| !row.is_archived()) {
        odoo.write(MODEL, &[row.id], json!({"active": false})).await?;
    }
    Ok(found.map(|row| row.id))
}

/// What tells a product apart: its article number, else its documentId, by which lines of orders name it too.
fn code(product: &Value) -> Result<&str, Failure> {
    let code = text(&product["SKU"]).or_else(|| text(&product["documentId"]));
    code.ok_or_else(|| Failure::discard("the product has neither SKU nor documentId"))
}

fn name(product: &Value) -> Result<&str, Failure> {
    text(&product["Name"]).ok_or_else(|| Failure::discard("the product has no Name, which Odoo needs"))
}

async fn find(odoo: &Odoo, code: &str, remembered: Option<i64>) -> Result<Option<Row>, Failure> {
    let mut domain = vec![json!(["active", "in", [true, false]])];
    if let Some(id) = remembered {
        domain.extend([json!("|"), json!(["id", "=", id])]);
    }
    domain.push(json!(["default_code", "=", code]));
    let domain = Value::Array(domain);
    let search = Search { model: MODEL, domain, fields: &FIELDS, order: "active desc, id", limit: None };
    let mut rows = odoo.search(search).await?;
    let place = rows.iter().position(|row| Some(row.id) == remembered).unwrap_or(0);
    Ok(if rows.is_empty() { None } else { Some(rows.swap_remove(place)) })
}

/// One attempt at a time makes an article: what another one made while this one waited is taken.
async fn find_or_make(odoo: &Odoo, code: &str, name: &str) -> Result<Row, Failure> {
    let lock = odoo.lock(ARTICLE, code).await?;
    let row = match find(odoo, code, None).await? {
        Some(row) => row,
        None => make(odoo, code, name).await?,
    };
    lock.release(None).await;
    Ok(row)
}

/// The price comes later, when Odoo has told what it counts in; without one it would be 1.
async fn make(odoo: &Odoo, code: &str, name: &str) -> Result<Row, Failure> {
    let record = json!({"name": name, "default_code": code, "type": "consu", "sale_ok": true, "list_price": 0});
    let made = odoo.create(MODEL, record).await?;
    let row = find(odoo, code, None).await?;
    let row = row.ok_or_else(|| Failure::retry(format!("the product {made}, just made in Odoo, is not there")))?;
    // Someone else may have made it at the same time: the first stands.
    if row.id != made {
        odoo.write(MODEL, &[made], json!({"active": false})).await?;
    }
    Ok(row)
}

/// What Odoo shall show as the price: the first that is not hidden and in Odoo's currency, one-time ones before recurring
/// ones; else the price in dollars, where Odoo counts in them.
fn list_price(product: &Value, currency: Option<&str>) -> Option<Amount> {
    let prices = product["PRICES"].as_array().map_or(&[][..], Vec::as_slice);
    let is_in = |price: &Value| match (text(&price["Currency"]), currency) {
        (Some(told), Some(currency)) => told.eq_ignore_ascii_case(currency),
        _ => true,
    };
    let open = || prices.iter().filter(|price| price["hidden"] != true && is_in(price));
    let once = open().filter(|price| price["billing_type"] != "recurring");
    let first = once.chain(open()).find_map(|price| Amount::read(&price["Price"]));
    let in_dollars = || {
        let amount = Amount::read(&product["usd_price"]).filter(|amount| amount.as_str() != "0");
        amount.filter(|_| currency == Some("USD"))
    };
    first.or_else(in_dollars)
}

/// A text as the HTML that Odoo keeps of it.
fn paragraphs(text: &str) -> String {
    let escaped = text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
    let paragraphs = escaped.split("\n\n").map(str::trim).filter(|text| !text.is_empty());
    paragraphs.map(|text| format!("<p>{}</p>", text.replace('\n', "<br>"))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_list_price_is_in_odoos_currency() {
        let price = |amount: &str, currency: &str| json!({"Price": amount, "Currency": currency});
        let monthly = json!({"Price": 5, "Currency": "EUR", "billing_type": "recurring"});
        let hidden = json!({"Price": 1, "Currency": "EUR", "hidden": true});
        for (prices, dollars, currency, expected) in [
            (json!([price("10", "USD"), price("9.10", "eur")]), json!(11), Some("EUR"), Some("9.1")),
            (json!([monthly, price("9", "EUR")]), json!(11), Some("EUR"), Some("9")),
            (json!([monthly]), json!(11), Some("EUR"), Some("5")),
            (json!([hidden]), json!(11), Some("EUR"), None),
            (json!([price("10", "JPY")]), json!("11.005"), Some("USD"), Some("11.005")),
            (json!([price("10", "JPY")]), json!(0), Some("USD"), None),
            (json!([{"Price": "7.50"}]), json!(null), Some("CHF"), Some("7.5")),
            (json!([price("10", "JPY")]), json!(1), None, Some("10")),
            (json!(null), json!(null), Some("USD"), None),
        ] {
            let product = json!({"PRICES": prices, "usd_price": dollars});
            let found = list_price(&product, currency);
            assert_eq!(found.as_ref().map(Amount::as_str), expected, "{product} {currency:?}");
        }
    }

    #[test]
    fn a_description_is_text_in_odoo_too() {
        assert_eq!(paragraphs("A <b>\nB & C\n\n\nD"), "<p>A &lt;b&gt;<br>B &amp; C</p><p>D</p>");
    }
}
