//! Text that is searched whatever its case: what is a part of a text is found in it.

use serde_json::json;

use crate::support::app::TestApp;
use crate::support::on_both_databases;

/// A title, an operator and its text, and whether the title is found.
const SEARCHES: &[(&str, &str, &str, bool)] = &[
    ("ΟΔΟΣΤΡΩΜΑ", "$containsi", "ΟΔΟΣ", true),
    ("ΟΔΟΣΤΡΩΜΑ", "$containsi", "οδος", true),
    ("ΟΔΟΣΤΡΩΜΑ", "$startsWithi", "ΟΔΟΣ", true),
    ("ΟΔΟΣΤΡΩΜΑ", "$notContainsi", "ΟΔΟΣ", false),
    ("ΠΕΡΙΟΔΟΣ", "$endsWithi", "οδοσ", true),
    ("ΠΕΡΙΟΔΟΣ", "$eqi", "περιοδος", true),
    ("ΠΕΡΙΟΔΟΣ", "$nei", "περιοδος", false),
    ("ΠΕΡΙΟΔΟΣ", "$contains", "οδος", false),
    ("İSTANBUL", "$containsi", "istanbul", true),
    ("İSTANBUL", "$startsWithi", "İ", true),
    ("istanbul", "$eqi", "İSTANBUL", true),
    ("ISPARTA", "$eqi", "ısparta", true),
    ("Straße", "$containsi", "STRASSE", true),
    ("STRASSE", "$startsWithi", "straß", true),
    ("STRAẞE", "$eqi", "strasse", true),
    ("Proﬁt", "$endsWithi", "FIT", true),
    ("Café", "$containsi", "CAFÉ", true),
    ("Café", "$containsi", "CAFE", false),
];

on_both_databases! {
    async fn case_is_folded_letter_by_letter(app: &TestApp) {
        for (place, (title, operator, text, is_found)) in SEARCHES.iter().enumerate() {
            let slug = format!("s{place}");
            app.create("stores", json!({"title": title, "slug": slug})).await;
            let asked = format!("/api/stores?filters[slug]={slug}&filters[title][{operator}]={text}");
            let found = app.get(&asked).await.expect(200)["data"].as_array().expect("a list").len();
            assert_eq!(found == 1, *is_found, "{title} {operator} {text}");
            if *operator == "$containsi" {
                let found = app.get(&format!("/api/stores?filters[slug]={slug}&_q={text}")).await;
                let found = found.expect(200)["data"].as_array().expect("a list").len();
                assert_eq!(found == 1, *is_found, "{title} _q {text}");
            }
        }
    }
}
