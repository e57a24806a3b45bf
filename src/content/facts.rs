//! The words in which content types are written down.

use std::fmt;

use super::Field;

/// A kind of document: one file of facts, one pair of migrations, and its place in a [`super::Catalog`].
#[derive(Clone, Copy)]
pub struct ContentType {
    /// Its number in notifications, permissions and the versions of answers: given once, and never to another type. The types
    /// of Tenon have 1 to 99, those of an embedding program 100 to 9999.
    pub number: u16,
    /// The first part of `owner_field` in the tables of the components it holds: `product` in `product.PRICES`. It stays
    /// when the type is renamed.
    pub key: &'static str,
    /// `product`.
    pub singular: &'static str,
    /// `products`, as it stands in paths.
    pub plural: &'static str,
    /// `api::product.product`, Strapi's name for it.
    pub uid: &'static str,
    /// The table of its versions.
    pub table: &'static str,
    /// One line on what it is, for the OpenAPI document.
    pub description: &'static str,
    /// Its attributes, in the order in which documents show them.
    pub fields: &'static [Field],
    /// Lists that storefronts ask for and that are not kept here: they are answered empty where a question names them.
    pub unkept: &'static [&'static str],
}

/// Fields embedded in a document. One table each, whatever documents use it.
pub struct Component {
    /// `common.prices`, Strapi's name for it.
    pub uid: &'static str,
    /// The table of its items.
    pub table: &'static str,
    /// The first part of `owner_field` in the tables of the components it holds: `price` in `price.extensions`.
    pub key: &'static str,
    /// Whether items belong to one version of a document (true), or to the document itself (false).
    pub versioned: bool,
    /// Its attributes.
    pub fields: &'static [Field],
}

/// What content types and components have in common.
#[derive(Clone, Copy)]
pub enum Shape {
    /// A content type.
    Document(&'static ContentType),
    /// A component.
    Component(&'static Component),
}

impl fmt::Debug for ContentType {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(self.uid)
    }
}

impl fmt::Debug for Component {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(self.uid)
    }
}

impl Component {
    /// The components that its items hold.
    pub fn components(&self) -> impl Iterator<Item = &'static Self> {
        self.fields.iter().filter_map(|field| field.held())
    }
}

impl Shape {
    /// Strapi's name for it.
    pub fn uid(self) -> &'static str {
        match self {
            Self::Document(content_type) => content_type.uid,
            Self::Component(component) => component.uid,
        }
    }

    /// The attributes.
    pub fn fields(self) -> &'static [Field] {
        match self {
            Self::Document(content_type) => content_type.fields,
            Self::Component(component) => component.fields,
        }
    }

    /// The attribute with this name.
    pub fn find_field(self, name: &str) -> Option<&'static Field> {
        self.fields().iter().find(|field| field.name == name)
    }

    /// The attributes that stand in the row itself.
    pub fn scalars(self) -> impl Iterator<Item = &'static Field> {
        self.fields().iter().filter(|field| field.kind.is_scalar())
    }

    /// The table.
    pub fn table(self) -> &'static str {
        match self {
            Self::Document(content_type) => content_type.table,
            Self::Component(component) => component.table,
        }
    }

    /// The first part of `owner_field` in the tables of the components it holds: `product` in `product.PRICES`.
    pub fn key(self) -> &'static str {
        match self {
            Self::Document(content_type) => content_type.key,
            Self::Component(component) => component.key,
        }
    }

    /// Whether its rows belong to one version of a document: draft and published version have rows of their own.
    pub fn is_versioned(self) -> bool {
        match self {
            Self::Document(_) => true,
            Self::Component(component) => component.versioned,
        }
    }

    /// The value of `owner_field` under which items of `field` are kept.
    pub fn owner_field(self, field: &Field) -> String {
        format!("{}.{}", self.key(), field.name)
    }
}
