//! What one attempt came to.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::{Map, Value};

/// What a handler reports: done, or why not. `?` ends an attempt with its failure.
pub type Outcome = Result<Done, Failure>;

/// The attempt did what it was for.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Done {
    /// A line for people.
    pub message: String,
    /// Kept with the attempt.
    pub data: Option<Value>,
    /// Merged into the record's `meta`: outside ids, sync state; never secrets. A null removes a member.
    pub meta: Map<String, Value>,
    /// Values of the document or price that the event is about, to be set in both versions: a sync state, an outside id.
    pub changes: Map<String, Value>,
    /// The same for prices of the product that the event is about, by their ids.
    pub price_changes: BTreeMap<i64, Map<String, Value>>,
}

/// The attempt did not do what it was for.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Failure {
    /// May work later: a timeout, a 503. It uses up an attempt, and is tried again on the schedule of retries.
    #[error("{reason}")]
    Retry {
        /// Why, for people.
        reason: String,
        /// How long the other side asks to wait at least, if it does. It never shortens the schedule.
        after: Option<Duration>,
    },
    /// The other side has enough for now and says for how long: a 429 with `Retry-After`. It uses up no attempt, and what
    /// else goes there for the same store waits as well.
    #[error("{reason}")]
    Limit {
        /// Why, for people.
        reason: String,
        /// How long the other side asks to wait.
        after: Duration,
    },
    /// Cannot work until a person changes something: bad config, refused credentials.
    #[error("{reason}")]
    Discard {
        /// Why, for people.
        reason: String,
    },
    /// The other side wants no more of this: the record is switched off.
    #[error("{reason}")]
    Gone {
        /// Why, for people.
        reason: String,
    },
}

impl Done {
    /// Done, with a line for people.
    pub fn new(message: impl Into<String>) -> Self {
        Self { message: message.into(), ..Self::default() }
    }

    /// The same, with data to keep with the attempt.
    pub fn with_data(self, data: Value) -> Self {
        Self { data: Some(data), ..self }
    }

    /// The same, with a member to merge into the record's `meta`.
    pub fn with_meta(mut self, name: impl Into<String>, value: impl Into<Value>) -> Self {
        self.meta.insert(name.into(), value.into());
        self
    }

    /// The same, with a value to be set in the document or price that the event is about.
    pub fn with_change(mut self, field: impl Into<String>, value: impl Into<Value>) -> Self {
        self.changes.insert(field.into(), value.into());
        self
    }

    /// The same, with a value to be set in a price of the product that the event, or the price's own event, is about.
    pub fn with_price_change(mut self, price: i64, field: impl Into<String>, value: impl Into<Value>) -> Self {
        self.price_changes.entry(price).or_default().insert(field.into(), value.into());
        self
    }
}

impl Failure {
    /// May work later.
    pub fn retry(reason: impl Into<String>) -> Self {
        Self::Retry { reason: reason.into(), after: None }
    }

    /// The other side has enough for now. Without a time it is a failure like any other: to try again on the schedule.
    pub fn limit(reason: impl Into<String>, after: Option<Duration>) -> Self {
        let reason = reason.into();
        match after {
            Some(after) => Self::Limit { reason, after },
            None => Self::Retry { reason, after },
        }
    }

    /// Cannot work until a person changes something.
    pub fn discard(reason: impl Into<String>) -> Self {
        Self::Discard { reason: reason.into() }
    }

    /// Why, for people.
    pub fn reason(&self) -> &str {
        match self {
            Self::Retry { reason, .. }
            | Self::Limit { reason, .. }
            | Self::Discard { reason }
            | Self::Gone { reason } => reason,
        }
    }

    /// The same failure with `change` made to its reason.
    pub fn map_reason(mut self, change: impl FnOnce(&str) -> String) -> Self {
        match &mut self {
            Self::Retry { reason, .. }
            | Self::Limit { reason, .. }
            | Self::Discard { reason }
            | Self::Gone { reason } => {
                *reason = change(reason);
            }
        }
        self
    }
}
