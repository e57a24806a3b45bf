//! Finding documents.

use std::collections::HashMap;

use serde_json::value::RawValue;

use super::answer;
use super::etag::TaggedAnswer;
use crate::content::{ContentType, ID, TypeSet};
use crate::db::Conn;
use crate::db::documents::read::{self, Form, One};
use crate::error::{Error, Result};
use crate::query::{self, Cost, ReadPlan, Terms};

/// A checked question for documents, ready to run on any connection that reads. It says itself how long it may take, so
/// that whoever holds a connection of his own can decide whether to run it there and then.
#[derive(Debug, Clone)]
pub struct Find {
    pub(super) plan: ReadPlan,
    pub(super) form: Form,
    pub(super) wanted: Wanted,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Wanted {
    Page,
    /// A page that is not there when there is nothing on it.
    Some,
    Document,
    Items,
    Item,
}

/// Asks for a page of documents with a query string.
///
/// Fails when the caller may not read them, and when anything in the query string is not known, not allowed or too much.
pub fn find_many(
    content_type: &'static ContentType,
    query_string: &str,
    terms: impl Into<Terms>,
    form: Form,
) -> Result<Find> {
    let plan = query::plan(content_type, &query::parse(query_string)?, terms)?;
    Ok(Find { plan, form, wanted: Wanted::Page })
}

/// Asks for one document. Filters count here too: a document that does not meet them is not found.
///
/// Fails as [`find_many`] does.
pub fn find_one(
    content_type: &'static ContentType,
    document_id: &str,
    query_string: &str,
    terms: impl Into<Terms>,
    form: Form,
) -> Result<Find> {
    let plan = query::plan_one(content_type, &query::parse(query_string)?, terms)?;
    Ok(Find { plan: plan.of_document(document_id), form, wanted: Wanted::Document })
}

/// Asks for the items that one document has of a component, by a plan of [`query::plan_items`].
pub(super) fn find_items(plan: ReadPlan, document_id: &str) -> Find {
    Find { plan: plan.of_document(document_id), form: Form::Flat, wanted: Wanted::Items }
}

/// Asks for one of these items. It is not found when it is there and does not meet the plan's filters.
pub(super) fn find_item(plan: ReadPlan, document_id: &str, item: i64) -> Find {
    Find { plan: plan.of_document(document_id).of_item(item), form: Form::Flat, wanted: Wanted::Item }
}

impl Find {
    /// How long it may take.
    pub fn cost(&self) -> Cost {
        self.plan.cost()
    }

    /// The content types whose changes make the answer old; `None` when it may change at any time.
    pub fn depends_on(&self) -> Option<TypeSet> {
        self.plan.depends_on()
    }

    /// What is counted for the answer, if anything is: the same text for every page of a list.
    pub fn counted(&self) -> Option<String> {
        let ReadPlan { content_type, version, filter, page, .. } = &self.plan;
        page.with_count.then(|| format!("{} {version:?} {filter:?}", content_type.uid))
    }

    /// The same question, when it is known how many there are.
    pub fn knowing(mut self, total: Option<i64>) -> Self {
        self.plan.page.known_total = total;
        self
    }

    /// Reads the answer.
    ///
    /// Fails with [`Error::NotFound`] when one document was asked for and there is none, and with
    /// [`Error::Validation`] when the answer would be larger than is reasonable.
    pub fn run(&self, conn: &mut Conn) -> Result<TaggedAnswer> {
        if matches!(self.wanted, Wanted::Page | Wanted::Some) {
            let found = read::page(conn, &self.plan, self.form)?;
            let none = self.wanted == Wanted::Some && found.documents.is_empty();
            return if none { Err(Error::NotFound) } else { Ok(answer::page(&self.plan, &found)) };
        }
        let One { mut document, revision } = read::one(conn, &self.plan, self.form)?.ok_or(Error::NotFound)?;
        match self.wanted {
            Wanted::Page | Wanted::Some | Wanted::Document => {}
            Wanted::Items => document = items(&document)?.get().into(),
            Wanted::Item => document = first(items(&document)?)?.ok_or(Error::NotFound)?.get().into(),
        }
        Ok(answer::one(&One { document, revision }, &self.plan.warnings))
    }
}

/// The items of a document that shows nothing beside them and its number.
fn items(document: &[u8]) -> Result<&RawValue> {
    let members: HashMap<&str, &RawValue> = serde_json::from_slice(document)?;
    let items = members.into_iter().find_map(|(name, value)| (name != ID.name).then_some(value));
    items.ok_or_else(|| Error::internal("a document was read without its items"))
}

fn first(items: &RawValue) -> Result<Option<&RawValue>> {
    let items: Vec<&RawValue> = serde_json::from_str(items.get())?;
    Ok(items.into_iter().next())
}
