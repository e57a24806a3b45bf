//! A caller of the API, with its token.

use std::time::Duration;

use reqwest::{Client, Method, RequestBuilder, StatusCode};
use serde_json::{Value, json};
use tenon::nesting;

use super::PATIENCE;
use super::contract::{self, Exchange};

/// The token that tests call with: full access, given as `TENON_BOOTSTRAP_TOKEN`.
pub const TOKEN: &str = "tests-have-full-access";

/// A caller.
#[derive(Clone)]
pub struct Api {
    base: String,
    token: Option<String>,
    client: Client,
}

/// What was answered.
#[derive(Debug, Clone)]
pub struct Answered {
    pub status: u16,
    pub headers: reqwest::header::HeaderMap,
    pub text: String,
    /// The body, or null when it is not JSON.
    pub json: Value,
}

impl Api {
    /// A caller with full access to the server at `base`, such as `http://127.0.0.1:1337`.
    pub fn new(base: impl Into<String>) -> Self {
        Self { base: base.into(), token: Some(TOKEN.into()), client: client() }
    }

    /// The same caller with another token, or with none.
    pub fn with_token(&self, token: Option<&str>) -> Self {
        Self { token: token.map(str::to_owned), ..self.clone() }
    }

    /// A request to be filled in by hand.
    pub fn request(&self, method: Method, path: &str) -> RequestBuilder {
        let request = self.client.request(method, format!("{}{path}", self.base));
        match &self.token {
            Some(token) => request.bearer_auth(token),
            None => request,
        }
    }

    pub async fn get(&self, path: &str) -> Answered {
        send(self.request(Method::GET, path)).await
    }

    pub async fn post(&self, path: &str, body: Value) -> Answered {
        send(self.request(Method::POST, path).json(&body)).await
    }

    pub async fn put(&self, path: &str, body: Value) -> Answered {
        send(self.request(Method::PUT, path).json(&body)).await
    }

    pub async fn delete(&self, path: &str) -> Answered {
        send(self.request(Method::DELETE, path)).await
    }

    /// Creates a document of the type with this plural, published at once, and returns it.
    pub async fn create(&self, plural: &str, data: Value) -> Value {
        let answer = self.post(&format!("/api/{plural}?status=published&populate=*"), json!({ "data": data })).await;
        answer.expect(201)["data"].clone()
    }

    /// Emits `trigger` for a store, and returns the event's id.
    pub async fn emit(&self, store: &str, trigger: &str, payload: Value) -> String {
        let answer = self.post(&format!("/api/stores/{store}/triggers/{trigger}"), json!({ "payload": payload })).await;
        answer.expect(202)["data"]["id"].as_str().expect("an event id").to_owned()
    }
}

impl Answered {
    /// The body, when the status is `status`.
    #[track_caller]
    pub fn expect(&self, status: u16) -> &Value {
        assert_eq!(self.status, status, "{}", self.text);
        &self.json
    }
}

/// Sends `request`; panics when there is no answer.
pub async fn send(request: RequestBuilder) -> Answered {
    try_send(request).await.unwrap_or_else(|error| panic!("no answer: {error}"))
}

/// Sends `request`, to a server that may be killed meanwhile.
pub async fn try_send(request: RequestBuilder) -> reqwest::Result<Answered> {
    let (client, request) = request.build_split();
    let request = request?;
    let (method, url) = (request.method().clone(), request.url().clone());
    let sent = request.body().and_then(reqwest::Body::as_bytes).and_then(|body| nesting::read(body).ok());
    // The older form of documents is told of in words.
    let is_described = !request.headers().contains_key("Strapi-Response-Format");
    let mut again = request.try_clone();
    let mut answer = client.execute(request).await?;
    // On a machine that is busy the head of a request may come too late. Nothing was read then, so nothing was done.
    while answer.status() == StatusCode::REQUEST_TIMEOUT
        && let Some(request) = again
    {
        again = request.try_clone();
        answer = client.execute(request).await?;
    }
    let (status, headers) = (answer.status().as_u16(), answer.headers().clone());
    let text = answer.text().await?;
    let json = nesting::read(&text).ok();
    let target = url.query().map_or(url.path().to_owned(), |query| format!("{}?{query}", url.path()));
    let method = method.as_str();
    if is_described {
        contract::check(&Exchange { method, target: &target, sent: sent.as_ref(), status, answered: json.as_ref() });
    }
    Ok(Answered { status, headers, text, json: json.unwrap_or_default() })
}

#[allow(clippy::disallowed_methods)] // The tests' own calls are not the program's.
fn client() -> Client {
    // The first of many tests installs it.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let builder = Client::builder().timeout(PATIENCE).no_proxy();
    builder.redirect(reqwest::redirect::Policy::none()).build().expect("a client")
}
