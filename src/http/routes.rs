//! The routes, and what is answered where there is none.

use actix_web::http::header::{ALLOW, HeaderValue};
use actix_web::http::{Method, StatusCode};
use actix_web::{FromRequest, Handler, HttpRequest, HttpResponse, Resource, Responder, Route, web};

use super::list::Parameters;
use super::problem::plain;
use super::{
    body, content_schema, docs, documents, events, explain, handlers, health, inbound, prices, record_runs, records,
    replays, run_now, runs, storefront, subscriptions, tokens, triggers,
};
use crate::content::Catalog;
use crate::error::{Error, Result};

/// A path and what answers there.
pub struct Endpoint {
    path: String,
    methods: Vec<Method>,
    /// Those whose handlers read the query string.
    asking: Vec<Method>,
    asks: bool,
    resource: Resource,
}

/// The methods of a path whose handlers read the query string. To all others it must not say anything.
#[derive(Clone)]
struct Asking(Vec<Method>);

impl Endpoint {
    /// A path where nothing answers yet, in actix's notation: `/tenon/runs/{id}`.
    pub fn at(path: impl Into<String>) -> Self {
        let path = path.into();
        Self { resource: web::resource(path.clone()), path, methods: Vec::new(), asking: Vec::new(), asks: false }
    }

    /// Has the handlers that are added from here on read the query string themselves, and answer for what they do not
    /// understand of it. To the others a query string is refused: what is not understood is not done all the same.
    pub fn with_parameters(self) -> Self {
        Self { asks: true, ..self }
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
        if self.asks {
            self.asking.push(method.clone());
        }
        self.methods.push(method);
        self.resource = self.resource.route(route);
        self
    }

    /// The resource, where every other method is answered as Strapi's router does.
    fn into_resource(self) -> Resource {
        let allowed = self.methods.iter().map(Method::as_str).collect::<Vec<_>>().join(", ");
        let other = move |request: HttpRequest, body: web::Payload| {
            let allowed = allowed.clone();
            async move { other_method(&request, body, &allowed).await }
        };
        self.resource.app_data(Asking(self.asking)).default_service(web::to(other))
    }
}

/// Refuses a query string where the handler does not read it.
pub(super) fn check_parameters(request: &HttpRequest) -> Result<()> {
    let reads = request.app_data::<Asking>().is_none_or(|asking| asking.0.contains(request.method()));
    if reads { Ok(()) } else { Parameters::none(request.query_string()) }
}

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

/// Strapi reads bodies before it looks for a route, so that one that is no JSON is told of first.
async fn other_method(request: &HttpRequest, body: web::Payload, allowed: &str) -> Result<HttpResponse> {
    let method = request.method();
    if matches!(*method, Method::POST | Method::PUT | Method::PATCH) {
        body::check_readable(request, body.into_inner()).await?;
    }
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
    Ok(response)
}
