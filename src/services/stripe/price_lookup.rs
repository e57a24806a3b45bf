//! Which price at Stripe a line of a sale was bought at.

use serde_json::Value;

use super::{CatalogSync, Credentials, Stripe, remembered};
use crate::commerce::Line;
use crate::handler::{ExtensionContext, Failure};

/// The price at Stripe of the line in this place of a sale, if that is paid again and again: the one that the line names,
/// by its id there or by ours, else the only one that its product has.
///
/// Fails when the price that is named is not there, and when the product has several.
pub async fn recurring_price_of<Config>(
    context: &ExtensionContext<Config, Credentials>,
    stripe: &Stripe,
    (place, line): (usize, &Line),
) -> Result<Option<String>, Failure> {
    let at = format!("payload.items[{place}]");
    let missing = |what: &str| Failure::discard(format!("{at}: there is no price {what} at Stripe; was it published?"));
    if let Some(id) = &line.stripe_id {
        let price = stripe.find(&["prices", id]).await?.ok_or_else(|| missing(id))?;
        return Ok(id_if_recurring(&price));
    }
    let Some(document_id) = line.product.as_deref() else { return Ok(None) };
    let catalog = CatalogSync::find(stripe, document_id, remembered(context, "product", document_id), None).await?;
    let Some(own) = line.price_id else {
        let prices: Vec<String> = catalog.iter().flat_map(CatalogSync::prices).filter_map(id_if_recurring).collect();
        return match prices.len() {
            0 | 1 => Ok(prices.into_iter().next()),
            several => Err(Failure::discard(format!(
                "{at} could be at {several} prices of its product: say which with priceId or STRIPE_ID"
            ))),
        };
    };
    let name = own.to_string();
    let known: Vec<&str> = remembered(context, "price", &name).into_iter().collect();
    let there = catalog.iter().flat_map(|catalog| catalog.of_price(own, &known)).next();
    // A price that is paid once need not be at Stripe at all; which it is only a price that is there can tell.
    there.map(|price| id_if_recurring(&price)).ok_or_else(|| missing(&format!("for priceId {own} of {document_id}")))
}

fn id_if_recurring(price: &Value) -> Option<String> {
    price["id"].as_str().filter(|_| price["recurring"].is_object()).map(str::to_owned)
}
