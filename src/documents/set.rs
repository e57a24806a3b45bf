//! Values that handlers set: an outside id, a sync state. They are facts about the document and no edit of it, so they go
//! into both versions, and what an editor has under way in the draft stays there.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::{Map, Value};

use super::change::{DocumentTransaction, Step};
use super::etag::TaggedAnswer;
use super::lifecycle::Change;
use super::write::Request;
use crate::access::Caller;
use crate::content::{self, ContentType, Field, Input, Item, Rules, Shape};
use crate::db::documents::read::Form;
use crate::db::documents::{self as rows, Parent, Versions};
use crate::error::{Error, Result};
use crate::state::AppState;

/// What is to be set in one document.
#[derive(Debug, Clone, Default)]
pub struct NewValues {
    /// Values of the document itself.
    pub own: Map<String, Value>,
    /// Values of prices of the product that it is, by their ids. A price that is gone is left out.
    pub prices: BTreeMap<i64, Map<String, Value>>,
}

/// Sets values of a document in both its versions, for `caller`; what stands there already is no change.
///
/// Fails with [`Error::NotFound`] when there is no such document, and with [`Error::Invalid`] or [`Error::InvalidKey`]
/// when a value is not one of its own or not right.
pub async fn set(
    state: &Arc<AppState>,
    caller: Caller,
    content_type: &'static ContentType,
    document_id: String,
    values: NewValues,
) -> Result<()> {
    let (query, ignored) = (String::new(), Vec::new());
    let request = Request { content_type, caller, query, form: Form::Flat, if_match: None, once: None, ignored };
    let set = move |transaction: &mut DocumentTransaction<'_>| transaction.set(&values).map(|()| TaggedAnswer::empty());
    request.write(state, document_id, set).await.map(drop)
}

impl DocumentTransaction<'_> {
    fn set(&mut self, values: &NewValues) -> Result<()> {
        let versions = self.lock_and_check_revision()?;
        let prices = self.content_type.prices();
        if prices.is_none() && !values.prices.is_empty() {
            return Err(Error::Validation(format!("A {} has no prices", self.content_type.singular)));
        }
        let publishing = versions.published.is_some();
        let input = self.own_values(&values.own, publishing)?;
        let (draft, before) = (self.state_of(false)?, self.state_of(publishing)?);
        if values.stand_in(prices, &draft) && values.stand_in(prices, &before) {
            return Ok(());
        }
        let columns: Vec<_> =
            input.values.into_iter().map(|(field, value)| (field.column, rows::bound(field, value))).collect();
        for row in versions.published.into_iter().chain([versions.draft]) {
            rows::update(self.conn, self.content_type, row, self.now, &columns)?;
        }
        for (price, data) in &values.prices {
            self.set_price(versions, *price, data)?;
        }
        self.refuse_unmet(versions.draft, Vec::new())?;
        let after = self.state_of(publishing)?;
        self.finish(versions, &[Step(Change::Updated, before, after)])
    }

    fn own_values(&self, data: &Map<String, Value>, publishing: bool) -> Result<Input> {
        content::check_keys(self.content_type, data)?;
        scalars(content::validate(self.content_type, data, Rules { publishing, creating: false })?)
    }

    /// Sets values of a price in each version that has it.
    fn set_price(&mut self, versions: Versions, price: i64, data: &Map<String, Value>) -> Result<()> {
        let field = self.content_type.prices().ok_or(Error::NotFound)?;
        let of = field.held().ok_or(Error::NotFound)?;
        content::check_item_keys(of, data)?;
        for row in versions.published.into_iter().chain([versions.draft]) {
            let publishing = Some(row) == versions.published;
            let input = scalars(content::validate_item(of, data, Rules { publishing, creating: false })?)?;
            let item = Item { id: Some(price), input };
            let version = Parent::new(Shape::Document(self.content_type), row);
            match self.writer().save_one(version, field, item) {
                Ok(_) | Err(Error::NotFound) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }
}

/// The input, if it is of plain values.
fn scalars(input: Input) -> Result<Input> {
    match input.items.is_empty() && input.links.is_empty() && input.secrets.is_empty() {
        true => Ok(input),
        false => Err(Error::Validation("Components, relations and secrets cannot be set by a handler".into())),
    }
}

impl NewValues {
    /// Whether all of them stand in this state of the document.
    fn stand_in(&self, prices: Option<&Field>, document: &Value) -> bool {
        let all = |values: &Map<String, Value>, there: &Value| values.iter().all(|(name, value)| there[name] == *value);
        let items = prices.and_then(|field| document[field.name].as_array()).map_or(&[][..], Vec::as_slice);
        let of_price = |price: i64| items.iter().find(|item| item["id"].as_i64() == Some(price));
        all(&self.own, document)
            && self.prices.iter().all(|(price, values)| of_price(*price).is_none_or(|there| all(values, there)))
    }
}
