//! A path with its handlers, and what it answers to every other method.

use actix_web::http::header::{ALLOW, HeaderValue};
use actix_web::http::{Method, StatusCode};
use actix_web::{FromRequest, Handler, HttpRequest, HttpResponse, Resource, Responder, Route, web};

use super::body;
use super::extract::Asking;
use super::problem::plain;
use crate::error::Result;

/// A path and what answers there.
pub struct Endpoint {
    path: String,
    methods: Vec<Method>,
    /// Those whose handlers read the query string.
    asking: Vec<Method>,
    asks: bool,
    resource: Resource,
}

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
    pub(super) fn into_resource(self) -> Resource {
        let allowed = self.methods.iter().map(Method::as_str).collect::<Vec<_>>().join(", ");
        let other = move |request: HttpRequest, body: web::Payload| {
            let allowed = allowed.clone();
            async move { other_method(&request, body, &allowed).await }
        };
        self.resource.app_data(Asking(self.asking)).default_service(web::to(other))
    }
}

/// Strapi reads bodies before it looks for a route, so that one that is no JSON is told of first.
pub(super) async fn other_method(request: &HttpRequest, body: web::Payload, allowed: &str) -> Result<HttpResponse> {
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
