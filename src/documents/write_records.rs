//! Extension records, one by one. They belong to the document and not to one of its versions, so a change of one
//! publishes nothing and is in force at once. A document is stored whatever its records are like; a record that comes
//! alone is refused when it would not work.

use std::sync::Arc;

use serde_json::{Map, Value, json};

use super::answer;
use super::change::DocumentTransaction;
use super::etag::TaggedAnswer;
use super::records::{OwnerPath, RecordPath, get_owner, get_record};
use super::review::Review;
use super::write::Request;
use crate::access::Right;
use crate::content::{self, EXTENSION, Field, Item, Rules, Shape};
use crate::db::documents::read::One;
use crate::db::documents::{self as rows, Done, Parent, RecordChange};
use crate::db::extensions::ExtensionRecord;
use crate::db::records::{self, RecordFilter, ShownRecord};
use crate::db::{Conn, extensions};
use crate::error::{Error, Problem, Result};
use crate::query::Warning;
use crate::state::AppState;

/// Members of a record that its handler looks at: whoever sends one is told what the handler cannot use.
const LOOKED_AT: [&str; 4] = ["key", "config", "credentials", "url"];
/// The member whose patterns stand for themselves.
const TRIGGERS: &str = "triggers";

/// The records of a holder that `filter` asks for, in their order, and how many there are in all: at most `limit` of
/// them, after the first `start`.
///
/// Fails with [`Error::NotFound`] when there is no such holder.
pub fn find_records(
    conn: &mut Conn,
    path: &OwnerPath,
    filter: &RecordFilter,
    (start, limit): (i64, i64),
) -> Result<(Vec<ShownRecord>, i64)> {
    let owner = get_owner(conn, path)?.owner;
    Ok((records::find_page(conn, &owner, filter, start, limit)?, records::count(conn, &owner, filter)?))
}

/// One record, under the revision of its document.
///
/// Fails with [`Error::NotFound`] when it is not there.
pub fn show_record(conn: &mut Conn, path: &RecordPath, warnings: &[Warning]) -> Result<TaggedAnswer> {
    let holder = get_owner(conn, &path.holder)?;
    let record = records::find(conn, &holder.owner, path.id)?.ok_or(Error::NotFound)?;
    let found = One { document: serde_json::to_vec(&record)?, revision: holder.subject.revision };
    Ok(answer::one(&found, warnings))
}

/// Adds a record behind the others; without `triggers` it begins with those of its handler.
///
/// Fails with [`Error::NotFound`] when there is no such holder, and with [`Error::Invalid`] when it would not work.
pub async fn create_record(
    state: &Arc<AppState>,
    request: Request,
    path: OwnerPath,
    mut data: Map<String, Value>,
) -> Result<TaggedAnswer> {
    path.require(request.caller.access, Right::Extensions)?;
    content::check_item_keys(&EXTENSION, &data)?;
    begin(state, &mut data);
    let input = content::validate_item(&EXTENSION, &data, Rules { publishing: true, creating: true })?;
    let document_id = path.document_id.clone();
    let create = move |transaction: &mut DocumentTransaction<'_>| {
        transaction.lock_and_check_revision()?;
        let id = transaction.save_record(&path, Item { id: None, input: input.clone() })?;
        let path = RecordPath { holder: path.clone(), id };
        transaction.check_record(&path, |_| true)?;
        show_record(transaction.conn, &path, &transaction.warnings)
    };
    request.write(state, document_id, create).await
}

/// Changes the members of a record that `data` names.
///
/// Fails with [`Error::NotFound`] when it is not there, and with [`Error::Invalid`] when it would not work any more.
pub async fn update_record(
    state: &Arc<AppState>,
    request: Request,
    path: RecordPath,
    mut data: Map<String, Value>,
) -> Result<TaggedAnswer> {
    path.holder.require(request.caller.access, Right::Extensions)?;
    // What was read may be sent back as it is.
    if data.get("id").and_then(Value::as_i64) == Some(path.id) {
        data.shift_remove("id");
    }
    content::check_item_keys(&EXTENSION, &data)?;
    let input = content::validate_item(&EXTENSION, &data, Rules { publishing: true, creating: false })?;
    let is_sent = |member: &str| data.contains_key(member);
    let (looked_at, triggers) = (LOOKED_AT.into_iter().any(is_sent), is_sent(TRIGGERS));
    let document_id = path.holder.document_id.clone();
    let update = move |transaction: &mut DocumentTransaction<'_>| {
        transaction.lock_and_check_revision()?;
        let was_active = get_record(transaction.conn, &path)?.1.active;
        transaction.save_record(&path.holder, Item { id: Some(path.id), input: input.clone() })?;
        if !was_active && get_record(transaction.conn, &path)?.1.active {
            records::switch(transaction.conn, path.id, true)?;
        }
        transaction.check_record(&path, |member| if member == TRIGGERS { triggers } else { looked_at })?;
        transaction.warn_of_losses();
        show_record(transaction.conn, &path, &transaction.warnings)
    };
    request.write(state, document_id, update).await
}

/// Switches a record on or off, or to what it is not. One that would not work as it is is warned of.
///
/// Fails with [`Error::NotFound`] when it is not there.
pub async fn toggle_record(
    state: &Arc<AppState>,
    request: Request,
    path: RecordPath,
    active: Option<bool>,
) -> Result<TaggedAnswer> {
    path.holder.require(request.caller.access, Right::Extensions)?;
    let document_id = path.holder.document_id.clone();
    let toggle = move |transaction: &mut DocumentTransaction<'_>| {
        let versions = transaction.lock_and_check_revision()?;
        let (holder, record) = get_record(transaction.conn, &path)?;
        let active = active.unwrap_or(!record.active);
        if active != record.active {
            records::switch(transaction.conn, path.id, active)?;
            let members = Map::from_iter([("active".to_owned(), json!({"from": record.active, "to": active}))]);
            let done = Done::Updated { members, lost: Vec::new() };
            let ExtensionRecord { id, key, url, .. } = record;
            transaction.record_changes.push(RecordChange { id, key, url, owner: holder.owner, done, path: Vec::new() });
            rows::revise(transaction.conn, transaction.content_type, versions.draft)?;
        }
        if active {
            transaction.check_record(&path, |_| false)?;
        }
        show_record(transaction.conn, &path, &transaction.warnings)
    };
    request.write(state, document_id, toggle).await
}

/// Removes a record. One that is not there is as good as removed.
pub async fn delete_record(state: &Arc<AppState>, request: Request, path: RecordPath) -> Result<TaggedAnswer> {
    path.holder.require(request.caller.access, Right::Extensions)?;
    let document_id = path.holder.document_id.clone();
    let delete = move |transaction: &mut DocumentTransaction<'_>| {
        let found = rows::find(transaction.conn, transaction.content_type, transaction.document_id)?;
        let Some(versions) = found else { return Ok(TaggedAnswer::empty()) };
        transaction.check(versions)?;
        let owner_id = match get_owner(transaction.conn, &path.holder) {
            Ok(holder) => holder.owner.1,
            Err(Error::NotFound) => return Ok(TaggedAnswer::empty()),
            Err(error) => return Err(error),
        };
        let (shape, field) = list_of(&path.holder)?;
        if transaction.writer().remove_one(Parent::new(shape, owner_id), field, path.id)? {
            rows::revise(transaction.conn, transaction.content_type, versions.draft)?;
        }
        Ok(TaggedAnswer::empty())
    };
    request.write(state, document_id, delete).await
}

/// Gives a new record what it begins with where `data` does not say: the triggers of its handler.
pub(super) fn begin(state: &AppState, data: &mut Map<String, Value>) {
    let entry = data.get("key").and_then(Value::as_str).and_then(|key| state.handlers.find(key));
    if let Some(entry) = entry.filter(|_| !data.contains_key("triggers")) {
        data.insert("triggers".to_owned(), entry.descriptor().default_triggers.into());
    }
}

impl DocumentTransaction<'_> {
    /// Saves a record, and counts that as a change of its document. Returns the record's id.
    pub(super) fn save_record(&mut self, path: &OwnerPath, item: Item) -> Result<i64> {
        let holder = get_owner(self.conn, path)?;
        let (shape, field) = list_of(path)?;
        let id = self.writer().save_one(Parent::new(shape, holder.owner.1), field, item)?;
        rows::revise(self.conn, self.content_type, holder.subject.draft)?;
        Ok(id)
    }

    /// Warns of what is wrong with a record as it is stored, or refuses it: for what stands in a member that `refuses` names.
    pub(super) fn check_record(&mut self, path: &RecordPath, refuses: impl Fn(&str) -> bool) -> Result<()> {
        let owner = get_owner(self.conn, &path.holder)?.owner;
        let found = extensions::find_candidates_with_setup(self.conn, vec![owner])?;
        let candidate = found.into_iter().find(|one| one.candidate.id == path.id).ok_or(Error::NotFound)?;
        let review = Review::of(self.state, &candidate);
        let refused = review.refused(refuses);
        if !refused.is_empty() {
            let problem = |Warning { path, message }| Problem { path, message, value: None };
            return Err(Error::Invalid(refused.into_iter().map(problem).collect()));
        }
        self.warnings.extend(review.into_warnings());
        Ok(())
    }
}

/// Which list of what holds the records.
fn list_of(path: &OwnerPath) -> Result<(Shape, &'static Field)> {
    let shape = match path.price {
        Some(_) => {
            let of = path.content_type.prices().and_then(Field::held);
            Shape::Component(of.ok_or(Error::NotFound)?)
        }
        None => Shape::Document(path.content_type),
    };
    let field = shape.records();
    Ok((shape, field.ok_or(Error::NotFound)?))
}
