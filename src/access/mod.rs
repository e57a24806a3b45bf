//! Who calls, and what they may do.

mod permissions;

pub use permissions::{Permissions, Right};

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use crate::clock::{MINUTE, Millis};
use crate::content::{Catalog, ContentType};
use crate::error::{Error, Result};

/// The caller of a request.
#[derive(Debug, Clone)]
pub struct Caller {
    /// Who it is, as events and logs name it: `token:<name>` or `public`.
    pub actor: String,
    /// The row of its token in the table of tokens. The public, the token of the configuration and the program have none.
    pub token: Option<i64>,
    /// What it may do.
    pub access: Access,
    /// How many events led to this call, each through the run of an extension record; 0 when it is nobody's answer.
    pub depth: u32,
}

impl Caller {
    /// Whose the caller's idempotency keys are. A token that is made anew under the name of a deleted one is another caller,
    /// though logs and events name both alike; and no actor's name begins with `token#`.
    pub fn key_owner(&self) -> String {
        self.token.map_or_else(|| self.actor.clone(), |id| format!("token#{id}"))
    }
}

/// What a caller may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Access {
    /// No token: what the configuration grants.
    Public(PublicAccess),
    /// A read-only token: reads everything, drafts and extension records too.
    ReadOnly,
    /// A custom token: what it names, drafts and extension records too.
    Custom(Permissions),
    /// A full-access token.
    Full,
}

/// What a caller without a token may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum PublicAccess {
    /// Read published stores and products, without their extension records, and subscribe to the stores.
    Read,
    /// Nothing.
    None,
    /// Everything; for trials.
    Full,
}

impl Access {
    /// Whether this can be done with documents of this type.
    pub fn may(self, right: Right, content_type: &ContentType) -> bool {
        let reads = matches!(right, Right::Find | Right::FindOne);
        match self {
            Self::Public(PublicAccess::Read) => reads && content_type.public,
            Self::Public(PublicAccess::None) => false,
            Self::ReadOnly => reads,
            Self::Custom(permissions) => permissions.allow(right, content_type),
            Self::Public(PublicAccess::Full) | Self::Full => true,
        }
    }

    /// [`Error::MissingRight`] unless this can be done with documents of this type.
    pub fn require(self, right: Right, content_type: &ContentType) -> Result<()> {
        match self.may(right, content_type) {
            true => Ok(()),
            false => Err(self.lacks(format!("the right {}", right.of(content_type)))),
        }
    }

    /// The error for a caller who lacks what is `needed`.
    pub fn lacks(self, needed: impl Into<String>) -> Error {
        Error::MissingRight { needed: needed.into(), has_token: !matches!(self, Self::Public(_)) }
    }

    /// [`Error::MissingRight`] unless this can be done with documents of some type.
    pub fn require_somewhere(self, right: Right, catalog: &Catalog) -> Result<()> {
        if catalog.types().any(|content_type| self.may(right, content_type)) {
            return Ok(());
        }
        let names: Vec<_> = catalog.types().map(|content_type| right.of(content_type)).collect();
        Err(self.lacks(format!("one of the rights {}", names.join(", "))))
    }

    /// [`Error::MissingRight`] unless this can be done with all that holds extension records under this `owner_field`;
    /// [`Error::Forbidden`] when nothing does.
    pub fn require_at(self, right: Right, catalog: &Catalog, owner_field: &str) -> Result<()> {
        let mut holdings = catalog.holdings_of(owner_field).peekable();
        if holdings.peek().is_none() {
            return Err(Error::Forbidden);
        }
        holdings.try_for_each(|holding| self.require(right, holding.content_type))
    }

    /// [`Error::MissingRight`] unless it can be read how the extension records of documents of this type are wired, and what
    /// becomes of events at them.
    pub fn require_records(self, content_type: &ContentType) -> Result<()> {
        if self.may(Right::Extensions, content_type) { Ok(()) } else { self.require_internals() }
    }

    /// Whether drafts and extension records can be seen of the documents that can be read.
    pub fn sees_drafts(self) -> bool {
        !matches!(self, Self::Public(PublicAccess::Read | PublicAccess::None))
    }

    /// Whether an address can be subscribed to a published store, and unsubscribed, by a document of this type: visitors of
    /// storefronts do.
    pub fn may_subscribe(self, subscriber: &ContentType) -> bool {
        self.may(Right::Create, subscriber) || self == Self::Public(PublicAccess::Read)
    }

    /// [`Error::MissingRight`] unless an address can be subscribed to a store.
    pub fn require_subscribe(self, subscriber: &ContentType) -> Result<()> {
        match self.may_subscribe(subscriber) {
            true => Ok(()),
            false => Err(self.lacks(format!("the right {}", Right::Create.of(subscriber)))),
        }
    }

    /// [`Error::MissingRight`] unless events, runs, triggers and handlers can be read.
    pub fn require_internals(self) -> Result<()> {
        match self {
            Self::Full | Self::ReadOnly | Self::Public(PublicAccess::Full) => Ok(()),
            Self::Custom(_) | Self::Public(PublicAccess::Read | PublicAccess::None) => {
                Err(self.lacks("a full-access or a read-only token"))
            }
        }
    }
}

/// When this process last wrote down the use of each token, so that reads cause a write a minute and not one each.
#[derive(Default)]
pub struct TokenUses(Mutex<HashMap<i64, Millis>>);

impl TokenUses {
    /// Whether the use of token `id` at `now` should be written down; the caller then does so. `noted` is what the
    /// database has, which another process may have written.
    pub fn is_due(&self, id: i64, noted: Option<Millis>, now: Millis) -> bool {
        if noted.is_some_and(|noted| now - noted < MINUTE) {
            return false;
        }
        let mut uses = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let due = uses.get(&id).is_none_or(|noted| now - noted >= MINUTE);
        if due {
            uses.insert(id, now);
        }
        due
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_use_of_a_token_is_noted_once_a_minute() {
        let uses = TokenUses::default();
        assert!(uses.is_due(1, None, MINUTE));
        assert!(!uses.is_due(1, None, MINUTE + 1), "the write is under way");
        assert!(uses.is_due(2, None, MINUTE + 1), "another token");
        assert!(!uses.is_due(3, Some(MINUTE), 2 * MINUTE - 1), "another process wrote it");
        assert!(uses.is_due(1, Some(MINUTE), 2 * MINUTE));
    }
}
