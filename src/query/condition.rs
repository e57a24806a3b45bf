//! Conditions on rows. They follow SQL's logic of three values: a condition on a null is neither true nor false, and so
//! is its negation.

use crate::content::{Field, Kind};

/// Which rows are wanted.
#[derive(Debug, Clone, PartialEq)]
pub enum Filter {
    /// Those that meet all of these; with none of them every row.
    All(Vec<Filter>),
    /// Those that meet one of these; with none of them no row.
    Any(Vec<Filter>),
    /// Those that do not meet it.
    Not(Box<Filter>),
    /// Those whose value passes the test.
    Value {
        /// The column.
        field: &'static Field,
        /// The test.
        test: Test,
    },
    /// Those with an item, or a linked document, that meets the filter.
    Through {
        /// The component or the relation.
        field: &'static Field,
        /// What the item or document must meet.
        filter: Box<Filter>,
    },
    /// Those whose draft and published version relate like this.
    Publication(Publication),
}

/// A test of one value.
#[derive(Debug, Clone, PartialEq)]
pub enum Test {
    /// It is null.
    Null,
    /// It is not null.
    NotNull,
    /// Neither true nor false, whatever the value.
    Unknown,
    /// It compares with this.
    Compare(Comparison, Operand),
    /// It is one of these.
    OneOf(Operands),
    /// It is none of these.
    NoneOf(Operands),
    /// Its text has this text in it.
    Text(TextTest),
}

/// A comparison.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Comparison {
    /// Equal.
    Eq,
    /// Not equal.
    Ne,
    /// Less.
    Lt,
    /// Less or equal.
    Lte,
    /// Greater.
    Gt,
    /// Greater or equal.
    Gte,
}

/// A value to compare with, cast to the column's kind.
#[derive(Debug, Clone, PartialEq)]
pub enum Operand {
    /// A whole number or a moment.
    Int(i64),
    /// True or false.
    Bool(bool),
    /// A text.
    Text(String),
    /// A decimal in canonical text.
    Decimal(String),
}

/// Several values to compare with, all of one kind.
#[derive(Debug, Clone, PartialEq)]
pub enum Operands {
    /// Whole numbers or moments.
    Ints(Vec<i64>),
    /// Texts.
    Texts(Vec<String>),
    /// Decimals in canonical text.
    Decimals(Vec<String>),
}

/// A test of the text of a value.
#[derive(Debug, Clone, PartialEq)]
pub struct TextTest {
    /// Where the text must stand.
    pub place: Place,
    /// The text.
    pub text: String,
    /// Whether both sides are compared in lower case.
    pub fold: bool,
    /// Whether it must *not* stand there.
    pub negated: bool,
}

/// Where a text stands in another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// It is the whole of it.
    Whole,
    /// Anywhere.
    Anywhere,
    /// At its beginning.
    Start,
    /// At its end.
    End,
}

/// How the two versions of a document relate, as Strapi's `publicationFilter` names it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Publication {
    /// There is no published version.
    NeverPublished,
    /// There is one.
    HasPublished,
    /// The draft was changed since it was published.
    Modified,
    /// The draft was not changed since.
    Unmodified,
    /// The version is published and its draft is gone; a draft always stays here, so no row is.
    PublishedWithoutDraft,
    /// The version is published and has a draft.
    PublishedWithDraft,
}

impl Filter {
    /// The filter that every row meets.
    pub const fn everything() -> Self {
        Self::All(Vec::new())
    }

    /// All of `parts`.
    pub fn all(mut parts: Vec<Self>) -> Self {
        if parts.len() == 1 { parts.remove(0) } else { Self::All(parts) }
    }

    /// Any of `parts`.
    pub fn any(mut parts: Vec<Self>) -> Self {
        if parts.len() == 1 { parts.remove(0) } else { Self::Any(parts) }
    }

    /// Whether it looks beyond the row itself, at its items or at linked documents.
    pub fn looks_beyond(&self) -> bool {
        match self {
            Self::All(parts) | Self::Any(parts) => parts.iter().any(Self::looks_beyond),
            Self::Not(inner) => inner.looks_beyond(),
            Self::Through { .. } => true,
            Self::Value { .. } | Self::Publication(_) => false,
        }
    }

    /// Whether every row meets it.
    pub fn is_everything(&self) -> bool {
        matches!(self, Self::All(parts) if parts.is_empty())
    }

    /// Those rows for which it is false.
    ///
    /// Through a relation it is negated for each linked document, as in Strapi: `$not` on the stores of a product finds
    /// the products with *another* store, and not those without any.
    pub fn negated(self) -> Self {
        match self {
            Self::All(parts) => Self::any(parts.into_iter().map(Self::negated).collect()),
            Self::Any(parts) => Self::all(parts.into_iter().map(Self::negated).collect()),
            Self::Not(inner) => *inner,
            Self::Through { field, filter } => Self::Through { field, filter: Box::new(filter.negated()) },
            Self::Value { .. } | Self::Publication(_) => Self::Not(Box::new(self)),
        }
    }

    /// Whether it holds where there is no item and no linked document at all: a join would give a row of nulls there.
    pub fn holds_for_nothing(&self) -> Option<bool> {
        let nulls = |parts: &[Self], decisive: bool| {
            let found: Vec<_> = parts.iter().map(Self::holds_for_nothing).collect();
            if found.contains(&Some(decisive)) {
                return Some(decisive);
            }
            if found.contains(&None) { None } else { Some(!decisive) }
        };
        match self {
            Self::All(parts) => nulls(parts, false),
            Self::Any(parts) => nulls(parts, true),
            Self::Not(inner) => inner.holds_for_nothing().map(|holds| !holds),
            Self::Through { filter, .. } => filter.holds_for_nothing(),
            Self::Value { test: Test::Null, .. } => Some(true),
            Self::Value { test: Test::NotNull, .. } => Some(false),
            Self::Value { .. } | Self::Publication(_) => None,
        }
    }

    /// Whether an index of the rows' own table leads to the few that meet it. Many may have the same price or the same
    /// moment, and a store may have ten thousand products.
    pub fn finds_few(&self) -> bool {
        match self {
            Self::All(parts) => parts.iter().any(Self::finds_few),
            Self::Any(parts) => !parts.is_empty() && parts.iter().all(Self::finds_few),
            Self::Value { field, test } => {
                field.indexed && test.picks() && !matches!(field.kind, Kind::Decimal | Kind::DateTime)
            }
            Self::Through { .. } | Self::Not(_) | Self::Publication(_) => false,
        }
    }

    /// Whether an index leads to what meets it, or everything does.
    pub fn is_led(&self) -> bool {
        self.is_everything() || self.is_selective()
    }

    /// Whether it asks for items or linked documents, at any depth.
    pub fn goes_through(&self) -> bool {
        match self {
            Self::All(parts) | Self::Any(parts) => parts.iter().any(Self::goes_through),
            Self::Not(inner) => inner.goes_through(),
            Self::Through { .. } => true,
            Self::Value { .. } | Self::Publication(_) => false,
        }
    }

    /// Whether a search that begins with an index may be shorter than one through all rows.
    pub fn is_selective(&self) -> bool {
        match self {
            Self::All(parts) => parts.iter().any(Self::is_selective),
            Self::Any(parts) => !parts.is_empty() && parts.iter().all(Self::is_selective),
            Self::Value { field, test } => field.indexed && test.picks(),
            Self::Through { filter, .. } => filter.is_selective() && filter.holds_for_nothing() != Some(true),
            Self::Not(_) | Self::Publication(_) => false,
        }
    }
}

impl Test {
    fn picks(&self) -> bool {
        matches!(self, Self::Compare(Comparison::Eq, _) | Self::OneOf(_))
    }
}
