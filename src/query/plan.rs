//! From what was asked to what will be read: every name, operator, value and limit checked against the content type.

use super::condition::{Comparison, Filter, Operand, Test};
use super::page::{self, Page};
use super::scope::{PlanContext, Scope, Warning};
use super::selection::Selection;
use super::sort::{self, Order};
use super::strict;
use super::terms::Terms;
use super::value::QueryValue;
use super::{fields, filters, populate, search, status};
use crate::access::Right;
use crate::content::{ContentType, DOCUMENT_ID, ID, Shape, Version};
use crate::error::{Error, KeyPath, Result, Source};
use crate::suggest::suggest;

/// Documents to read. Everything in it has been checked: to run it cannot fail for what the caller asked.
#[derive(Debug, Clone)]
pub struct ReadPlan {
    /// What they are.
    pub content_type: &'static ContentType,
    /// Which version of them.
    pub version: Version,
    /// Which of them.
    pub filter: Filter,
    /// In which order; rows that are alike in it come by their number.
    pub sort: Vec<Order>,
    /// How many of them.
    pub page: Page,
    /// What of them.
    pub selection: Selection,
    /// What was not done as asked.
    pub warnings: Vec<Warning>,
}

/// How long a read may take, and so where it is best done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cost {
    /// By id or index: microseconds, less than a hop to another thread costs.
    Cheap,
    /// Anything that could take milliseconds, and would hold up the other requests of its thread.
    Expensive,
    /// A search that no index leads: it may take seconds.
    Search,
}

/// Plans a list.
///
/// Fails when the caller may not read the documents, and when anything asked is not known, not allowed or too much. An
/// unknown parameter is only warned of, as Strapi ignores it.
pub fn plan(content_type: &'static ContentType, asked: &QueryValue, terms: impl Into<Terms>) -> Result<ReadPlan> {
    let terms = terms.into();
    terms.access.require(Right::Find, content_type)?;
    if !terms.strict && (asked.get("page").is_some() || asked.get("pageSize").is_some()) {
        return Err(Error::Pagination(
            "Invalid pagination attributes. The page parameters are incorrect and must be in the pagination object"
                .into(),
        ));
    }
    let (mut plan, mut context) = planned(content_type, asked, terms)?;
    if terms.strict {
        strict::check_values(asked, true)?;
    }
    plan.page = page::read(asked.get("pagination"), &mut context)?;
    plan.warnings = context.warnings;
    Ok(plan)
}

/// Plans the reading of one document, whose documentId is given when it is read: `pagination` means nothing here.
///
/// Fails as [`plan`] does.
pub fn plan_one(content_type: &'static ContentType, asked: &QueryValue, terms: impl Into<Terms>) -> Result<ReadPlan> {
    let terms = terms.into();
    terms.access.require(Right::FindOne, content_type)?;
    plan_answer(content_type, asked, terms)
}

/// Plans what a change of one document answers. Whoever may make it is shown what it made.
///
/// Fails as [`plan`] does, but for the right to read.
pub fn plan_answer(content_type: &'static ContentType, asked: &QueryValue, terms: Terms) -> Result<ReadPlan> {
    let (mut plan, context) = planned(content_type, asked, terms)?;
    if terms.strict {
        strict::check_values(asked, false)?;
    }
    plan.sort.clear();
    plan.page = Page::ONE;
    plan.warnings = context.warnings;
    Ok(plan)
}

fn planned(content_type: &'static ContentType, asked: &QueryValue, terms: Terms) -> Result<(ReadPlan, PlanContext)> {
    if terms.strict {
        strict::check_names(asked)?;
    }
    let mut context = PlanContext::new(terms);
    refuse_lost_filters(asked, &KNOWN)?;
    let version = status::version(asked.get("status"), &mut context)?;
    if asked.get("lookup").is_some() {
        return Err(Error::Validation("Invalid params: 'lookup'".into()));
    }
    let scope = |param| Scope::of(content_type, param);
    let filter = wanted(content_type, asked, &mut context)?;
    let sort = match asked.get("sort") {
        Some(asked) => sort::read(&scope("sort"), asked, &mut context)?,
        None => Vec::new(),
    };
    let mut selection = Selection::plain(Shape::Document(content_type));
    if let Some(asked) = asked.get("fields") {
        selection.columns = fields::read(&scope("fields"), asked)?;
    }
    if filter.looks_beyond() {
        selection.show_sorted(Shape::Document(content_type), &sort);
    }
    if let Some(asked) = asked.get("populate") {
        populate::read(&scope("populate"), asked, &mut selection, &mut context)?;
    }
    warn_of_unknown(asked, &KNOWN, &mut context);
    let page = Page::default();
    let plan = ReadPlan { content_type, version, filter, sort, page, selection, warnings: Vec::new() };
    Ok((plan, context))
}

/// Everything that narrows the documents down.
fn wanted(content_type: &'static ContentType, asked: &QueryValue, context: &mut PlanContext) -> Result<Filter> {
    let mut parts = Vec::new();
    if let Some(filters) = asked.get("filters") {
        parts.push(filters::read(&Scope::of(content_type, "filters"), filters, context)?);
    }
    if let Some(filters) = asked.get("filter") {
        context.warn(&["filter"], "is called filters; it was read as that");
        parts.push(filters::read(&Scope::of(content_type, "filter"), filters, context)?);
    }
    if let Some(asked) = asked.get("publicationFilter") {
        parts.push(status::publication(asked)?);
    }
    if let Some(asked) = asked.get("hasPublishedVersion") {
        parts.push(status::has_published(asked)?);
    }
    if let Some(text) = asked.get("_q").and_then(QueryValue::text) {
        parts.push(search::search(Shape::Document(content_type), text));
    }
    Ok(Filter::all(parts))
}

/// The parameters that questions for documents have.
const KNOWN: [&str; 11] = [
    "filters",
    "filter",
    "sort",
    "fields",
    "populate",
    "pagination",
    "status",
    "locale",
    "_q",
    "publicationFilter",
    "hasPublishedVersion",
];

/// Refuses what looks like a filter and is none, such as `filters.slug`, `Filters[slug]`, `fliters[slug]`, or
/// `filters%255Bslug%255D`, which was encoded twice: ignored it would widen the answer.
pub(super) fn refuse_lost_filters(asked: &QueryValue, known: &[&str]) -> Result<()> {
    const FILTERS: [&str; 2] = ["filters", "filter"];
    let is_lost = |name: &&String| {
        let word: String = name.chars().take_while(|letter| letter.is_alphanumeric()).collect();
        !known.contains(&name.as_str()) && !suggest(&word, FILTERS).is_empty()
    };
    match asked.members().iter().map(|(name, _)| name).find(is_lost) {
        Some(name) => {
            let (key, path, suggestion) = (name.clone(), KeyPath::Null, Some(FILTERS[0].to_owned()));
            Err(Error::InvalidKey { key, path, source_of: Source::Parameter, suggestion })
        }
        None => Ok(()),
    }
}

pub(super) fn warn_of_unknown(asked: &QueryValue, known: &[&str], context: &mut PlanContext) {
    for (name, _) in asked.members().iter().filter(|(name, _)| !known.contains(&name.as_str())) {
        match suggest(name, known.iter().copied()).first() {
            Some(near) => context.warn(&[name], format!("is not a parameter and was ignored; {near} is one")),
            None => context.warn(&[name], "is not a parameter and was ignored"),
        }
    }
    let locale = asked.get("locale").filter(|locale| locale.text() != Some(""));
    if locale.is_some() && known.contains(&"locale") {
        context.warn(&["locale"], "was ignored: a document has one text, whatever the locale");
    }
}

impl ReadPlan {
    /// The whole of one document in one version, as events carry it; see [`Selection::whole`].
    pub fn whole(content_type: &'static ContentType, version: Version) -> Self {
        Self::of_one(content_type, version, Selection::whole(Shape::Document(content_type)))
    }

    /// One document in one version with all that bodies may hold of it; see [`Selection::complete`].
    pub fn complete(content_type: &'static ContentType, version: Version) -> Self {
        Self::of_one(content_type, version, Selection::complete(Shape::Document(content_type)))
    }

    /// One document in one version, and what `selection` shows of it.
    pub(super) fn of_one(content_type: &'static ContentType, version: Version, selection: Selection) -> Self {
        Self {
            content_type,
            version,
            filter: Filter::everything(),
            sort: Vec::new(),
            page: Page::ONE,
            selection,
            warnings: Vec::new(),
        }
    }

    /// The same plan for the document with this documentId alone.
    pub fn of_document(mut self, document_id: &str) -> Self {
        let test = Test::Compare(Comparison::Eq, Operand::Text(document_id.to_owned()));
        let chosen = Filter::Value { field: &DOCUMENT_ID, test };
        self.filter = if self.filter.is_everything() { chosen } else { Filter::All(vec![chosen, self.filter]) };
        self
    }

    /// How long it may take.
    pub fn cost(&self) -> Cost {
        let few = self.filter.finds_few();
        let in_order = self.sort.first().is_none_or(|order| order.field == &ID || order.is_indexed());
        let near = self.page.start <= 1000;
        let found = few || (self.filter.is_everything() && self.sort.len() <= 1 && in_order && near);
        if found && self.selection.is_quick() {
            Cost::Cheap
        } else if self.is_led() && self.selection.is_led() {
            Cost::Expensive
        } else {
            Cost::Search
        }
    }

    /// Whether an index leads to the rows and to their order, or all of them are asked for.
    pub fn is_led(&self) -> bool {
        self.filter.is_led() && self.sort.iter().all(|order| order.through.is_empty())
    }
}
