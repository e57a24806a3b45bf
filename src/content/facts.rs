//! The words in which content types are written down.

use std::fmt;

use super::{Field, Kind, Relation};

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
    pub unsupported_relations: &'static [&'static str],
    /// Whether callers without a token may read what is published (`TENON_PUBLIC_ACCESS=read`).
    pub public: bool,
    /// The events that its changes emit; `None` for none.
    pub events: Option<Lifecycle>,
    /// How its documents belong to stores, whose extension records its events reach too.
    pub store: StoreLink,
    /// The attribute that counts the stock of a document, whose crossings of a level emit events; empty for none.
    pub stock: &'static str,
    /// Whether visitors subscribe to stores by it.
    pub subscribes: bool,
}

/// The events that changes of documents emit: `<singular>_created`, `_updated`, `_published`, `_unpublished`, `_deleted`.
#[derive(Debug, Clone, Copy)]
pub struct Lifecycle {
    /// The trigger of a new document where it has a name of its own; empty for the usual one.
    pub created: &'static str,
    /// Whether publishing and unpublishing are told.
    pub publication: bool,
    /// Attributes that emit an event more when they are set.
    pub moments: &'static [Moment],
}

/// An attribute whose first value emits an event.
#[derive(Debug, Clone, Copy)]
pub struct Moment {
    /// The attribute.
    pub field: &'static str,
    /// The trigger, without its prefix.
    pub trigger: &'static str,
}

/// How documents belong to stores.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StoreLink {
    /// They are the stores.
    Itself,
    /// By this relation, which they own.
    Through(&'static str),
    /// They belong to none.
    None,
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
    /// Whether its items are prices of the document that holds them.
    pub priced: bool,
    /// The attribute that counts the stock of an item; empty for none.
    pub stock: &'static str,
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

impl Lifecycle {
    /// The usual events.
    pub const USUAL: Self = Self { created: "", publication: true, moments: &[] };
}

impl ContentType {
    /// What most types have, to be laid below the facts of one: `..ContentType::USUAL`. Its names are to be given.
    pub const USUAL: Self = Self {
        number: 0,
        key: "",
        singular: "",
        plural: "",
        uid: "",
        table: "",
        description: "",
        fields: &[],
        unsupported_relations: &[],
        public: false,
        events: Some(Lifecycle::USUAL),
        store: StoreLink::None,
        stock: "",
        subscribes: false,
    };

    /// The list of prices that its documents have.
    pub fn prices(&self) -> Option<&'static Field> {
        self.fields.iter().find(|field| field.held().is_some_and(|of| of.priced))
    }

    /// The relation by which its documents belong to stores.
    pub fn store_relation(&self) -> Option<Relation> {
        let StoreLink::Through(name) = self.store else { return None };
        self.fields.iter().find(|field| field.name == name).and_then(|field| match field.kind {
            Kind::Relation(relation) => Some(relation),
            _ => None,
        })
    }
}

/// The list of extension records among `fields`.
fn records(fields: &'static [Field]) -> Option<&'static Field> {
    fields.iter().find(|field| field.held().is_some_and(Component::is_records))
}

impl Component {
    /// What most components have, to be laid below the facts of one: `..Component::USUAL`. Its names are to be given.
    pub const USUAL: Self =
        Self { uid: "", table: "", key: "", versioned: true, fields: &[], priced: false, stock: "" };

    /// Whether its items are extension records: wiring that draft and published version share.
    pub fn is_records(&self) -> bool {
        !self.versioned
    }

    /// The list of extension records that its items hold.
    pub fn records(&self) -> Option<&'static Field> {
        records(self.fields)
    }

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

    /// The list of extension records that its rows hold.
    pub fn records(self) -> Option<&'static Field> {
        records(self.fields())
    }

    /// The value of `owner_field` under which the extension records of its rows are kept.
    pub fn records_owner_field(self) -> String {
        format!("{}.extensions", self.key())
    }

    /// The attributes that stand in the row itself, and all columns that they have: what a copy of the row copies.
    pub fn stored_columns(self) -> impl Iterator<Item = &'static str> {
        let columns = self.scalars().flat_map(|field| [field.column, field.mask_column]);
        columns.filter(|column| !column.is_empty())
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
