//! Does one tenant stop another? Store A sends all that has ever held the program up, one thing after the other, while store
//! B saves, emits and receives deliveries. Prints how long B's writes took, what it lost, and the memory.
//!
//! `cargo build --profile dist && cargo run --profile dist --example tenants [-- --database postgres://user@host/empty]`

mod attacks;
#[allow(dead_code)] // Another measurement needs more of it.
#[path = "../load/receiver.rs"]
mod receiver;
mod shop;
mod target;

use std::net::{SocketAddr, TcpListener};
use std::path::Path;
use std::process::{Child, Command};
use std::time::{Duration, Instant};

use clap::Parser;

use attacks::{ATTACKS, Hostile};
use shop::Shop;
use target::Target;

/// A text for the person who started it.
pub type Outcome<T> = Result<T, Box<dyn std::error::Error + Send + Sync>>;

const TOKEN: &str = "tenants-have-full-access";

/// Attacks the program that lies beside this one.
#[derive(Parser)]
struct Arguments {
    /// An empty database to use instead of a temporary SQLite file, such as postgres://user@host/database.
    #[arg(long)]
    database: Option<String>,
    /// Only attacks with this in their name.
    #[arg(long, default_value = "")]
    only: String,
}

/// The program, which ends with this.
struct Server(Child);

impl Drop for Server {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[tokio::main]
async fn main() -> Outcome<()> {
    let (arguments, folder) = (Arguments::parse(), tempfile::tempdir()?);
    let database = arguments.database.unwrap_or_else(|| format!("sqlite:{}/tenon.db", folder.path().display()));
    let address = TcpListener::bind("127.0.0.1:0")?.local_addr()?;
    let server = start(folder.path(), &database, address).await?;
    let target = Target::new(address, &database, TOKEN, server.0.id())?;
    let (shop, hostile) = (Shop::open(target.clone()).await?, Hostile::open(&target).await?);
    println!(
        "{:<34} {:>10} {:>10} {:>6} {:>10} {:>8}",
        "store A sends", "B: median", "longest", "lost", "peak MiB", "took s"
    );
    let asked = ATTACKS.iter().filter(|attack| attack.name.contains(&arguments.only));
    for (place, attack) in asked.enumerate() {
        let seen = hostile.strike(attack, &shop, place * 10_000).await?;
        let ms = |time: Duration| format!("{:.1} ms", time.as_secs_f64() * 1e3);
        println!(
            "{:<34} {:>10} {:>10} {:>6} {:>10} {:>8.1}",
            attack.name,
            ms(seen.median),
            ms(seen.longest),
            seen.lost,
            seen.peak_mib,
            seen.took.as_secs_f64()
        );
    }
    Ok(())
}

async fn start(folder: &Path, database: &str, address: SocketAddr) -> Outcome<Server> {
    let example = std::env::current_exe()?;
    let program = example.parent().and_then(Path::parent).ok_or("a target folder")?.join("tenon");
    let process = Command::new(&program)
        .arg("serve")
        .env_clear()
        .env("DATABASE_URL", database)
        .env("TENON_LISTEN", address.to_string())
        .env("TENON_BOOTSTRAP_TOKEN", TOKEN)
        .env("TENON_SECRET_KEY", "07".repeat(32))
        .env("TENON_OUTBOUND_ALLOW", "127.0.0.0/8")
        .env("RUST_LOG", "error")
        .current_dir(folder)
        .spawn()
        .map_err(|error| format!("{}: {error}; build it first", program.display()))?;
    let (server, since) = (Server(process), Instant::now());
    while tokio::net::TcpStream::connect(address).await.is_err() {
        if since.elapsed() > Duration::from_secs(20) {
            return Err("the program does not get ready".into());
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    Ok(server)
}
