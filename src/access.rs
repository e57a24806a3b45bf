//! Who calls, and what they may do.

use crate::config::PublicAccess;
use crate::content::{ContentType, PRODUCT, STORE};
use crate::error::{Error, Result};

/// The caller of a request.
#[derive(Debug, Clone)]
pub struct Caller {
    /// Who it is, as events and logs name it: `token:<name>` or `public`.
    pub actor: String,
    /// What it may do.
    pub access: Access,
}

/// What a caller may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Access {
    /// No token: what the configuration grants.
    Public(PublicAccess),
    /// A read-only token: reads everything, drafts and extension records too.
    ReadOnly,
    /// A full-access token.
    Full,
}

impl Access {
    /// Whether documents of this type can be read.
    pub fn may_read(self, content_type: &ContentType) -> bool {
        match self {
            Self::Public(PublicAccess::Read) => [STORE.uid, PRODUCT.uid].contains(&content_type.uid),
            Self::Public(PublicAccess::None) => false,
            Self::Public(PublicAccess::Full) | Self::ReadOnly | Self::Full => true,
        }
    }

    /// Whether drafts, extension records, events and runs can be read.
    pub fn sees_internals(self) -> bool {
        !matches!(self, Self::Public(PublicAccess::Read | PublicAccess::None))
    }

    /// Whether anything can be changed or triggered.
    pub fn may_write(self) -> bool {
        matches!(self, Self::Full | Self::Public(PublicAccess::Full))
    }

    /// [`Error::Forbidden`] unless drafts, extension records, events and runs can be read.
    pub fn require_internals(self) -> Result<()> {
        if self.sees_internals() { Ok(()) } else { Err(Error::Forbidden) }
    }

    /// [`Error::Forbidden`] unless anything can be changed or triggered.
    pub fn require_write(self) -> Result<()> {
        if self.may_write() { Ok(()) } else { Err(Error::Forbidden) }
    }
}
