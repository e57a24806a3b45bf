//! What is shown of documents and components.

use super::condition::Filter;
use super::fields;
use super::sort::Order;
use crate::content::{DOCUMENT_ID, Field, Kind, LinkSide, Relation, Shape};

/// What is shown of a document or an item. Its number comes first and is always shown.
#[derive(Debug, Clone, PartialEq)]
pub struct Selection {
    /// The columns, in the order in which they are shown.
    pub columns: Vec<&'static Field>,
    /// Media fields, which are all empty.
    pub media: Vec<&'static Field>,
    /// Lists that are not kept here, all empty too.
    pub unsupported_relations: Vec<&'static str>,
    /// Components and relations: one statement each, whatever the number of rows.
    pub populated: Vec<Populated>,
}

/// A component or relation that is shown too.
#[derive(Debug, Clone, PartialEq)]
pub struct Populated {
    /// The field.
    pub field: &'static Field,
    /// Which of its items or documents.
    pub filter: Filter,
    /// In which order; without one in the order in which they were put.
    pub sort: Vec<Order>,
    /// Whether only their number is shown.
    pub counted: bool,
    /// What is shown of each.
    pub selection: Selection,
}

impl Selection {
    /// Every column, and nothing populated.
    pub(super) fn plain(shape: Shape) -> Self {
        Self::of(fields::all(shape))
    }

    /// Nothing but `populated`.
    pub(super) fn holding(populated: Populated) -> Self {
        Self { populated: vec![populated], ..Self::of(Vec::new()) }
    }

    fn of(columns: Vec<&'static Field>) -> Self {
        Self { columns, media: Vec::new(), unsupported_relations: Vec::new(), populated: Vec::new() }
    }

    /// The whole of a document, as events carry it: every column, every component with those inside it, and the links it
    /// owns as short references. Extension records are left out, since they are wiring and not content; so is the other
    /// side of links, which may be the ten thousand products of a store.
    pub fn whole(shape: Shape) -> Self {
        let mut whole = Self::plain(shape);
        for field in shape.fields() {
            match field.kind {
                Kind::Component { of, .. } if of.versioned => {
                    whole.populated.push(Populated::new(field, Self::whole(Shape::Component(of))));
                }
                Kind::Relation(Relation { target, side: LinkSide::Owner, .. }) => {
                    whole.populated.push(Populated::new(field, Self::reference(Shape::Document(target))));
                }
                _ => {}
            }
        }
        whole
    }

    /// Every column and every component, extension records among them: what the rules for publishing look at.
    pub fn complete(shape: Shape) -> Self {
        let mut complete = Self::plain(shape);
        complete.columns.retain(|field| shape.find_field(field.name).is_some());
        for field in shape.fields() {
            if let Kind::Component { of, .. } = field.kind {
                complete.populated.push(Populated::new(field, Self::complete(Shape::Component(of))));
            }
        }
        complete
    }

    /// Enough to tell which document it is.
    fn reference(shape: Shape) -> Self {
        let names = [DOCUMENT_ID.name, "slug", "title"];
        Self::of(shape.columns().filter(|field| names.contains(&field.name)).collect())
    }

    /// Shows the columns that rows are sorted by too. Strapi does so wherever it joins tables.
    pub(super) fn show_sorted(&mut self, shape: Shape, sort: &[Order]) {
        let is_sorted = |field: &&Field| sort.iter().any(|order| order.through.is_empty() && order.field == *field);
        let shown = std::mem::take(&mut self.columns);
        self.columns = shape.columns().filter(|field| shown.contains(field) || is_sorted(field)).collect();
    }

    /// Whether all of it can be read in microseconds: nothing in it can be thousands of documents.
    pub fn is_quick(&self) -> bool {
        self.populated.iter().all(|populated| {
            let many = matches!(populated.field.kind, Kind::Relation(Relation { side: LinkSide::Inverse, .. }));
            !many && populated.filter.is_everything() && populated.selection.is_quick()
        })
    }

    /// Whether none of it has to be searched for without an index.
    pub fn is_led(&self) -> bool {
        self.populated.iter().all(|populated| {
            let is_in_order = populated.sort.iter().all(|order| order.through.is_empty());
            populated.filter.is_led() && is_in_order && populated.selection.is_led()
        })
    }
}

impl Populated {
    /// All of a component or relation, in its own order.
    pub(super) fn new(field: &'static Field, selection: Selection) -> Self {
        Self { field, filter: Filter::everything(), sort: Vec::new(), counted: false, selection }
    }
}
