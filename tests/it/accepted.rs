//! What a receiver has accepted is accepted, whatever comes with its answer.

use serde_json::{Value, json};

use crate::support::app::TestApp;
use crate::support::on_both_databases;
use crate::support::receiver::Answer;

fn odd_answers(status: u16) -> Vec<(&'static str, Answer)> {
    let many = (0..400).fold(Answer::status(status), |answer, _| answer.header("x-many", "of them"));
    vec![
        ("400 headers", many),
        ("a line without a colon", Answer::status(status).header("a broken line\r\nx-id", "7")),
        ("a name with spaces", Answer::status(status).header("x bad name", "7")),
        ("a folded line", Answer::status(status).header("x-folded", "over\r\n two lines")),
        ("2 MiB", Answer::status(status).body(vec![b'x'; 2 << 20])),
    ]
}

fn odd_keys() -> [&'static str; 3] {
    ["custom:webhook", "external:own", "discord:webhook"]
}

on_both_databases! {
    async fn an_odd_answer_of_success_is_a_success(app: &TestApp) {
        for key in odd_keys() {
            for (what, answer) in odd_answers(200) {
                app.receiver.answers("/hook", [answer.clone()]);
                app.receiver.answers("/hook?wait=true", [answer]);
                app.receiver.forget();
                let mut record = app.webhook("trigger:post_sale");
                record["key"] = json!(key);
                record["credentials"] = json!({});
                let slug = format!("{key}-{what}").replace([':', ' '], "-");
                let store = app.store_named(&slug, vec![record]).await;
                app.emit(&store, "post_sale", json!({})).await;
                app.run_until_idle().await;
                let run = app.runs().await.remove(0);
                let discord_reads_it = key == "discord:webhook" && what != "2 MiB";
                if !discord_reads_it {
                    assert_eq!(run["state"], "completed", "{key}, {what}: {run}");
                }
                assert_eq!(app.receiver.received().len(), 1, "{key}, {what}");
            }
        }
    }

    async fn an_odd_answer_of_failure_is_what_its_status_says(app: &TestApp) {
        for (number, (what, answer)) in odd_answers(410).into_iter().enumerate() {
            app.receiver.answers("/hook", [answer]);
            let store = app.store_named(&format!("s{number}"), vec![app.webhook("trigger:post_sale")]).await;
            app.emit(&store, "post_sale", json!({})).await;
            app.run_until_idle().await;
            assert_eq!(app.record(&store, 0).await["active"], false, "{what}");
        }
    }

    async fn what_is_kept_of_an_odd_answer_is_bounded(app: &TestApp) {
        let long = "y".repeat(2_000);
        let many = (0..100).fold(Answer::status(200), |answer, _| answer.header("x-long", &long));
        app.receiver.answers("/hook", [many.body(vec![b'x'; 2 << 20])]);
        let store = app.store(vec![app.webhook("trigger:post_sale")]).await;
        app.emit(&store, "post_sale", json!({})).await;
        app.run_until_idle().await;
        let run = app.only_run().await;
        let id = run["attempts"][0]["id"].clone();
        let kept = app.texts("SELECT exchanges FROM attempts").await.remove(0);
        assert!(kept.len() < 40_000, "{} bytes of attempt {id}", kept.len());
        let kept: Value = serde_json::from_str(&kept).expect("JSON");
        assert!(kept[0]["answer"]["body"].as_str().is_some_and(|body| body.contains("more than 1048576 bytes")));
    }
}
