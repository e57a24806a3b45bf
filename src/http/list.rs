//! Lists that are not of documents: which page, which parameters, and the shape of the answer.

use serde::Serialize;
use utoipa::ToSchema;

use crate::clock::{Millis, iso};
use crate::content::parse_moment;
use crate::error::{Error, KeyPath, Problem, Result, Source};
use crate::limits::PAGE;
use crate::query::{self, QueryValue};
use crate::triggers::Name;

/// The parameters of a list.
pub(super) struct Parameters {
    asked: QueryValue,
    /// What `filters` said, by the names of the parameters that say the same.
    filtered: Vec<(&'static str, String)>,
}

/// A value that a list shows, and the parameters that narrow the list by it.
pub(super) struct Filterable {
    /// Its name in the answer; parts of objects behind a dot. The name of its parameter stands for it, too.
    pub name: &'static str,
    /// How.
    pub by: By,
}

/// How a list is narrowed by a value.
pub(super) enum By {
    /// It is this one.
    One(&'static str),
    /// It is one of these, with commas between them.
    Several(&'static str),
    /// It is a moment between these.
    Moments(&'static str, &'static str),
}

impl By {
    /// Whether `name` is the parameter; moments have two.
    fn is_parameter(&self, name: &str) -> bool {
        matches!(self, Self::One(parameter) | Self::Several(parameter) if *parameter == name)
    }

    const fn operators(&self) -> &'static [&'static str] {
        match self {
            Self::One(_) => &["$eq"],
            Self::Several(_) => &["$eq", "$in"],
            Self::Moments(..) => &["$gt", "$gte", "$lt", "$lte"],
        }
    }
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
            None => Ok(Self { asked, filtered: Vec::new() }),
        }
    }

    /// Reads a query string as [`Self::read`] does, which may say by `filters[<value>][<operator>]` what the parameters say,
    /// as the lists of documents have it.
    ///
    /// Fails also for a value or an operator that the list is not narrowed by, and when something is said twice.
    pub fn read_filtered(query_string: &str, known: &[&str], filterable: &[Filterable]) -> Result<Self> {
        let known: Vec<_> = known.iter().copied().chain(["filters"]).collect();
        let mut read = Self::read(query_string, &known)?;
        let Some(filters) = read.asked.get("filters") else { return Ok(read) };
        let mut conditions = Vec::new();
        flatten(filters, &mut Vec::new(), &mut conditions)?;
        let mut filtered: Vec<(&'static str, String)> = Vec::new();
        for condition in conditions {
            let (parameter, text) = condition.parameter(filterable)?;
            if read.asked.get(parameter).is_some() || filtered.iter().any(|(said, _)| *said == parameter) {
                return Err(condition.unusable(&format!("says again what {parameter} says")));
            }
            filtered.push((parameter, text));
        }
        read.filtered = filtered;
        Ok(read)
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
        if let Some((_, text)) = self.filtered.iter().find(|(said, _)| *said == name) {
            return Ok(Some(text.clone()));
        }
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

/// One condition of `filters`.
struct Condition {
    /// The names that lead to the value.
    names: Vec<String>,
    operator: String,
    texts: Vec<String>,
}

/// Collects the conditions in `asked`, which stands below `names`. A value without an operator is compared by `$eq`.
fn flatten(asked: &QueryValue, names: &mut Vec<String>, found: &mut Vec<Condition>) -> Result<()> {
    if let QueryValue::Object(members) = asked
        && !members.iter().any(|(name, _)| name.starts_with('$'))
    {
        for (name, value) in members {
            names.push(name.clone());
            flatten(value, names, found)?;
            names.pop();
        }
        return Ok(());
    }
    let plain = [("$eq".to_owned(), asked.clone())];
    let members = if let QueryValue::Object(members) = asked { members.as_slice() } else { &plain };
    for (operator, value) in members {
        let texts = match value {
            QueryValue::List(items) => items.iter().map(QueryValue::text).collect::<Option<Vec<_>>>(),
            value => value.text().map(|text| vec![text]),
        };
        let texts = texts.unwrap_or_default().into_iter().map(str::to_owned).collect();
        found.push(Condition { names: names.clone(), operator: operator.clone(), texts });
    }
    Ok(())
}

impl Condition {
    /// The parameter that says the same, and its value.
    fn parameter(&self, filterable: &[Filterable]) -> Result<(&'static str, String)> {
        let name = self.names.join(".");
        let Some(value) = filterable.iter().find(|value| value.name == name || value.by.is_parameter(&name)) else {
            let known = filterable.iter().map(|value| value.name);
            return Err(Error::unknown_key(&name, KeyPath::Null, Source::Query("filters"), known));
        };
        if !value.by.operators().contains(&self.operator.as_str()) {
            let (path, known) = (KeyPath::At(name), value.by.operators().iter().copied());
            return Err(Error::unknown_key(&self.operator, path, Source::Query("filters"), known));
        }
        let is_filled = !self.texts.is_empty() && self.texts.iter().all(|text| !text.is_empty());
        match (&value.by, self.texts.as_slice()) {
            (By::Several(parameter), texts) if is_filled => Ok((parameter, texts.join(","))),
            (By::One(parameter), [text]) if is_filled => Ok((parameter, text.clone())),
            (By::Moments(from, to), [text]) if is_filled => {
                let moment = parse_moment(text)
                    .ok_or_else(|| self.unusable("is compared with a moment: 2026-11-21T10:00:00Z"))?;
                // The lists begin at `from` and end before `to`.
                let parameter = if self.operator.starts_with("$g") { from } else { to };
                let next = i64::from(matches!(self.operator.as_str(), "$gt" | "$lte"));
                Ok((parameter, iso(moment.saturating_add(next))))
            }
            _ => Err(self.unusable("is compared with a value")),
        }
    }

    fn unusable(&self, message: &str) -> Error {
        let names = std::iter::once("filters").chain(self.names.iter().map(String::as_str)).chain([&*self.operator]);
        let path: Vec<String> = names.map(str::to_owned).collect();
        let message = format!("{} {message}", path.join("."));
        Error::Invalid(vec![Problem { path, message, value: None }])
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
