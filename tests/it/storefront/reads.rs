//! Whether an answer has the fields that a storefront reads.

use serde_json::Value;

/// Attributes that are null, or an empty list, as long as there is no media library.
const MEDIA: [&str; 6] = ["Logo", "Cover", "Favicon", "Slides", "Thumbnail", "socialImage"];

/// Those of `reads` that `answer` does not have. They are paths with white space between them: `data[].SEO.metaTitle`,
/// where `[]` stands for each item of a list that is not empty, and `data[].{id,slug}` for two of them.
pub fn unread(answer: &Value, reads: &str) -> Vec<String> {
    let paths = reads.split_whitespace().flat_map(|path| match path.split_once(".{") {
        Some((head, names)) => names.trim_end_matches('}').split(',').map(|name| format!("{head}.{name}")).collect(),
        None => vec![path.to_owned()],
    });
    paths.filter(|path| !has(answer, path)).collect()
}

fn has(value: &Value, path: &str) -> bool {
    let (step, rest) = path.split_once('.').unwrap_or((path, ""));
    let (name, is_list) = step.strip_suffix("[]").map_or((step, false), |name| (name, true));
    let Some(member) = value.get(name) else { return false };
    if MEDIA.contains(&name) {
        return member.is_null() || member.as_array().is_some_and(Vec::is_empty);
    }
    match (is_list, member) {
        (true, Value::Array(items)) if rest.is_empty() => items.iter().all(|item| !item.is_null()),
        (true, Value::Array(items)) => !items.is_empty() && items.iter().all(|item| has(item, rest)),
        (true, _) => false,
        (false, _) => rest.is_empty() || has(member, rest),
    }
}

#[test]
fn what_is_not_there_is_missed() {
    let answer = serde_json::json!({"data": [{"id": 1, "SEO": {"metaTitle": "t"}, "Logo": null, "URLS": []}]});
    let reads = "data[].{id,Logo} data[].SEO.metaTitle data[].Logo.url data[].users[]";
    assert_eq!(unread(&answer, reads), ["data[].users[]"]);
    assert_eq!(
        unread(&answer, "data[].URLS[].URL data[].URLS[] data[].SEO.metaUrl"),
        ["data[].URLS[].URL", "data[].SEO.metaUrl"]
    );
}
