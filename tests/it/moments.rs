//! Moments in filters, bodies and lists: ISO 8601 first, then milliseconds, as Strapi reads them.

use serde_json::json;

use crate::support::app::TestApp;
use crate::support::on_both_databases;

/// As it is sent, and as it is answered.
const MOMENTS: &[(&str, &str)] = &[
    ("2027", "2027-01-01T00:00:00.000Z"),
    ("2026-03", "2026-03-01T00:00:00.000Z"),
    ("20260102", "2026-01-02T00:00:00.000Z"),
    ("2026-W05-1", "2026-01-26T00:00:00.000Z"),
    ("2026-032", "2026-02-01T00:00:00.000Z"),
    ("2026-01-02T24:00", "2026-01-03T00:00:00.000Z"),
    ("2026-01-02T03:04:05+0200", "2026-01-02T01:04:05.000Z"),
    ("2026-01-02T03:04:05-02", "2026-01-02T05:04:05.000Z"),
    ("1767323045006", "2026-01-02T03:04:05.006Z"),
    ("5", "1970-01-01T00:00:00.005Z"),
];

on_both_databases! {
    async fn what_is_iso_8601_is_stored_and_found_as_that(app: &TestApp) {
        for (place, (sent, stored)) in MOMENTS.iter().enumerate() {
            let data = json!({"Email": format!("a{place}@example.com"), "EmailVerified": sent});
            let made = app.post("/api/subscribers", json!({ "data": data })).await;
            assert_eq!(made.expect(201)["data"]["EmailVerified"], *stored, "{sent}");
            let sent = sent.replace('+', "%2B");
            let found = app.get(&format!("/api/subscribers?filters[EmailVerified][$eq]={sent}")).await;
            assert_eq!(found.expect(200)["data"][0]["EmailVerified"], *stored, "{sent}");
        }
    }

    async fn a_year_is_a_year_in_every_filter_and_list(app: &TestApp) {
        app.create("stores", json!({"title": "x", "slug": "x"})).await;
        for (asked, found) in [
            ("/api/stores?filters[createdAt][$lt]=2900", 1),
            ("/api/stores?filters[createdAt][$gt]=2900", 0),
            ("/api/stores?filters[createdAt][$between][0]=2001&filters[createdAt][$between][1]=2900-12", 1),
            ("/api/stores?filters[createdAt][$notIn]=2001", 1),
            ("/tenon/events?to=2900", 2),
            ("/tenon/events?from=2900", 0),
            ("/tenon/runs?from=2900-W01", 0),
        ] {
            let answer = app.get(asked).await;
            assert_eq!(answer.expect(200)["data"].as_array().expect("a list").len(), found, "{asked}");
        }
        for asked in ["/api/stores?filters[createdAt][$lt]=2026-13", "/tenon/events?from=2026-13", "/api/stores?filters[createdAt][$lt]=2026-01-02T03:04:05+02:00"] {
            assert_eq!(app.get(asked).await.status, 400, "{asked}");
        }
    }
}
