//! The words in which attributes are written down.

use std::fmt;

use super::Component;
use super::links::Relation;
use crate::limits::CHARACTERS;

/// One attribute.
pub struct Field {
    /// Its name on the wire.
    pub name: &'static str,
    /// Its column; empty for components and relations, which have tables of their own.
    pub column: &'static str,
    /// What it holds.
    pub kind: Kind,
    /// Whether a published version must have it.
    pub required: bool,
    /// Whether no two published versions may have the same value.
    pub unique: bool,
    /// The value of a new document that does not name it, as JSON; empty for none.
    pub default: &'static str,
    /// Whether updates leave it alone because the server counts in it.
    pub server_owned: bool,
    /// Whether null stands for the default.
    pub never_null: bool,
    /// A rule on its values beyond their kind.
    pub check: Check,
    /// Whether an index begins with its column, so that rows are found by it and read in its order.
    pub indexed: bool,
    /// The column beside a secret that has its mask; empty for anything else.
    pub mask_column: &'static str,
}

/// A rule on values beyond their kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Check {
    /// None.
    None,
    /// `namespace:class` or `namespace:class:method`; drafts are spared.
    ExtensionKey,
    /// A list of trigger patterns, each of which can be compiled.
    Patterns,
    /// Not a URL of another scheme than http and https.
    HttpUrl,
    /// The config of an extension record: when its schedule is due next is kept beside it.
    Config,
}

/// What a field holds.
#[derive(Clone, Copy)]
pub enum Kind {
    /// A short text.
    String,
    /// A long text.
    Text,
    /// A long text with markup.
    RichText,
    /// An e-mail address.
    Email,
    /// A whole number of 64 bits.
    Integer,
    /// An exact decimal number.
    Decimal,
    /// True or false.
    Boolean,
    /// A moment, in milliseconds.
    DateTime,
    /// Any JSON value.
    Json,
    /// A JSON object that is sealed when stored and masked when read. The column has a `_mask` beside it.
    Secret,
    /// One of these words.
    Enumeration(&'static [&'static str]),
    /// Files; accepted and answered as null or `[]` until there is a media library.
    Media {
        /// Whether it is a list.
        many: bool,
    },
    /// Fields of their own, embedded.
    Component {
        /// Which fields.
        of: &'static Component,
        /// Whether it is a list.
        many: bool,
    },
    /// Links to documents of another type, n:m.
    Relation(Relation),
}

/// Facts refer to each other in circles; a name says enough.
impl fmt::Debug for Field {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(self.name)
    }
}

impl Kind {
    /// Whether the value stands in a column of the row itself.
    pub fn is_scalar(&self) -> bool {
        !matches!(self, Self::Media { .. } | Self::Component { .. } | Self::Relation(_))
    }

    /// The name that Strapi's schemas have for it.
    pub fn name(&self) -> &'static str {
        match self {
            Self::String => "string",
            Self::Text => "text",
            Self::RichText => "richtext",
            Self::Email => "email",
            Self::Integer => "integer",
            Self::Decimal => "decimal",
            Self::Boolean => "boolean",
            Self::DateTime => "datetime",
            Self::Json | Self::Secret => "json",
            Self::Enumeration(_) => "enumeration",
            Self::Media { .. } => "media",
            Self::Component { .. } => "component",
            Self::Relation(_) => "relation",
        }
    }
}

impl Field {
    const fn new(name: &'static str, column: &'static str, kind: Kind) -> Self {
        Self {
            name,
            column,
            kind,
            required: false,
            unique: false,
            default: "",
            server_owned: false,
            never_null: false,
            check: Check::None,
            indexed: false,
            mask_column: "",
        }
    }

    /// A short text.
    pub const fn string(name: &'static str, column: &'static str) -> Self {
        Self::new(name, column, Kind::String)
    }

    /// A long text.
    pub const fn text(name: &'static str, column: &'static str) -> Self {
        Self::new(name, column, Kind::Text)
    }

    /// A long text with markup.
    pub const fn rich_text(name: &'static str, column: &'static str) -> Self {
        Self::new(name, column, Kind::RichText)
    }

    /// The component whose items it holds.
    pub fn held(&self) -> Option<&'static Component> {
        match self.kind {
            Kind::Component { of, .. } => Some(of),
            _ => None,
        }
    }

    /// How many characters its texts may have, where Strapi sets a limit. The url of an extension record has one of its own.
    pub fn longest(&self) -> Option<usize> {
        let is_short = matches!(self.kind, Kind::String | Kind::Email) && self.check != Check::HttpUrl;
        is_short.then_some(CHARACTERS.most)
    }

    /// An e-mail address.
    pub const fn email(name: &'static str, column: &'static str) -> Self {
        Self::new(name, column, Kind::Email)
    }

    /// A whole number.
    pub const fn integer(name: &'static str, column: &'static str) -> Self {
        Self::new(name, column, Kind::Integer)
    }

    /// An exact decimal number.
    pub const fn decimal(name: &'static str, column: &'static str) -> Self {
        Self::new(name, column, Kind::Decimal)
    }

    /// True or false.
    pub const fn boolean(name: &'static str, column: &'static str) -> Self {
        Self::new(name, column, Kind::Boolean)
    }

    /// A moment.
    pub const fn date_time(name: &'static str, column: &'static str) -> Self {
        Self::new(name, column, Kind::DateTime)
    }

    /// Any JSON value.
    pub const fn json(name: &'static str, column: &'static str) -> Self {
        Self::new(name, column, Kind::Json)
    }

    /// A sealed JSON object, with the column of its mask.
    pub const fn secret(name: &'static str, column: &'static str, mask_column: &'static str) -> Self {
        Self { mask_column, ..Self::new(name, column, Kind::Secret) }
    }

    /// One of `words`.
    pub const fn enumeration(name: &'static str, column: &'static str, words: &'static [&'static str]) -> Self {
        Self::new(name, column, Kind::Enumeration(words))
    }

    /// One file.
    pub const fn media(name: &'static str) -> Self {
        Self::new(name, "", Kind::Media { many: false })
    }

    /// A list of files.
    pub const fn media_list(name: &'static str) -> Self {
        Self::new(name, "", Kind::Media { many: true })
    }

    /// One embedded item, or none.
    pub const fn component(name: &'static str, of: &'static Component) -> Self {
        Self::new(name, "", Kind::Component { of, many: false })
    }

    /// A list of embedded items.
    pub const fn components(name: &'static str, of: &'static Component) -> Self {
        Self::new(name, "", Kind::Component { of, many: true })
    }

    /// Links to other documents.
    pub const fn relation(name: &'static str, relation: Relation) -> Self {
        Self::new(name, "", Kind::Relation(relation))
    }

    /// The same field, required.
    pub const fn required(self) -> Self {
        Self { required: true, ..self }
    }

    /// The same field, unique among published versions.
    pub const fn unique(self) -> Self {
        Self { unique: true, ..self }
    }

    /// The same field with a default, written as JSON.
    pub const fn default(self, json: &'static str) -> Self {
        Self { default: json, ..self }
    }

    /// The same field with an index that begins with its column.
    pub const fn indexed(self) -> Self {
        Self { indexed: true, ..self }
    }

    /// The same field with a rule on its values.
    pub const fn checked(self, check: Check) -> Self {
        Self { check, ..self }
    }

    /// The same field, whose default stands for null.
    pub const fn never_null(self) -> Self {
        Self { never_null: true, ..self }
    }

    /// The same field, left alone by updates.
    pub const fn server_owned(self) -> Self {
        Self { server_owned: true, ..self }
    }
}
