//! The HTTP face: the server, what a handler may ask for, the routes, and how errors read on the wire. Knows no SQL.

mod answer;
mod arrival;
pub mod body;
mod cache_middleware;
mod conditional;
mod content_schema;
mod cors;
pub mod docs;
mod documents;
pub mod endpoint;
mod events;
mod explain;
pub mod extract;
mod handlers;
mod health;
mod idempotency;
mod inbound;
mod intake;
mod list;
mod middleware;
mod misnamed;
pub mod openapi;
mod prices;
mod problem;
mod reader;
mod record_runs;
mod record_path;
mod records;
mod replays;
pub mod routes;
mod run_now;
mod runs;
mod state;
mod storefront;
mod subscriptions;
mod tokens;
mod triggers;

use std::net::TcpListener;
use std::sync::Arc;
use std::time::Duration;

use actix_web::dev::Server;
use actix_web::middleware::{Compress, from_fn};
use actix_web::{App, HttpServer, web};

use crate::state::AppState;

/// How long a client may take to send the head of a request.
const CLIENT_TIMEOUT: Duration = Duration::from_secs(10);
/// How long a connection may stay open between requests.
const KEEP_ALIVE: Duration = Duration::from_secs(75);

/// Serves on `listener`, which is bound already, until the handle of the returned server stops it. It runs when it is
/// awaited or spawned.
///
/// Fails when the listener cannot be used.
pub fn serve(state: Arc<AppState>, listener: TcpListener) -> std::io::Result<Server> {
    let workers = workers(state.config.http_workers);
    let grace = state.config.runner.shutdown_grace;
    let intake = intake::Intake::new(state.config.body_limit);
    let described = web::Data::new(docs::Described::new(openapi::print));
    let server = HttpServer::new(move || {
        App::new()
            .app_data(web::Data::from(Arc::clone(&state)))
            .app_data(described.clone())
            .app_data(intake.clone())
            .app_data(reader::OwnConnection::default())
            .app_data(middleware::RequestIds::new(&*state.random))
            .configure(routes::configure(state.catalog))
            .wrap(Compress::default())
            .wrap(from_fn(middleware::around))
            .wrap(cache_middleware::CacheMiddleware(Arc::clone(&state)))
    });
    let server = server
        .workers(workers)
        .keep_alive(KEEP_ALIVE)
        .client_request_timeout(CLIENT_TIMEOUT)
        .shutdown_timeout(grace.as_secs())
        .disable_signals()
        .listen(listener)?;
    Ok(server.run())
}

/// The number of workers: `asked`, or one for each core; never more than actix can count.
fn workers(asked: usize) -> usize {
    let cores = || std::thread::available_parallelism().map_or(2, std::num::NonZero::get);
    if asked == 0 { cores() } else { asked }.min(512)
}
