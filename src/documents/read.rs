//! Finding documents.

use super::answer;
use super::etag::Answer;
use crate::content::{ContentType, TypeSet};
use crate::db::Conn;
use crate::db::documents::read::{self, Form};
use crate::error::{Error, Result};
use crate::query::{self, Pace, ReadPlan, Terms};

/// A checked question for documents, ready to run on any connection that reads. It says itself how long it may take, so
/// that whoever holds a connection of his own can decide whether to run it there and then.
#[derive(Debug)]
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

impl Find {
    /// How long it may take.
    pub fn pace(&self) -> Pace {
        self.plan.pace()
    }

    /// The content types whose changes make the answer old; `None` when it may change at any time.
    pub fn depends_on(&self) -> Option<TypeSet> {
        self.plan.depends_on()
    }

    /// Reads the answer.
    ///
    /// Fails with [`Error::NotFound`] when one document was asked for and there is none, and with
    /// [`Error::Validation`] when the answer would be larger than is reasonable.
    pub fn run(&self, conn: &mut Conn) -> Result<Answer> {
        match self.wanted {
            Wanted::Page | Wanted::Some => match read::page(conn, &self.plan, self.form)? {
                found if self.wanted == Wanted::Some && found.documents.is_empty() => Err(Error::NotFound),
                found => Ok(answer::page(&self.plan, &found)),
            },
            Wanted::Document => {
                let found = read::one(conn, &self.plan, self.form)?.ok_or(Error::NotFound)?;
                Ok(answer::one(&found, &self.plan.warnings))
            }
        }
    }
}
