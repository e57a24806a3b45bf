//! Strapi's recorded answers, replayed: what Tenon answers is what Strapi 5 answered, but for the differences listed in
//! `tests/corpus/expected-differences.json`, each with its reason.

mod compare;
mod names;
mod wire;

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde_json::Value;
use tenon::access::{Permissions, PublicAccess};
use tenon::clock::FixedClock;
use tenon::db::tokens::{self, NewToken, TokenKind};
use tenon::secrets::token_hash;

use self::compare::{Known, differences};
use self::names::Names;
use self::wire::{Answer, Body, Request};
use crate::support::api::TOKEN;
use crate::support::app::TestApp;
use crate::support::contract::{self, Exchange};
use crate::support::database::catalog;
use crate::support::on_both_databases;

on_both_databases! {
    /// The profile `public`: anyone may do anything.
    async fn what_strapi_answers_is_answered(app: &TestApp)
        with |config| config.public_access = PublicAccess::Full;
    {
        judge(app, "public").await;
    }

    /// The profile `strict`: what a new project of Strapi is set up like.
    async fn what_strapi_answers_when_it_is_strict_is_answered(app: &TestApp)
        with |config| (config.public_access, config.strict_params) = (PublicAccess::Full, true);
    {
        judge(app, "strict").await;
    }

    /// The profile `noperms`: nothing without a token.
    async fn what_strapi_answers_to_tokens_is_answered(app: &TestApp)
        with |config| config.public_access = PublicAccess::None;
    {
        judge(app, "noperms").await;
    }
}

async fn judge(app: &TestApp, profile: &'static str) {
    let names = tokens(app).await;
    let (server, clock) = (app.address(), Arc::clone(&app.clock));
    let replay = move || Replay { server, clock, names, profile, undescribed: Vec::new() }.run();
    let (replayed, failed, undescribed) = tokio::task::spawn_blocking(replay).await.expect("the replay ends");
    assert!(undescribed.is_empty(), "the OpenAPI document does not describe:\n{}", undescribed.join("\n"));
    let expected = expected_differences();
    let surprising: Vec<_> = failed.iter().filter(|(id, _)| !expected.contains_key(*id)).collect();
    let report = surprising.iter().map(|(id, found)| format!("{id}\n    {}", found.join("\n    ")));
    assert!(surprising.is_empty(), "{} cases differ:\n{}", surprising.len(), report.collect::<Vec<_>>().join("\n"));
    let outdated: Vec<_> =
        replayed.iter().filter(|id| expected.contains_key(*id) && !failed.contains_key(*id)).collect();
    assert!(outdated.is_empty(), "these answers no longer differ from Strapi's: {outdated:?}");
}

/// The tokens that cases name: `full`, `readonly`, `expired`, `custom`.
async fn tokens(app: &TestApp) -> Names {
    let mut names = Names::default();
    names.set("token:full".into(), TOKEN.into());
    let custom = Permissions::parse(catalog(), ["api::store.store.find"]).map(TokenKind::Custom).expect("a permission");
    for (name, kind, expires_at) in
        [("readonly", TokenKind::ReadOnly, None), ("expired", TokenKind::FullAccess, Some(1)), ("custom", custom, None)]
    {
        let text = format!("the-{name}-token-of-the-corpus");
        names.set(format!("token:{name}"), text.as_str().into());
        let hash = token_hash(&text);
        let token = NewToken { name: name.into(), kind, hash, created_at: 0, expires_at };
        app.state.db.write(move |conn| tokens::insert(conn, &token)).await.expect("a token");
    }
    names
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/corpus")
}

fn read(path: &Path) -> Value {
    let text = std::fs::read(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    serde_json::from_slice(&text).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// Case ids, with the reason why Tenon means to answer otherwise.
fn expected_differences() -> BTreeMap<String, String> {
    serde_json::from_value(read(&folder().join("expected-differences.json"))).expect("ids with reasons")
}

/// One run through the recorded cases of a profile.
struct Replay {
    server: SocketAddr,
    clock: Arc<FixedClock>,
    names: Names,
    profile: &'static str,
    /// What was answered and is not in the OpenAPI document.
    undescribed: Vec<String>,
}

impl Replay {
    /// Seeds the server and replays every case in order. Returns the cases' ids, what differs in those that do, and what is
    /// not described.
    fn run(mut self) -> (Vec<String>, BTreeMap<String, Vec<String>>, Vec<String>) {
        self.seed();
        let mut files: Vec<PathBuf> =
            std::fs::read_dir(folder()).expect("a folder").flatten().map(|file| file.path()).collect();
        files.retain(|path| path.file_name().is_some_and(|name| name.to_string_lossy().starts_with("cases-")));
        files.sort();
        let (mut replayed, mut failed, profile) = (Vec::new(), BTreeMap::new(), self.profile);
        for area in files.iter().map(|path| read(path)).filter(|area| area["profile"] == profile) {
            let mut recorded = recorded_ids(&area);
            for case in area["cases"].as_array().expect("cases") {
                let id = case["id"].as_str().unwrap_or_default().to_owned();
                let found = self.replay(case, &mut recorded);
                if !found.is_empty() {
                    failed.insert(id.clone(), found);
                }
                replayed.push(id);
            }
        }
        (replayed, failed, self.undescribed)
    }

    fn seed(&mut self) {
        for request in read(&folder().join("seed.json"))["requests"].as_array().expect("requests") {
            let mut built = built(request, &self.names).expect("the seed names what it made");
            built.headers.push(("Authorization".into(), format!("Bearer {TOKEN}")));
            let answer = self.send(&built);
            let Body::Json(body) = &answer.body else { panic!("{request}: {}", answer.status) };
            assert!(answer.status < 300, "{request}: {body}");
            if let Some(name) = request["ref"].as_str() {
                self.names.set(format!("ref:{name}"), body["data"]["documentId"].clone());
            }
        }
    }

    /// No two requests come at the same moment.
    fn send(&self, request: &Request) -> Answer {
        self.clock.advance(1);
        wire::send(self.server, request)
    }

    fn replay(&mut self, case: &Value, recorded: &mut BTreeMap<String, String>) -> Vec<String> {
        let request = match built(&case["request"], &self.names) {
            Ok(request) => request,
            Err(problem) => return vec![problem],
        };
        let answer = self.send(&request);
        self.look_up(case, &request, &answer);
        save(case, &answer, &mut self.names, recorded);
        let live = self.names.document_ids();
        let known = Known { recorded, live: &live };
        // Where the databases differ, Tenon follows one of them, the same on both.
        let found = differences(case, &case["response"], &answer, &known);
        match case.get("response_postgres") {
            Some(other) if !found.is_empty() && differences(case, other, &answer, &known).is_empty() => Vec::new(),
            _ => found,
        }
    }
}

impl Replay {
    /// What is sent is not looked up: Strapi takes more than anyone should be told to send.
    fn look_up(&mut self, case: &Value, request: &Request, answer: &Answer) {
        let Request { method, target, headers, .. } = request;
        // The older form of documents is told of in words.
        if headers.iter().any(|(name, _)| name.eq_ignore_ascii_case("Strapi-Response-Format")) {
            return;
        }
        let answered = if let Body::Json(body) = &answer.body { Some(body) } else { None };
        let exchange = Exchange { method, target, sent: None, status: answer.status, answered };
        if let Err(problem) = contract::describes(&exchange) {
            self.undescribed.push(format!("{} {method} {target} {}: {problem}", case["id"], answer.status));
        }
    }
}

/// The documentIds of an area's recording, with their names.
fn recorded_ids(area: &Value) -> BTreeMap<String, String> {
    let recorded = area["recorded_refs"].as_object().expect("refs");
    recorded.iter().filter_map(|(name, id)| Some((id.as_str()?.to_owned(), format!("ref:{name}")))).collect()
}

/// Keeps what later cases refer to.
fn save(case: &Value, answer: &Answer, names: &mut Names, recorded: &mut BTreeMap<String, String>) {
    for (name, path) in case["save"].as_object().into_iter().flatten() {
        let pointer = format!("/{}", path.as_str().unwrap_or_default().replace('.', "/"));
        let got = if let Body::Json(body) = &answer.body { body.pointer(&pointer) } else { None };
        match got {
            Some(value) => names.set(format!("var:{name}"), value.clone()),
            None => names.forget(&format!("var:{name}")),
        }
        if let Some(id) = case["response"]["body"].pointer(&pointer).and_then(Value::as_str) {
            recorded.insert(id.to_owned(), format!("var:{name}"));
        }
    }
}

fn built(request: &Value, names: &Names) -> Result<Request, String> {
    let text = |name: &str| request[name].as_str().unwrap_or_default();
    let mut target = names.fill_text(text("path"))?;
    if request["absolute"] != true {
        target.insert_str(0, "/api");
    }
    if !text("query").is_empty() {
        target = format!("{target}?{}", names.fill_text(text("query"))?);
    }
    let mut headers = Vec::new();
    for (name, value) in request["headers"].as_object().into_iter().flatten() {
        headers.push((name.clone(), names.fill_text(value.as_str().unwrap_or_default())?));
    }
    let body = match (request.get("body"), request.get("raw_body"), request.get("raw_body_repeat")) {
        (Some(body), _, _) => {
            if !headers.iter().any(|(name, _)| name.eq_ignore_ascii_case("content-type")) {
                headers.push(("Content-Type".into(), "application/json".into()));
            }
            Some(names.fill(body)?.to_string().into_bytes())
        }
        (_, Some(raw), _) => Some(names.fill_text(raw.as_str().unwrap_or_default())?.into_bytes()),
        (_, _, Some(parts)) => Some(repeated(parts)),
        _ => None,
    };
    Ok(Request { method: text("method").to_owned(), target, headers, body })
}

fn repeated(parts: &Value) -> Vec<u8> {
    let text = |name: &str| parts[name].as_str().unwrap_or_default();
    let count = parts["count"].as_u64().unwrap_or_default() as usize;
    [text("prefix"), &text("unit").repeat(count), text("suffix")].concat().into_bytes()
}
