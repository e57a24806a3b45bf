//! Requests sent byte for byte as they were recorded: no library may tidy the query on its way.

use std::collections::BTreeMap;
use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};

use serde_json::Value;

/// What was answered.
pub struct Answer {
    pub status: u16,
    /// By name, in lower case.
    pub headers: BTreeMap<String, String>,
    pub body: Body,
}

#[derive(Debug)]
pub enum Body {
    None,
    Json(Value),
    Text(String),
}

/// A request, ready to be sent.
pub struct Request {
    pub method: String,
    pub target: String,
    pub headers: Vec<(String, String)>,
    pub body: Option<Vec<u8>>,
}

/// Sends `request` on a connection of its own.
pub fn send(server: SocketAddr, request: &Request) -> Answer {
    let mut stream = TcpStream::connect(server).expect("the server listens");
    let mut head = format!("{} {} HTTP/1.1\r\nHost: {server}\r\nConnection: close\r\n", request.method, request.target);
    for (name, value) in &request.headers {
        head.push_str(&format!("{name}: {value}\r\n"));
    }
    if request.body.is_some() || request.method != "GET" {
        head.push_str(&format!("Content-Length: {}\r\n", request.body.as_ref().map_or(0, Vec::len)));
    }
    let message = [head.as_bytes(), b"\r\n", request.body.as_deref().unwrap_or_default()].concat();
    // A server may answer and close before it has read a body that is too large.
    let _ = stream.write_all(&message);
    let mut answer = Vec::new();
    if let Err(error) = stream.read_to_end(&mut answer) {
        assert!(!answer.is_empty(), "no answer: {error}");
    }
    parse(&answer, request.method == "HEAD")
}

fn parse(bytes: &[u8], is_head: bool) -> Answer {
    let end = bytes.windows(4).position(|four| four == b"\r\n\r\n").expect("an answer has a head");
    let head = String::from_utf8_lossy(&bytes[..end]);
    let mut lines = head.split("\r\n");
    let status = lines.next().and_then(|line| line.split(' ').nth(1)?.parse().ok()).expect("a status");
    let split = |line: &str| line.split_once(':').map(|(name, value)| (name.to_lowercase(), value.trim().to_owned()));
    let headers: BTreeMap<String, String> = lines.filter_map(split).collect();
    let content = match headers.get("transfer-encoding") {
        Some(coding) if coding == "chunked" => unchunk(&bytes[end + 4..]),
        _ => bytes[end + 4..].to_vec(),
    };
    let is_json = headers.get("content-type").is_some_and(|kind| kind.contains("json"));
    let body = match serde_json::from_slice(&content) {
        _ if content.is_empty() || is_head => Body::None,
        Ok(json) if is_json => Body::Json(json),
        _ => Body::Text(String::from_utf8_lossy(&content).into_owned()),
    };
    Answer { status, headers, body }
}

fn unchunk(mut bytes: &[u8]) -> Vec<u8> {
    let mut content = Vec::new();
    while let Some(end) = bytes.windows(2).position(|two| two == b"\r\n") {
        let size = std::str::from_utf8(&bytes[..end]).ok().and_then(|text| usize::from_str_radix(text, 16).ok());
        let Some(size) = size.filter(|size| *size > 0) else { break };
        content.extend_from_slice(&bytes[end + 2..end + 2 + size]);
        bytes = &bytes[end + 4 + size..];
    }
    content
}
