//! A small Odoo that keeps what it is told, and speaks both languages as the real one does: every exchange that was
//! recorded of an Odoo 18 comes out of it alike (see `recorded.rs`), and what is said to it in JSON-2 is held against the
//! contract of Odoo 19.

use std::net::TcpListener;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use actix_web::dev::ServerHandle;
use actix_web::http::StatusCode;
use actix_web::{App, HttpRequest, HttpResponse, HttpServer, web};
use reqwest::Method;
use serde_json::{Map, Value, json};

use super::books::{Books, Fault};
use crate::services::peers::contract;
use crate::support::api::Api;

/// The database, the user and the key that it knows.
pub const DATABASE: &str = "o18";
pub const USER: &str = "admin";
pub const KEY: &str = "admin-key-1";
/// The password of the recordings, which is as good as a key.
pub const OLD_KEY: &str = "admin";
/// The user's id.
const UID: i64 = 2;

/// Models that the contract does not have.
const UNTOLD: [&str; 4] = ["sale.order.line", "product.pricelist", "res.country", "res.country.state"];

/// Where an attempt is broken off.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Break {
    /// The call never comes to anything.
    Before,
    /// The call is done, and its answer lost.
    After,
}

/// A running Odoo; it stops when this is dropped.
pub struct Double {
    url: String,
    inner: Arc<Inner>,
    server: ServerHandle,
}

struct Inner {
    kept: Mutex<Kept>,
    /// The mock of the contract, which refuses what it forbids.
    judge: Option<String>,
}

pub struct Kept {
    pub books: Books,
    /// The first part of its version.
    pub version: u32,
    /// `res.partner.create`, for each call.
    pub calls: Vec<String>,
    /// The number of the call that is broken off, counted over all.
    broken: Option<(usize, Break)>,
    /// What this call is answered with in place of being done: status and body.
    pub instead: Option<(String, u16, Value)>,
    /// The next call of this name is done only after so long.
    slow: Option<(String, Duration)>,
    /// What the contract forbids of what came.
    violations: Vec<String>,
}

impl Double {
    /// Starts an Odoo of this version.
    pub fn start(version: u32) -> Self {
        Self::judged_by(if version >= 19 { contract("odoo-json2") } else { None }, version)
    }

    /// The same, whose callers are not held against the contract: for what is said many times.
    pub fn start_unjudged(version: u32) -> Self {
        Self::judged_by(None, version)
    }

    fn judged_by(judge: Option<String>, version: u32) -> Self {
        let kept = Kept {
            books: Books::new(version),
            version,
            calls: Vec::new(),
            broken: None,
            instead: None,
            slow: None,
            violations: Vec::new(),
        };
        let inner = Arc::new(Inner { kept: Mutex::new(kept), judge });
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let url = format!("http://{}", listener.local_addr().expect("an address"));
        let (tell, told) = std::sync::mpsc::channel();
        let shared = Arc::clone(&inner);
        std::thread::spawn(move || {
            actix_web::rt::System::new().block_on(async move {
                let app = move || {
                    let shared = Arc::clone(&shared);
                    App::new().default_service(web::to(move |request: HttpRequest, body: web::Bytes| {
                        answer(Arc::clone(&shared), request, body)
                    }))
                };
                let server = HttpServer::new(app).workers(1).disable_signals().listen(listener).expect("it listens");
                let server = server.run();
                tell.send(server.handle()).expect("someone waits");
                server.await.expect("it serves");
            });
        });
        Self { url, inner, server: told.recv().expect("it starts") }
    }

    pub fn url(&self) -> String {
        self.url.clone()
    }

    /// What it keeps, to be looked at or changed.
    pub fn kept(&self) -> MutexGuard<'_, Kept> {
        self.inner.kept.lock().expect("no panic under the lock")
    }

    /// All records of a model.
    pub fn all(&self, model: &str) -> Vec<Value> {
        self.kept().books.all(model)
    }

    /// The only record of a model beside those that were there at the start.
    #[track_caller]
    pub fn only(&self, model: &str) -> Value {
        let mut all = self.all(model);
        assert_eq!(all.len(), 1, "one {model} was expected: {all:#?}");
        all.remove(0)
    }

    /// Breaks off the call of this number, from 0, counted from now.
    pub fn break_at(&self, number: usize, how: Break) {
        let mut kept = self.kept();
        kept.calls.clear();
        kept.broken = Some((number, how));
    }

    /// Answers the call of this name so, in place of doing it.
    pub fn answer(&self, call: &str, status: u16, body: Value) {
        self.kept().instead = Some((call.to_owned(), status, body));
    }

    /// Takes so long over the next call of this name.
    pub fn delay(&self, call: &str, by: Duration) {
        self.kept().slow = Some((call.to_owned(), by));
    }

    /// The calls so far; and no more of them from here on.
    pub fn calls(&self) -> Vec<String> {
        std::mem::take(&mut self.kept().calls)
    }
}

impl Drop for Double {
    fn drop(&mut self) {
        drop(self.server.stop(false));
        if !std::thread::panicking() {
            assert_eq!(self.kept().violations, Vec::<String>::new(), "what the contract of JSON-2 forbids");
        }
    }
}

impl Kept {
    /// Notes a call; whether and how it is broken off.
    fn note(&mut self, call: &str) -> Option<Break> {
        self.calls.push(call.to_owned());
        self.broken.and_then(|(number, how)| (self.calls.len() == number + 1).then_some(how))
    }
}

async fn answer(inner: Arc<Inner>, request: HttpRequest, body: web::Bytes) -> HttpResponse {
    let version = inner.kept.lock().expect("no panic under the lock").version;
    let parts: Vec<_> = request.path().trim_matches('/').split('/').collect();
    let body: Value = serde_json::from_slice(&body).unwrap_or_default();
    match parts[..] {
        ["web", "version"] if version >= 19 => {
            let mut kept = inner.kept.lock().expect("no panic under the lock");
            match kept.note("version") {
                Some(_) => lost(),
                None => HttpResponse::Ok()
                    .json(json!({"version_info": [version, 0, 0, "final", 0, ""], "version": format!("{version}.0")})),
            }
        }
        ["json", "2", model, method] if version >= 19 => {
            judge(&inner, model, &request, &body).await;
            wait(&inner, &format!("{model}.{method}")).await;
            let mut kept = inner.kept.lock().expect("no panic under the lock");
            json2(&mut kept, (model, method), &request, body)
        }
        ["jsonrpc"] if version < 20 => {
            let args = body["params"]["args"].as_array().cloned().unwrap_or_default();
            wait(&inner, &format!("{}.{}", words(&args, 3), words(&args, 4))).await;
            let mut kept = inner.kept.lock().expect("no panic under the lock");
            rpc(&mut kept, &body)
        }
        _ => HttpResponse::NotFound().content_type("text/html; charset=utf-8").body("<h1>Not Found</h1>"),
    }
}

/// Waits where the call of this name is a slow one.
async fn wait(inner: &Inner, call: &str) {
    let by = {
        let mut kept = inner.kept.lock().expect("no panic under the lock");
        kept.slow.take_if(|(name, _)| name == call)
    };
    if let Some((_, by)) = by {
        tokio::time::sleep(by).await;
    }
}

/// Asks the mock what the contract says to a request.
async fn judge(inner: &Inner, model: &str, request: &HttpRequest, body: &Value) {
    let Some(judge) = inner.judge.as_ref().filter(|_| !UNTOLD.contains(&model)) else { return };
    let header = |name: &str| request.headers().get(name).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let asked = Api::new(judge).with_token(None).request(Method::POST, request.path());
    let asked = asked.header("authorization", header("authorization"));
    let asked = asked.header("x-odoo-database", header("x-odoo-database")).json(body);
    let told = asked.send().await.expect("the mock answers");
    if !told.status().is_success() || told.headers().contains_key("sl-violations") {
        let told = format!("{}: {:?}: {body}", request.path(), told.headers().get("sl-violations"));
        inner.kept.lock().expect("no panic under the lock").violations.push(told);
    }
}

fn json2(kept: &mut Kept, (model, method): (&str, &str), request: &HttpRequest, body: Value) -> HttpResponse {
    let header = |name: &str| request.headers().get(name).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let call = format!("{model}.{method}");
    let broken = kept.note(&call);
    if broken == Some(Break::Before) {
        return lost();
    }
    if let Some((_, status, body)) = kept.instead.as_ref().filter(|(name, ..)| *name == call) {
        return told(*status, body);
    }
    if header("x-odoo-database") != DATABASE {
        return HttpResponse::NotFound().content_type("text/html; charset=utf-8").body("<h1>Not Found</h1>");
    }
    if header("authorization").to_lowercase() != format!("bearer {KEY}") {
        let error = error("werkzeug.exceptions.Unauthorized", "Invalid apikey");
        return told(401, &error);
    }
    if call == "res.users.context_get" {
        return told(200, &json!({"lang": "en_US", "tz": "UTC", "uid": UID}));
    }
    let Value::Object(arguments) = body else { return told(422, &error("builtins.TypeError", "no object")) };
    let done = kept.books.call(model, method, arguments);
    match (broken, done) {
        (Some(_), _) => lost(),
        (None, Ok(result)) => {
            // Whatever is made comes back in a list.
            let result = if method == "create" && !result.is_array() { json!([result]) } else { result };
            told(200, &result)
        }
        (None, Err(Fault { name, message })) => {
            let status = match name.rsplit('.').next() {
                Some("AccessDenied" | "AccessError") => 403,
                Some("MissingError" | "NotFound") => 404,
                Some("UserError" | "ValidationError") => 422,
                _ => 500,
            };
            told(status, &error(name, &message))
        }
    }
}

fn rpc(kept: &mut Kept, body: &Value) -> HttpResponse {
    let params = &body["params"];
    let args = params["args"].as_array().cloned().unwrap_or_default();
    let call = match (params["service"].as_str(), params["method"].as_str()) {
        (Some("object"), _) => format!("{}.{}", words(&args, 3), words(&args, 4)),
        (_, method) => method.unwrap_or_default().to_owned(),
    };
    let broken = kept.note(&call);
    if broken == Some(Break::Before) {
        return lost();
    }
    if let Some((_, status, body)) = kept.instead.as_ref().filter(|(name, ..)| *name == call) {
        return told(*status, body);
    }
    let done = rpc_done(kept, &call, &args);
    if broken.is_some() {
        return lost();
    }
    let mut answer = json!({"jsonrpc": "2.0", "id": body["id"]});
    match done {
        Ok(result) => answer["result"] = result,
        Err(Fault { name, message }) => {
            answer["error"] = json!({"code": 200, "message": "Odoo Server Error", "data": error(name, &message)});
        }
    }
    told(200, &answer)
}

fn rpc_done(kept: &mut Kept, call: &str, args: &[Value]) -> Result<Value, Fault> {
    let knows = |user: bool, key: &Value| user && (key == KEY || key == OLD_KEY);
    if call == "version" {
        let (version, text) = (kept.version, format!("{}.0", kept.version));
        let info = json!([version, 0, 0, "final", 0, ""]);
        return Ok(
            json!({"server_version": text, "server_version_info": info, "server_serie": text, "protocol_version": 1}),
        );
    }
    if args.first() != Some(&json!(DATABASE)) {
        let message = format!("connection to server failed: FATAL:  database {} does not exist\n", args[0]);
        return Err(Fault { name: "psycopg2.OperationalError", message });
    }
    if call == "authenticate" {
        return Ok(if knows(args[1] == USER, &args[2]) { json!(UID) } else { json!(false) });
    }
    if !knows(args[1] == UID, &args[2]) {
        return Err(Fault { name: "odoo.exceptions.AccessDenied", message: "Access Denied".into() });
    }
    let (model, method) = (words(args, 3), words(args, 4));
    let mut arguments: Map<String, Value> = args[6].as_object().cloned().unwrap_or_default();
    let names: &[&str] = match method {
        "search_read" | "search_count" | "search" => &["domain"],
        "create" => &["vals_list"],
        "write" => &["ids", "vals"],
        "read" => &["ids", "fields"],
        _ => &["ids"],
    };
    let given = args[5].as_array().cloned().unwrap_or_default();
    arguments.extend(names.iter().zip(given).map(|(name, value)| ((*name).to_owned(), value)));
    kept.books.call(model, method, arguments)
}

fn words(args: &[Value], place: usize) -> &str {
    args.get(place).and_then(Value::as_str).unwrap_or_default()
}

fn error(name: &str, message: &str) -> Value {
    json!({"name": name, "debug": "Traceback (most recent call last): …", "message": message, "arguments": [message],
        "context": {}})
}

fn told(status: u16, body: &Value) -> HttpResponse {
    let status = StatusCode::from_u16(status).expect("a status");
    match body {
        Value::String(page) => HttpResponse::build(status).content_type("text/html; charset=utf-8").body(page.clone()),
        body => HttpResponse::build(status).json(body),
    }
}

fn lost() -> HttpResponse {
    HttpResponse::BadGateway().body("lost")
}
