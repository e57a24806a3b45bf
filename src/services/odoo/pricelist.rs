//! What an order is counted in.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::{Odoo, Row, Search};
use crate::commerce::Sale;
use crate::handler::Failure;

const MODEL: &str = "product.pricelist";

/// What an order is counted in.
#[derive(Debug, Clone, PartialEq)]
pub struct Counting {
    /// What Odoo is told of the price list: its id, or `false` for none; `None` where Odoo's own choice is right.
    pub pricelist: Option<Value>,
    /// Whether the sale's amounts are in what the company counts in, as list prices are.
    pub is_companys: bool,
}

/// The price list that makes the order one in the sale's currency; none is needed in the company's own. `told` names price
/// lists by currency, and comes first.
///
/// Fails when there is none in the sale's currency.
pub async fn counting(
    odoo: &Odoo,
    told: &BTreeMap<String, i64>,
    sale: &Sale,
    partner: i64,
) -> Result<Counting, Failure> {
    let Some(currency) = &sale.currency else { return Ok(Counting { pricelist: None, is_companys: true }) };
    // Odoo tells with a contact what the company counts in.
    let rows = odoo.read("res.partner", &[partner], &["currency_id", "property_product_pricelist"]).await?;
    let row = rows.first();
    let companys = row.and_then(|row| row.called("currency_id"));
    let is_companys = companys.is_none_or(|companys| companys == currency);
    if let Some(told) = told.get(currency) {
        return Ok(Counting { pricelist: Some(json!(told)), is_companys });
    }

    let own = match row.and_then(|row| row.leads_to("property_product_pricelist")) {
        Some(id) => odoo.read(MODEL, &[id], &["currency_id"]).await?.into_iter().next(),
        None => None,
    };
    let is_right = own.as_ref().map(|list| list.called("currency_id") == Some(currency));
    let pricelist = match (is_companys, is_right) {
        (true, None) => None,
        // The customer's own list would make it an order in another currency.
        (true, Some(false)) => Some(json!(false)),
        (_, Some(true)) => None,
        (false, _) => Some(json!(find(odoo, currency, companys.unwrap_or_default()).await?)),
    };
    Ok(Counting { pricelist, is_companys })
}

async fn find(odoo: &Odoo, currency: &str, companys: &str) -> Result<i64, Failure> {
    let domain = json!([["currency_id.name", "=", currency]]);
    let search = Search { model: MODEL, domain, fields: &["name"], order: "id", limit: Some(1) };
    let found: Option<Row> = odoo.search(search).await?.into_iter().next();
    found.map(|row| row.id).ok_or_else(|| {
        Failure::discard(format!(
            "the sale is in {currency}, Odoo counts in {companys} and has no price list in {currency}: make one there (Sales, Products, Pricelists), or name one in config.pricelists.{currency}"
        ))
    })
}
