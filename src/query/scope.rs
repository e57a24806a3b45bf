//! Where in a question the planner stands, and what it has counted so far.

use super::operator;
use super::terms::Terms;
use crate::access::{Access, Right};
use crate::content::{ContentType, Field, Kind, Relation, Shape};
use crate::error::{Error, KeyPath, Problem, Result, Source};
use crate::limits::{CONDITIONS, DEPTH, POPULATED};

/// Something that was not done as asked, told in `meta.warnings`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Warning {
    /// Where it stands: `["pagination", "pageSize"]`.
    pub path: Vec<String>,
    /// What was done instead.
    pub message: String,
}

impl Warning {
    /// A warning about what stands at `path`.
    pub fn new(path: impl Into<Vec<String>>, message: impl Into<String>) -> Self {
        Self { path: path.into(), message: message.into() }
    }
}

/// What is counted and collected over the whole of a question.
pub(super) struct PlanContext {
    pub access: Access,
    pub strict: bool,
    pub warnings: Vec<Warning>,
    conditions: usize,
    populated: usize,
}

impl PlanContext {
    pub fn new(terms: impl Into<Terms>) -> Self {
        let Terms { access, strict } = terms.into();
        Self { access, strict, warnings: Vec::new(), conditions: 0, populated: 0 }
    }

    pub fn warn(&mut self, path: &[&str], message: impl Into<String>) {
        let path = path.iter().map(|name| (*name).to_owned()).collect();
        self.warnings.push(Warning { path, message: message.into() });
    }

    /// Counts conditions of a filter, or things to sort by.
    pub fn conditions(&mut self, more: usize) -> Result<()> {
        self.conditions += more;
        CONDITIONS.check(self.conditions, "Filters and sort have")
    }

    /// Counts one more populated path.
    pub fn populated(&mut self) -> Result<()> {
        self.populated += 1;
        POPULATED.check(self.populated, "The request populates")
    }

    /// Whether the caller may see what `field`, a component or a relation, leads to.
    pub fn may_follow(&self, field: &Field) -> bool {
        match field.kind {
            Kind::Component { of, .. } => !of.is_records() || self.access.sees_drafts(),
            Kind::Relation(Relation { target, .. }) => self.access.may(Right::Find, target),
            _ => true,
        }
    }
}

/// A place in a parameter: the shape that names are looked up in, and the way to it.
#[derive(Clone)]
pub(super) struct Scope {
    pub shape: Shape,
    /// The parameter, such as `filters`.
    pub param: &'static str,
    path: Vec<&'static str>,
}

impl Scope {
    /// The beginning of `param`.
    pub fn new(shape: Shape, param: &'static str) -> Self {
        Self { shape, param, path: Vec::new() }
    }

    /// The beginning of `param` for documents of this type.
    pub fn of(content_type: &'static ContentType, param: &'static str) -> Self {
        Self::new(Shape::Document(content_type), param)
    }

    /// The same parameter one field on; scalar fields keep the shape.
    pub fn below(&self, field: &'static Field) -> Self {
        let shape = target(field).unwrap_or(self.shape);
        Self { shape, param: self.param, path: self.path.iter().copied().chain([field.name]).collect() }
    }

    /// Fails when one more relation or component would lead too deep.
    pub fn check_depth(&self) -> Result<()> {
        DEPTH.check(self.depth() + 1, format_args!("The {} parameter leads through", self.param))
    }

    /// How many fields lie behind.
    pub fn depth(&self) -> usize {
        self.path.len()
    }

    /// The error for a key that nothing has here. Strapi names the field it stands in.
    pub fn unknown(&self, key: &str) -> Error {
        let path = if self.path.is_empty() { KeyPath::Null } else { KeyPath::At(self.path.join(".")) };
        Error::unknown_key(key, path, Source::Query(self.param), self.known())
    }

    /// The error for a name in a dotted path that nothing has here. Strapi names the whole path.
    pub fn unknown_part(&self, key: &str) -> Error {
        Error::unknown_key(key, self.path_to(key), Source::Query(self.param), self.known())
    }

    /// What can stand here.
    fn known(&self) -> impl Iterator<Item = &'static str> {
        const OPTIONS: [&str; 4] = ["fields", "filters", "sort", "populate"];
        let options = OPTIONS.into_iter().filter(|_| self.param == "populate");
        let operators = operator::names().filter(|_| self.param.starts_with("filter"));
        let fields = self.shape.fields().iter().chain(self.shape.columns());
        fields.map(|field| field.name).chain(operators).chain(options)
    }

    /// The error for a key that exists, but not for this use or this caller. Strapi names the key itself.
    pub fn refused(&self, key: &str) -> Error {
        Error::misplaced_key(key, self.path_to(key), Source::Query(self.param))
    }

    fn path_to(&self, key: &str) -> KeyPath {
        KeyPath::At(self.path.iter().copied().chain([key]).collect::<Vec<_>>().join("."))
    }

    /// Of the two, the one that Strapi answers for a name that is not among the attributes.
    pub fn missing(&self, key: &str) -> Error {
        const PRIVATE: [&str; 4] = ["createdBy", "updatedBy", "locale", "localizations"];
        let private = PRIVATE.contains(&key) && matches!(self.shape, Shape::Document(_));
        if private { self.refused(key) } else { self.unknown(key) }
    }

    /// The error for a value that cannot be used; `keys` are what stands between the field and the value.
    pub fn unusable(&self, keys: &[&str], message: impl Into<String>) -> Error {
        let way = [self.param].into_iter().chain(self.path.iter().copied()).chain(keys.iter().copied());
        let path: Vec<_> = way.map(str::to_owned).collect();
        let message = format!("{} {}", path.join("."), message.into());
        Error::Invalid(vec![Problem { path, message, value: None }])
    }
}

/// The shape that a component or a relation leads to.
pub(super) fn target(field: &Field) -> Option<Shape> {
    match field.kind {
        Kind::Component { of, .. } => Some(Shape::Component(of)),
        Kind::Relation(Relation { target, .. }) => Some(Shape::Document(target)),
        _ => None,
    }
}
