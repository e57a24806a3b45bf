//! A client that costs little: one buffer, one connection, just enough HTTP/1.1 for answers with a length.

use std::net::SocketAddr;
use std::process::Child;
use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::Outcome;

/// The token of the measured server.
pub const TOKEN: &str = "load-has-full-access";

/// A server in a process of its own, which ends with this.
pub struct Server {
    pub address: SocketAddr,
    pub process: Child,
}

impl Server {
    /// Processor time used so far, in microseconds; what Linux counts in hundredths of a second.
    pub fn cpu_us(&self) -> u64 {
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", self.process.id())).unwrap_or_default();
        let after_name = stat.rsplit(')').next().unwrap_or_default();
        let ticks = after_name.split_ascii_whitespace().skip(11).take(2);
        ticks.filter_map(|ticks| ticks.parse::<u64>().ok()).sum::<u64>() * 10_000
    }

    /// Memory held, in MiB.
    pub fn resident_mib(&self) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.process.id())).unwrap_or_default();
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
        line.and_then(|line| line.split_ascii_whitespace().next()?.parse::<u64>().ok()).unwrap_or_default() / 1024
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// A request, ready to be sent again and again.
#[derive(Clone)]
pub struct Request {
    method: &'static str,
    path: String,
    head: String,
    body: String,
}

impl Request {
    pub fn get(path: &str) -> Self {
        Self { method: "GET", path: path.to_owned(), head: String::new(), body: String::new() }
    }

    /// With a body of JSON.
    pub fn post(path: &str, body: &str) -> Self {
        let head = format!("content-type: application/json\r\ncontent-length: {}\r\n", body.len());
        Self { method: "POST", path: path.to_owned(), head, body: body.to_owned() }
    }

    pub fn with_token(mut self) -> Self {
        self.head += &format!("authorization: Bearer {TOKEN}\r\n");
        self
    }

    /// The same to another path.
    pub fn to(&self, path: &str) -> Self {
        Self { path: path.to_owned(), ..self.clone() }
    }

    fn bytes(&self) -> Vec<u8> {
        let Self { method, path, head, body } = self;
        format!("{method} {path} HTTP/1.1\r\nhost: 127.0.0.1\r\n{head}\r\n{body}").into_bytes()
    }
}

/// A connection that is kept.
pub struct Connection {
    stream: TcpStream,
    buffer: Vec<u8>,
}

/// An answer; its body is in the connection's buffer until the next request.
pub struct Answer<'a> {
    pub status: u16,
    pub body: &'a [u8],
}

impl Connection {
    pub async fn open(address: SocketAddr) -> Outcome<Self> {
        let stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        Ok(Self { stream, buffer: Vec::with_capacity(64 * 1024) })
    }

    pub async fn send(&mut self, request: &Request) -> Outcome<Answer<'_>> {
        self.send_bytes(&request.bytes()).await
    }

    async fn send_bytes(&mut self, request: &[u8]) -> Outcome<Answer<'_>> {
        self.stream.write_all(request).await?;
        self.buffer.clear();
        let (start, length) = loop {
            self.read_more().await?;
            if let Some(end) = find(&self.buffer, b"\r\n\r\n") {
                break (end + 4, content_length(&self.buffer[..end])?);
            }
        };
        while self.buffer.len() < start + length {
            self.read_more().await?;
        }
        let status = std::str::from_utf8(&self.buffer[9..12])?.parse()?;
        Ok(Answer { status, body: &self.buffer[start..start + length] })
    }

    async fn read_more(&mut self) -> Outcome<()> {
        match self.stream.read_buf(&mut self.buffer).await? {
            0 => Err("the server closed the connection".into()),
            _ => Ok(()),
        }
    }
}

fn find(text: &[u8], part: &[u8]) -> Option<usize> {
    text.windows(part.len()).position(|window| window == part)
}

fn content_length(head: &[u8]) -> Outcome<usize> {
    let head = std::str::from_utf8(head)?;
    let mut headers = head.split("\r\n").filter_map(|line| line.split_once(':'));
    let length = headers.find(|(name, _)| name.eq_ignore_ascii_case("content-length"));
    Ok(length.ok_or_else(|| format!("an answer without a length: {head}"))?.1.trim().parse()?)
}

/// What one measurement came to.
#[derive(Debug, Clone, Copy)]
pub struct Measured {
    /// Requests answered in a second.
    pub rate: f64,
    /// Processor time of the server for each.
    pub cpu_us: f64,
    pub p50: Duration,
    pub p99: Duration,
}

/// Sends `request` over `clients` connections, each waiting for its answer, for as long as `span`.
pub async fn run(server: &Server, request: &Request, clients: usize, span: Duration) -> Outcome<Measured> {
    let (cpu, since) = (server.cpu_us(), Instant::now());
    let callers: Vec<_> = (0..clients).map(|_| tokio::spawn(call(server.address, request.clone(), span))).collect();
    let mut times = Vec::new();
    for caller in callers {
        times.extend(caller.await??);
    }
    let (count, took) = (times.len(), since.elapsed());
    let (p50, p99) = percentiles(&mut times);
    let cpu_us = (server.cpu_us() - cpu) as f64 / count.max(1) as f64;
    Ok(Measured { rate: count as f64 / took.as_secs_f64(), cpu_us, p50, p99 })
}

async fn call(address: SocketAddr, request: Request, span: Duration) -> Outcome<Vec<Duration>> {
    let (mut connection, bytes) = (Connection::open(address).await?, request.bytes());
    let (mut times, since) = (Vec::new(), Instant::now());
    while since.elapsed() < span {
        let sent = Instant::now();
        let answer = connection.send_bytes(&bytes).await?;
        if !(200..300).contains(&answer.status) {
            return Err(format!("{}: {}", answer.status, String::from_utf8_lossy(answer.body)).into());
        }
        times.push(sent.elapsed());
    }
    Ok(times)
}

/// The median and the time that one in a hundred exceeds; zero when there are none.
pub fn percentiles(times: &mut [Duration]) -> (Duration, Duration) {
    times.sort_unstable();
    let at = |share: f64| times.get((times.len() as f64 * share) as usize).copied().unwrap_or_default();
    (at(0.5), at(0.99))
}
