//! The strict reading of parameters: what is not known is refused, and so are values that would otherwise be brought into
//! range. New projects of Strapi are set up like this (`strictParams`).

use super::value::QueryValue;
use crate::error::{Error, KeyPath, Result, Source};

/// The parameters that Strapi knows. Some of them do nothing.
const KNOWN: [&str; 16] = [
    "filters",
    "sort",
    "fields",
    "populate",
    "status",
    "locale",
    "page",
    "pageSize",
    "start",
    "limit",
    "_q",
    "publicationFilter",
    "hasPublishedVersion",
    "pagination",
    "count",
    "ordering",
];

/// Refuses a parameter that is not known.
pub(super) fn check_names(asked: &QueryValue) -> Result<()> {
    match asked.members().iter().find(|(name, _)| !KNOWN.contains(&name.as_str())) {
        Some((name, _)) => Err(Error::unknown_key(name, KeyPath::Null, Source::Parameter, KNOWN)),
        None => Ok(()),
    }
}

/// Refuses values of `status`, `locale` and, outside of `pagination`, of pages, that cannot be meant. A list always has an
/// offset, so that a page beside it is one too many.
pub(super) fn check_values(asked: &QueryValue, is_list: bool) -> Result<()> {
    if let Some(status) = sent(asked, "status").filter(|status| !["published", "draft"].contains(&status.as_str())) {
        return Err(refused("status", "Expected 'published' or 'draft', received: ", &status));
    }
    match asked.get("locale") {
        Some(QueryValue::List(items)) => {
            let texts = items.iter().filter_map(QueryValue::text).filter(|text| !text.is_empty());
            texts.enumerate().try_for_each(|(place, text)| locale(&format!("locale[{place}]"), text))?;
        }
        Some(QueryValue::Object(_)) => {
            let wanted = "Expected a string, array of strings, empty string, null, or undefined; received: ";
            return Err(refused("locale", wanted, "object"));
        }
        Some(QueryValue::Text(text)) if !text.is_empty() => locale("locale", text)?,
        _ => {}
    }
    pages(asked, is_list)
}

fn pages(asked: &QueryValue, is_list: bool) -> Result<()> {
    let is_sent = |name| sent(asked, name).is_some();
    let by_offset = is_list || is_sent("start") || is_sent("limit");
    if by_offset && (is_sent("page") || is_sent("pageSize")) {
        return Err(Error::Validation(
            "Invalid pagination parameters. Cannot use both page-based (page, pageSize) and offset-based (start, limit) \
             pagination in the same query."
                .into(),
        ));
    }
    // The page of a list has its own place, and what is said beside it is not read.
    for name in ["page", "pageSize", "start", "limit"].into_iter().filter(|_| !is_list) {
        if let Some(text) = sent(asked, name) {
            whole(name, QueryValue::Text(text.clone()).as_number(), &text)?;
        }
    }
    Ok(())
}

/// `value` as the whole number that the parameter `name` takes; `shown` is how it was sent.
pub(super) fn whole(name: &str, value: f64, shown: &str) -> Result<i64> {
    let (least, wanted) = match name {
        "start" => (0.0, "Expected integer >= 0, received: "),
        "limit" => (1.0, "Expected integer >= 1 or -1, received: "),
        _ => (1.0, "Expected integer >= 1, received: "),
    };
    let is_all = name == "limit" && value == -1.0;
    if value.fract() == 0.0 && (value >= least || is_all) {
        return Ok(value as i64); // Saturates: a page that far out is empty.
    }
    Err(refused(name, wanted, shown))
}

/// A tag of a language as BCP 47 has it: `en`, `en-US`, `zh-Hans`; `*` is all of them.
fn locale(name: &str, text: &str) -> Result<()> {
    const LONGEST: usize = 35;
    let mut parts = text.split('-');
    let is_word = |part: &str, least: usize, most: usize, digits: bool| {
        let is_letter = |letter: u8| letter.is_ascii_alphabetic() || (digits && letter.is_ascii_digit());
        (least..=most).contains(&part.len()) && part.bytes().all(is_letter)
    };
    let is_tag = parts.next().is_some_and(|language| is_word(language, 2, 3, false))
        && parts.all(|part| is_word(part, 2, 8, true));
    match text {
        "*" => Ok(()),
        text if text.encode_utf16().count() > LONGEST => {
            Err(refused(name, "Locale exceeds maximum length of 35 characters.", ""))
        }
        _ if is_tag => Ok(()),
        _ => Err(refused(name, "Locale must be a valid BCP 47 format (e.g. en, en-US, zh-Hans).", "")),
    }
}

/// What was sent for a parameter, as JavaScript prints it; nothing for an empty value.
fn sent(asked: &QueryValue, name: &str) -> Option<String> {
    let shown = match asked.get(name)? {
        QueryValue::Null => return None,
        QueryValue::Text(text) => text.clone(),
        QueryValue::List(items) => {
            items.iter().map(|item| item.text().unwrap_or_default()).collect::<Vec<_>>().join(",")
        }
        QueryValue::Object(_) => "[object Object]".to_owned(),
    };
    Some(shown).filter(|shown| !shown.is_empty())
}

fn refused(name: &str, wanted: &str, received: &str) -> Error {
    Error::Validation(format!("Invalid parameter at '{name}'. {wanted}{received}"))
}

#[cfg(test)]
mod tests {
    use crate::access::Access;
    use crate::content::STORE;
    use crate::query::{Terms, parse, plan, plan_one};

    const STRICT: Terms = Terms { access: Access::Full, strict: true };

    #[test]
    fn what_cannot_be_meant_is_refused_in_a_list() {
        for (text, message) in [
            ("foo=1", "Invalid key foo"),
            ("filter[slug]=x", "Invalid key filter"),
            ("status=bogus", "Invalid parameter at 'status'. Expected 'published' or 'draft', received: bogus"),
            (
                "status[]=draft&status[]=x",
                "Invalid parameter at 'status'. Expected 'published' or 'draft', received: draft,x",
            ),
            (
                "locale=e",
                "Invalid parameter at 'locale'. Locale must be a valid BCP 47 format (e.g. en, en-US, zh-Hans).",
            ),
            (
                "locale[]=en&locale[]=!",
                "Invalid parameter at 'locale[1]'. Locale must be a valid BCP 47 format (e.g. en, en-US, zh-Hans).",
            ),
            ("pagination[page]=1.5", "Invalid parameter at 'start'. Expected integer >= 0, received: 12.5"),
            ("pagination[page]=x", "Invalid parameter at 'start'. Expected integer >= 0, received: NaN"),
            (
                "pageSize=5",
                "Invalid pagination parameters. Cannot use both page-based (page, pageSize) and offset-based (start, limit) pagination in the same query.",
            ),
        ] {
            let asked = parse(text).unwrap_or_else(|error| panic!("{error}"));
            let Err(error) = plan(&STORE, &asked, STRICT) else { panic!("{text} is refused") };
            assert_eq!(error.to_string(), message, "{text}");
        }
    }

    #[test]
    fn what_is_empty_or_right_is_read_as_ever() {
        for text in
            ["status=", "status", "locale=", "locale=zh-Hans", "locale=*", "page=&limit=x", "count=true&ordering=x"]
        {
            let asked = parse(text).unwrap_or_else(|error| panic!("{error}"));
            assert!(plan(&STORE, &asked, STRICT).is_ok(), "{text}");
        }
    }

    #[test]
    fn beside_one_document_pages_are_numbers_all_the_same() {
        for (text, message) in [
            ("page=x", "Invalid parameter at 'page'. Expected integer >= 1, received: x"),
            ("start=-1", "Invalid parameter at 'start'. Expected integer >= 0, received: -1"),
            ("limit=0", "Invalid parameter at 'limit'. Expected integer >= 1 or -1, received: 0"),
            (
                "page=1&limit=1",
                "Invalid pagination parameters. Cannot use both page-based (page, pageSize) and offset-based (start, limit) pagination in the same query.",
            ),
        ] {
            let asked = parse(text).unwrap_or_else(|error| panic!("{error}"));
            let Err(error) = plan_one(&STORE, &asked, STRICT) else { panic!("{text} is refused") };
            assert_eq!(error.to_string(), message, "{text}");
        }
        let asked = parse("limit=-1").unwrap_or_else(|error| panic!("{error}"));
        assert!(plan_one(&STORE, &asked, STRICT).is_ok());
    }
}
