//! How much one request may ask for and bring: what counts, what documents it and what tests it all read it here.

use std::fmt::Display;

use crate::error::{Error, Problem, Result};

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
pub static LIMITS: [&Limit; 12] = [
    &PARAMETERS,
    &LIST,
    &CONDITIONS,
    &DEPTH,
    &POPULATED,
    &PAGE,
    &ANSWER,
    &ITEMS,
    &ALL_ITEMS,
    &RECORD,
    &MEMBERS,
    &CHARACTERS,
];

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
/// Items of one list of a component, links that one change names of one relation, targets that one payload names. Each
/// costs a write at least one statement.
pub static ITEMS: Limit =
    Limit { most: 1000, unit: "items", meaning: "in a list of a component, of a relation or of targets that is sent" };
/// Items of all components of one body together, those within other items too.
pub static ALL_ITEMS: Limit = Limit { most: 3000, unit: "items", meaning: "of all components in one body" };
/// The config of an extension record, and its credentials: each event looks at all records that it reaches.
pub static RECORD: Limit =
    Limit { most: 64, unit: "KiB", meaning: "in the config of an extension record, and in its credentials" };
/// Members of the objects in one body of JSON: read into memory, a member takes a hundred times what it takes as text.
pub static MEMBERS: Limit = Limit { most: 50_000, unit: "members", meaning: "of objects in one body" };
/// Characters (Unicode code points) of a text that Strapi keeps as `string` or `email`; the databases index such texts.
pub static CHARACTERS: Limit =
    Limit { most: 255, unit: "characters", meaning: "in a field of the type string or email" };

impl Limit {
    /// Fails when `count` is above the limit. `what` is the beginning of the message: `The query string has`.
    pub fn check(&self, count: usize, what: impl Display) -> Result<()> {
        if count > self.most { Err(self.exceeded(what)) } else { Ok(()) }
    }

    /// The error that says which limit it is.
    pub fn exceeded(&self, what: impl Display) -> Error {
        Error::Validation(self.words(what))
    }

    /// The same error, told of what stands at `path` in the body.
    pub fn exceeded_at(&self, path: Vec<String>, what: impl Display) -> Error {
        Error::Invalid(vec![Problem { path, message: self.words(what), value: None }])
    }

    /// `The query string has more than 1000 parameters`.
    pub fn words(&self, what: impl Display) -> String {
        format!("{what} more than {} {}", self.most, self.unit)
    }
}
