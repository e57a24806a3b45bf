//! The two servers, each in a process of its own.

use std::io::{BufRead as _, BufReader};
use std::net::{SocketAddr, TcpListener};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use crate::client::{Connection, Request, Server, TOKEN};
use crate::{Outcome, bare};

/// Starts the program that lies beside this one; also tells how long it took until it answered.
pub async fn start_tenon(folder: &Path, database_url: &str, cache_mib: u64) -> Outcome<(Server, Duration)> {
    let example = std::env::current_exe()?;
    let target = example.parent().and_then(Path::parent).ok_or("a target folder")?;
    let program = target.join("tenon");
    if !program.exists() {
        return Err(format!("{} is missing: run `cargo build --profile dist` first", program.display()).into());
    }
    let address = TcpListener::bind("127.0.0.1:0")?.local_addr()?;
    let since = Instant::now();
    let process = Command::new(program)
        .arg("serve")
        .env_clear()
        .env("DATABASE_URL", database_url)
        .env("TENON_CACHE_MIB", cache_mib.to_string())
        .env("TENON_LISTEN", address.to_string())
        .env("TENON_BOOTSTRAP_TOKEN", TOKEN)
        .env("TENON_SECRET_KEY", "07".repeat(32))
        .env("TENON_OUTBOUND_ALLOW", "127.0.0.0/8")
        .env("RUST_LOG", "warn")
        .current_dir(folder)
        .spawn()?;
    let server = Server { address, process };
    while !is_ready(address).await {
        if since.elapsed() > Duration::from_secs(20) {
            return Err("the program does not get ready".into());
        }
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    Ok((server, since.elapsed()))
}

async fn is_ready(address: SocketAddr) -> bool {
    let Ok(mut connection) = Connection::open(address).await else { return false };
    connection.send(&Request::get("/readyz")).await.is_ok_and(|answer| answer.status == 200)
}

/// Starts the bare server with the answers that `tenon` gives to what is `asked`.
pub async fn start_bare(folder: &Path, tenon: &Server, asked: &[(String, usize, Request)]) -> Outcome<Server> {
    let mut connection = Connection::open(tenon.address).await?;
    let mut answers = Vec::new();
    for (name, _, request) in asked {
        let answer = connection.send(request).await?;
        if !(200..300).contains(&answer.status) {
            return Err(format!("{name}: {} {}", answer.status, String::from_utf8_lossy(answer.body)).into());
        }
        println!("{name}: {} bytes", answer.body.len());
        answers.push((answer.status, answer.body.to_vec()));
    }
    let folder = folder.join("bare");
    bare::prepare(&folder, &answers)?;
    let mut process =
        Command::new(std::env::current_exe()?).arg("--bare").arg(folder).stdout(Stdio::piped()).spawn()?;
    let mut line = String::new();
    BufReader::new(process.stdout.take().ok_or("its output")?).read_line(&mut line)?;
    Ok(Server { address: line.trim().parse()?, process })
}
