//! The first impression: `serve --demo` says three lines, and they work as they stand.

use std::time::{Duration, Instant};

use reqwest::Method;
use serde_json::{Value, json};

use crate::support::PATIENCE;
use crate::support::api::{Answered, Api, send};
use crate::support::program::{Program, Settings, free_port};

/// What curl would do with a line of the form `curl 'url' [-H 'header']… [-d 'body']`: nothing else may be in it.
async fn curl(line: &str) -> Answered {
    let words: Vec<_> = line.split('\'').collect();
    assert!(words.len() % 2 == 1, "every quote is closed: {line}");
    let (mut url, mut headers, mut body) = (None, Vec::new(), None);
    for pair in words.chunks_exact(2) {
        match (pair[0].trim(), pair[1]) {
            ("curl", text) => url = Some(text),
            ("-H", text) => headers.push(text.split_once(": ").expect("a header")),
            ("-d", text) => body = Some(text.to_owned()),
            (other, _) => panic!("{other} in {line}"),
        }
    }
    let url = url.expect("a url");
    assert!(!url.contains(['[', '{']), "curl would read brackets as patterns: {url}");
    let api = Api::new("").with_token(None);
    let mut request = api.request(if body.is_some() { Method::POST } else { Method::GET }, url);
    for (name, value) in headers {
        request = request.header(name, value);
    }
    send(request.body(body.unwrap_or_default())).await
}

async fn try_the_lines(program: &Program) {
    let log = program.said("/runs").await;
    assert!(!log.contains("arrived"), "loading the shop tells nobody: {log}");
    let lines: Vec<_> = log.lines().filter(|line| line.starts_with("curl ")).map(str::to_owned).collect();
    let [products, sale, runs] = &lines[lines.len() - 3..] else { panic!("three lines: {lines:?}") };

    let products = curl(products).await;
    let products = products.expect(200)["data"].as_array().expect("a list");
    assert_eq!(products.len(), 12);
    assert!(products.iter().all(|product| product["PRICES"][0]["Price"].is_number()), "{products:?}");

    let event = curl(sale).await.expect(202)["data"]["id"].clone();
    let since = Instant::now();
    loop {
        let made = curl(runs).await;
        let made = made.expect(200)["data"].as_array().expect("a list");
        let ours: Vec<_> = made.iter().filter(|run| run["eventId"] == event).collect();
        if ours.len() == 2 && ours.iter().all(|run| run["state"] == "completed") {
            let answered = |run: &&Value| run["attempts"][0]["exchanges"][0]["answer"]["status"] == json!(204);
            assert!(ours.iter().all(answered), "{ours:?}");
            break;
        }
        assert!(since.elapsed() < PATIENCE, "{made:?}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    program.said("arrived at /warehouse: trigger:post_sale of kettle-and-leaf (signature verified").await;
    program.said("arrived at /team-chat").await;
}

#[test]
fn the_three_lines_of_the_demo_work_as_printed_at_every_start() {
    let folder = tempfile::tempdir().expect("a folder");
    let settings = Settings::new(folder.path(), "sqlite:data/tenon.db").without("TENON_BOOTSTRAP_TOKEN");
    let receiver = format!("127.0.0.1:{}", free_port());
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    runtime.block_on(async {
        for _start in ["the first, which loads the shop", "the second, which finds it"] {
            let program = Program::start_with(&settings, &["serve", "--demo", "--demo-receiver", &receiver]).await;
            try_the_lines(&program).await;
            assert!(program.stop().success());
        }
    });
}

#[test]
fn the_receiver_of_the_demo_takes_another_port_when_its_own_is_taken() {
    let folder = tempfile::tempdir().expect("a folder");
    let settings = Settings::new(folder.path(), "sqlite:data/tenon.db").without("TENON_BOOTSTRAP_TOKEN");
    // Taken by this test or by somebody else.
    let _taken = std::net::TcpListener::bind(tenon::demo::RECEIVER);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    runtime.block_on(async {
        for _start in ["the first, which finds a port", "the second, on the port that the shop's records name"] {
            let program = Program::start_with(&settings, &["serve", "--demo"]).await;
            try_the_lines(&program).await;
            assert!(program.stop().success());
        }
    });
}

#[test]
fn the_demo_keeps_out_of_a_database_with_content() {
    let folder = tempfile::tempdir().expect("a folder");
    let settings = Settings::new(folder.path(), "sqlite:data/tenon.db");
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    runtime.block_on(async {
        let program = Program::start(&settings).await;
        program.api().create("stores", json!({ "title": "Mine", "slug": "mine" })).await;
        assert!(program.stop().success());
    });
    let receiver = format!("127.0.0.1:{}", free_port());
    let refused = settings.command(&["serve", "--demo", "--demo-receiver", &receiver]).output().expect("it starts");
    let said = String::from_utf8_lossy(&refused.stderr);
    assert!(refused.status.code() == Some(1) && said.contains("content of its own"), "{said}");
}

#[test]
fn the_demos_token_is_not_for_strangers() {
    let folder = tempfile::tempdir().expect("a folder");
    let settings = Settings::new(folder.path(), "sqlite:data/tenon.db").without("TENON_BOOTSTRAP_TOKEN");
    let open = settings.with("TENON_LISTEN", &format!("0.0.0.0:{}", free_port()));
    let refused = open.command(&["serve", "--demo"]).output().expect("it starts");
    let said = String::from_utf8_lossy(&refused.stderr);
    assert!(refused.status.code() == Some(2) && said.contains("TENON_BOOTSTRAP_TOKEN"), "{said}");
}
