//! What writing component items needs, and what it reports of the extension records among them.

use serde_json::{Map, Value as Json};

use crate::clock::{Millis, Random};
use crate::db::Conn;
use crate::db::events::Owner;
use crate::handler::Registry;
use crate::secrets::Sealer;

/// What storing items needs beside the connection.
pub struct ItemWriter<'a> {
    /// The transaction.
    pub conn: &'a mut Conn,
    /// Seals credentials.
    pub sealer: &'a Sealer,
    /// For the seals.
    pub random: &'a dyn Random,
    /// When.
    pub now: Millis,
    /// For the extension records among them.
    pub records: Records<'a>,
}

/// What writing extension records needs beside what all items need.
pub struct Records<'a> {
    /// The handlers, which know where the secrets of their records go.
    pub handlers: &'a Registry,
    /// The right that the caller would need to change records; `None` for one who may.
    pub missing_right: Option<String>,
    /// What was done to records.
    pub changes: &'a mut Vec<RecordChange>,
}

/// What was done to an extension record.
#[derive(Debug, Clone)]
pub struct RecordChange {
    /// Its id.
    pub id: i64,
    /// Its key.
    pub key: Option<String>,
    /// Its url.
    pub url: Option<String>,
    /// What holds it.
    pub owner: Owner,
    /// What was done.
    pub done: Done,
    /// Where the body that asked for it has it: `["PRICES", "0", "extensions", "1"]`; for one that was removed the list.
    pub path: Vec<String>,
}

/// What can be done to an extension record.
#[derive(Debug, Clone, PartialEq)]
pub enum Done {
    /// It was added.
    Created,
    /// It was changed.
    Updated {
        /// `{member: {from, to}}`; of credentials the masks.
        members: Map<String, Json>,
        /// Members of the credentials whose stored values are gone.
        lost: Vec<String>,
    },
    /// It was removed.
    Removed {
        /// Whether stored credentials went with it.
        with_credentials: bool,
    },
}
