//! What tells one state of an answer from another: entity tags (RFC 9110, section 8.8.3), and the condition `If-Match`.
//!
//! The tag of a document is `"<revision>-<hash of the body>"`: the whole of it tells answers apart, and the revision,
//! which is the same however the document is shown, tells whether the document itself was changed since.

use xxhash_rust::xxh3::xxh3_64;

use crate::error::{Error, Result};
use crate::query::Warning;

/// A body of JSON and its entity tag.
#[derive(Debug)]
pub struct TaggedAnswer {
    /// The body.
    pub body: Vec<u8>,
    /// The tag, in its quotes; empty when there is nothing to show.
    pub etag: String,
    /// How many documents there are on all pages, if that was counted.
    pub total: Option<i64>,
    /// Whether it was given before, under the same idempotency key.
    pub is_repeated: bool,
    /// What the caller is told of the request where there is no body to say it in.
    pub warnings: Vec<Warning>,
}

impl TaggedAnswer {
    /// The answer that shows one document, which was changed `revision` times.
    pub(super) fn of_document(body: Vec<u8>, revision: i64) -> Self {
        Self {
            etag: format!("\"{revision}-{:016x}\"", xxh3_64(&body)),
            body,
            total: None,
            is_repeated: false,
            warnings: Vec::new(),
        }
    }

    /// The answer that shows a page of documents.
    pub(super) fn of_page(body: Vec<u8>, total: Option<i64>) -> Self {
        Self { etag: format!("\"{:016x}\"", xxh3_64(&body)), body, total, is_repeated: false, warnings: Vec::new() }
    }

    /// The answer when nothing is left to show.
    pub(super) fn empty() -> Self {
        Self { body: Vec::new(), etag: String::new(), total: None, is_repeated: false, warnings: Vec::new() }
    }

    /// An answer that was given before.
    pub(super) fn again(body: Vec<u8>, etag: String) -> Self {
        Self { body, etag, total: None, is_repeated: true, warnings: Vec::new() }
    }
}

/// The condition `If-Match`: the change is made only if the document is still what the caller has seen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum IfMatch {
    /// `*`: if there is a document.
    Exists,
    /// If it is in one of these revisions.
    Revisions(Vec<i64>),
}

impl IfMatch {
    /// Reads the header. A tag that no document can have, such as that of a list, matches nothing. That a proxy has
    /// made a tag weak (`W/`) on the way does not matter: it is the revision that counts.
    pub fn parse(header: &str) -> Self {
        if header.trim() == "*" {
            return Self::Exists;
        }
        let revision = |tag: &str| {
            let tag = tag.trim();
            let tag = tag.strip_prefix("W/").unwrap_or(tag);
            let (revision, _) = tag.strip_prefix('"')?.strip_suffix('"')?.split_once('-')?;
            revision.parse().ok()
        };
        Self::Revisions(header.split(',').filter_map(revision).collect())
    }

    /// [`Error::PreconditionFailed`] unless a document in this revision is what the condition wants.
    pub(super) fn check(&self, revision: i64) -> Result<()> {
        match self {
            Self::Exists => Ok(()),
            Self::Revisions(wanted) if wanted.contains(&revision) => Ok(()),
            Self::Revisions(wanted) if wanted.is_empty() => Err(Error::PreconditionFailed(
                "If-Match names no document's ETag, which is \"<revision>-<hash>\" as the document's own answers have it; \
                 that of a list is none"
                    .into(),
            )),
            Self::Revisions(_) => Err(Error::PreconditionFailed(format!(
                "The document is not the one that If-Match names: it is in revision {revision} now; read it again"
            ))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn revisions_are_read_from_tags_in_all_their_forms() {
        for (header, revisions) in [
            ("\"7-00ff\"", vec![7]),
            (" W/\"7-00ff\" , \"12-a\"", vec![7, 12]),
            ("\"00ff00ff\"", vec![]),
            ("7-00ff", vec![]),
            ("", vec![]),
        ] {
            assert_eq!(IfMatch::parse(header), IfMatch::Revisions(revisions), "{header}");
        }
        assert_eq!(IfMatch::parse(" * "), IfMatch::Exists);
    }

    #[test]
    fn a_condition_holds_for_the_revision_it_names() {
        let seen = IfMatch::Revisions(vec![3, 4]);
        assert!(seen.check(4).is_ok());
        assert!(seen.check(5).is_err());
        assert!(IfMatch::Exists.check(1).is_ok());
    }
}
