//! From the call that emits to the request that arrives.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use actix_web::web::{self, Bytes};
use actix_web::{App, HttpResponse, HttpServer};
use serde_json::{Value, json};

use crate::Outcome;
use crate::client::{Connection, Request, Server, percentiles};
use crate::seed;

/// Emissions a second while latency is measured.
const RATE: u32 = 50;
/// Events of the burst, and the connections they come over.
const BURST: usize = 10_000;
const CALLERS: usize = 32;

/// When the delivery with each number came first.
type Arrivals = Arc<Mutex<HashMap<u64, Instant>>>;

/// Emits at a steady rate and prints how long after the call each delivery came.
pub async fn latency(server: &Server, span: Duration) -> Outcome<()> {
    let (arrivals, store) = listening_store(server, "steady").await?;
    let mut connection = Connection::open(server.address).await?;
    let (mut sent, mut answered) = (Vec::new(), Vec::new());
    let mut turns = tokio::time::interval(Duration::from_secs(1) / RATE);
    for number in 0..span.as_secs() * u64::from(RATE) {
        turns.tick().await;
        let since = Instant::now();
        emit(&mut connection, &store, number).await?;
        sent.push(since);
        answered.push(since.elapsed());
    }
    wait(&arrivals, sent.len()).await?;
    let arrivals = arrivals.lock().map_err(|_| "a panic")?;
    let mut took: Vec<_> = (0..).zip(&sent).map(|(number, since)| arrivals[&number] - *since).collect();
    let ((answer, _), (p50, p99)) = (percentiles(&mut answered), percentiles(&mut took));
    let ms = |time: Duration| time.as_secs_f64() * 1e3;
    println!(
        "{RATE} emissions/s: answered after {:.2} ms, arrived after {:.2} ms (p50), {:.2} ms (p99), counted from the call.",
        ms(answer),
        ms(p50),
        ms(p99)
    );
    Ok(())
}

/// Emits as fast as it goes and prints how many are accepted and delivered in a second.
pub async fn burst(server: &Server) -> Outcome<()> {
    let (arrivals, store) = listening_store(server, "burst").await?;
    let since = Instant::now();
    let callers: Vec<_> = (0..CALLERS)
        .map(|caller| {
            let (store, address) = (store.clone(), server.address);
            tokio::spawn(async move {
                let mut connection = Connection::open(address).await?;
                for number in (caller..BURST).step_by(CALLERS) {
                    emit(&mut connection, &store, number as u64).await?;
                }
                Outcome::Ok(())
            })
        })
        .collect();
    for caller in callers {
        caller.await??;
    }
    let accepted = since.elapsed();
    wait(&arrivals, BURST).await?;
    let rate = |time: Duration| BURST as f64 / time.as_secs_f64();
    println!("{BURST} at once: accepted at {:.0}/s, delivered at {:.0}/s.", rate(accepted), rate(since.elapsed()));
    Ok(())
}

async fn emit(connection: &mut Connection, store: &str, number: u64) -> Outcome<()> {
    let body = json!({ "payload": { "number": number } }).to_string();
    let request = Request::post(&format!("/api/stores/{store}/triggers/post_sale"), &body).with_token();
    let answer = connection.send(&request).await?;
    match answer.status {
        202 => Ok(()),
        status => Err(format!("{status}: {}", String::from_utf8_lossy(answer.body)).into()),
    }
}

/// A receiver, and a store with a record that posts to it.
async fn listening_store(server: &Server, slug: &str) -> Outcome<(Arrivals, String)> {
    let arrivals = Arrivals::default();
    let url = receive(arrivals.clone())?;
    let record = json!({ "key": "custom:webhook", "triggers": ["trigger:post_sale"], "url": url });
    let data = json!({ "title": slug, "slug": slug, "extensions": [record] });
    Ok((arrivals, seed::create_store(server, data).await?))
}

/// Listens on a thread of its own and notes what comes, for as long as the program runs.
fn receive(arrivals: Arrivals) -> Outcome<String> {
    let listener = std::net::TcpListener::bind("127.0.0.1:0")?;
    let url = format!("http://{}/hook", listener.local_addr()?);
    std::thread::spawn(move || {
        actix_web::rt::System::new().block_on(async move {
            let server = HttpServer::new(move || {
                let arrivals = arrivals.clone();
                App::new().default_service(web::to(move |body: Bytes| note(arrivals.clone(), body)))
            });
            server.workers(1).listen(listener)?.run().await
        })
    });
    Ok(url)
}

async fn note(arrivals: Arrivals, body: Bytes) -> HttpResponse {
    let now = Instant::now();
    let number = serde_json::from_slice(&body).ok().and_then(|event: Value| event["payload"]["number"].as_u64());
    match (number, arrivals.lock()) {
        (Some(number), Ok(mut arrivals)) => {
            arrivals.entry(number).or_insert(now);
            HttpResponse::Ok().finish()
        }
        _ => HttpResponse::BadRequest().finish(),
    }
}

async fn wait(arrivals: &Arrivals, count: usize) -> Outcome<()> {
    let since = Instant::now();
    while arrivals.lock().map_err(|_| "a panic")?.len() < count {
        if since.elapsed() > Duration::from_secs(60) {
            return Err("deliveries did not come".into());
        }
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    Ok(())
}
