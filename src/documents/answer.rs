//! The bodies of answers: documents that are JSON already, with what is said about them.

use serde_json::{Value, json};

use super::etag::TaggedAnswer;
use crate::db::documents::read::{Found, One};
use crate::query::{Page, ReadPlan, Warning};

/// `{"data":{…},"meta":{…}}`.
pub fn one(found: &One, warnings: &[Warning]) -> TaggedAnswer {
    let mut meta = json!({});
    warn(&mut meta, warnings);
    let body = [b"{\"data\":", &*found.document, b",\"meta\":", meta.to_string().as_bytes(), b"}"].concat();
    TaggedAnswer::of_document(body, found.revision)
}

/// `{"data":[…],"meta":{"pagination":{…}}}`.
pub(super) fn page(plan: &ReadPlan, found: &Found) -> TaggedAnswer {
    let mut meta = json!({"pagination": pagination(&plan.page, found.total)});
    warn(&mut meta, &plan.warnings);
    let body = [b"{\"data\":[", &*found.documents, b"],\"meta\":", meta.to_string().as_bytes(), b"}"].concat();
    TaggedAnswer::of_page(body, found.total)
}

fn pagination(page: &Page, total: Option<i64>) -> Value {
    let mut shown = match page.number {
        Some(number) => json!({"page": number, "pageSize": page.limit}),
        None => json!({"start": page.start, "limit": page.limit}),
    };
    if let Some(total) = total {
        if page.number.is_some() {
            shown["pageCount"] = json!((total + page.limit - 1) / page.limit);
        }
        shown["total"] = json!(total);
    }
    shown
}

fn warn(meta: &mut Value, warnings: &[Warning]) {
    if !warnings.is_empty() {
        let shown = warnings.iter().map(|warning| json!({"path": warning.path, "message": warning.message}));
        meta["warnings"] = shown.collect();
    }
}
