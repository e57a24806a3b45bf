//! What a body asks for, once it has been checked.

use serde_json::Value as Json;

use super::Field;
use crate::clock::Millis;

/// The parts of a document, or of an item of a component, that a body names; what it leaves out is not here.
#[derive(Debug, Clone, Default)]
pub struct Input {
    /// Values of the row itself.
    pub values: Vec<(&'static Field, Value)>,
    /// Secrets, as they were sent: masks may stand for what is stored, and null removes it. They are no [`Value`], so that
    /// nothing which stores values can store them in clear.
    pub secrets: Vec<(&'static Field, Json)>,
    /// Components: the whole list as it shall be, in order.
    pub items: Vec<(&'static Field, Vec<Item>)>,
    /// Relations.
    pub links: Vec<(&'static Field, Links)>,
}

impl Input {
    /// Whether the body names nothing at all.
    pub fn is_empty(&self) -> bool {
        self.values.is_empty() && self.secrets.is_empty() && self.items.is_empty() && self.links.is_empty()
    }
}

/// An item of a component.
#[derive(Debug, Clone)]
pub struct Item {
    /// The item that is changed, or `None` for a new one.
    pub id: Option<i64>,
    /// What it shall hold.
    pub input: Input,
}

/// A value of a scalar field.
#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    /// None.
    Null,
    /// True or false.
    Bool(bool),
    /// A whole number.
    Int(i64),
    /// A decimal in canonical text.
    Decimal(String),
    /// A moment.
    Time(Millis),
    /// A text or a word of an enumeration.
    Text(String),
    /// Any JSON.
    Json(Json),
}

/// What shall become of a relation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Links {
    /// These documents, in this order, and no others.
    Set(Vec<Reference>),
    /// The links there are, less and more these.
    Change {
        /// Linked, or moved, one after the other.
        connect: Vec<(Reference, Position)>,
        /// No longer linked.
        disconnect: Vec<Reference>,
    },
}

/// How a body names a document.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Reference {
    /// By its documentId.
    Document(String),
    /// By the number of one of its versions.
    Row(i64),
}

/// Where a link goes among the others.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Position {
    /// Behind all.
    End,
    /// Before all.
    Start,
    /// Just before this document.
    Before(Reference),
    /// Just behind this document.
    After(Reference),
}
