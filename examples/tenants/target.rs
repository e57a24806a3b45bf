//! The program that is attacked, seen from outside.

use std::net::SocketAddr;
use std::time::Duration;

use reqwest::{Client, Method};
use serde_json::Value;

use crate::Outcome;

/// A running program with a database of its own.
#[derive(Clone)]
pub struct Target {
    pub address: SocketAddr,
    /// As `DATABASE_URL` takes it.
    pub database: String,
    token: String,
    process: u32,
    client: Client,
}

impl Target {
    /// The program in the process with this number, which takes `token` for full access.
    pub fn new(address: SocketAddr, database: &str, token: &str, process: u32) -> Outcome<Self> {
        // Whoever comes first installs it.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let client = client().timeout(Duration::from_secs(30)).no_proxy().build()?;
        Ok(Self { address, database: database.to_owned(), token: token.to_owned(), process, client })
    }

    /// Sends a body with full access; returns the status and what was answered.
    pub async fn send(&self, method: Method, path: &str, body: String) -> Outcome<(u16, Value)> {
        let request = self.client.request(method, format!("http://{}{path}", self.address)).bearer_auth(&self.token);
        let answer = request.header("content-type", "application/json").body(body).send().await?;
        let (status, text) = (answer.status().as_u16(), answer.text().await?);
        Ok((status, serde_json::from_str(&text).unwrap_or(Value::String(text))))
    }

    /// The same, for what must be done: 2xx.
    pub async fn demand(&self, method: Method, path: &str, body: &Value) -> Outcome<Value> {
        match self.send(method.clone(), path, body.to_string()).await? {
            (200..300, answer) => Ok(answer),
            (status, answer) => Err(format!("{method} {path}: {status} {answer}").into()),
        }
    }

    /// Forgets how much memory the process held so far.
    pub fn forget_peak(&self) -> Outcome<()> {
        Ok(std::fs::write(format!("/proc/{}/clear_refs", self.process), "5")?)
    }

    /// The most memory that the process held since then, in MiB.
    pub fn peak_mib(&self) -> Outcome<u64> {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.process))?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).ok_or("no VmHWM")?;
        let kib: u64 = line.split_ascii_whitespace().next().ok_or("no number")?.parse()?;
        Ok(kib / 1024)
    }
}

#[allow(clippy::disallowed_methods)] // The calls of one who measures are not the program's.
fn client() -> reqwest::ClientBuilder {
    Client::builder()
}
