//! What is read of a request before it is known whether its caller may ask for it, and how much of an answer.

use std::io::Write as _;

use flate2::Compression;
use flate2::write::GzEncoder;
use futures_util::future::join_all;
use reqwest::Method;
use serde_json::json;
use tenon::db::Kind;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::support::api::{Answered, TOKEN, send};
use crate::support::app::TestApp;
use crate::support::{PATIENCE, on_both_databases};

/// Sends the head of a request that announces a body, and nothing of the body; returns the status.
async fn head_alone(app: &TestApp, request: &str, headers: &str) -> String {
    let mut stream = TcpStream::connect(app.address()).await.expect("a connection");
    let head = format!("{request} HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n{headers}\r\n\r\n");
    stream.write_all(head.as_bytes()).await.expect("sent");
    let mut answer = [0; 64];
    let read = timeout(PATIENCE, stream.read(&mut answer)).await;
    let read = read.unwrap_or_else(|_| panic!("{request} is not answered")).expect("an answer");
    String::from_utf8_lossy(&answer[..read]).split(' ').nth(1).unwrap_or_default().to_owned()
}

async fn packed(app: &TestApp, encoding: &str, body: Vec<u8>) -> Answered {
    let request = app.request(Method::POST, "/api/products").header("content-type", "application/json");
    send(request.header("content-encoding", encoding).body(body)).await
}

fn gzip(text: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(text).expect("written");
    encoder.finish().expect("packed")
}

/// Sixteen bodies of the largest size are all that one sender may have on the way.
#[test]
fn bodies_that_do_not_come_fill_the_share_of_their_sender_and_are_given_up() {
    TestApp::tell(
        Kind::Sqlite,
        |_| (),
        async |app| {
            let made = app.post("/tenon/tokens", json!({"data": {"name": "other", "kind": "full-access"}})).await;
            let other = app.with_token(made.expect(201)["data"]["token"].as_str());
            let headers = format!("Authorization: Bearer {TOKEN}\r\nContent-Length: {}", app.state.config.body_limit);
            let waiting = join_all((0..17).map(|_| head_alone(app, "POST /api/stores", &headers)));
            let saved = async {
                // Meanwhile another sender is served, time and again.
                for number in 0..20 {
                    let store = json!({"data": {"title": "s".repeat(200), "slug": format!("s{number}"), "settings": {"x": "y".repeat(5000)}}});
                    other.post("/api/stores", store).await.expect(201);
                }
            };
            let (mut statuses, ()) = tokio::join!(waiting, saved);
            statuses.sort_unstable();
            let expected: Vec<_> = std::iter::repeat_n("400", 16).chain(["503"]).collect();
            assert_eq!(statuses, expected, "sixteen do not come in time, for one there is no room");
        },
    );
}

on_both_databases! {
    async fn who_may_not_do_it_is_told_so_before_the_body_is_read(app: &TestApp) {
        let made = app.post("/tenon/tokens", json!({"data": {"name": "reader", "kind": "read-only"}})).await;
        let reader = made.expect(201)["data"]["token"].as_str().expect("a token").to_owned();
        let store = app.store(vec![json!({"key": "markket:stripe:webhook", "triggers": []})]).await;
        let record = app.record(&store, 0).await["id"].clone();
        let mut cases = Vec::new();
        for request in [
            "POST /api/stores",
            &format!("PUT /api/stores/{store}"),
            "POST /api/products",
            "POST /api/products/x/prices",
            "PATCH /api/products/x/prices/1",
            "POST /api/products/x/prices/1/inventory",
            &format!("POST /api/stores/{store}/extensions"),
            &format!("PATCH /api/stores/{store}/extensions/{record}"),
            &format!("POST /api/stores/{store}/extensions/{record}/toggle"),
            &format!("POST /api/stores/{store}/extensions/{record}/run"),
            &format!("POST /api/stores/{store}/extensions/{record}/test"),
            &format!("POST /api/stores/{store}/triggers/post_sale"),
            "POST /api/triggers",
            "POST /tenon/handlers/custom:webhook/activate",
            "POST /tenon/runs/replay",
            "POST /tenon/runs/x/replay",
            "POST /tenon/runs/x/cancel",
            "POST /tenon/tokens",
        ] {
            cases.push((request.to_owned(), String::new(), "403"));
            cases.push((request.to_owned(), format!("Authorization: Bearer {reader}\r\n"), "403"));
            cases.push((request.to_owned(), "Authorization: Bearer nope\r\n".to_owned(), "401"));
        }
        cases.push((format!("POST /hooks/{record}/nope"), String::new(), "404"));
        cases.push(("POST /api/subscribers/subscribe".into(), String::new(), "413"));
        cases.push(("POST /api/subscribers".into(), String::new(), "413"));
        for (request, headers, status) in &cases {
            assert_eq!(head_alone(app, request, &format!("{headers}Content-Length: 900000")).await, *status, "{request} {headers}");
        }
        let (request, headers, _) = &cases[0];
        assert_eq!(head_alone(app, request, &format!("{headers}Transfer-Encoding: chunked")).await, "403");
        let full = format!("Authorization: Bearer {TOKEN}\r\nContent-Length: 1048577");
        assert_eq!(head_alone(app, request, &full).await, "413", "too much is refused by what the head says");
        // A small body is read first, and malformed JSON told of as Strapi does.
        let anyone = app.with_token(None);
        let malformed = anyone.request(Method::POST, "/api/stores").header("content-type", "application/json").body("{");
        assert_eq!(send(malformed).await.expect(400)["error"]["name"], "SyntaxError");
    }

    async fn compressed_bodies_are_read_within_the_same_limit(app: &TestApp) {
        let body = |size: usize| json!({"data": {"Name": "packed", "Description": "d".repeat(size)}}).to_string();
        packed(app, "gzip", gzip(body(500_000).as_bytes())).await.expect(201);
        packed(app, "gzip", gzip(body(1_100_000).as_bytes())).await.expect(413);
        packed(app, "gzip", gzip(&vec![b' '; 200 << 20])).await.expect(413);
        packed(app, "gzip", body(10).into_bytes()).await.expect(400);
        packed(app, "br", body(10).into_bytes()).await.expect(415);
        packed(app, "identity", body(10).into_bytes()).await.expect(201);
    }

    async fn lists_are_counted_while_they_are_read(app: &TestApp) {
        let store = app.store(vec![json!({"key": "custom:inbound", "triggers": ["trigger:none"]}); 40]).await;
        for _ in 0..40 {
            app.emit(&store, "post_sale", json!({})).await;
        }
        // A mebibyte in each, as callers could have stored it.
        const TEXT: &str = "(WITH RECURSIVE n(t, i) AS (SELECT CAST('x' AS TEXT), 0 UNION ALL SELECT t || t, i + 1 FROM n \
            WHERE i < 20) SELECT t FROM n WHERE i = 20)";
        for (table, column) in [("extensions", "config"), ("events", "payload")] {
            let statement = format!("UPDATE {table} SET {column} = '{{\"a\":\"' || {TEXT} || '\"}}'");
            app.sql(Box::leak(statement.into_boxed_str())).await;
        }
        let lists = [
            format!("/api/stores/{store}/extensions?"),
            "/tenon/events?".to_owned(),
            format!("/api/stores/{store}?populate=extensions&"),
            "/api/stores?populate=extensions&".to_owned(),
        ];
        for list in &lists {
            let refused = app.get(&format!("{list}pagination[pageSize]=100")).await;
            assert_eq!(refused.expect(400)["error"]["message"], "The answer would have more than 32 MiB", "{list}");
        }
        for list in &lists[..2] {
            app.get(&format!("{list}pagination[pageSize]=20")).await.expect(200);
        }
        // A change is stored, or refused as a whole, for what it would answer.
        let put = |title: &str| json!({"data": {"title": title}});
        app.put(&format!("/api/stores/{store}?populate=extensions"), put("refused")).await.expect(400);
assert_eq!(app.get(&format!("/api/stores/{store}?fields=title")).await.expect(200)["data"]["title"], "The store");
    }
}
