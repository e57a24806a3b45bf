//! The routes, and what is answered where there is none.

use actix_web::http::Method;
use actix_web::{HttpRequest, HttpResponse, web};

use super::endpoint::{Endpoint, other_method};
use super::{
    content_schema, docs, documents, events, explain, handlers, health, inbound, prices, record_runs, records, replays,
    run_now, runs, storefront, subscriptions, tokens, triggers,
};
use crate::content::Catalog;
use crate::error::{Error, Result};

/// Every endpoint. Earlier ones win where two paths match.
pub fn endpoints(catalog: &Catalog) -> Vec<Endpoint> {
    let parts = [
        triggers::endpoints(),
        explain::endpoints(),
        handlers::endpoints(),
        replays::endpoints(),
        records::endpoints(),
        record_runs::endpoints(),
        inbound::endpoints(),
        runs::endpoints(),
        events::endpoints(),
        storefront::endpoints(),
        subscriptions::endpoints(),
        run_now::endpoints(),
        prices::endpoints(),
        documents::endpoints(catalog),
        content_schema::endpoints(),
        tokens::endpoints(),
        health::endpoints(),
        docs::endpoints(),
    ];
    parts.into_iter().flatten().collect()
}

/// Gives all routes to an application.
pub(super) fn configure(catalog: &'static Catalog) -> impl Fn(&mut web::ServiceConfig) {
    move |config| {
        for endpoint in endpoints(catalog) {
            config.service(endpoint.into_resource());
        }
        config.default_service(web::to(unknown));
    }
}

/// Strapi's router answers 404 only to those who read.
async fn unknown(request: HttpRequest, body: web::Payload) -> Result<HttpResponse> {
    match *request.method() {
        Method::GET | Method::HEAD => Err(Error::NotFound),
        _ => other_method(&request, body, "HEAD, GET").await,
    }
}
