//! The routes, and what is answered where there is none.

use actix_web::http::header::{ALLOW, HeaderValue};
use actix_web::http::{Method, StatusCode};
use actix_web::{FromRequest, Handler, HttpResponse, Resource, Responder, ResponseError as _, Route, web};

use super::problem::plain;
use super::{
    by_hand, content_schema, docs, documents, events, explain, handlers, health, hooks, prices, record_runs, records,
    replays, runs, storefront, subscriptions, tokens, triggers,
};
use crate::error::Error;

/// A path and what answers there.
pub struct Endpoint {
    path: String,
    methods: Vec<Method>,
    resource: Resource,
}

impl Endpoint {
    /// A path where nothing answers yet, in actix's notation: `/api/runs/{id}`.
    pub fn at(path: impl Into<String>) -> Self {
        let path = path.into();
        Self { resource: web::resource(path.clone()), path, methods: Vec::new() }
    }

    /// Answers GET, and HEAD with it.
    pub fn get<F, Args>(self, handler: F) -> Self
    where
        F: Handler<Args>,
        Args: FromRequest + 'static,
        F::Output: Responder + 'static,
    {
        self.route(Method::HEAD, web::head().to(handler.clone())).route(Method::GET, web::get().to(handler))
    }

    /// Answers POST.
    pub fn post<F, Args>(self, handler: F) -> Self
    where
        F: Handler<Args>,
        Args: FromRequest + 'static,
        F::Output: Responder + 'static,
    {
        self.route(Method::POST, web::post().to(handler))
    }

    /// Answers PUT.
    pub fn put<F, Args>(self, handler: F) -> Self
    where
        F: Handler<Args>,
        Args: FromRequest + 'static,
        F::Output: Responder + 'static,
    {
        self.route(Method::PUT, web::put().to(handler))
    }

    /// Answers PATCH.
    pub fn patch<F, Args>(self, handler: F) -> Self
    where
        F: Handler<Args>,
        Args: FromRequest + 'static,
        F::Output: Responder + 'static,
    {
        self.route(Method::PATCH, web::patch().to(handler))
    }

    /// Answers DELETE.
    pub fn delete<F, Args>(self, handler: F) -> Self
    where
        F: Handler<Args>,
        Args: FromRequest + 'static,
        F::Output: Responder + 'static,
    {
        self.route(Method::DELETE, web::delete().to(handler))
    }

    /// Gives the handlers of this path something to extract.
    pub fn with<T: 'static>(mut self, data: T) -> Self {
        self.resource = self.resource.app_data(data);
        self
    }

    /// The path, in actix's notation.
    pub fn path(&self) -> &str {
        &self.path
    }

    /// The methods that are answered.
    pub fn methods(&self) -> &[Method] {
        &self.methods
    }

    fn route(mut self, method: Method, route: Route) -> Self {
        self.methods.push(method);
        self.resource = self.resource.route(route);
        self
    }

    /// The resource, where every other method is answered as Strapi's router does.
    fn into_resource(self) -> Resource {
        let allowed = self.methods.iter().map(Method::as_str).collect::<Vec<_>>().join(", ");
        self.resource.default_service(web::to(move |request: actix_web::HttpRequest| {
            let allowed = allowed.clone();
            async move { other_method(request.method(), &allowed) }
        }))
    }
}

/// Every endpoint. Earlier ones win where two paths match.
pub fn endpoints() -> Vec<Endpoint> {
    let parts = [
        triggers::endpoints(),
        explain::endpoints(),
        handlers::endpoints(),
        replays::endpoints(),
        records::endpoints(),
        record_runs::endpoints(),
        hooks::endpoints(),
        runs::endpoints(),
        events::endpoints(),
        storefront::endpoints(),
        subscriptions::endpoints(),
        by_hand::endpoints(),
        prices::endpoints(),
        documents::endpoints(),
        content_schema::endpoints(),
        tokens::endpoints(),
        health::endpoints(),
        docs::endpoints(),
    ];
    parts.into_iter().flatten().collect()
}

/// Gives all routes to an application.
pub(super) fn configure(config: &mut web::ServiceConfig) {
    for endpoint in endpoints() {
        config.service(endpoint.into_resource());
    }
    config.default_service(web::route().to(|request: actix_web::HttpRequest| async move { unknown(request.method()) }));
}

/// Strapi's router answers 404 only to those who read.
fn unknown(method: &Method) -> HttpResponse {
    match *method {
        Method::GET | Method::HEAD => Error::NotFound.error_response(),
        _ => other_method(method, "HEAD, GET"),
    }
}

fn other_method(method: &Method, allowed: &str) -> HttpResponse {
    let mut response = match *method {
        Method::OPTIONS => plain(StatusCode::OK, ""),
        Method::GET | Method::HEAD | Method::POST | Method::PUT | Method::PATCH | Method::DELETE | Method::TRACE => {
            plain(StatusCode::METHOD_NOT_ALLOWED, "Method Not Allowed")
        }
        _ => plain(StatusCode::NOT_IMPLEMENTED, "Not Implemented"),
    };
    if let Ok(allowed) = HeaderValue::from_str(allowed) {
        response.headers_mut().insert(ALLOW, allowed);
    }
    response
}
