//! The columns that every document has beside the attributes of its type.

use super::{Field, Kind, Shape};

/// The number of the version shown, or of the item of a component.
pub static ID: Field = Field::integer("id", "id").indexed();
/// The stable public identifier.
pub static DOCUMENT_ID: Field = Field::string("documentId", "document_id").indexed();
/// When the document was made.
pub static CREATED_AT: Field = Field::date_time("createdAt", "created_at").indexed();
/// When the version was last changed.
pub static UPDATED_AT: Field = Field::date_time("updatedAt", "updated_at").indexed();
/// When the version was published; null on drafts.
pub static PUBLISHED_AT: Field = Field::date_time("publishedAt", "published_at");

/// Which version of a document.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Version {
    /// The one that editors work on.
    Draft,
    /// The one that the public sees.
    Published,
}

impl Shape {
    /// Everything that stands in a row of its table and is shown, in the order in which it is shown; `id` comes first
    /// everywhere and is not among them.
    pub fn columns(self) -> impl Iterator<Item = &'static Field> {
        let document = matches!(self, Self::Document(_));
        let before = document.then_some(&DOCUMENT_ID);
        let after = [&CREATED_AT, &UPDATED_AT, &PUBLISHED_AT].into_iter().filter(move |_| document);
        before.into_iter().chain(self.scalars()).chain(after)
    }

    /// The column with this name, `id` among them.
    pub fn find_column(self, name: &str) -> Option<&'static Field> {
        std::iter::once(&ID).chain(self.columns()).find(|field| field.name == name)
    }
}

impl Field {
    /// Whether this is the number of the row itself.
    pub fn is_id(&self) -> bool {
        self.name == ID.name
    }

    /// The column that readers are shown: for a secret its mask, never what is sealed.
    pub fn shown_column(&self) -> &'static str {
        match self.kind {
            Kind::Secret => self.mask_column,
            _ => self.column,
        }
    }
}

impl PartialEq for Field {
    /// Fields are facts: one is the same as another when it stands in the same place.
    fn eq(&self, other: &Self) -> bool {
        std::ptr::eq(self, other)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::content::{EXTENSION, PRODUCT, TAG};

    #[test]
    fn columns_come_in_the_order_in_which_they_are_shown() {
        let names = |shape: Shape| shape.columns().map(|field| field.name).collect::<Vec<_>>();
        assert_eq!(names(Shape::Component(&TAG)), ["Label", "Color"]);
        let product = names(Shape::Document(&PRODUCT));
        assert_eq!((product[0], product[product.len() - 1]), ("documentId", "publishedAt"));
        assert!(!product.contains(&"PRICES"));
    }

    #[test]
    fn secrets_are_shown_by_their_mask() {
        let shown: Vec<_> = Shape::Component(&EXTENSION).columns().map(Field::shown_column).collect();
        assert!(shown.contains(&"credentials_mask") && !shown.contains(&"credentials"), "{shown:?}");
    }
}
