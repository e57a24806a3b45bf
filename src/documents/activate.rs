//! One handler activated for many documents and prices at once: all of it or nothing.

use std::sync::Arc;

use serde::Serialize;
use serde_json::{Map, Value, json};

use super::change::DocumentTransaction;
use super::etag::TaggedAnswer;
use super::once::IdempotencyKey;
use super::records::{OwnerPath, RecordPath, get_owner};
use super::write_records::begin;
use crate::access::{Caller, Right};
use crate::content::{self, EXTENSION, Item, Rules};
use crate::db::Conn;
use crate::db::documents as rows;
use crate::db::records::{self, RecordFilter, ShownRecord};
use crate::error::{Error, Problem, Result};
use crate::handler::{Entry, Target};
use crate::queue::wake::Work;
use crate::state::AppState;

/// What shall be activated, and where.
#[derive(Debug, Clone)]
pub struct Activation {
    /// The handler's key, or an alias of it.
    pub key: String,
    /// What shall hold the new records.
    pub targets: Vec<OwnerPath>,
    /// What each record shall have: triggers, credentials, config, url, active.
    pub data: Map<String, Value>,
    /// Whether a target may have the handler already.
    pub again: bool,
}

/// A new record, and what holds it.
#[derive(Serialize)]
struct Activated {
    target: Target,
    extension: ShownRecord,
}

/// Gives each target a record of the handler, which begins with the handler's triggers unless `data` names others.
///
/// Fails with [`Error::Forbidden`] when the caller may not do so for one of them, and with [`Error::Invalid`] when the
/// records would not work, and for each target that is not there or has the handler already.
pub async fn activate(
    state: &Arc<AppState>,
    caller: Caller,
    once: Option<IdempotencyKey>,
    activation: Activation,
) -> Result<TaggedAnswer> {
    for target in &activation.targets {
        target.require(caller.access, Right::Extensions)?;
    }
    let Some(entry) = state.handlers.find(&activation.key).map(Arc::clone) else {
        let problem =
            Problem { path: vec!["key".into()], message: state.handlers.unknown(&activation.key), value: None };
        return Err(Error::Invalid(vec![problem]));
    };
    let mut data = activation.data.clone();
    data.insert("key".to_owned(), json!(activation.key));
    begin(state, &mut data);
    let shared = Arc::clone(state);
    let answer = state.db.write(move |conn| {
        let work = |conn: &mut Conn| {
            let key = &activation.key;
            Activating { state: &shared, caller: &caller, key, entry: &entry, data: &data }.run(conn, &activation)
        };
        match &once {
            Some(once) => once.run(conn, shared.clock.now(), work),
            None => work(conn),
        }
    });
    let answer = answer.await?;
    state.wake_runner(Work::Events);
    Ok(answer)
}

struct Activating<'a> {
    state: &'a AppState,
    caller: &'a Caller,
    key: &'a str,
    entry: &'a Entry,
    data: &'a Map<String, Value>,
}

impl Activating<'_> {
    fn run(&self, conn: &mut Conn, activation: &Activation) -> Result<TaggedAnswer> {
        let (mut made, mut problems) = (Vec::new(), Vec::new());
        let documents = activation.targets.iter().map(|target| (target.content_type, &*target.document_id));
        rows::lock_documents(conn, documents)?;
        for (place, target) in activation.targets.iter().enumerate() {
            match self.activate(conn, target, activation.again)? {
                Ok(extension) => made.push(Activated { target: named(target), extension }),
                Err(reason) => problems.push((place, reason)),
            }
        }
        if problems.is_empty() {
            return Ok(TaggedAnswer::of_page(serde_json::to_vec(&json!({"data": made, "meta": {}}))?, None));
        }
        let problem = |(place, reason): (usize, String)| Problem {
            path: vec!["targets".to_owned(), place.to_string()],
            message: format!("targets[{place}] {reason}"),
            value: None,
        };
        Err(Error::Invalid(problems.into_iter().map(problem).collect()))
    }

    /// The new record of a target, or why there is none.
    fn activate(
        &self,
        conn: &mut Conn,
        path: &OwnerPath,
        again: bool,
    ) -> Result<std::result::Result<ShownRecord, String>> {
        let mut transaction = DocumentTransaction {
            state: self.state,
            conn,
            content_type: path.content_type,
            document_id: &path.document_id,
            actor: &self.caller.actor,
            access: self.caller.access,
            depth: self.caller.depth,
            now: self.state.clock.now(),
            if_match: None,
            warnings: Vec::new(),
            record_changes: Vec::new(),
        };
        let holder = match transaction.lock_and_check_revision().and_then(|_| get_owner(transaction.conn, path)) {
            Ok(holder) => holder,
            Err(Error::NotFound) => return Ok(Err("is not there".to_owned())),
            Err(error) => return Err(error),
        };
        for key in self.entry.descriptor().keys_like(self.key).into_iter().filter(|_| !again) {
            let filter = RecordFilter { key: Some(key.to_owned()), active: None };
            if let Some(other) = records::find_page(transaction.conn, &holder.owner, &filter, 0, 1)?.first() {
                let id = other.id;
                return Ok(Err(format!("has {key} already, in record {id}; `again` makes another one")));
            }
        }
        let input = content::validate_item(&EXTENSION, self.data, Rules { publishing: true, creating: true })?;
        let id = transaction.save_record(path, Item { id: None, input })?;
        transaction.check_record(&RecordPath { holder: path.clone(), id }, |_| true)?;
        transaction.finish_records()?;
        Ok(Ok(records::find(transaction.conn, &holder.owner, id)?.ok_or(Error::NotFound)?))
    }
}

fn named(path: &OwnerPath) -> Target {
    let type_name = if path.price.is_some() { "price" } else { path.content_type.singular };
    Target { type_name: type_name.to_owned(), document_id: path.document_id.clone(), price_id: path.price }
}
