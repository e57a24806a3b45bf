//! Whether an event costs more among a million extension records than among a thousand.

use std::time::Instant;

use serde_json::json;

use crate::Outcome;
use crate::client::Server;
use crate::deliveries::{emit_all, listening_store};
use crate::seed;

/// How many records there are at each measurement.
const STEPS: [usize; 4] = [1_000, 10_000, 100_000, 1_000_000];
/// Records of each store, none of which hears the events.
const OF_A_STORE: usize = 100;
/// Events of one measurement.
const EVENTS: usize = 5_000;

/// Adds stores with records and prints, at each step, how long an event takes to be accepted and delivered.
pub async fn measure(server: &Server) -> Outcome<()> {
    let mut stores = 0;
    for records in STEPS {
        let first = stores;
        stores = records / OF_A_STORE;
        seed::create(server, "stores", stores - first, move |number| deaf_store(first + number)).await?;
        let (receiver, store) = listening_store(server, &format!("among-{records}"), 1).await?;
        let since = Instant::now();
        emit_all(server, &store, EVENTS).await?;
        receiver.wait(EVENTS).await?;
        let each = since.elapsed().as_secs_f64() * 1e6 / EVENTS as f64;
        println!("Among {records} records: {each:.0} µs an event, accepted and delivered.");
    }
    Ok(())
}

fn deaf_store(number: usize) -> serde_json::Value {
    let record = json!({ "key": "custom:webhook", "triggers": ["trigger:order_*"], "url": "https://example.com/hook" });
    json!({ "title": "Deaf", "slug": format!("deaf-{number}"), "extensions": vec![record; OF_A_STORE] })
}
