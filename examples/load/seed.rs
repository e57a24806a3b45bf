//! Fills the server through its API.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use serde_json::{Value, json};

use crate::Outcome;
use crate::client::{Connection, Request, Server};

/// Connections that fill at the same time.
const WRITERS: usize = 32;
const STORES: usize = 500;

/// What the measurements need to know of what is there.
pub struct Shop {
    /// A store without records that match.
    pub quiet_store: String,
    /// The documentId and the slug of any product.
    pub product: String,
    pub slug: String,
}

/// Creates stores and `products` products with two prices, two stores and an extension record each.
pub async fn fill(server: &Server, products: usize) -> Outcome<Shop> {
    let since = Instant::now();
    let stores = create(server, "stores", STORES, store).await?;
    let quiet_store = stores[0].clone();
    let created = create(server, "products", products, move |number| product(number, &stores)).await?;
    let took = since.elapsed().as_secs_f64();
    println!("{STORES} stores and {products} products came in at {:.0}/s.", (STORES + products) as f64 / took);
    let product = created[created.len() / 2].clone();
    Ok(Shop { quiet_store, product, slug: format!("product-{}", products / 2) })
}

fn store(number: usize) -> Value {
    json!({ "title": format!("Store {number}"), "slug": format!("store-{number}"), "active": true })
}

fn product(number: usize, stores: &[String]) -> Value {
    json!({
        "Name": format!("Product {number:05}"),
        "slug": format!("product-{number}"),
        "SKU": format!("SKU-{number}"),
        "Description": "Something that is sold, and is described in a sentence of ordinary length.",
        "usd_price": number % 500,
        "quantity": number % 90,
        "active": true,
        "PRICES": [
            { "Name": "Single", "Price": number % 500, "Currency": "USD", "inventory": number % 90 },
            { "Name": "Monthly", "Price": number % 40, "Currency": "USD", "billing_type": "recurring", "billing_interval": "month" },
        ],
        "stores": [stores[number % stores.len()], stores[(number * 7 + 1) % stores.len()]],
        "extensions": [{ "key": "custom:webhook", "triggers": ["trigger:product_updated"], "url": "https://example.com/hook" }],
    })
}

/// Creates `count` documents over several connections, and returns their documentIds.
pub async fn create(
    server: &Server,
    plural: &'static str,
    count: usize,
    data: impl Fn(usize) -> Value + Send + Sync + 'static,
) -> Outcome<Vec<String>> {
    let data = Arc::new(data);
    let next = Arc::new(AtomicUsize::new(0));
    let writers: Vec<_> = (0..WRITERS.min(count))
        .map(|_| {
            let (next, data, address) = (next.clone(), data.clone(), server.address);
            tokio::spawn(async move {
                let (mut connection, mut ids) = (Connection::open(address).await?, Vec::new());
                loop {
                    let number = next.fetch_add(1, Ordering::Relaxed);
                    if number >= count {
                        return Outcome::Ok(ids);
                    }
                    let body = json!({ "data": data(number) }).to_string();
                    let request = Request::post(&format!("/api/{plural}"), &body).with_token();
                    let answer = connection.send(&request).await?;
                    let json: Value = serde_json::from_slice(answer.body)?;
                    ids.push(json["data"]["documentId"].as_str().ok_or_else(|| json.to_string())?.to_owned());
                }
            })
        })
        .collect();
    let mut ids = Vec::new();
    for writer in writers {
        ids.extend(writer.await??);
    }
    Ok(ids)
}
