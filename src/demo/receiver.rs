//! The demo's local receiver: what stands in for the outside services that handlers call. It logs a line for each
//! delivery and checks its signature as any receiver of Standard Webhooks would.

use std::net::TcpListener;

use actix_web::dev::Server;
use actix_web::http::header::HeaderMap;
use actix_web::web::{self, Bytes};
use actix_web::{App, HttpRequest, HttpResponse, HttpServer};
use serde_json::Value;

use crate::handler::signature::StandardKey;

/// The secret that the sample shop's records sign with.
pub(super) const SECRET: &str = "whsec_VGhlIGRlbW8ncyBzZWNyZXQgaXMgbm8gc2VjcmV0Lg==";

/// Answers on `listener`. The returned server runs when it is awaited or spawned.
pub(super) fn serve(listener: TcpListener) -> std::io::Result<Server> {
    let server = HttpServer::new(|| App::new().default_service(web::to(receive)));
    Ok(server.workers(1).disable_signals().shutdown_timeout(1).listen(listener)?.run())
}

async fn receive(request: HttpRequest, body: Bytes) -> HttpResponse {
    let text = |name: &str| request.headers().get(name).and_then(|value| value.to_str().ok());
    let signature = match is_signed(request.headers(), &body) {
        None => "not signed",
        Some(true) => "signature verified",
        Some(false) => "SIGNATURE WRONG",
    };
    let run = text("webhook-id").map(|id| format!(", {id}")).unwrap_or_default();
    log::info!("arrived at {}: {} ({signature}{run})", request.path(), title(&body));
    HttpResponse::NoContent().finish()
}

/// What the delivery is about: the trigger and store of an event, or the title of a message.
fn title(body: &[u8]) -> String {
    let body: Value = serde_json::from_slice(body).unwrap_or_default();
    let trigger = body["trigger"].as_str().or(body["embeds"][0]["title"].as_str()).or(body["event"].as_str());
    let store = body["store"]["slug"].as_str().map(|slug| format!(" of {slug}")).unwrap_or_default();
    format!("{}{store}", trigger.unwrap_or("something"))
}

/// Whether one of the signatures fits; `None` when there is none.
fn is_signed(headers: &HeaderMap, body: &[u8]) -> Option<bool> {
    let text = |name: &str| headers.get(name)?.to_str().ok();
    let (id, at, signatures) = (text("webhook-id")?, text("webhook-timestamp")?, text("webhook-signature")?);
    let wanted = StandardKey::parse(SECRET).ok()?.sign(id, at.parse().ok()?, body);
    Some(signatures.split(' ').any(|signature| signature == wanted))
}
