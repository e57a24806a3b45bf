//! What an answer depends on: whose changes can make it another.

use super::condition::Filter;
use super::plan::ReadPlan;
use super::selection::Selection;
use super::sort::Order;
use crate::content::{Field, Kind, TypeSet};

impl ReadPlan {
    /// The content types whose changes can change what the plan finds. `None` when it looks at extension records too,
    /// which change with every run.
    pub fn depends_on(&self) -> Option<TypeSet> {
        let mut seen = Seen { types: TypeSet::default(), only_content: true };
        seen.types.insert(self.content_type);
        seen.filter(&self.filter);
        seen.orders(&self.sort);
        seen.selection(&self.selection);
        seen.only_content.then_some(seen.types)
    }
}

struct Seen {
    types: TypeSet,
    only_content: bool,
}

impl Seen {
    fn selection(&mut self, selection: &Selection) {
        for populated in &selection.populated {
            self.field(populated.field);
            self.filter(&populated.filter);
            self.orders(&populated.sort);
            self.selection(&populated.selection);
        }
    }

    fn orders(&mut self, orders: &[Order]) {
        orders.iter().flat_map(|order| &order.through).for_each(|field| self.field(field));
    }

    fn filter(&mut self, filter: &Filter) {
        match filter {
            Filter::All(parts) | Filter::Any(parts) => parts.iter().for_each(|part| self.filter(part)),
            Filter::Not(inner) => self.filter(inner),
            Filter::Through { field, filter } => {
                self.field(field);
                self.filter(filter);
            }
            Filter::Value { .. } | Filter::Publication(_) => {}
        }
    }

    fn field(&mut self, field: &Field) {
        match field.kind {
            Kind::Relation(relation) => self.types.insert(relation.target),
            Kind::Component { of, .. } => self.only_content &= of.versioned,
            _ => {}
        }
    }
}
