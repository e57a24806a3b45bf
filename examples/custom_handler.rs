//! A handler of one's own: sends each sale to an ERP, keeps the number that the ERP gave it, and shows the run.
//!
//! `cargo run --example custom_handler`
//!
//! Everything it needs it starts itself, on 127.0.0.1 and in a temporary folder. `docs/writing-a-handler.md` shows how to
//! begin a program of your own, whose `main` is two statements: all of Tenon, with one handler more.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpListener;
use std::sync::Arc;
use std::time::Duration;

use reqwest::Method;
use reqwest::header::{AUTHORIZATION, CONTENT_TYPE, HeaderMap, HeaderValue};
use serde::Deserialize;
use serde_json::{Value, json};
use tenon::clock::{OsRandom, SystemClock};
use tenon::config::Config;
use tenon::content::Catalog;
use tenon::handler::{Context, Descriptor, Done, Handler, Outcome};
use tenon::outbound::Request;
use tenon::runner::Runner;
use tenon::state::AppState;
use tenon::{extensions, http};
use utoipa::ToSchema;

/// The handler for the key `customer:globex:erp`.
struct Erp;

/// What is set up for each extension record. The directory shows it as a form.
#[derive(Deserialize, ToSchema)]
struct Setup {
    /// The warehouse that orders are booked on.
    warehouse: String,
}

/// What stays secret: sealed in the database, masked wherever it could be read.
#[derive(Deserialize, ToSchema)]
struct Credentials {
    /// The ERP's token.
    #[schema(format = Password)]
    token: String,
}

impl Handler for Erp {
    type Config = Setup;
    type Credentials = Credentials;

    fn descriptor(&self) -> Descriptor {
        Descriptor {
            key: "customer:globex:erp",
            name: "Globex ERP",
            description: "Books each sale as an order.",
            category: "erp",
            author: "Globex",
            default_triggers: &["trigger:post_sale"],
            needs_url: true,
            never_blocks: true,
            ..Descriptor::default()
        }
    }

    async fn run(&self, context: Context<Self>) -> Outcome {
        let order = json!({
            "store": context.entity()["slug"],
            "warehouse": context.config.warehouse,
            "sale": context.event.payload,
        });
        let call = context.http.post(context.url()?).json(&order);
        let call = call.header("Authorization", format!("Bearer {}", context.credentials.token));
        let answer = call.header("Idempotency-Key", context.run.idempotency_key()).send().await?.ok()?;
        let booked: Value = answer.json()?;
        Ok(Done::new("order booked").with_meta("order", booked["number"].clone()))
    }
}

type Result<T> = std::result::Result<T, Box<dyn std::error::Error>>;

/// A token with full access to this example's server.
const TOKEN: &str = "example-full-access";

#[tokio::main]
async fn main() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let handlers = extensions::registry()?.with(Erp)?;
    let state = AppState::build(
        config(folder.path())?,
        (handlers, Catalog::build(&[])?),
        Arc::new(SystemClock),
        Arc::new(OsRandom::new()),
    )
    .await?;
    let listener = TcpListener::bind(state.config.listen)?;
    let base = format!("http://{}", listener.local_addr()?);
    let server = http::serve(Arc::clone(&state), listener)?;
    let handle = server.handle();
    tokio::spawn(server);
    let runner = Runner::start(Arc::clone(&state));

    let record = json!({
        "key": "customer:globex:erp",
        "triggers": ["trigger:post_sale"],
        "config": {"warehouse": "north"},
        "credentials": {"token": "a-very-secret-token"},
        "url": start_erp()?,
    });
    let store = json!({"data": {"title": "Globex", "slug": "globex", "extensions": [record]}});
    let store = call(&state, Method::POST, &format!("{base}/api/stores"), store).await?;
    let document = store["data"]["documentId"].as_str().ok_or("no store")?;
    let sale = json!({"payload": {"order": "1042", "total": "48.50"}});
    call(&state, Method::POST, &format!("{base}/api/stores/{document}/triggers/post_sale"), sale).await?;
    let runs = loop {
        let url = format!("{base}/tenon/runs?trigger=post_sale&state=completed&populate=attempts");
        let runs = call(&state, Method::GET, &url, Value::Null).await?;
        if runs["data"][0].is_object() {
            break runs;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    };
    println!("{:#}", runs["data"][0]);
    let url = format!("{base}/api/stores/{document}?populate=extensions");
    let store = call(&state, Method::GET, &url, Value::Null).await?;
    println!("The record remembers: {}", store["data"]["extensions"][0]["meta"]);

    tokio::join!(handle.stop(true), runner.stop());
    Ok(())
}

fn config(folder: &std::path::Path) -> Result<Config> {
    let database = format!("sqlite:{}", folder.join("tenon.db").display());
    let key = folder.join("tenon.key").display().to_string();
    let told = move |name: &str| match name {
        "DATABASE_URL" => Some(database.clone()),
        "TENON_SECRET_KEY_FILE" => Some(key.clone()),
        "TENON_LISTEN" => Some("127.0.0.1:0".to_owned()),
        "TENON_BOOTSTRAP_TOKEN" => Some(TOKEN.to_owned()),
        "TENON_OUTBOUND_ALLOW" => Some("127.0.0.0/8".to_owned()),
        _ => None,
    };
    Ok(Config::read(told)?)
}

/// Asks the example's own server.
async fn call(state: &AppState, method: Method, url: &str, body: Value) -> Result<Value> {
    let mut headers = HeaderMap::new();
    headers.insert(AUTHORIZATION, HeaderValue::from_str(&format!("Bearer {TOKEN}"))?);
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    let body = if body.is_null() { Vec::new() } else { serde_json::to_vec(&body)? };
    let request = Request { method, url: url.parse()?, headers, body };
    let answer = state.outbound.send(request, Duration::from_secs(10)).await?;
    Ok(serde_json::from_slice(&answer.body)?)
}

/// An ERP that books one order; returns where it is.
fn start_erp() -> Result<String> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let url = format!("http://{}/orders", listener.local_addr()?);
    std::thread::spawn(move || -> std::io::Result<()> {
        let mut stream = BufReader::new(listener.accept()?.0);
        let (mut line, mut length) = (String::new(), 0);
        while stream.read_line(&mut line)? > 2 {
            let header = line.to_ascii_lowercase();
            length = header.strip_prefix("content-length:").map_or(Ok(length), |text| text.trim().parse()).unwrap_or(0);
            line.clear();
        }
        stream.read_exact(&mut vec![0; length])?;
        let answer = r#"{"number": "SO-7"}"#;
        write!(stream.into_inner(), "HTTP/1.1 201 Created\r\nContent-Length: {}\r\n\r\n{answer}", answer.len())
    });
    Ok(url)
}
