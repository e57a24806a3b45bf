//! The parameters `status`, `publicationFilter` and `hasPublishedVersion`: which version of the documents, and of which.

use super::condition::{Filter, Publication};
use super::scope::PlanContext;
use super::value::QueryValue;
use crate::content::Version;
use crate::error::{Error, Result};

/// The version asked for. Like Strapi, whatever is not `published` asks for drafts. A caller who may not see them and
/// does not name them, as with `all`, is answered what is published.
///
/// Fails when drafts are asked for by name and the caller may not see them.
pub(super) fn version(asked: Option<&QueryValue>, context: &mut PlanContext) -> Result<Version> {
    match asked.map(QueryValue::text) {
        None | Some(Some("published")) => Ok(Version::Published),
        Some(text) if context.access.sees_drafts() => {
            if text != Some("draft") {
                context.warn(&["status"], "is neither draft nor published; it was read as draft");
            }
            Ok(Version::Draft)
        }
        Some(Some("draft")) => Err(context.access.lacks("a token: drafts are not public")),
        Some(_) => {
            context.warn(&["status"], "drafts may not be read by this caller: what is published was answered");
            Ok(Version::Published)
        }
    }
}

/// How the versions must relate. Fails on a word that is not known.
pub(super) fn publication(asked: &QueryValue) -> Result<Filter> {
    let name = asked.text().unwrap_or_default();
    let known = NAMES.iter().find(|(known, _)| *known == name);
    known.map(|(_, publication)| Filter::Publication(*publication)).ok_or_else(|| {
        let names: Vec<_> = NAMES.iter().map(|(name, _)| *name).collect();
        let message = format!("Invalid value for 'publicationFilter'. Expected one of: {}.", names.join(", "));
        Error::Parameter { message, param: "publicationFilter" }
    })
}

const NAMES: [(&str, Publication); 8] = [
    ("never-published", Publication::NeverPublished),
    ("has-published-version", Publication::HasPublished),
    ("modified", Publication::Modified),
    ("unmodified", Publication::Unmodified),
    ("never-published-document", Publication::NeverPublished),
    ("has-published-version-document", Publication::HasPublished),
    ("published-without-draft", Publication::PublishedWithoutDraft),
    ("published-with-draft", Publication::PublishedWithDraft),
];

/// `hasPublishedVersion`: true or false.
pub(super) fn has_published(asked: &QueryValue) -> Result<Filter> {
    let filter = Filter::Publication(Publication::HasPublished);
    match asked.text() {
        Some("true") => Ok(filter),
        Some("false") => Ok(filter.negated()),
        _ => Err(Error::Validation(
            "Invalid value for 'hasPublishedVersion'. Expected boolean or 'true'/'false' string.".into(),
        )),
    }
}
