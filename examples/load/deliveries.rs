//! From the call that emits to the request that arrives.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::Outcome;
use crate::client::{Connection, Request, Server, percentiles};
use crate::receiver::Receiver;
use crate::seed;

/// Emissions a second where they come at a steady rate.
const RATE: u32 = 50;
/// Events of the burst, and the connections they come over.
const BURST: usize = 10_000;
const CALLERS: usize = 32;
/// How long a receiver is down.
const OUTAGE: Duration = Duration::from_secs(20);

/// Emits at a steady rate and prints how long after the call each delivery came.
pub async fn latency(server: &Server, span: Duration) -> Outcome<()> {
    let (receiver, store) = listening_store(server, "steady", 1).await?;
    let (sent, mut answered) = steadily(server, &store, span, || ()).await?;
    receiver.wait(sent.len()).await?;
    let arrivals = receiver.arrivals()?;
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

/// Emits at a steady rate to a receiver that is down at first, and prints when it had everything.
pub async fn recovery(server: &Server) -> Outcome<()> {
    let (receiver, store) = listening_store(server, "recovery", 1).await?;
    receiver.set_down(true);
    let since = Instant::now();
    let recover = || receiver.set_down(since.elapsed() < OUTAGE);
    let (sent, _) = steadily(server, &store, OUTAGE + Duration::from_secs(2), recover).await?;
    receiver.wait(sent.len()).await?;
    let during = sent.iter().take_while(|sent| **sent - since < OUTAGE).count();
    let arrivals = receiver.arrivals()?;
    let last = (0..during as u64).filter_map(|number| arrivals.get(&number)).max().ok_or("nothing came")?;
    println!(
        "A receiver that was down for {} s had the {during} events of that time {:.1} s after it came back; {} deliveries for {} events.",
        OUTAGE.as_secs(),
        (*last - since - OUTAGE).as_secs_f64(),
        receiver.count(),
        sent.len()
    );
    Ok(())
}

/// Emits at a steady rate, with `each` before every call; when each call was made, and how long it took.
async fn steadily(
    server: &Server,
    store: &str,
    span: Duration,
    each: impl Fn(),
) -> Outcome<(Vec<Instant>, Vec<Duration>)> {
    let mut connection = Connection::open(server.address).await?;
    let (mut sent, mut answered) = (Vec::new(), Vec::new());
    let mut turns = tokio::time::interval(Duration::from_secs(1) / RATE);
    for number in 0..span.as_secs() * u64::from(RATE) {
        turns.tick().await;
        each();
        let since = Instant::now();
        emit(&mut connection, store, number).await?;
        sent.push(since);
        answered.push(since.elapsed());
    }
    Ok((sent, answered))
}

/// Emits as fast as it goes, to a store where `records` records hear it, and prints how many events are accepted and
/// how many deliveries made in a second.
pub async fn burst(server: &Server, records: usize) -> Outcome<()> {
    let (receiver, store) = listening_store(server, &format!("burst-{records}"), records).await?;
    let events = BURST / records;
    let since = Instant::now();
    let accepted = emit_all(server, &store, events).await?;
    receiver.wait(events * records).await?;
    let delivered = since.elapsed();
    println!(
        "{events} at once, {records} deliveries each: {:.0} accepted/s, {:.0} delivered/s.",
        events as f64 / accepted.as_secs_f64(),
        (events * records) as f64 / delivered.as_secs_f64()
    );
    Ok(())
}

/// Emits `events` over several connections; how long it took until the last was answered.
pub async fn emit_all(server: &Server, store: &str, events: usize) -> Outcome<Duration> {
    let since = Instant::now();
    let callers: Vec<_> = (0..CALLERS)
        .map(|caller| {
            let (store, address) = (store.to_owned(), server.address);
            tokio::spawn(async move {
                let mut connection = Connection::open(address).await?;
                for number in (caller..events).step_by(CALLERS) {
                    emit(&mut connection, &store, number as u64).await?;
                }
                Outcome::Ok(())
            })
        })
        .collect();
    for caller in callers {
        caller.await??;
    }
    Ok(since.elapsed())
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

/// A receiver, and a store with `records` records that post to it.
pub async fn listening_store(server: &Server, slug: &str, records: usize) -> Outcome<(Receiver, String)> {
    let (receiver, url) = Receiver::start()?;
    let record = json!({ "key": "custom:webhook", "triggers": ["trigger:post_sale"], "url": url });
    let data = json!({ "title": slug, "slug": slug, "extensions": vec![record; records] });
    Ok((receiver, seed::create(server, "stores", 1, move |_: usize| -> Value { data.clone() }).await?.remove(0)))
}
