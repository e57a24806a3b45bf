//! How much one request may ask for: what counts, what documents it and what tests it all read it here.

use std::fmt::Display;

use crate::error::{Error, Result};

/// The most that there may be of something.
#[derive(Debug)]
pub struct Limit {
    /// How many.
    pub most: usize,
    /// Of what.
    pub unit: &'static str,
    /// Where they are counted, and what becomes of a request for more if it is not refused.
    pub meaning: &'static str,
}

/// All limits, in the order in which they are documented.
pub static LIMITS: [&Limit; 7] = [&PARAMETERS, &LIST, &CONDITIONS, &DEPTH, &POPULATED, &PAGE, &ANSWER];

/// Parameters of a query string.
pub static PARAMETERS: Limit = Limit { most: 1000, unit: "parameters", meaning: "in a query string" };
/// Values of a list; also the highest place that may be named in one.
pub static LIST: Limit = Limit { most: 100, unit: "values", meaning: "in a list, such as that of `$in`" };
/// Conditions of a request.
pub static CONDITIONS: Limit = Limit { most: 200, unit: "conditions", meaning: "in filters and sort together" };
/// Relations and components that lead from one to the next.
pub static DEPTH: Limit =
    Limit { most: 8, unit: "levels", meaning: "of relations and components, in filters, sort and populate" };
/// Components and relations populated by a request; media too.
pub static POPULATED: Limit = Limit { most: 64, unit: "fields", meaning: "populated by one request" };
/// Documents on a page.
pub static PAGE: Limit =
    Limit { most: 100, unit: "documents", meaning: "on a page; for more 100 are answered, with a warning" };
/// The size of an answer. Populating relations within relations multiplies, so that a short query string could ask for
/// gigabytes.
pub static ANSWER: Limit = Limit { most: 32, unit: "MiB", meaning: "in an answer" };

impl Limit {
    /// Fails when `count` is above the limit. `what` is the beginning of the message: `The query string has`.
    pub fn check(&self, count: usize, what: impl Display) -> Result<()> {
        if count > self.most { Err(self.exceeded(what)) } else { Ok(()) }
    }

    /// The error that says which limit it is.
    pub fn exceeded(&self, what: impl Display) -> Error {
        Error::Validation(format!("{what} more than {} {}", self.most, self.unit))
    }
}
