//! What callers ask for, in the words of the model and of the API alike.

/// A document of the story: its type and its number among those of the type.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Doc {
    Product(usize),
    Store(usize),
}

/// What an item is known by for all its life.
pub type Label = u32;

/// A request as a caller would put it.
#[derive(Debug, Clone)]
pub enum Request {
    Create { doc: Doc, changes: Changes, publish: bool },
    Save { doc: Doc, changes: Changes, publish: bool },
    Publish(Doc),
    Unpublish(Doc),
    Discard(Doc),
    Delete(Doc),
}

/// The parts of a document that a body names.
#[derive(Debug, Clone, Default)]
pub struct Changes {
    pub name: Option<u8>,
    pub items: Vec<(&'static str, Vec<Sent>)>,
    pub records: Option<Vec<Sent>>,
    pub links: Option<LinkChange>,
}

/// An item in a body. One that is known is named by its id, keeps what the body leaves out, and stands where it stands.
#[derive(Debug, Clone)]
pub struct Sent {
    pub label: Label,
    pub known: bool,
    pub value: Option<u8>,
    /// Of prices alone.
    pub records: Option<Vec<Sent>>,
}

#[derive(Debug, Clone)]
pub enum LinkChange {
    Set(Vec<Doc>),
    Change { connect: Vec<(Doc, Place)>, disconnect: Vec<Doc> },
}

#[derive(Debug, Clone, Copy)]
pub enum Place {
    End,
    Start,
    Before(Doc),
    After(Doc),
}

/// Why a request changes nothing: the status it is answered with.
pub type Refused = u16;

impl Doc {
    /// The fields that hold items of the two versions.
    pub fn item_fields(self) -> &'static [&'static str] {
        match self {
            Self::Product(_) => &["PRICES", "Tag", "SEO"],
            Self::Store(_) => &["URLS", "SEO"],
        }
    }

    pub fn singular(self) -> &'static str {
        match self {
            Self::Product(_) => "product",
            Self::Store(_) => "store",
        }
    }
}

impl Request {
    /// The document and the version that the answer shows; `None` when it shows nothing.
    pub fn answered(&self) -> Option<(Doc, bool)> {
        match self {
            Self::Create { doc, publish, .. } | Self::Save { doc, publish, .. } => Some((*doc, *publish)),
            Self::Publish(doc) => Some((*doc, true)),
            Self::Unpublish(doc) | Self::Discard(doc) => Some((*doc, false)),
            Self::Delete(_) => None,
        }
    }
}
