//! The one way out to the network: a shared client that reaches public addresses only, follows no redirects, and reads
//! answers up to a cap. Knows nothing of handlers or runs.

mod addresses;
mod spelling;

use std::error::Error as _;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use ipnet::IpNet;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use reqwest::header::HeaderMap;
use reqwest::redirect::Policy;
use reqwest::{Method, StatusCode};
use url::{Host, Url};

use addresses::Allowed;
pub use spelling::{check_storable, holds_password, parse_url};

/// The most bytes of an answer's body that are read. The status stands before them and says what came of the request, so an
/// answer with more is no failure: it ends there.
pub const ANSWER_LIMIT: usize = 1 << 20;
/// The most headers of an answer; more is a failure.
const HEADERS: usize = 1000;
/// The most bytes of an answer's headers over HTTP/2, about as many as over HTTP/1.
const HEADER_BYTES: u32 = 400 * 1024;

/// How long a connection may take to be made, within the time of the whole call.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// How long a connection may lie idle before it is closed.
const IDLE_TIMEOUT: Duration = Duration::from_secs(60);
/// How many idle connections are kept for each host.
const IDLE_CONNECTIONS: usize = 128;

/// Sends requests to the world outside.
#[derive(Clone)]
pub struct Client {
    http: reqwest::Client,
    allowed: Arc<Allowed>,
}

/// What is sent.
#[derive(Debug, Clone)]
pub struct Request {
    /// The method.
    pub method: Method,
    /// Where to; see [`Client::check_url`].
    pub url: Url,
    /// The headers.
    pub headers: HeaderMap,
    /// The body; empty for none.
    pub body: Vec<u8>,
}

/// What came back.
#[derive(Debug, Clone)]
pub struct Response {
    /// The status.
    pub status: StatusCode,
    /// The headers.
    pub headers: HeaderMap,
    /// The body, at most [`ANSWER_LIMIT`] bytes.
    pub body: Vec<u8>,
    /// Whether the body has more bytes, which were not read.
    pub is_cut: bool,
}

/// Why nothing whole came back.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Failure {
    /// The address must not be reached; nothing was sent, and trying again will not help.
    #[error("{0}")]
    Refused(String),
    /// Not done in time.
    #[error("no whole answer within {0:?}")]
    Timeout(Duration),
    /// No connection, or one that broke before the answer was whole.
    #[error("{0}")]
    Broken(String),
}

impl Client {
    /// A client that may also reach the private addresses in `allow`.
    ///
    /// Fails with a text for the person who starts the program.
    pub fn new(allow: Vec<IpNet>) -> Result<Self, String> {
        let allowed = Arc::new(Allowed::new(allow));
        let build = |builder: reqwest::ClientBuilder| builder.build().map_err(|error| chain(&error));
        let http = build(builder(&allowed)).or_else(|problem| {
            log::warn!("{problem}: https calls will fail until certificates are installed (package ca-certificates)");
            build(builder(&allowed).tls_certs_only([]))
        })?;
        Ok(Self { http, allowed })
    }

    /// Reads a url that requests may go to: as [`parse_url`] does, and if the host is an address, one that may be reached.
    /// The error says what is wrong.
    pub fn check_url(&self, text: &str) -> Result<Url, String> {
        let url = parse_url(text).map_err(|why| format!("the url {why}"))?;
        let address = match url.host() {
            None | Some(Host::Domain(_)) => return Ok(url),
            Some(Host::Ipv4(address)) => address.into(),
            Some(Host::Ipv6(address)) => address.into(),
        };
        if self.allowed.may_reach(address) { Ok(url) } else { Err(private(&address.to_string())) }
    }

    /// Sends `request` and reads the whole answer within `timeout`. A redirect is an answer like any other.
    pub async fn send(&self, request: Request, timeout: Duration) -> Result<Response, Failure> {
        let url = self.check_url(request.url.as_str()).map_err(Failure::Refused)?;
        let sending = self.http.request(request.method, url).headers(request.headers).body(request.body).send();
        let whole = async { read(sending.await.map_err(failure)?).await };
        tokio::time::timeout(timeout, whole).await.unwrap_or(Err(Failure::Timeout(timeout)))
    }
}

#[allow(clippy::disallowed_methods)] // The one place that makes a client.
fn builder(allowed: &Arc<Allowed>) -> reqwest::ClientBuilder {
    // The second call of a process finds a provider installed: the same one.
    let _ = rustls::crypto::ring::default_provider().install_default();
    reqwest::Client::builder()
        .no_proxy()
        .redirect(Policy::none())
        .referer(false)
        .dns_resolver(Arc::clone(allowed))
        .connect_timeout(CONNECT_TIMEOUT)
        .pool_idle_timeout(IDLE_TIMEOUT)
        .pool_max_idle_per_host(IDLE_CONNECTIONS)
        .user_agent(concat!("Tenon/", env!("CARGO_PKG_VERSION")))
        // A receiver that has accepted a request is not asked again because of its headers.
        .http1_max_headers(HEADERS)
        .http1_ignore_invalid_headers_in_responses(true)
        .http1_allow_obsolete_multiline_headers_in_responses(true)
        .http1_allow_spaces_after_header_name_in_responses(true)
        .http2_max_header_list_size(HEADER_BYTES)
}

async fn read(mut response: reqwest::Response) -> Result<Response, Failure> {
    let (mut body, mut is_cut) = (Vec::new(), false);
    while let Some(chunk) = response.chunk().await.map_err(failure)? {
        let left = ANSWER_LIMIT - body.len();
        body.extend_from_slice(chunk.get(..left).unwrap_or(&chunk));
        if chunk.len() > left {
            is_cut = true;
            break;
        }
    }
    Ok(Response { status: response.status(), headers: std::mem::take(response.headers_mut()), body, is_cut })
}

impl Resolve for Allowed {
    /// The addresses of a name that may be reached. They are the very ones connected to, so that a name which changes
    /// its mind between a check and a connection gains nothing.
    fn resolve(&self, name: Name) -> Resolving {
        let (host, allowed) = (name.as_str().to_owned(), self.clone());
        Box::pin(async move {
            let found: Vec<SocketAddr> = tokio::net::lookup_host((host.as_str(), 0)).await?.collect();
            let reachable: Vec<SocketAddr> =
                found.iter().filter(|address| allowed.may_reach(address.ip())).copied().collect();
            if reachable.is_empty() && !found.is_empty() {
                return Err(Box::new(Failure::Refused(private(&host))) as Box<_>);
            }
            Ok(Box::new(reachable.into_iter()) as Addrs)
        })
    }
}

fn private(host: &str) -> String {
    format!("{host} is not a public address; TENON_OUTBOUND_ALLOW can allow private networks")
}

/// What a transport's error means. Its url is left out: it may hold a secret.
fn failure(error: reqwest::Error) -> Failure {
    let error = error.without_url();
    let mut source = error.source();
    while let Some(cause) = source {
        if let Some(refused @ Failure::Refused(_)) = cause.downcast_ref::<Failure>() {
            return refused.clone();
        }
        source = cause.source();
    }
    Failure::Broken(chain(&error))
}

/// The causes of an error, from the outermost to the innermost.
fn chain(error: &dyn std::error::Error) -> String {
    let mut texts = vec![error.to_string()];
    let mut source = error.source();
    while let Some(cause) = source {
        texts.push(cause.to_string());
        source = cause.source();
    }
    texts.dedup();
    texts.join(": ")
}

#[cfg(test)]
mod tests;
