//! Questions for the items of a component of one document, such as the prices of a product.

use super::condition::{Comparison, Filter, Operand, Test};
use super::plan::{self, ReadPlan};
use super::scope::{PlanContext, Scope};
use super::selection::{Populated, Selection};
use super::strict;
use super::terms::Terms;
use super::value::QueryValue;
use super::{fields, filters, populate, sort, status};
use crate::content::{ContentType, DOCUMENT_ID, Field, ID, Kind, Shape, Version};
use crate::error::{Error, Result};

/// The parameters that such questions have. All items come at once, so there are no pages.
const KNOWN: [&str; 6] = ["filters", "sort", "fields", "populate", "status", "locale"];

/// Plans the reading of the items that one document has of the component `field`. The document's id is given when it is
/// read; every parameter but `status` is about the items. The plan shows the document with nothing but them.
///
/// Fails when the caller may not read the document, and when anything asked is not known, not allowed or too much.
pub fn plan_items(
    content_type: &'static ContentType,
    field: &'static Field,
    asked: &QueryValue,
    terms: Terms,
) -> Result<ReadPlan> {
    let Kind::Component { of, .. } = field.kind else {
        return Err(Error::internal(format!("{} is no component", field.name)));
    };
    if terms.strict {
        strict::check_names(asked)?;
        strict::check_values(asked, false)?;
    }
    let mut context = PlanContext::new(terms);
    plan::refuse_lost_filters(asked, &KNOWN)?;
    let version = status::version(asked.get("status"), &mut context)?;
    let scope = |param| Scope::new(Shape::Component(of), param);
    let mut items = Populated::new(field, Selection::plain(Shape::Component(of)));
    if let Some(asked) = asked.get("fields") {
        items.selection.columns = fields::read(&scope("fields"), asked)?;
    }
    if let Some(asked) = asked.get("filters") {
        items.filter = filters::read(&scope("filters"), asked, &mut context)?;
    }
    if let Some(asked) = asked.get("sort") {
        items.sort = sort::read(&scope("sort"), asked, &mut context)?;
    }
    if let Some(asked) = asked.get("populate") {
        populate::read(&scope("populate"), asked, &mut items.selection, &mut context)?;
    }
    plan::warn_of_unknown(asked, &KNOWN, &mut context);
    let mut plan = ReadPlan::of_one(content_type, version, Selection::holding(items));
    plan.warnings = context.warnings;
    Ok(plan)
}

impl ReadPlan {
    /// One document with the items it has of the component `field`, as events carry them, and its own fields `shown`.
    pub fn whole_item(
        content_type: &'static ContentType,
        field: &'static Field,
        version: Version,
        shown: &[&str],
    ) -> Self {
        let shape = Shape::Document(content_type);
        let mut selection = Selection::whole(shape);
        selection.columns.retain(|column| column.name == DOCUMENT_ID.name || shown.contains(&column.name));
        selection.populated.retain(|populated| populated.field == field);
        Self::of_one(content_type, version, selection)
    }

    /// The same plan, of [`plan_items`], for the item with this id alone.
    pub fn of_item(mut self, id: i64) -> Self {
        for items in &mut self.selection.populated {
            let chosen = Filter::Value { field: &ID, test: Test::Compare(Comparison::Eq, Operand::Int(id)) };
            items.filter = Filter::all(vec![chosen, std::mem::replace(&mut items.filter, Filter::everything())]);
        }
        self
    }
}
