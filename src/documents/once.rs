//! Changes that are sent again and made once: `Idempotency-Key`.

use ring::digest::{Context, SHA256};

use super::etag::TaggedAnswer;
use crate::clock::Millis;
use crate::db::{Conn, idempotency};
use crate::error::{Error, Result};
use crate::ids::{Purpose, caller_key};

/// A caller's key, and what came with it.
#[derive(Debug, Clone)]
pub struct IdempotencyKey {
    key: String,
    request: String,
}

impl IdempotencyKey {
    /// The key as it is valid for `owner` alone; `parts` is all that makes the request this one and no other.
    pub fn new(owner: &str, key: &str, parts: &[&str]) -> Self {
        let mut hash = Context::new(&SHA256);
        for part in parts {
            hash.update(&part.len().to_le_bytes());
            hash.update(part.as_bytes());
        }
        let request = hash.finish().as_ref().iter().map(|byte| format!("{byte:02x}")).collect();
        Self { key: caller_key(owner, Purpose::Write, key), request }
    }

    /// Does `work` within the transaction that is open, or returns what was answered when it was done.
    ///
    /// Fails with [`Error::Conflict`] when the key came with another request.
    pub(super) fn run(
        &self,
        conn: &mut Conn,
        now: Millis,
        work: impl FnOnce(&mut Conn) -> Result<TaggedAnswer>,
    ) -> Result<TaggedAnswer> {
        match idempotency::take(conn, &self.key, &self.request, now)? {
            None => {
                let answer = work(conn)?;
                idempotency::keep(conn, &self.key, &answer.etag, &String::from_utf8_lossy(&answer.body))?;
                Ok(answer)
            }
            Some(given) if given.request == self.request => {
                Ok(TaggedAnswer::again(given.body.unwrap_or_default().into(), given.etag.unwrap_or_default()))
            }
            Some(_) => Err(Error::Conflict("the idempotency key was used for another request".into())),
        }
    }
}
