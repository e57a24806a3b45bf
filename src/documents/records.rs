//! One extension record, found by the path that leads to it: the document, or a price of a product, and the record's id.

use crate::access::{Access, Right};
use crate::content::{ContentType, Field, Shape};
use crate::db::Conn;
use crate::db::documents::{self as rows, Subject};
use crate::db::events::Owner;
use crate::db::extensions::{self, ExtensionRecord};
use crate::error::{Error, Result};

/// The path to what holds extension records.
#[derive(Debug, Clone)]
pub struct OwnerPath {
    /// The type of the document; for a price that of its product.
    pub content_type: &'static ContentType,
    /// The document.
    pub document_id: String,
    /// The price of that product, where it holds the records.
    pub price: Option<i64>,
}

/// The path to an extension record.
#[derive(Debug, Clone)]
pub struct RecordPath {
    /// What holds it.
    pub holder: OwnerPath,
    /// The record's id.
    pub id: i64,
}

/// What holds extension records.
#[derive(Debug, Clone)]
pub struct RecordOwner {
    /// The rows of the document; for a price those of its product.
    pub subject: Subject,
    /// How the tables name it.
    pub owner: Owner,
}

impl OwnerPath {
    /// [`Error::Forbidden`] unless the caller may do this with the records that are held there. To read them is to read
    /// the document with what only those see who see drafts.
    pub fn require(&self, access: Access, right: Right) -> Result<()> {
        access.require(right, self.content_type)?;
        if self.price.is_none() && Shape::Document(self.content_type).records().is_none() {
            return Err(Error::NotFound);
        }
        if access.sees_drafts() { Ok(()) } else { Err(access.lacks("a token: extension records are not public")) }
    }
}

/// Finds what holds records, in either version of the document.
///
/// [`Error::NotFound`] when there is no such document, or it has no such price.
pub fn get_owner(conn: &mut Conn, path: &OwnerPath) -> Result<RecordOwner> {
    let subject = rows::find_subject(conn, path.content_type, &path.document_id)?.ok_or(Error::NotFound)?;
    let owner = match path.price {
        None => (Shape::Document(path.content_type).records_owner_field(), subject.draft),
        Some(price) if rows::has_price(conn, path.content_type, subject.draft, price)? => {
            (price_owner(path.content_type)?, price)
        }
        Some(_) => return Err(Error::NotFound),
    };
    Ok(RecordOwner { subject, owner })
}

/// The `owner_field` of the records that the prices of documents of this type hold.
fn price_owner(content_type: &'static ContentType) -> Result<String> {
    let of = content_type.prices().and_then(Field::held);
    Ok(Shape::Component(of.ok_or(Error::NotFound)?).records_owner_field())
}

/// Finds a record and what holds it.
///
/// [`Error::NotFound`] when the record is not there, was removed, or hangs somewhere else.
pub fn get_record(conn: &mut Conn, path: &RecordPath) -> Result<(RecordOwner, ExtensionRecord)> {
    let holder = get_owner(conn, &path.holder)?;
    let record = extensions::find(conn, &holder.owner, path.id)?.ok_or(Error::NotFound)?;
    Ok((holder, record))
}
