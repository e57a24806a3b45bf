//! The same on the whole program, over HTTP and on both databases.

use crate::support::database::catalog;
use std::sync::{Arc, Mutex};

use diesel::connection::{Connection as _, InstrumentationEvent};
use proptest::strategy::{Strategy as _, ValueTree as _};
use proptest::test_runner::{Config, TestRunner};
use reqwest::header::CONTENT_TYPE;
use reqwest::{Method, RequestBuilder};
use serde_json::{Value, json};
use tenon::access::Access;
use tenon::content::Shape;
use tenon::db::documents::read::Form;
use tenon::db::{Backend, Conn};
use tenon::documents::find_many;

use super::choices::{Choices, numbers};
use super::{bodies, check, queries};
use crate::support::api::Answered;
use crate::support::app::TestApp;
use crate::support::{cases, on_both_databases};

on_both_databases! {
    async fn any_query_string_is_answered(app: &TestApp) {
        shop(app).await;
        for numbers in inputs(2_000) {
            let choices = &mut Choices::new(&numbers);
            let content_type = choices.of(&catalog().types().collect::<Vec<_>>());
            let path = format!("/api/{}?{}", content_type.plural, queries::query(choices, Shape::Document(content_type)));
            expect_answer(&ask(app.request(Method::GET, &path)).await, &path);
        }
    }

    async fn any_query_string_makes_statements_with_limits(app: &TestApp) {
        shop(app).await;
        let mut conn = app.state.db.connect_reader().expect("a connection");
        let asked = record_statements(&mut conn);
        for numbers in inputs(2_000) {
            let choices = &mut Choices::new(&numbers);
            let content_type = choices.of(&catalog().types().collect::<Vec<_>>());
            let query = queries::query(choices, Shape::Document(content_type));
            let find = check(find_many(content_type, &query, Access::Full, Form::Flat), &query);
            find.map(|find| check(find.run(&mut conn), &query));
            for statement in asked.lock().expect("no panic").drain(..) {
                assert!(is_limited(&statement), "{query}: {statement}");
            }
        }
    }

    async fn any_body_is_answered_and_what_is_stored_can_be_read(app: &TestApp) {
        let known = shop(app).await;
        for numbers in inputs(1_500) {
            let choices = &mut Choices::new(&numbers);
            let content_type = choices.of(&catalog().types().collect::<Vec<_>>());
            let status = choices.of(&["draft", "published"]);
            let (method, path) = match choices.of(&[false, true]) {
                false => (Method::POST, format!("/api/{}", content_type.plural)),
                true => (Method::PUT, format!("/api/{}/{}", content_type.plural, known[choices.below(known.len())])),
            };
            let data = bodies::data(Shape::Document(content_type), choices, &known);
            let body = text(choices, &data);
            let request = app.request(method, &format!("{path}?status={status}")).header(CONTENT_TYPE, "application/json");
            let answer = ask(request.body(body.clone())).await;
            expect_answer(&answer, &body);
            if let Some(id) = answer.json["data"]["documentId"].as_str() {
                let stored = format!("/api/{}/{id}?status={status}&populate=*", content_type.plural);
                assert_eq!(ask(app.request(Method::GET, &stored)).await.status, 200, "{body}");
            }
        }
    }
}

fn inputs(usual: u32) -> Vec<Vec<u16>> {
    let mut runner = TestRunner::new(Config::default());
    let input = |_| numbers().new_tree(&mut runner).expect("numbers").current();
    (0..cases(usual)).map(input).collect()
}

/// A few documents with everything that can be asked for, and their documentIds.
async fn shop(app: &TestApp) -> Vec<String> {
    let record = json!({"key": "some:thing", "config": {"a": 1}, "url": "http://a.example"});
    let store =
        json!({"title": "S", "slug": "s", "URLS": [{"URL": "u"}], "SEO": {"metaTitle": "m"}, "extensions": [record]});
    let mut known = Vec::new();
    for (plural, data) in [
        ("stores", store),
        (
            "products",
            json!({"Name": "Tea", "usd_price": 1.5, "PRICES": [{"Price": 2, "extensions": [record]}], "Tag": [{}]}),
        ),
        ("products", json!({"Name": "Ärmel", "quantity": 3})),
        ("subscribers", json!({"Email": "a@b.co", "EmailVerified": "2026-11-21T10:00:00Z"})),
    ] {
        let mut data = data;
        if let Some(store) = known.first() {
            data["stores"] = json!([store]);
        }
        known.push(app.create(plural, data).await["documentId"].as_str().expect("a documentId").to_owned());
    }
    known
}

/// Sends what no description of the API allows for.
async fn ask(request: RequestBuilder) -> Answered {
    let answer = request.send().await.unwrap_or_else(|error| panic!("no answer: {error}"));
    let (status, headers) = (answer.status().as_u16(), answer.headers().clone());
    let text = answer.text().await.expect("a body");
    let json = serde_json::from_str(&text).unwrap_or_default();
    Answered { status, headers, text, json }
}

/// No fault of ours, and every error in Strapi's form.
fn expect_answer(answer: &Answered, input: &str) {
    assert!(answer.status < 500, "{}: {input}: {}", answer.status, answer.text);
    let error = &answer.json["error"];
    if answer.status >= 400 {
        assert_eq!(error["status"], answer.status, "{input}: {}", answer.text);
        assert!(error["name"].is_string() && error["message"].is_string(), "{input}: {}", answer.text);
        // Strapi's errors of syntax have none.
        assert!(error["details"].is_object() || error["name"] == "SyntaxError", "{input}: {}", answer.text);
    }
}

/// The body as text, at times cut short, or with one of its members twice.
fn text(choices: &mut Choices<'_>, data: &Value) -> String {
    let text = json!({ "data": data }).to_string();
    match choices.below(16) {
        14 => text.chars().take(choices.below(text.len())).collect(),
        15 => format!("{{\"data\":{{\"Name\":1,\"Name\":\"x\",\"title\":[],\"title\":\"x\"}},{}", &text[1..]),
        _ => text,
    }
}

fn record_statements(conn: &mut Conn) -> Arc<Mutex<Vec<String>>> {
    let asked = Arc::new(Mutex::new(Vec::new()));
    let recorded = asked.clone();
    let each = move |event: InstrumentationEvent<'_>| {
        if let InstrumentationEvent::StartQuery { query, .. } = event {
            recorded.lock().expect("no panic").push(query.to_string());
        }
    };
    match &mut conn.backend {
        Backend::Sqlite(conn) => conn.set_instrumentation(each),
        Backend::Postgres(conn) => conn.set_instrumentation(each),
    }
    asked
}

/// A page has a limit, a count is one row, and what is populated is bound to the rows it is populated in.
fn is_limited(statement: &str) -> bool {
    let rows = ["json_each(", "= ANY("];
    let statement = statement.split_once(" -- binds").map_or(statement, |(text, _)| text);
    match statement.strip_prefix("SELECT ") {
        // Its own limit comes last; a limit with a parenthesis behind it is that of a subquery.
        Some(select) if select.starts_with("t0.") => {
            let limit = select.rsplit_once(" LIMIT ").map_or("", |(_, limit)| limit);
            limit.starts_with(|first: char| first.is_ascii_digit()) && !limit.contains(')')
        }
        Some(select) => select.starts_with("count(*)") || rows.iter().any(|bound| select.contains(bound)),
        None => ["BEGIN", "COMMIT", "ROLLBACK", "SET"].iter().any(|word| statement.starts_with(word)),
    }
}
