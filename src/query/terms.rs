//! Who asks, and how strictly.

use crate::access::Access;

/// Who asks, and how the parameters are read.
#[derive(Debug, Clone, Copy)]
pub struct Terms {
    /// What the caller may see.
    pub access: Access,
    /// Whether they are read strictly.
    pub strict: bool,
}

impl From<Access> for Terms {
    fn from(access: Access) -> Self {
        Self { access, strict: false }
    }
}
