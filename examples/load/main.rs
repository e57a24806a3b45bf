//! How fast is it here? Starts the program next to this one on a database of its own, fills it, and measures reads,
//! triggers and deliveries side by side with a bare actix-web server that gives the same bytes as constants.
//!
//! `cargo build --profile dist && cargo run --profile dist --example load`
//!
//! `--only records,recovery` asks for some of the parts; those two are long and are only done when they are asked for.
//!
//! Client and server share the machine and everything stays on 127.0.0.1, so read the ratios rather than the rates.

mod bare;
mod client;
mod commits;
mod deliveries;
mod receiver;
mod records;
mod report;
mod seed;
mod servers;

use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::{Parser, ValueEnum};

use client::{Request, Server, run};
use commits::Commits;
use report::{Line, Report};

/// What is measured together fails together: a text for the person who started it.
pub type Outcome<T> = Result<T, Box<dyn std::error::Error + Send + Sync>>;

/// Connections that read at the same time.
const READERS: usize = 32;
/// How often the two servers take turns; the median is reported.
const ROUNDS: usize = 3;

/// Measures Tenon next to bare actix-web.
#[derive(Parser)]
struct Arguments {
    /// How many products there are.
    #[arg(long, default_value_t = 10_000)]
    products: usize,
    /// Memory for finished answers, in MiB; with 0 every request reads the database.
    #[arg(long, default_value_t = 0)]
    cache: u64,
    /// How long each measurement takes, in seconds.
    #[arg(long, default_value_t = 3)]
    seconds: u64,
    /// An empty database to use instead of a temporary SQLite file, such as postgres://user@host/database.
    #[arg(long)]
    database: Option<String>,
    /// Which parts are done.
    #[arg(long, value_enum, value_delimiter = ',', default_value = "reads,triggers,latency,burst")]
    only: Vec<Part>,
    /// Serves the files in this folder as constants; how this program starts the other server.
    #[arg(long, hide = true)]
    bare: Option<PathBuf>,
}

/// A part of the measurements.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Part {
    /// Requests that read, next to constants of the same bytes.
    Reads,
    /// Triggers accepted, next to constants and to plain grouped commits of the same rows.
    Triggers,
    /// From the call to the arrival, at a steady rate.
    Latency,
    /// Many triggers at once, delivered to one receiver and to ten.
    Burst,
    /// The time for an event among 1,000 to 1,000,000 extension records.
    Records,
    /// A receiver that is down for twenty seconds.
    Recovery,
}

fn main() -> Outcome<()> {
    let arguments = Arguments::parse();
    match &arguments.bare {
        Some(folder) => bare::serve(folder),
        None => {
            let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
            runtime.block_on(measure(&arguments))
        }
    }
}

async fn measure(arguments: &Arguments) -> Outcome<()> {
    let folder = tempfile::tempdir()?;
    let url = arguments.database.clone().unwrap_or_else(|| format!("sqlite:{}/tenon.db", folder.path().display()));
    let (tenon, started) = servers::start_tenon(folder.path(), &url, arguments.cache).await?;
    println!("Tenon answers {:.0} ms after its start, with {} MiB.", started.as_secs_f64() * 1e3, tenon.resident_mib());
    let is_asked = |part| arguments.only.contains(&part);
    let span = Duration::from_secs(arguments.seconds);
    if is_asked(Part::Reads) || is_asked(Part::Triggers) {
        let shop = seed::fill(&tenon, arguments.products).await?;
        let reads = if is_asked(Part::Reads) { reads(&shop) } else { Vec::new() };
        let triggers = if is_asked(Part::Triggers) { triggers(&shop) } else { Vec::new() };
        side_by_side(folder.path(), &tenon, &url, span, [reads, triggers]).await?;
    }
    if is_asked(Part::Latency) {
        deliveries::latency(&tenon, span.max(Duration::from_secs(10))).await?;
    }
    if is_asked(Part::Burst) {
        deliveries::burst(&tenon, 1).await?;
        deliveries::burst(&tenon, 10).await?;
    }
    if is_asked(Part::Records) {
        records::measure(&tenon).await?;
    }
    if is_asked(Part::Recovery) {
        deliveries::recovery(&tenon).await?;
    }
    println!("Tenon holds {} MiB after it all.", tenon.resident_mib());
    Ok(())
}

/// A name, the number of clients, and the request.
type Asked = (String, usize, Request);

/// Asks Tenon and the bare server in turns; triggers are compared with plain commits too.
async fn side_by_side(
    folder: &Path,
    tenon: &Server,
    url: &str,
    span: Duration,
    [reads, triggers]: [Vec<Asked>; 2],
) -> Outcome<()> {
    let first_trigger = reads.len();
    let asked: Vec<Asked> = reads.into_iter().chain(triggers).collect();
    let bare = servers::start_bare(folder, tenon, &asked).await?;
    let mut report = Report::default();
    for (place, (name, clients, request)) in asked.iter().enumerate() {
        let (mut ours, mut theirs, mut plain) = (Vec::new(), Vec::new(), Vec::new());
        for _ in 0..ROUNDS {
            ours.push(run(tenon, request, *clients, span).await?);
            theirs.push(run(&bare, &request.to(&bare::path(place)), *clients, span).await?);
            if place >= first_trigger {
                plain.push(Commits::start(url)?.run(*clients, span).await?);
            }
        }
        report.add(Line::new(name, ours, theirs, plain));
    }
    report.print();
    Ok(())
}

fn reads(shop: &seed::Shop) -> Vec<Asked> {
    let populated = "/api/products?populate[0]=PRICES&populate[1]=stores&populate[2]=extensions";
    let public = "/api/products?populate[0]=PRICES&populate[1]=stores";
    let of_store = "/api/products?filters[stores][slug][$eq]=store-7&populate[0]=PRICES&populate[1]=stores";
    let by_slug = format!("/api/products?filters[slug][$eq]={}&populate=*", shop.slug);
    let priced = "/api/products?filters[PRICES][Price][$gt]=10&sort=Name";
    vec![
        ("one product".to_owned(), READERS, Request::get(&format!("/api/products/{}", shop.product))),
        ("25 products".to_owned(), READERS, Request::get("/api/products")),
        ("25 with prices, stores".to_owned(), READERS, Request::get(public)),
        ("the same and extension records".to_owned(), READERS, Request::get(populated).with_token()),
        ("by slug, populate=*".to_owned(), READERS, Request::get(&by_slug)),
        ("25 by a store's slug, populated".to_owned(), READERS, Request::get(of_store)),
        ("any price above 10, by name".to_owned(), READERS, Request::get(priced)),
        (
            "the same without a count".to_owned(),
            READERS,
            Request::get(&format!("{priced}&pagination[withCount]=false")),
        ),
    ]
}

fn triggers(shop: &seed::Shop) -> Vec<Asked> {
    let path = format!("/api/stores/{}/triggers/nobody_listens", shop.quiet_store);
    let request = |clients: usize| {
        let request = Request::post(&path, r#"{"payload":{"order":"1042","total":"48.50"}}"#).with_token();
        (format!("trigger accepted, {clients} clients"), clients, request)
    };
    [1, 32, 256].map(request).into()
}
