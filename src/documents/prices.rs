//! The prices of a product, one by one. A change of one is a change of its product: it goes to the draft, and publishes
//! it unless the query asks for a draft.

use std::sync::Arc;

use serde_json::{Map, Value};

use super::change::DocumentTransaction;
use super::etag::TaggedAnswer;
use super::read::{Find, find_item, find_items};
use super::write::Request;
use crate::access::Right;
use crate::content::{self, Field, Input, Item, PRICE, PRODUCT, Rules, Shape, Version};
use crate::db::documents::{self as rows, Parent, Versions};
use crate::error::{Error, Result};
use crate::limits::ITEMS;
use crate::query::{self, Filter, ReadPlan, Terms};
use crate::state::AppState;

/// Asks for all prices of a product with a query string that is about prices.
///
/// Fails when the caller may not read them, and when anything in the query string is not known, not allowed or too much.
pub fn find_prices(product: &str, query_string: &str, terms: Terms) -> Result<Find> {
    Ok(find_items(readable(query_string, terms)?, product))
}

/// Asks for one price of a product.
///
/// Fails as [`find_prices`] does.
pub fn find_price(product: &str, price: i64, query_string: &str, terms: Terms) -> Result<Find> {
    Ok(find_item(readable(query_string, terms)?, product, price))
}

/// Adds a price behind the others.
///
/// Fails with [`Error::NotFound`] when there is no such product.
pub async fn create_price(
    state: &Arc<AppState>,
    request: Request,
    product: String,
    data: Map<String, Value>,
) -> Result<TaggedAnswer> {
    let plan = request.price_plan(state)?;
    content::check_item_keys(&PRICE, &data)?;
    let rules = Rules { publishing: plan.version == Version::Published, creating: true };
    let input = content::validate_item(&PRICE, &data, rules)?;
    let create = move |transaction: &mut DocumentTransaction<'_>| {
        let versions = transaction.lock_and_check_revision()?;
        let others = transaction.prices(versions.draft)?;
        if others.len() >= ITEMS.most {
            return Err(ITEMS.exceeded_at(vec!["PRICES".to_owned()], "With this one PRICES would have"));
        }
        let new = Item { id: None, input: input.clone() };
        transaction.save_prices(versions, others.into_iter().map(kept).chain([new]).collect(), rules.publishing)?;
        let last = transaction.prices(versions.draft)?.pop();
        last.ok_or_else(|| Error::internal("a price that was added is not there"))
    };
    request.change_price(state, plan, product, create).await
}

/// Changes the fields of a price that `data` names.
///
/// Fails with [`Error::NotFound`] when the product's draft has no such price.
pub async fn update_price(
    state: &Arc<AppState>,
    request: Request,
    (product, price): (String, i64),
    mut data: Map<String, Value>,
) -> Result<TaggedAnswer> {
    let plan = request.price_plan(state)?;
    // What was read may be sent back as it is.
    if data.get("id").and_then(Value::as_i64) == Some(price) {
        data.shift_remove("id");
    }
    content::check_item_keys(&PRICE, &data)?;
    let rules = Rules { publishing: plan.version == Version::Published, creating: false };
    let input = content::validate_item(&PRICE, &data, rules)?;
    let update = move |transaction: &mut DocumentTransaction<'_>| {
        let versions = transaction.lock_and_check_revision()?;
        let mut input = Some(input.clone());
        let list = transaction.prices(versions.draft)?.into_iter();
        let list = list.map(|id| match input.take_if(|_| id == price) {
            Some(input) => Item { id: Some(id), input },
            None => kept(id),
        });
        let list: Vec<Item> = list.collect();
        if input.is_some() {
            return Err(Error::NotFound);
        }
        transaction.save_prices(versions, list, rules.publishing)?;
        Ok(price)
    };
    request.change_price(state, plan, product, update).await
}

/// Removes a price: from the draft, and from what is published unless the query asks for a draft. One that does not
/// exist is as good as removed.
pub async fn delete_price(
    state: &Arc<AppState>,
    request: Request,
    product: String,
    price: i64,
) -> Result<TaggedAnswer> {
    let plan = request.price_plan(state)?;
    let publishing = plan.version == Version::Published;
    let delete = move |transaction: &mut DocumentTransaction<'_>| {
        transaction.delete_price(price, publishing)?;
        Ok(TaggedAnswer::empty())
    };
    Ok(TaggedAnswer { warnings: plan.warnings, ..request.write(state, product, delete).await? })
}

impl Request {
    /// What of the price the answer shows, and in which version. Filters choose nothing here: the price is named.
    pub(super) fn price_plan(&self, state: &AppState) -> Result<ReadPlan> {
        self.caller.access.require(Right::Update, &PRODUCT)?;
        let terms = Terms { access: self.caller.access, strict: state.config.strict_params };
        let mut plan = plan(&self.query, terms)?;
        for prices in &mut plan.selection.populated {
            prices.filter = Filter::everything();
        }
        Ok(plan)
    }

    /// Does `work`, which names a price, and reads that as it then is, in one transaction.
    async fn change_price(
        self,
        state: &Arc<AppState>,
        plan: ReadPlan,
        product: String,
        mut work: impl FnMut(&mut DocumentTransaction<'_>) -> Result<i64> + Send + 'static,
    ) -> Result<TaggedAnswer> {
        let change = move |transaction: &mut DocumentTransaction<'_>| {
            let price = work(transaction)?;
            let mut plan = plan.clone();
            plan.warnings.append(&mut transaction.warnings);
            transaction.conn.for_answer(|conn| find_item(plan, transaction.document_id, price).run(conn))
        };
        self.write(state, product, change).await
    }
}

impl DocumentTransaction<'_> {
    /// Makes `list` the product's prices.
    fn save_prices(&mut self, versions: Versions, list: Vec<Item>, publishing: bool) -> Result<()> {
        let input = Input { items: vec![(prices_field()?, list)], ..Input::default() };
        // The caller sent a price and not the list that it stands in.
        let alone = |path: &mut Vec<String>| drop(path.drain(..path.len().min(2)));
        self.save(versions, input, publishing).map_err(|mut error| {
            match &mut error {
                Error::Invalid(problems) => problems.iter_mut().for_each(|problem| alone(&mut problem.path)),
                Error::RecordsForbidden { path, .. } => alone(path),
                _ => {}
            }
            error
        })?;
        self.warn_of_losses();
        self.warnings.iter_mut().for_each(|warning| alone(&mut warning.path));
        Ok(())
    }

    fn delete_price(&mut self, price: i64, publishing: bool) -> Result<()> {
        let Some(versions) = rows::find(self.conn, &PRODUCT, self.document_id)? else { return Ok(()) };
        self.check(versions)?;
        let mut list = self.prices(versions.draft)?;
        let published = versions.published.filter(|_| publishing);
        let published = published.map(|published| self.prices(published)).transpose()?;
        if !list.contains(&price) && !published.is_some_and(|published| published.contains(&price)) {
            return Ok(());
        }
        list.retain(|id| *id != price);
        self.save_prices(versions, list.into_iter().map(kept).collect(), publishing)
    }

    /// The prices of a version of the product.
    fn prices(&mut self, version: i64) -> Result<Vec<i64>> {
        rows::list_items(self.conn, Parent::new(Shape::Document(&PRODUCT), version), prices_field()?)
    }
}

fn readable(query_string: &str, terms: Terms) -> Result<ReadPlan> {
    terms.access.require(Right::FindOne, &PRODUCT)?;
    plan(query_string, terms)
}

fn plan(query_string: &str, terms: Terms) -> Result<ReadPlan> {
    query::plan_items(&PRODUCT, prices_field()?, &query::parse(query_string)?, terms)
}

/// A price that stays as it is.
fn kept(id: i64) -> Item {
    Item { id: Some(id), input: Input::default() }
}

pub(super) fn prices_field() -> Result<&'static Field> {
    let field = Shape::Document(&PRODUCT).find_field("PRICES");
    field.ok_or_else(|| Error::internal("products have no prices"))
}
