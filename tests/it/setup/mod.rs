//! What can be saved can run: saving a record, explaining it, trying it and running it come to the same verdict.

mod half;
mod whole;

use reqwest::Method;
use serde_json::{Value, json};

use crate::support::api::send;
use crate::support::app::TestApp;
use crate::support::on_both_databases;

/// A record of `key`, that listens to `acme:checked`; `$url` is the receiver's.
fn record(app: &TestApp, key: &str, config: Value, credentials: Value, url: &str) -> Value {
    let url = url.replace("$url", &app.receiver.url("/hook"));
    let mut record = json!({"key": key, "triggers": ["acme:checked"], "config": config, "credentials": credentials});
    if !url.is_empty() {
        record["url"] = json!(url);
    }
    record
}

/// The paths of the problems in an answer, and their messages.
fn problems(listed: &Value) -> Vec<(String, String)> {
    let text = |value: &Value| value.as_str().expect("a text").to_owned();
    let path =
        |problem: &Value| problem["path"].as_array().expect("a path").iter().map(text).collect::<Vec<_>>().join("/");
    let listed = listed.as_array().map_or(&[][..], Vec::as_slice);
    listed.iter().map(|problem| (path(problem), text(&problem["message"]))).collect()
}

/// What `explain` says of the records of a store, in their order.
async fn explained(app: &TestApp, store: &str) -> Vec<Value> {
    let answer = app.get(&format!("/api/stores/{store}/explain?trigger=acme:checked")).await;
    answer.expect(200)["data"]["records"].as_array().expect("a list").clone()
}

#[test]
fn every_handler_has_records_that_cannot_work_and_one_that_can() {
    let registry = tenon::extensions::registry().expect("one handler for each key");
    let (half, whole) = (half::half_filled(), whole::whole());
    for entry in registry.entries() {
        let is_of =
            |key: &str| registry.find(key).is_some_and(|found| found.descriptor().key == entry.descriptor().key);
        // Those with a url that cannot be called are the same for all.
        let own = half.iter().filter(|(key, half)| is_of(key) && half.3 != "url").count();
        assert!(own >= 4, "{}: {own} half-filled records", entry.descriptor().key);
        assert!(whole.iter().any(|(key, ..)| is_of(key)), "{}: no whole record", entry.descriptor().key);
    }
}

on_both_databases! {
    async fn a_record_that_cannot_work_is_told_so_everywhere_in_the_same_words(app: &TestApp) {
        let table = half::half_filled();
        let records: Vec<Value> = table.iter().map(|(key, (config, credentials, url, _))| {
            record(app, key, config.clone(), credentials.clone(), url)
        }).collect();

        // Saved with a document: stored, and warned of.
        let store = json!({"title": "North", "slug": "north", "extensions": records});
        let saved = app.post("/api/stores?populate=extensions", json!({ "data": store })).await;
        let warned = problems(&saved.expect(201)["meta"]["warnings"]);
        let stored = saved.json["data"]["extensions"].as_array().expect("a list").clone();
        let store = saved.json["data"]["documentId"].as_str().expect("an id").to_owned();
        assert_eq!(stored.len(), table.len(), "nothing is lost");
        app.emit(&store, "acme:checked", json!({})).await;
        app.run_until_idle().await;
        let runs = app.get("/tenon/runs?state=completed").await;
        assert_eq!(runs.expect(200)["data"], json!([]), "none of them ran");
        let explained = explained(app, &store).await;

        let list = format!("/api/stores/{store}/extensions");
        for (place, ((key, (.., path)), sent)) in table.iter().zip(&records).enumerate() {
            // Saved alone: refused.
            let refused = app.post(&list, json!({ "data": sent })).await;
            let refused = problems(&refused.expect(400)["error"]["details"]["errors"]);
            assert_eq!(refused[0].0, *path, "{sent}: {refused:?}");
            let prefix = format!("extensions/{place}/");
            let of_record: Vec<_> = warned.iter().filter_map(|(at, why)| Some((at.strip_prefix(&prefix)?.to_owned(), why.clone()))).collect();
            assert_eq!(of_record[..refused.len()], refused[..], "{sent}");
            let reason = refused.iter().map(|(_, why)| why.as_str()).collect::<Vec<_>>().join("; ");

            let told = &explained[place];
            assert_eq!((&told["fires"], &told["message"]), (&json!(false), &json!(reason)), "{sent}");
            let told_at: Vec<_> = told["path"].as_array().expect("a path").iter().filter_map(Value::as_str).collect();
            assert_eq!(told_at.join("/"), *path, "{sent}");

            let one = format!("{list}/{}", stored[place]["id"]);
            let tried = app.post(&format!("{one}/test?dry=true"), json!({})).await;
            let trial = &tried.expect(200)["data"];
            assert_eq!((&trial["outcome"], &trial["message"], &trial["exchanges"]), (&json!("discard"), &json!(reason), &json!([])), "{key}: {sent}");

            let run = app.get(&format!("/tenon/runs?extension={}", stored[place]["id"])).await;
            let run = run.expect(200)["data"][0].clone();
            assert_eq!((&run["state"], &run["reason"]), (&json!("dead"), &json!(reason)), "{sent}");
        }
        assert_eq!(app.get(&list).await.expect(200)["meta"]["pagination"]["total"], table.len(), "nothing refused is left");
    }

    async fn a_record_that_can_work_is_taken_and_tried_everywhere(app: &TestApp) {
        let store = app.store(Vec::new()).await;
        let list = format!("/api/stores/{store}/extensions");
        let registry = tenon::extensions::registry().expect("one handler for each key");
        for (key, config, credentials, url) in whole::whole() {
            let sent = record(app, key, config, credentials, url);
            let made = app.post(&list, json!({ "data": sent })).await;
            assert_eq!(made.expect(201)["meta"], json!({}), "{sent}");
            let told = explained(app, &store).await.pop().expect("the record");
            assert_eq!((&told["fires"], &told["message"], &told["warnings"]), (&json!(true), &Value::Null, &json!([])), "{sent}");
            let one = format!("{list}/{}", made.json["data"]["id"]);
            let usual = registry.find(key).and_then(|entry| entry.descriptor().default_triggers.first());
            let usual = usual.filter(|pattern| !pattern.contains('*')).map_or("acme:checked", |pattern| *pattern);
            let tried = app.post(&format!("{one}/test?dry=true"), json!({"trigger": usual})).await;
            let trial = &tried.expect(200)["data"];
            let outcome = trial["outcome"].as_str().expect("a word");
            assert!(["shown", "done"].contains(&outcome), "{sent}: {trial}");
        }
    }

    async fn all_that_is_wrong_is_told_at_once_each_with_its_path(app: &TestApp) {
        let store = app.store(Vec::new()).await;
        let data = json!({
            "key": "telegram:message", "url": "http://10.0.0.1/", "triggers": ["post_*,pre_*"],
            "config": {"title": 5, "silent": "yes", "policy": {"timeout_s": 0, "schedule": "0 0 29 2 +1#1"}},
            "credentials": {"tokn": "12345678"},
        });
        let refused = app.post(&format!("/api/stores/{store}/extensions"), json!({ "data": data })).await;
        let refused = problems(&refused.expect(400)["error"]["details"]["errors"]);
        let paths: Vec<_> = refused.iter().map(|(path, _)| path.as_str()).collect();
        assert_eq!(paths, [
            "url", "config/title", "config/silent", "config/chat_id", "credentials/token", "config/policy.timeout_s",
            "config/policy.schedule", "triggers/0",
        ], "{refused:?}");
        assert!(!format!("{refused:?}").contains("12345678"), "{refused:?}");
    }

    async fn what_nothing_knows_is_warned_of_with_the_nearest(app: &TestApp) {
        let url = app.receiver.url("/hook");
        let data = json!({
            "key": "discord:webhook", "url": url, "triggers": ["trigger:post_sail", "produkt_*", "acme:own"],
            "config": {"colour": 5}, "credentials": {"webhook_ur": url},
        });
        let store = app.store(Vec::new()).await;
        let alone = app.post(&format!("/api/stores/{store}/extensions"), json!({ "data": data })).await;
        let with_store = app.post("/api/stores", json!({"data": {"title": "x", "slug": "x", "extensions": [data]}})).await;
        for (answer, prefix) in [(&alone, ""), (&with_store, "extensions/0/")] {
            let warned = problems(&answer.expect(201)["meta"]["warnings"]);
            for (path, part) in [
                ("config/colour", "did you mean color?"), ("credentials/webhook_ur", "did you mean webhook_url?"),
                ("triggers/0", "did you mean post_sale"), ("triggers/1", "did you mean product_*?"),
            ] {
                let found = warned.iter().find(|(at, _)| *at == format!("{prefix}{path}"));
                assert!(found.is_some_and(|(_, why)| why.contains(part)), "{path}: {warned:?}");
            }
            assert_eq!(warned.len(), 4, "names of one's own are allowed: {warned:?}");
        }
    }

    async fn urls_that_hold_a_password_or_are_longer_than_any_are_stored_nowhere(app: &TestApp) {
        let store = app.store(vec![app.webhook("acme:checked")]).await;
        let list = format!("/api/stores/{store}/extensions");
        let one = format!("{list}/{}", app.record(&store, 0).await["id"]);
        let label = "a".repeat(64);
        for (url, part) in [
            ("http://user:pa55word@example.com/".to_owned(), "user or password"),
            ("https://user:pa55word@exam ple.com/".to_owned(), "user or password"),
            (format!("http://{label}.example/"), "1 to 63 bytes, not 64"),
            (format!("http://{}.example/", ["a".repeat(50).as_str(); 80].join(".")), "2048 bytes"),
            (format!("http://{}.example/", ["a".repeat(50).as_str(); 8].join(".")), "253 bytes"),
            (format!("http://x.example/{}", "p".repeat(2048)), "2048 bytes"),
        ] {
            let data = json!({"key": "custom:webhook", "triggers": [], "url": url});
            let alone = app.post(&list, json!({ "data": data })).await;
            let changed = send(app.request(Method::PATCH, &one).json(&json!({"data": {"url": url}}))).await;
            let with_store = app.post("/api/stores", json!({"data": {"title": "x", "slug": "x", "extensions": [data]}})).await;
            let activated = app.post("/tenon/handlers/custom:webhook/activate", json!({"data": {"url": url, "again": true, "targets": [{"type": "store", "documentId": store}]}})).await;
            for (answer, path) in [(&alone, "url"), (&changed, "url"), (&with_store, "extensions/0/url")] {
                let told = problems(&answer.expect(400)["error"]["details"]["errors"]);
                assert!(told[0].0 == path && told[0].1.contains(part), "{url}: {told:?}");
                assert!(!answer.text.contains("pa55word"), "{}", answer.text);
            }
            assert!(activated.status == 400 && !activated.text.contains("pa55word"), "{}", activated.text);
        }
        let port = json!({"key": "custom:webhook", "triggers": [], "url": "http://127.0.0.1:99999/"});
        let refused = app.post(&list, json!({ "data": port })).await;
        assert_eq!(problems(&refused.expect(400)["error"]["details"]["errors"])[0].0, "url");
    }

    async fn a_record_has_at_most_a_hundred_patterns(app: &TestApp) {
        let store = app.store(vec![app.webhook("acme:checked")]).await;
        let one = format!("/api/stores/{store}/extensions/{}", app.record(&store, 0).await["id"]);
        let patterns = |count: usize| (0..count).map(|number| format!("*[a-z]_{number}")).collect::<Vec<_>>();
        let put = |count| json!({"data": {"extensions": [{"key": "custom:webhook", "triggers": patterns(count), "url": app.receiver.url("/hook")}]}});
        let patch = |triggers: Value| send(app.request(Method::PATCH, &one).json(&json!({"data": {"triggers": triggers}})));
        for (answer, path) in [
            (patch(json!(patterns(101))).await, "triggers"),
            (patch(json!(patterns(20_000))).await, "triggers"),
            (app.put(&format!("/api/stores/{store}"), put(101)).await, "extensions/0/triggers"),
        ] {
            let told = problems(&answer.expect(400)["error"]["details"]["errors"]);
            assert!(told[0].0 == path && told[0].1.contains("at most 100"), "{told:?}");
        }
        patch(json!(patterns(100))).await.expect(200);
        let long = patch(json!([format!("*{}", "a".repeat(256))])).await;
        assert!(problems(&long.expect(400)["error"]["details"]["errors"])[0].1.contains("256"));
        for pattern in ["post_*,pre_*", "post_*|pre_*", "post_*+pre_*", "!post_*", "{}", "{,}", "trigger:{}{,{}}"] {
            let refused = patch(json!([pattern])).await;
            assert!(problems(&refused.expect(400)["error"]["details"]["errors"])[0].0.starts_with("triggers"), "{pattern}");
        }
    }

    async fn what_was_saved_before_a_rule_is_read_reported_and_corrected(app: &TestApp) {
        let store = app.store(vec![app.webhook("acme:checked")]).await;
        let old = format!(
            "UPDATE extensions SET url = 'http://user:pw@{}.example/', triggers = '{}', config = '{}'",
            "a".repeat(2800),
            json!((0..150).map(|_| "acme:checked").chain(["a,b"]).collect::<Vec<_>>()),
            json!({"policy": {"schedule": "0 0 29 2 +1#1"}}),
        );
        app.sql(Box::leak(old.into_boxed_str())).await;
        let path = format!("/api/stores/{store}");
        let told = explained(app, &store).await.remove(0);
        assert_eq!((&told["fires"], &told["because"], &told["path"]), (&json!(false), &json!("bad_url"), &json!(["url"])));
        assert!(told["destination"].as_str().is_some_and(|name| name.len() <= 260), "{told}");
        let warned: Vec<_> = problems(&told["warnings"]).into_iter().map(|(path, _)| path).collect();
        assert_eq!(warned, ["config/policy.schedule", "triggers"]);
        app.emit(&store, "acme:checked", json!({})).await;
        app.run_until_idle().await;
        let run = app.only_run().await;
        assert_eq!((&run["state"], &run["reason"]), (&json!("dead"), &told["message"]));
        // What has nothing to do with it can still be changed and published.
        app.put(&format!("{path}?status=draft"), json!({"data": {"title": "New"}})).await.expect(200);
        app.post(&format!("{path}/actions/publish"), json!({})).await.expect(200);
        let one = format!("{path}/extensions/{}", app.record(&store, 0).await["id"]);
        // Another destination asks for the secret anew.
        let mut mended = app.webhook("acme:*");
        mended["config"] = json!({});
        let mended = json!({ "data": mended });
        assert_eq!(send(app.request(Method::PATCH, &one).json(&mended)).await.expect(200)["meta"], json!({}));
        app.emit(&store, "acme:checked", json!({})).await;
        app.run_until_idle().await;
        assert_eq!(app.receiver.received().len(), 1);
    }

    async fn sixty_expensive_schedules_hold_up_nobody(app: &TestApp) {
        let record = json!({"key": "custom:webhook", "triggers": [], "url": app.receiver.url("/hook"), "config": {"policy": {"schedule": "0 0 29 2 +1#1"}}});
        let begun = std::time::Instant::now();
        let saved = app.post("/api/stores", json!({"data": {"title": "x", "slug": "c", "extensions": vec![record; 60]}})).await;
        let warned = problems(&saved.expect(201)["meta"]["warnings"]);
        assert_eq!(warned.len(), 60);
        assert!(warned.iter().all(|(_, why)| why.contains("four years")), "{warned:?}");
        // A search without an end took 46 s.
        assert!(begun.elapsed().as_secs() < 20, "{:?}", begun.elapsed());
    }

    async fn a_secret_pasted_with_a_line_break_signs_as_it_is_meant(app: &TestApp) {
        let secret = crate::support::app::SECRET;
        let records = ["\n", " ", "\r\n"].map(|end| {
            let mut record = app.webhook("acme:checked");
            record["credentials"]["secret"] = json!(format!("{end}v1,{secret}{end}"));
            record
        });
        let store = app.store(records.into()).await;
        app.emit(&store, "acme:checked", json!({})).await;
        app.run_until_idle().await;
        let received = app.receiver.received();
        assert_eq!(received.len(), 3);
        let official = standardwebhooks::Webhook::new(secret).expect("a secret");
        for sent in received {
            let at = sent.header("webhook-timestamp").parse().expect("a number");
            let signature = official.sign(sent.header("webhook-id"), at, &sent.body).expect("a signature");
            assert_eq!(sent.header("webhook-signature"), signature);
        }
    }

    async fn a_token_pasted_with_a_line_break_is_sent_as_it_is_meant(app: &TestApp) {
        let record = json!({
            "key": "custom:webhook:authenticated", "triggers": ["acme:checked"], "url": app.receiver.url("/hook"),
            "credentials": {"type": "basic", "username": " shop", "password": "tok-12345\r\n"},
        });
        let store = app.store(vec![record]).await;
        app.emit(&store, "acme:checked", json!({})).await;
        app.run_until_idle().await;
        // What `shop:tok-12345` is in base64.
        assert_eq!(app.receiver.only().header("authorization"), "Basic c2hvcDp0b2stMTIzNDU=");
    }

    async fn the_hmac_of_a_body_is_sent_as_its_receiver_reads_it(app: &TestApp) {
        use tenon::handler::signature::{base64_hmac, hex_hmac};
        let signed = |path: &str, header: &str, encoding: Value| {
            let mut record = app.webhook_to(path, "acme:checked");
            record["credentials"] = json!({"secret": "a key", "header_name": header, "encoding": encoding});
            record
        };
        let store = app.store(vec![
            signed("/shopify", "X-Shopify-Hmac-Sha256", Value::Null), signed("/woo", "x-wc-webhook-signature", json!("")),
            signed("/own", "X-Own", json!("base64")), signed("/hex", "X-Own", Value::Null), signed("/odd", "X-WC-Webhook-Signature", json!("hex")),
        ]).await;
        app.emit(&store, "acme:checked", json!({})).await;
        app.run_until_idle().await;
        let received = app.receiver.received();
        assert_eq!(received.len(), 5);
        for sent in received {
            let (header, is_base64) = match sent.path.as_str() {
                "/shopify" => ("x-shopify-hmac-sha256", true),
                "/woo" => ("x-wc-webhook-signature", true),
                "/own" => ("x-own", true),
                "/odd" => ("x-wc-webhook-signature", false),
                _ => ("x-own", false),
            };
            let hmac = if is_base64 { base64_hmac } else { hex_hmac };
            assert_eq!(Some(sent.header(header)), hmac("sha256", "a key", &sent.body).as_deref(), "{}", sent.path);
        }
    }
}
