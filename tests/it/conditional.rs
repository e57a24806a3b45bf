//! Entity tags: what a caller has already is not sent again, and what another has changed is not overwritten.

use reqwest::Method;
use serde_json::json;

use crate::support::api::{Answered, send};
use crate::support::app::TestApp;
use crate::support::on_both_databases;

fn tag(answer: &Answered) -> String {
    answer.headers["etag"].to_str().expect("a tag").to_owned()
}

async fn with(app: &TestApp, method: Method, path: &str, header: (&str, &str)) -> Answered {
    let request = app.request(method, path).header(header.0, header.1);
    match path.contains("/actions/") {
        true => send(request).await,
        false => send(request.json(&json!({"data": {"Name": "Theirs"}}))).await,
    }
}

async fn a_product(app: &TestApp) -> String {
    let product = app.create("products", json!({"Name": "Tea", "PRICES": [{"Name": "small", "Price": 4}]})).await;
    format!("/api/products/{}", product["documentId"].as_str().expect("a documentId"))
}

on_both_databases! {
    async fn a_caller_who_has_the_answer_is_sent_its_tag_alone(app: &TestApp) {
        let path = a_product(app).await;
        for path in [path.clone(), "/api/products?populate=*".into(), format!("{path}?populate=extensions&status=draft")] {
            let first = app.get(&path).await;
            first.expect(200);
            let tag = tag(&first);
            for sent in [tag.clone(), format!("W/{tag}"), format!("\"other\", {tag}"), "*".into()] {
                let again = with(app, Method::GET, &path, ("If-None-Match", &sent)).await;
                assert_eq!((again.status, again.text.as_str()), (304, ""), "{path} {sent}");
                assert_eq!(again.headers["etag"], tag.as_str());
            }
            let other = with(app, Method::GET, &path, ("If-None-Match", "\"other\"")).await;
            assert_eq!(other.expect(200), &first.json, "{path}");
            assert_eq!(app.get(&path).await.headers["etag"], tag.as_str(), "the same answer has the same tag");
        }
        let before = tag(&app.get(&path).await);
        app.put(&path, json!({"data": {"Name": "Green tea"}})).await.expect(200);
        let changed = with(app, Method::GET, &path, ("If-None-Match", &before)).await;
        assert_eq!(changed.expect(200)["data"]["Name"], "Green tea");
    }

    async fn a_compressed_answer_is_the_same_answer(app: &TestApp) {
        for number in 0..30 {
            app.create("products", json!({"Name": format!("Tea {number}")})).await;
        }
        let plain = app.get("/api/products").await;
        for turn in ["read", "kept"] {
            let packed = send(app.request(Method::GET, "/api/products").header("Accept-Encoding", "gzip")).await;
            assert_eq!(packed.headers["content-encoding"], "gzip", "{turn}");
            assert_eq!(packed.headers["etag"], format!("W/{}", tag(&plain)).as_str(), "{turn}");
            assert!(packed.headers.get_all("vary").iter().any(|vary| vary == "Accept-Encoding"), "{turn}");
            let length: usize = packed.headers["content-length"].to_str().expect("text").parse().expect("a number");
            assert!(length < plain.text.len() / 2, "{turn}: {length} of {}", plain.text.len());
        }
    }

    async fn a_change_is_made_only_to_what_the_caller_has_seen(app: &TestApp) {
        let path = a_product(app).await;
        let seen = tag(&app.get(&format!("{path}?populate=*")).await);
        let draft = tag(&app.get(&format!("{path}?status=draft")).await);
        let mine = app.put(&path, json!({"data": {"Name": "Mine"}})).await;
        assert_eq!(mine.expect(200)["data"]["Name"], "Mine");

        for (method, end) in [
            (Method::PUT, ""),
            (Method::PUT, "?status=draft"),
            (Method::DELETE, ""),
            (Method::POST, "/actions/publish"),
            (Method::POST, "/actions/unpublish"),
            (Method::POST, "/actions/discard"),
        ] {
            for stale in [seen.as_str(), draft.as_str(), "\"0123456789abcdef\"", "nonsense"] {
                let refused = with(app, method.clone(), &format!("{path}{end}"), ("If-Match", stale)).await;
                assert_eq!(refused.expect(412)["error"]["name"], "PreconditionFailedError", "{method} {end} {stale}");
            }
        }
        assert_eq!(app.get(&path).await.expect(200)["data"]["Name"], "Mine", "nothing of it happened");

        // The tag of a write's answer is as good as that of a read, and in whatever way the document was shown.
        let next = with(app, Method::PUT, &path, ("If-Match", &tag(&mine))).await;
        assert_eq!(next.expect(200)["data"]["Name"], "Theirs");
        let shown = tag(&app.get(&format!("{path}?fields=slug&status=draft")).await);
        with(app, Method::POST, &format!("{path}/actions/unpublish"), ("If-Match", &format!("W/{shown}"))).await.expect(200);
        with(app, Method::DELETE, &path, ("If-Match", "*")).await.expect(204);
    }

    async fn a_draft_edit_is_a_change_of_the_published_document_too(app: &TestApp) {
        let path = a_product(app).await;
        let published = tag(&app.get(&path).await);
        app.put(&format!("{path}?status=draft"), json!({"data": {"Name": "Draft"}})).await.expect(200);
        with(app, Method::PUT, &path, ("If-Match", &published)).await.expect(412);
        let published = tag(&app.get(&path).await);
        with(app, Method::PUT, &path, ("If-Match", &published)).await.expect(200);
    }

    async fn what_is_gone_already_may_be_deleted_once_more(app: &TestApp) {
        let path = "/api/products/aaaaaaaaaaaaaaaaaaaaaaaa";
        with(app, Method::PUT, path, ("If-Match", "*")).await.expect(404);
        with(app, Method::DELETE, path, ("If-Match", "\"1-0\"")).await.expect(204);
    }

    async fn two_who_edit_at_once_do_not_overwrite_each_other(app: &TestApp) {
        let path = a_product(app).await;
        let seen = tag(&app.get(&path).await);
        let edits = (0..16).map(|_| with(app, Method::PUT, &path, ("If-Match", &seen)));
        let statuses: Vec<u16> = futures_util::future::join_all(edits).await.iter().map(|answer| answer.status).collect();
        assert_eq!(statuses.iter().filter(|status| **status == 200).count(), 1, "{statuses:?}");
        assert_eq!(statuses.iter().filter(|status| **status == 412).count(), 15, "{statuses:?}");
    }
}
