//! A handler's way out: requests in a line, every exchange recorded, one rule for what an answer means.

use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::{Duration, Instant};

use reqwest::Method;
use reqwest::header::{CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue, LOCATION, RETRY_AFTER};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::{AnswerRecord, Exchange, Failure, Masker, RequestRecord};
use crate::clock::{Clock, Millis};
use crate::nesting;
use crate::outbound::{self, ANSWER_LIMIT, Client, Request, Response};
use crate::secrets::MASK;

/// How many exchanges of an attempt are kept: the first ones and the last.
const KEPT: usize = 16;

/// What is told of a request that was only shown.
pub const NOT_SENT: &str = "not sent: dry run";

/// Sends requests within the attempt's deadline and records them.
#[derive(Clone)]
pub struct Http(Arc<Inner>);

struct Inner {
    client: Client,
    clock: Arc<dyn Clock>,
    deadline: Instant,
    /// What is secret so far: the credentials, and what services handed out in exchange for them.
    masker: RwLock<Masker>,
    /// Whether requests are sent; else the first is shown, and that is all.
    sends: bool,
    exchanges: Mutex<Vec<Exchange>>,
}

/// A request in the making.
#[must_use = "a call does nothing until it is sent"]
pub struct Call {
    http: Http,
    method: Method,
    url: String,
    headers: HeaderMap,
    body: Vec<u8>,
    /// Members of the answer that are secrets.
    secrets: &'static [&'static str],
    problem: Option<String>,
}

/// What came back.
#[derive(Debug, Clone)]
pub struct Answer {
    response: Response,
    received_at: Millis,
}

impl Http {
    /// A way out through `client` until `deadline`, that keeps what `masker` knows out of its record.
    pub fn new(client: Client, clock: Arc<dyn Clock>, deadline: Instant, masker: Masker) -> Self {
        Self::make(client, clock, deadline, masker, true)
    }

    /// A way that leads nowhere: the first request is recorded as it would be sent, and ends the attempt.
    pub fn dry_run(client: Client, clock: Arc<dyn Clock>, deadline: Instant, masker: Masker) -> Self {
        Self::make(client, clock, deadline, masker, false)
    }

    fn make(client: Client, clock: Arc<dyn Clock>, deadline: Instant, masker: Masker, sends: bool) -> Self {
        let (masker, exchanges) = (RwLock::new(masker), Mutex::default());
        Self(Arc::new(Inner { client, clock, deadline, masker, sends, exchanges }))
    }

    /// What requests go out through.
    pub(super) fn client(&self) -> &Client {
        &self.0.client
    }

    /// A GET.
    pub fn get(&self, url: impl Into<String>) -> Call {
        self.call(Method::GET, url)
    }

    /// A POST.
    pub fn post(&self, url: impl Into<String>) -> Call {
        self.call(Method::POST, url)
    }

    /// A request with any method.
    pub fn call(&self, method: Method, url: impl Into<String>) -> Call {
        let (http, url) = (self.clone(), url.into());
        Call { http, method, url, headers: HeaderMap::new(), body: Vec::new(), secrets: &[], problem: None }
    }

    /// Whether requests are only shown, and none is sent.
    pub fn is_rehearsal(&self) -> bool {
        !self.0.sends
    }

    /// The exchanges so far. One that is under way when the attempt ends is among them, without an answer.
    pub fn take_exchanges(&self) -> Vec<Exchange> {
        std::mem::take(&mut *self.exchanges())
    }

    /// What keeps this attempt's secrets out of its record.
    pub fn masker(&self) -> Masker {
        self.0.masker.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Keeps `secret` out of what is recorded from now on, as credentials are: a token that they were exchanged for.
    pub fn hide(&self, secret: &str) {
        self.0.masker.write().unwrap_or_else(PoisonError::into_inner).add(&Value::from(secret));
    }

    /// Whether the latest request was answered, and not with a status that tells of a service which is unwell (5xx) or
    /// has enough (408, 429).
    pub fn was_answered(&self) -> bool {
        let exchanges = self.exchanges();
        let answer = exchanges.last().and_then(|exchange| exchange.answer.as_ref());
        answer.is_some_and(|answer| !matches!(answer.status, 408 | 429 | 500..))
    }

    async fn send(&self, request: Request, secrets: &[&str]) -> Result<Answer, Failure> {
        if !self.0.sends {
            return Err(self.show(&request));
        }
        let started = Instant::now();
        let place = self.begin(RequestRecord::new(&request, &self.masker()));
        let left = self.0.deadline.saturating_duration_since(started);
        let sent = self.0.client.send(request, left).await;
        let readable = sent.as_ref().ok().is_none_or(|response| self.hide_members(response, secrets));
        let masker = self.masker();
        let mut exchanges = self.exchanges();
        if let Some(exchange) = exchanges.get_mut(place) {
            exchange.duration_ms = started.elapsed().as_millis() as u64;
            exchange.answer = sent.as_ref().ok().map(|response| AnswerRecord::new(response, &masker));
            if let Some(answer) = exchange.answer.as_mut().filter(|_| !readable) {
                answer.body = MASK.to_owned();
            }
            exchange.error = sent.as_ref().err().map(|failure| masker.text(&failure.to_string()));
        }
        drop(exchanges);
        sent.map(|response| Answer { response, received_at: self.0.clock.now() }).map_err(Failure::from)
    }

    /// Keeps the members of these names out of what is recorded. `false` when the answer tells of success in a form that
    /// cannot be read, so that what is secret in it cannot be told from the rest.
    fn hide_members(&self, response: &Response, names: &[&str]) -> bool {
        if names.is_empty() {
            return true;
        }
        let Ok(answer) = nesting::read(&response.body) else { return !response.status.is_success() };
        for secret in names.iter().filter_map(|name| answer[*name].as_str()) {
            self.hide(secret);
        }
        true
    }

    /// Records the first request of a rehearsal in place of sending it.
    fn show(&self, request: &Request) -> Failure {
        let mut exchanges = self.exchanges();
        if exchanges.is_empty() {
            let request = RequestRecord::new(request, &self.masker());
            exchanges.push(Exchange { request, answer: None, error: Some(NOT_SENT.to_owned()), duration_ms: 0 });
        }
        Failure::discard(NOT_SENT)
    }

    /// Records a request before it is sent, so that one which never ends shows too; returns its place.
    fn begin(&self, request: RequestRecord) -> usize {
        let mut exchanges = self.exchanges();
        if exchanges.len() == KEPT {
            exchanges.pop();
        }
        let error = Some("no answer before the attempt ended".to_owned());
        exchanges.push(Exchange { request, answer: None, error, duration_ms: 0 });
        exchanges.len() - 1
    }

    fn exchanges(&self) -> std::sync::MutexGuard<'_, Vec<Exchange>> {
        self.0.exchanges.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl From<outbound::Failure> for Failure {
    fn from(failure: outbound::Failure) -> Self {
        match failure {
            outbound::Failure::Refused(reason) => Self::Discard { reason },
            other => Self::retry(other.to_string()),
        }
    }
}

impl Call {
    /// Sets a header; one that cannot be sent discards the run when the call is sent.
    pub fn header(mut self, name: &str, value: impl AsRef<str>) -> Self {
        match (HeaderName::from_bytes(name.as_bytes()), HeaderValue::from_str(value.as_ref())) {
            (Ok(name), Ok(value)) => drop(self.headers.insert(name, value)),
            (Err(_), _) => self.problem = Some(format!("{name:?} cannot be the name of a header")),
            (_, Err(_)) => {
                self.problem = Some(format!("the value of the header {name} has letters that cannot be sent"))
            }
        }
        self
    }

    /// Sets a header whose value is a secret, however short: it is recorded as a mask.
    pub fn secret_header(self, name: &str, value: impl AsRef<str>) -> Self {
        let mut call = self.header(name, value);
        call.headers.get_mut(name).into_iter().for_each(|value| value.set_sensitive(true));
        call
    }

    /// Sets the body to `value` as JSON.
    pub fn json(mut self, value: &(impl Serialize + ?Sized)) -> Self {
        match serde_json::to_vec(value) {
            Ok(body) => self.body("application/json", body),
            Err(error) => {
                self.problem = Some(format!("the body is not JSON: {error}"));
                self
            }
        }
    }

    /// Sets the body to `fields` as a form.
    pub fn form(self, fields: &[(&str, &str)]) -> Self {
        let body = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish();
        self.body("application/x-www-form-urlencoded", body.into_bytes())
    }

    /// Sets the body.
    pub fn body(mut self, content_type: &'static str, body: Vec<u8>) -> Self {
        self.headers.entry(CONTENT_TYPE).or_insert(HeaderValue::from_static(content_type));
        self.body = body;
        self
    }

    /// Says which members of the answer's JSON are secrets, such as `access_token`: they are masked like credentials.
    pub fn answers_with_secrets(self, secrets: &'static [&'static str]) -> Self {
        Self { secrets, ..self }
    }

    /// Sends the request and waits for the whole answer, whatever its status. No answer at all is a failure: to try
    /// again, or to discard when the url must not be called.
    pub async fn send(self) -> Result<Answer, Failure> {
        if let Some(problem) = self.problem {
            return Err(Failure::discard(problem));
        }
        let url = self.http.0.client.check_url(&self.url).map_err(Failure::discard)?;
        let request = Request { method: self.method, url, headers: self.headers, body: self.body };
        self.http.send(request, self.secrets).await
    }
}

impl Answer {
    /// The status.
    pub fn status(&self) -> u16 {
        self.response.status.as_u16()
    }

    /// The text of a header.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.response.headers.get(name)?.to_str().ok()
    }

    /// The body as text.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.response.body).into_owned()
    }

    /// Whether the body is longer than what is read of an answer.
    pub fn is_cut(&self) -> bool {
        self.response.is_cut
    }

    /// The body as JSON. Something else is a failure that may pass: a proxy's page in place of the service's answer. One that
    /// is too long to be read is not asked for again: the request was answered.
    pub fn json(&self) -> Result<Value, Failure> {
        self.parse_with(|body| nesting::read(body))
    }

    /// The body as a type of one's own; fails as [`Self::json`] does. A member of it that may be any JSON is read by
    /// [`nesting::read_member`].
    pub fn parse<T: DeserializeOwned>(&self) -> Result<T, Failure> {
        self.parse_with(|body| serde_json::from_slice(body))
    }

    fn parse_with<T>(&self, read: impl FnOnce(&[u8]) -> serde_json::Result<T>) -> Result<T, Failure> {
        if self.is_cut() {
            let reason = format!("{}, but the answer is longer than {ANSWER_LIMIT} bytes", self.line());
            return Err(Failure::discard(reason));
        }
        read(&self.response.body)
            .map_err(|error| Failure::retry(format!("{}, but the answer cannot be read: {error}", self.line())))
    }

    /// This answer if its status is one of success; else what the status means, by the rule that every handler follows
    /// unless it knows its service better: 410 is gone; 429 with `Retry-After` is a limit; 408, 429 without it, 5xx and
    /// temporary redirects may work later, 503 not before `Retry-After` says; anything else needs a person.
    pub fn ok(self) -> Result<Self, Failure> {
        let reason = || self.line();
        match self.status() {
            200..=299 => Ok(self),
            410 => Err(Failure::Gone { reason: reason() }),
            429 => Err(Failure::limit(reason(), self.retry_after())),
            503 => Err(Failure::Retry { reason: reason(), after: self.retry_after() }),
            408 | 500..=599 | 302 | 303 | 307 => Err(Failure::retry(reason())),
            _ => Err(Failure::discard(reason())),
        }
    }

    /// How long `Retry-After` asks to wait, given in seconds or as a date.
    pub fn retry_after(&self) -> Option<Duration> {
        let text = self.response.headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
        if let Ok(seconds) = text.parse() {
            return Some(Duration::from_secs(seconds));
        }
        let at = httpdate::parse_http_date(text).ok()?.duration_since(std::time::UNIX_EPOCH).ok()?;
        let wait = i64::try_from(at.as_millis()).ok()?.saturating_sub(self.received_at);
        Some(Duration::from_millis(u64::try_from(wait).unwrap_or(0)))
    }

    /// The status in a line: `404 Not Found`, with where a redirect leads.
    pub fn line(&self) -> String {
        match self.response.headers.get(LOCATION).and_then(|place| place.to_str().ok()) {
            Some(place) if self.response.status.is_redirection() => {
                format!("{} to {place}; redirects are not followed", self.response.status)
            }
            _ => self.response.status.to_string(),
        }
    }
}

#[cfg(test)]
mod tests {
    use reqwest::StatusCode;

    use super::*;

    fn answer(status: u16, headers: &[(&'static str, &str)]) -> Answer {
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            map.insert(*name, HeaderValue::from_str(value).unwrap_or_else(|_| panic!("{value}")));
        }
        let status = StatusCode::from_u16(status).unwrap_or_else(|_| panic!("{status}"));
        // 2026-11-21T10:00:00Z
        Answer {
            response: Response { status, headers: map, body: Vec::new(), is_cut: false },
            received_at: 1_795_255_200_000,
        }
    }

    #[test]
    fn one_rule_says_what_an_answer_means() {
        let seconds = |seconds| Some(Duration::from_secs(seconds));
        let retry = |after: Option<Duration>| (false, after);
        let limit = |after: Option<Duration>| (true, after);
        for (status, headers, expected) in [
            (500, &[][..], retry(None)),
            (502, &[], retry(None)),
            (408, &[], retry(None)),
            (302, &[], retry(None)),
            (429, &[], retry(None)),
            (500, &[("retry-after", "9")], retry(None)),
            (503, &[("retry-after", "120")], retry(seconds(120))),
            (429, &[("retry-after", " 0 ")], limit(seconds(0))),
            (429, &[("retry-after", "Sat, 21 Nov 2026 10:01:30 GMT")], limit(seconds(90))),
            (429, &[("retry-after", "Sat, 21 Nov 2026 09:00:00 GMT")], limit(seconds(0))),
            (429, &[("retry-after", "soon")], retry(None)),
        ] {
            let found = match answer(status, headers).ok() {
                Err(Failure::Retry { after, .. }) => retry(after),
                Err(Failure::Limit { after, .. }) => limit(Some(after)),
                other => panic!("{status} {headers:?}: {other:?}"),
            };
            assert_eq!(found, expected, "{status} {headers:?}");
        }
        for status in [300, 301, 308, 400, 401, 403, 404, 409, 422] {
            assert!(matches!(answer(status, &[]).ok(), Err(Failure::Discard { .. })), "{status}");
        }
        assert!(matches!(answer(410, &[]).ok(), Err(Failure::Gone { .. })));
        assert!([200, 201, 202, 204].into_iter().all(|status| answer(status, &[]).ok().is_ok()));
    }

    #[test]
    fn a_redirect_tells_where_it_leads() {
        let line = answer(301, &[("location", "https://example.com/new")]).line();
        assert_eq!(line, "301 Moved Permanently to https://example.com/new; redirects are not followed");
    }
}
