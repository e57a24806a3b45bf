//! The HTTP face as a whole: what is answered where nothing is, what bodies may be, who is let in, and what stands
//! around every answer.

use reqwest::Method;
use serde_json::json;
use tenon::access::PublicAccess;
use tenon::db::{Kind, Sql};
use tenon::origins::Origins;

use crate::support::api::{Answered, send};
use crate::support::app::TestApp;
use crate::support::on_both_databases;

on_both_databases! {
    async fn the_program_says_that_it_lives_and_works(app: &TestApp) {
        app.with_token(None).get("/healthz").await.expect(200);
        app.with_token(None).get("/readyz").await.expect(200);
        app.with_token(None).get("/_health").await.expect(204);
    }

    async fn an_unknown_path_is_answered_in_strapis_form(app: &TestApp) {
        let answer = app.get("/api/nothing").await;
        assert_eq!(answer.text, r#"{"data":null,"error":{"status":404,"name":"NotFoundError","message":"Not Found","details":{}}}"#);
        assert_eq!(answer.headers["content-type"], "application/json; charset=utf-8");
        for path in ["/api/%FF%FE", "/api/products/%F0%9F%98%80", "/api/products/..%2F..", "//tenon/tokens"] {
            app.get(path).await.expect(404);
        }
        app.get("/api/products/?x=1").await.expect(200);
    }

    async fn what_operators_need_leaves_the_names_below_api_to_content(app: &TestApp) {
        for path in [
            "/api/runs", "/api/runs/run_1", "/api/events", "/api/events/evt_1", "/api/tokens", "/api/handlers",
            "/api/extensions/handlers", "/api/extensions/handlers/custom:webhook", "/api/extensions/1/inbound",
        ] {
            app.get(path).await.expect(404);
            app.post(path, json!({"data": {}})).await.expect(405);
        }
        for path in ["/tenon/runs", "/tenon/events", "/tenon/tokens", "/tenon/handlers", "/tenon/handlers/custom:webhook"] {
            app.get(path).await.expect(200);
        }
    }

    async fn a_method_that_a_path_has_not_is_answered_with_those_it_has(app: &TestApp) {
        for (method, path, allowed) in [
            (Method::POST, "/api/nothing", "HEAD, GET"),
            (Method::PATCH, "/tenon/tokens", "HEAD, GET, POST"),
            (Method::GET, "/tenon/tokens/1", "DELETE"),
            (Method::TRACE, "/tenon/tokens", "HEAD, GET, POST"),
        ] {
            let answer = send(app.request(method, path)).await;
            assert_eq!((answer.status, answer.text.as_str()), (405, "Method Not Allowed"));
            assert_eq!(answer.headers["allow"], allowed);
            assert_eq!(answer.headers["content-type"], "text/plain; charset=utf-8");
        }
        let odd = Method::from_bytes(b"PROPFIND").expect("a method");
        assert_eq!(send(app.request(odd, "/tenon/tokens")).await.status, 501);
    }

    async fn browsers_of_other_origins_may_send_and_read_what_the_api_needs(app: &TestApp) {
        let ask = |headers: &'static str| {
            let request = app.with_token(None).request(Method::OPTIONS, "/api/products").header("Origin", "http://shop.example");
            send(request.header("Access-Control-Request-Method", "PUT").header("Access-Control-Request-Headers", headers))
        };
        let usual = "Content-Type,Authorization,Origin,Accept";
        for (asked, allowed) in [
            ("content-type", usual.to_owned()),
            ("content-type, if-match", format!("{usual},If-Match")),
            ("Idempotency-Key,if-none-match", format!("{usual},If-None-Match,Idempotency-Key")),
        ] {
            let answer = ask(asked).await;
            assert_eq!((answer.status, answer.headers["access-control-allow-headers"].as_bytes()), (204, allowed.as_bytes()));
        }
        let read = send(app.request(Method::GET, "/api/products").header("Origin", "http://shop.example")).await;
        assert!(read.headers["access-control-expose-headers"].to_str().is_ok_and(|exposed| exposed.contains("ETag")));
    }

    async fn a_body_that_is_no_json_is_told_before_anything_else(app: &TestApp) {
        let anyone = app.with_token(None);
        for body in ["{", "{\"data\":{}} x", "5", "null", "\u{feff}{"] {
            let answer = send(anyone.request(Method::POST, "/tenon/tokens").header("content-type", "application/json").body(body)).await;
            let error = &answer.expect(400)["error"];
            assert_eq!((&error["name"], error.get("details")), (&json!("SyntaxError"), None), "{body}");
        }
        assert_eq!(anyone.post("/tenon/tokens", json!({"data": {}})).await.status, 403);
    }

    async fn a_body_of_another_type_counts_as_none(app: &TestApp) {
        for content_type in ["text/plain", "application/xml", "application/octet-stream"] {
            let answer = posted(app, content_type, r#"{"data":{"name":"x","kind":"read-only"}}"#.into()).await;
            assert_eq!(answer.expect(400)["error"]["message"], "Missing \"data\" payload in the request body");
        }
        let answer = posted(app, "multipart/form-data; boundary=x", "--x--".into()).await;
        assert_eq!(answer.expect(415)["error"]["name"], "UnsupportedMediaTypeError");
    }

    async fn a_body_above_the_limit_is_refused(app: &TestApp) {
        for (content_type, size) in [("application/json", 1_100_000), ("application/x-www-form-urlencoded", 70_000)] {
            let answer = posted(app, content_type, "x".repeat(size)).await;
            let text = r#"{"data":null,"error":{"status":413,"name":"PayloadTooLargeError","message":"request entity too large"}}"#;
            assert_eq!((answer.status, answer.text.as_str()), (413, text));
        }
    }

    async fn what_a_database_cannot_hold_is_refused(app: &TestApp) {
        let nul = posted(app, "application/json", r#"{"data":{"name":"a\u0000b"}}"#.into()).await;
        assert!(nul.expect(400)["error"]["message"].as_str().is_some_and(|message| message.contains("U+0000")));
        app.get("/tenon/tokens?x=%00").await.expect(400);
        let deep = format!("{{\"data\":{}{}}}", "[".repeat(500), "]".repeat(500));
        assert_eq!(posted(app, "application/json", deep).await.expect(400)["error"]["name"], "SyntaxError");
    }

    async fn a_token_alone_decides_and_a_bad_one_is_told(app: &TestApp) {
        let with = |value: &str| send(app.with_token(None).request(Method::GET, "/tenon/tokens").header("authorization", value));
        assert_eq!(with("Bearer nope").await.expect(401)["error"]["message"], "Missing or invalid credentials");
        for public in ["Bearer ", "nope", "Basic eDp5", "Bearer a b", "Token x"] {
            with(public).await.expect(403);
        }
        with(&format!("bearer {}", crate::support::api::TOKEN)).await.expect(200);
    }

    async fn a_browser_of_any_origin_may_ask(app: &TestApp) {
        let request = app.request(Method::OPTIONS, "/api/nothing").header("origin", "http://shop.example");
        let answer = send(request.header("access-control-request-method", "PUT")).await;
        assert_eq!((answer.status, answer.text.as_str()), (204, ""));
        assert_eq!(answer.headers["access-control-allow-methods"], "GET,POST,PUT,PATCH,DELETE,HEAD,OPTIONS");
        assert_eq!(answer.headers["access-control-allow-headers"], "Content-Type,Authorization,Origin,Accept");
        let answer = send(app.request(Method::GET, "/api/nothing").header("origin", "http://shop.example")).await;
        assert_eq!(answer.headers["access-control-allow-origin"], "*");
        assert_eq!(app.get("/api/nothing").await.headers["access-control-allow-origin"], "*");
    }

    async fn no_answer_lets_a_browser_send_what_says_who_it_is(app: &TestApp) {
        for path in ["/api/stores", "/api/nothing", "/tenon/runs", "/openapi.json", "/", "/docs/index.html", "/healthz", "/admin", "/admin/login"] {
            for method in [Method::GET, Method::OPTIONS] {
                let request = app.with_token(None).request(method.clone(), path).header("origin", "http://shop.example");
                let answer = send(request.header("access-control-request-method", "PUT")).await;
                let told = format!("{method} {path}: {:?}", answer.headers);
                assert!(answer.headers.get("access-control-allow-credentials").is_none(), "{told}");
                let is_open = ["/api", "/tenon"].iter().any(|open| path.starts_with(open)) || path == "/openapi.json";
                assert_eq!(answer.headers.contains_key("access-control-allow-origin"), is_open, "{told}");
            }
        }
    }

    async fn a_browser_of_another_origin_than_those_named_may_not_read(app: &TestApp)
    with |config| config.cors_origins = Origins::parse("https://shop.example").expect("an origin"); {
        for (origin, is_allowed) in [
            ("https://shop.example", true), ("https://shop.example.evil.example", false), ("http://shop.example", false), ("null", false),
        ] {
            for method in [Method::GET, Method::OPTIONS] {
                let request = app.request(method.clone(), "/api/stores").header("origin", origin);
                let answer = send(request.header("access-control-request-method", "PUT")).await;
                let allowed = answer.headers.get("access-control-allow-origin").map(|value| value.to_str().expect("a text"));
                assert_eq!(allowed, Some(origin).filter(|_| is_allowed), "{method} {origin}");
                let allows = answer.headers.contains_key("access-control-allow-methods");
                assert_eq!(allows, is_allowed && method == Method::OPTIONS, "{method} {origin}");
                assert!(answer.headers["vary"].to_str().is_ok_and(|vary| vary.contains("Origin")) || method == Method::GET, "{method} {origin}");
            }
        }
        assert!(app.get("/api/stores").await.headers.get("access-control-allow-origin").is_none());
    }

    async fn every_answer_has_an_id_and_tells_browsers_to_be_careful(app: &TestApp) {
        let (first, second) = (app.get("/healthz").await, app.get("/healthz").await);
        assert_ne!(first.headers["x-request-id"], second.headers["x-request-id"]);
        assert_eq!(first.headers["x-content-type-options"], "nosniff");
        let own = send(app.request(Method::GET, "/healthz").header("x-request-id", "order-17")).await;
        assert_eq!(own.headers["x-request-id"], "order-17");
        let odd = send(app.request(Method::GET, "/healthz").header("x-request-id", "a b\"c")).await;
        assert_ne!(odd.headers["x-request-id"], "a b\"c");
    }

    async fn answers_are_compressed_for_those_who_can_read_it(app: &TestApp) {
        let packed = send(app.request(Method::GET, "/openapi.json").header("accept-encoding", "gzip")).await;
        assert_eq!(packed.headers["content-encoding"], "gzip");
        assert!(app.get("/openapi.json").await.headers.get("content-encoding").is_none());
    }

    async fn a_public_without_rights_is_forbidden_everything_but_health(app: &TestApp)
    with |config| config.public_access = PublicAccess::None; {
        let anyone = app.with_token(None);
        anyone.get("/healthz").await.expect(200);
        anyone.get("/tenon/tokens").await.expect(403);
    }
}

#[test]
fn requests_outlive_the_connections_to_the_database() {
    TestApp::tell(
        Kind::Postgres,
        |_| (),
        async |app: &TestApp| {
            app.get("/api/products").await.expect(200);
            let end = "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity \
                   WHERE datname = current_database() AND pid <> pg_backend_pid()";
            let ended = app.state.db.read(|conn| conn.first(&Sql::new(end), |row| row.int(0))).await;
            assert!(ended.is_ok_and(|ended| ended > Some(0)), "connections were ended");
            for _ in 0..20 {
                let answer = app.get("/api/products").await;
                assert!([200, 503].contains(&answer.status), "{}", answer.text);
            }
            app.get("/api/products").await.expect(200);
            app.get("/readyz").await.expect(200);
        },
    );
}

async fn posted(app: &TestApp, content_type: &str, body: String) -> Answered {
    send(app.request(Method::POST, "/tenon/tokens").header("content-type", content_type).body(body)).await
}
