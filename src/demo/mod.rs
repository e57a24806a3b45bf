//! `serve --demo`: a small shop to look at, a receiver for what its handlers send, and three lines to try it with.
//!
//! The shop is in `shop.json` and is created by the same service that serves requests.

mod receiver;
mod shop;

use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpListener};
use std::sync::Arc;

use actix_web::dev::Server;
use ipnet::IpNet;

use crate::config::Config;
use crate::state::AppState;

/// Where the demo's receiver listens, if nothing else does and it is not told otherwise.
pub const RECEIVER: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 1338);

/// The token of the demo, unless the environment gives one.
const TOKEN: &str = "demo-full-access";

/// A sale, as a storefront tells it.
const SALE: &str = r#"{"payload":{"order":"1042","total":36.50,"currency":"EUR","email":"ana.marques@example.com"}}"#;

/// A running demo.
pub struct Demo {
    /// Receives what the shop's handlers send; runs when it is awaited or spawned.
    pub receiver: Server,
    /// What to do next, for the person who started the demo.
    pub greeting: String,
}

/// Lets the demo's token in and outgoing calls reach `receiver`.
///
/// Fails when strangers could reach the server, since the token is known to everyone.
pub fn configure(config: &mut Config, receiver: IpAddr) -> Result<(), String> {
    if config.bootstrap_token.is_none() {
        if !config.listen.ip().is_loopback() {
            return Err(format!(
                "the demo's token is known to everyone: set TENON_BOOTSTRAP_TOKEN to serve it on {}",
                config.listen
            ));
        }
        config.bootstrap_token = Some(TOKEN.to_owned());
    }
    config.outbound_allow.push(IpNet::from(receiver));
    Ok(())
}

impl Demo {
    /// Loads the shop, unless it is there, and opens the receiver at `asked` or where [`listen`] finds a place. The server
    /// listens on `address` already.
    ///
    /// Fails when the database has content of its own, or when something else listens where the receiver must.
    pub async fn open(state: &Arc<AppState>, address: SocketAddr, asked: Option<SocketAddr>) -> Result<Self, String> {
        let listener = listen(asked, shop::find_receiver(state).await.map_err(|error| error.to_string())?)?;
        let receiver = listener.local_addr().map_err(|error| error.to_string())?;
        let server = receiver::serve(listener).map_err(|error| failure(receiver, &error))?;
        let store = shop::load(state, receiver).await;
        let store = store.map_err(|error| format!("the demo's shop was not loaded: {error}"))?;
        let token = state.config.bootstrap_token.as_deref().ok_or("the demo has no token")?;
        Ok(Self { receiver: server, greeting: greeting((address, receiver), &store, token) })
    }
}

/// Listens at the address that was asked for, or else where the records of a shop that is there send to (`named`), or
/// else at [`RECEIVER`], or on any port when that one is taken.
///
/// Fails, with a text for the person who starts the program, when something else listens at an address that must be it.
fn listen(asked: Option<SocketAddr>, named: Option<SocketAddr>) -> Result<TcpListener, String> {
    if let Some(address) = asked.or(named) {
        return TcpListener::bind(address).map_err(|error| failure(address, &error));
    }
    TcpListener::bind(RECEIVER)
        .or_else(|_| TcpListener::bind((RECEIVER.ip(), 0)))
        .map_err(|error| failure(RECEIVER, &error))
}

fn failure(address: SocketAddr, error: &std::io::Error) -> String {
    format!(
        "the demo's receiver cannot listen on {address}, where the sample shop's records send to: {error} (another, for a \
         new shop: --demo-receiver)"
    )
}

fn greeting((address, receiver): (SocketAddr, SocketAddr), store: &str, token: &str) -> String {
    let base = format!("http://{address}");
    let auth = format!("-H 'Authorization: Bearer {token}'");
    format!(
        r#"
Tenon is ready, with a sample shop: 2 stores, 12 products, 6 subscribers, and extension records on all of them.
The API is described at {base}/docs. What handlers send arrives at http://{receiver} and is logged here.

1. Products with their prices:
curl '{base}/api/products?fields=Name&populate=PRICES&sort=Name'

2. A sale at the store Kettle & Leaf, which two of its extension records listen for:
curl '{base}/api/stores/{store}/triggers/post_sale' {auth} -H 'Content-Type: application/json' -d '{SALE}'

3. The runs it made, each with its attempts, what was sent and what was answered:
curl '{base}/tenon/runs?trigger=post_sale&populate=attempts' {auth}
"#
    )
}
