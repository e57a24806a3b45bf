//! Lists that are not of documents: which page, which parameters, and the shape of the answer.

use serde::Serialize;
use utoipa::ToSchema;

use crate::clock::Millis;
use crate::content::parse_moment;
use crate::error::{Error, KeyPath, Result, Source};
use crate::limits::PAGE;
use crate::query::{self, QueryValue};
use crate::triggers::Name;

/// The parameters of a list.
pub(super) struct Parameters {
    asked: QueryValue,
}

/// Which rows of a list.
#[derive(Debug, Clone, Copy)]
pub(super) struct Window {
    /// The number of the page, from 1.
    pub page: i64,
    /// Rows on a page.
    pub size: i64,
}

/// A page of a list.
#[derive(Serialize, ToSchema)]
pub(super) struct Page<T> {
    /// What is on the page, the newest first.
    pub data: Vec<T>,
    /// Where the page stands.
    pub meta: PageMeta,
}

/// Where a page stands in its list.
#[derive(Serialize, ToSchema)]
pub(super) struct PageMeta {
    #[schema(inline)]
    pagination: Standing,
}

#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct Standing {
    /// The number of the page, from 1.
    page: i64,
    /// Entries on a page.
    page_size: i64,
    /// Pages in all.
    page_count: i64,
    /// Entries in all.
    total: i64,
}

impl Parameters {
    /// Reads a query string that may have `pagination` and the parameters in `known`.
    ///
    /// Fails with the name of a parameter that the list does not have: what is not understood is never left out of a
    /// filter in silence.
    pub fn read(query_string: &str, known: &[&str]) -> Result<Self> {
        let asked = query::parse(query_string)?;
        let unknown = asked
            .members()
            .iter()
            .map(|(name, _)| name)
            .find(|name| *name != "pagination" && !known.contains(&name.as_str()));
        match unknown {
            Some(name) => {
                let known = known.iter().copied().chain(["pagination"]);
                Err(Error::unknown_key(name, KeyPath::At(name.clone()), Source::Unnamed, known))
            }
            None => Ok(Self { asked }),
        }
    }

    /// Fails with the name of any parameter.
    pub fn none(query_string: &str) -> Result<()> {
        match query::parse(query_string)?.members().first() {
            Some((name, _)) => Err(Error::misplaced_key(name, KeyPath::At(name.clone()), Source::Unnamed)),
            None => Ok(()),
        }
    }

    /// The text of a parameter, if it was sent.
    pub fn text(&self, name: &'static str) -> Result<Option<String>> {
        let Some(value) = self.asked.get(name) else { return Ok(None) };
        let text = value.text().filter(|text| !text.is_empty());
        let refused = || Error::Parameter { message: format!("{name} must have a value"), param: name };
        text.map(|text| Some(text.to_owned())).ok_or_else(refused)
    }

    /// A parameter read by `parse`, or the error that says what it must be.
    pub fn parsed<T>(&self, name: &'static str, parse: impl Fn(&str) -> Result<T, String>) -> Result<Option<T>> {
        let text = self.text(name)?;
        text.map(|text| parse(&text)).transpose().map_err(|message| Error::Parameter { message, param: name })
    }

    /// The name of a trigger, in its long form.
    pub fn trigger(&self) -> Result<Option<String>> {
        self.parsed("trigger", |text| Ok(Name::parse(text)?.as_str().to_owned()))
    }

    /// A moment, ISO 8601 or milliseconds.
    pub fn moment(&self, name: &'static str) -> Result<Option<Millis>> {
        self.parsed(name, |text| {
            parse_moment(text).ok_or_else(|| format!("{name} must be a moment: 2026-11-21T10:00:00Z"))
        })
    }

    /// Which page is asked for.
    pub fn window(&self) -> Result<Window> {
        let number = |name: &str, default: i64, most: i64| {
            let Some(value) = self.asked.get("pagination").and_then(|pagination| pagination.get(name)) else {
                return Ok(default);
            };
            let number = value.text().and_then(|text| text.parse().ok()).filter(|number| (1..=most).contains(number));
            number.ok_or_else(|| Error::Pagination(format!("pagination[{name}] must be a number from 1 to {most}")))
        };
        Ok(Window {
            page: number("page", 1, 1_000_000_000)?,
            size: number("pageSize", query::DEFAULT_SIZE, PAGE.most as i64)?,
        })
    }
}

impl Window {
    /// How many rows come before.
    pub fn start(self) -> i64 {
        (self.page - 1) * self.size
    }
}

impl<T> Page<T> {
    /// The page that `window` asked for, of `total` entries.
    pub fn new(data: Vec<T>, window: Window, total: i64) -> Self {
        let page_count = (total + window.size - 1) / window.size;
        let pagination = Standing { page: window.page, page_size: window.size, page_count, total };
        Self { data, meta: PageMeta { pagination } }
    }
}
