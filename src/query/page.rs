//! The parameter `pagination`, by page or by offset, with the arithmetic of Strapi: odd values are not refused but
//! brought into range, and only what ends up between two rows is an error.

use super::cast::truth;
use super::scope::PlanContext;
use super::strict;
use super::value::QueryValue;
use crate::error::{Error, Result};
use crate::limits::PAGE;

/// The size of a page when none is asked for.
pub const DEFAULT_SIZE: i64 = 25;

/// Which rows of a list.
#[derive(Debug, Clone, PartialEq)]
pub struct Page {
    /// How many rows come before.
    pub start: i64,
    /// How many rows at most.
    pub limit: i64,
    /// The number of the page, when it was asked for by page. It is whole, also for page 1.5: Strapi counts the pages that
    /// begin before the first row.
    pub number: Option<i64>,
    /// Whether the total is counted.
    pub with_count: bool,
    /// The total, when it is known already and need not be counted.
    pub known_total: Option<i64>,
}

impl Page {
    /// One row, and nothing counted.
    pub(super) const ONE: Self = Self { start: 0, limit: 1, number: None, with_count: false, known_total: None };
}

impl Default for Page {
    fn default() -> Self {
        Self { start: 0, limit: DEFAULT_SIZE, number: Some(1), with_count: true, known_total: None }
    }
}

/// Reads the page that is asked for, if one is.
///
/// Fails when both ways are mixed, when `withCount` is no truth value, or when the page would begin or end within a row.
pub(super) fn read(asked: Option<&QueryValue>, context: &mut PlanContext) -> Result<Page> {
    let Some(asked) = asked else { return Ok(Page::default()) };
    if asked.members().is_empty() {
        context.warn(&["pagination"], "is an object, such as pagination[page]; it was ignored");
    }
    for (name, _) in asked.members() {
        if !["page", "pageSize", "start", "limit", "withCount"].contains(&name.as_str()) {
            context.warn(&["pagination", name], "is not a parameter and was ignored");
        }
    }
    let value = |name| asked.get(name).map(QueryValue::as_number);
    let (page, size, start, limit) = (value("page"), value("pageSize"), value("start"), value("limit"));
    let by_offset = start.is_some() || limit.is_some();
    if by_offset && (page.is_some() || size.is_some()) {
        return Err(Error::Pagination("Cannot use both page & offset pagination in the same query".into()));
    }
    let with_count = with_count(asked.get("withCount"))?;
    let limit = at_least(capped(if by_offset { limit } else { size }, by_offset, context), 1.0);
    let start = match by_offset {
        true => at_least(start.unwrap_or(0.0), 0.0),
        false => (at_least(page.unwrap_or(1.0), 1.0) - 1.0) * limit,
    };
    let whole = |name, value: f64, converter| match context.strict {
        true => strict::whole(name, value, &value.to_string()),
        false => whole(value, converter),
    };
    let start = whole("start", start, "convertStartQueryParams")?;
    let limit = whole("limit", limit, "convertLimitQueryParams")?;
    let number = (!by_offset).then(|| (start / limit).saturating_add(1));
    Ok(Page { start, limit, number, with_count, known_total: None })
}

/// The size asked for, or the greatest there is; what is not a number is the greatest.
fn capped(asked: Option<f64>, by_offset: bool, context: &mut PlanContext) -> f64 {
    let (most, asked) = (PAGE.most as f64, asked.unwrap_or(DEFAULT_SIZE as f64));
    if asked < most {
        return asked;
    }
    if asked != most {
        let name = if by_offset { "limit" } else { "pageSize" };
        context.warn(&["pagination", name], format!("at most {most} are answered at a time"));
    }
    most
}

/// `Math.max`: what is not a number stays so.
fn at_least(value: f64, least: f64) -> f64 {
    if value < least { least } else { value }
}

fn whole(value: f64, name: &str) -> Result<i64> {
    if value.fract() != 0.0 {
        return Err(Error::Validation(format!("{name} expected a positive integer got {value}")));
    }
    Ok(value as i64) // Saturates: a page that far out is empty.
}

fn with_count(asked: Option<&QueryValue>) -> Result<bool> {
    let Some(asked) = asked else { return Ok(true) };
    let text = asked.text().filter(|text| ["true", "t", "1", "false", "f", "0"].contains(text));
    text.map(truth).ok_or_else(|| {
        Error::Validation(r#"Invalid withCount parameter. Expected "t","1","true","false","0","f""#.into())
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::access::Access;
    use crate::query::parse;

    fn asked(text: &str) -> (Result<Page>, usize) {
        let mut context = PlanContext::new(Access::Full);
        let parsed = parse(text).unwrap_or_else(|error| panic!("{error}"));
        let page = read(parsed.get("pagination"), &mut context);
        (page, context.warnings.len())
    }

    #[test]
    fn pages_are_brought_into_range() {
        for (text, start, limit, number) in [
            ("", 0, 25, Some(1)),
            ("pagination[page]=2&pagination[pageSize]=5", 5, 5, Some(2)),
            ("pagination[page]=0", 0, 25, Some(1)),
            ("pagination[page]=&pagination[pageSize]=0", 0, 1, Some(1)),
            ("pagination[page]=1.5&pagination[pageSize]=2", 1, 2, Some(1)),
            ("pagination[page]=2.5&pagination[pageSize]=2", 3, 2, Some(2)),
            ("pagination[pageSize]=abc", 0, 100, Some(1)),
            ("pagination[start]=3&pagination[limit]=-1", 3, 1, None),
            ("pagination[start]=-3", 0, 25, None),
            ("pagination[limit]=1000", 0, 100, None),
        ] {
            let page = asked(text).0.unwrap_or_else(|error| panic!("{text}: {error}"));
            assert_eq!((page.start, page.limit, page.number), (start, limit, number), "{text}");
        }
        assert_eq!(asked("pagination[pageSize]=100").1, 0);
        assert_eq!(asked("pagination[pageSize]=101").1, 1, "the cap is told");
    }

    #[test]
    fn what_falls_between_rows_is_refused() {
        for (text, message) in [
            ("pagination[pageSize]=2.5", "convertLimitQueryParams expected a positive integer got 2.5"),
            ("pagination[start]=abc", "convertStartQueryParams expected a positive integer got NaN"),
            ("pagination[page]=abc", "convertStartQueryParams expected a positive integer got NaN"),
            ("pagination[page]=1&pagination[limit]=2", "Cannot use both page & offset pagination in the same query"),
            (
                "pagination[withCount]=yes",
                "Invalid withCount parameter. Expected \"t\",\"1\",\"true\",\"false\",\"0\",\"f\"",
            ),
        ] {
            let (Err(error), _) = asked(text) else { panic!("{text} is refused") };
            assert_eq!(error.to_string(), message);
        }
    }
}
