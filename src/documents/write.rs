//! Changes of documents. Each is one transaction that holds the change and its events, or nothing.

use std::sync::Arc;

use serde_json::{Map, Value};

use super::answer;
use super::change::DocumentTransaction;
use super::etag::{IfMatch, TaggedAnswer};
use super::once::IdempotencyKey;
use crate::access::{Caller, Right};
use crate::content::{self, ContentType, Field, Links, Rules, Version};
use crate::db::Conn;
use crate::db::documents as rows;
use crate::db::documents::read::{self, Form};
use crate::error::{Error, Result};
use crate::ids;
use crate::query::{self, Filter, ReadPlan, Terms, Warning};
use crate::queue::wake::Work;
use crate::state::AppState;

/// What every change of a document is given.
#[derive(Debug, Clone)]
pub struct Request {
    /// The document's type.
    pub content_type: &'static ContentType,
    /// Who asks.
    pub caller: Caller,
    /// The raw query string: `status`, and what of the document the answer shall hold.
    pub query: String,
    /// How the answer shows it.
    pub form: Form,
    /// What the caller has seen of it.
    pub if_match: Option<IfMatch>,
    /// The caller's key, when what is sent again is to be done once.
    pub once: Option<IdempotencyKey>,
    /// What of the body is not understood and was left out, as Strapi does.
    pub ignored: Vec<Warning>,
}

/// What can be done to a document beside changing its values.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action {
    /// Make the draft the published version.
    Publish,
    /// Take the published version away.
    Unpublish,
    /// Make the draft what is published.
    Discard,
}

/// Creates a document. It is published at once unless the query asks for a draft.
pub async fn create(state: &Arc<AppState>, request: Request, data: Map<String, Value>) -> Result<TaggedAnswer> {
    let plan = request.plan(state, Right::Create)?;
    content::check_keys(request.content_type, &data)?;
    // As in Strapi it is a draft first: what is wrong even with that is told before what only a published version must have.
    let content_type = request.content_type;
    let check = |publishing| content::validate(content_type, &data, Rules { publishing, creating: true });
    let links = content::links(content_type, &data);
    let input = match check(false) {
        Ok(input) => input,
        Err(error) => {
            let error = state.db.read(move |conn| with_links(conn, &links, error)).await?;
            return Err(content::with_body(error, content_type, &data, true));
        }
    };
    let unmet = match plan.version {
        Version::Published => Some(content::problems(check(true))?),
        Version::Draft => None,
    };
    let document_id = ids::document_id(&*state.random);
    let create = move |transaction: &mut DocumentTransaction<'_>| {
        let created = transaction.create(input.clone(), unmet.clone());
        created.map_err(|error| content::with_body(error, content_type, &data, true))
    };
    match request.change(state, plan, document_id, create).await {
        Err(error) => Err(or_unknown(state, links, error).await),
        created => created,
    }
}

/// Changes the fields that `data` names. The whole draft is published with them unless the query asks for a draft.
///
/// Fails with [`Error::NotFound`] when there is no such document, and with [`Error::PreconditionFailed`] when it is not
/// the one that the caller has seen.
pub async fn update(
    state: &Arc<AppState>,
    request: Request,
    document_id: String,
    data: Map<String, Value>,
) -> Result<TaggedAnswer> {
    let plan = request.plan(state, Right::Update)?;
    content::check_keys(request.content_type, &data)?;
    let (content_type, publishing) = (request.content_type, plan.version == Version::Published);
    let links = content::links(content_type, &data);
    let update = move |transaction: &mut DocumentTransaction<'_>| {
        let updated = transaction.update(&data, publishing);
        updated.map_err(|error| content::with_body(error, content_type, &data, false))
    };
    match request.change(state, plan, document_id, update).await {
        Err(error) => Err(or_unknown(state, links, error).await),
        updated => updated,
    }
}

/// What is wrong with a body: `error`, and with it the links to rows that are not there.
///
/// Fails for the first document that `links` name and that is not there: Strapi looks for these before all else.
fn with_links(conn: &mut Conn, links: &[(&'static Field, Links)], error: Error) -> Result<Error> {
    rows::check_named(conn, links)?;
    match error {
        Error::Invalid(mut problems) => {
            problems.extend(rows::linked_problem(conn, links)?);
            Ok(Error::Invalid(problems))
        }
        other => Ok(other),
    }
}

/// The first document that `links` name and that is not there, as [`with_links`] has it, or else `error`.
async fn or_unknown(state: &AppState, links: Vec<(&'static Field, Links)>, error: Error) -> Error {
    let is_of_body =
        matches!(error, Error::Invalid(_) | Error::Validation(_) | Error::Application(_) | Error::NotFound);
    if !is_of_body || links.is_empty() {
        return error;
    }
    let checked = state.db.read(move |conn| rows::check_named(conn, &links)).await;
    checked.err().unwrap_or(error)
}

/// Publishes, unpublishes, or goes back to what is published; `name` is the documentId or, of a store, the slug. The answer
/// shows the version that was made.
///
/// Fails as [`update`] does, and with [`Error::Invalid`] when the draft does not satisfy what a published version must.
pub async fn act(state: &Arc<AppState>, request: Request, name: String, action: Action) -> Result<TaggedAnswer> {
    let version = if action == Action::Publish { Version::Published } else { Version::Draft };
    let plan = ReadPlan { version, ..request.plan(state, Right::Update)? };
    let (content_type, asked) = (request.content_type, name.clone());
    let named = state.db.read(move |conn| rows::find_named(conn, content_type, &asked)).await?;
    // What is gone may have been answered before, to the same key.
    let document_id = named.unwrap_or(name);
    let act = move |transaction: &mut DocumentTransaction<'_>| match action {
        Action::Publish => transaction.publish(),
        Action::Unpublish => transaction.unpublish(),
        Action::Discard => transaction.discard(),
    };
    request.change(state, plan, document_id, act).await
}

/// Deletes a document with both its versions. One that does not exist is as good as deleted.
///
/// Fails with [`Error::Validation`] when the query asks for the draft alone: a document without one cannot be; and with
/// [`Error::PreconditionFailed`] when it is not the one that the caller has seen.
pub async fn delete(state: &Arc<AppState>, request: Request, document_id: String) -> Result<TaggedAnswer> {
    let plan = request.plan(state, Right::Delete)?;
    if plan.version == Version::Draft {
        return Err(Error::Validation("A document is deleted with both its versions; leave status out".into()));
    }
    let delete = |transaction: &mut DocumentTransaction<'_>| transaction.delete().map(|()| TaggedAnswer::empty());
    Ok(TaggedAnswer { warnings: plan.warnings, ..request.write(state, document_id, delete).await? })
}

impl Request {
    /// What the answer shows to a caller who has this right. Filters choose nothing here: the document is named.
    fn plan(&self, state: &AppState, right: Right) -> Result<ReadPlan> {
        self.caller.access.require(right, self.content_type)?;
        let terms = Terms { access: self.caller.access, strict: state.config.strict_params };
        let mut plan = query::plan_answer(self.content_type, &query::parse(&self.query)?, terms)?;
        plan.warnings.extend_from_slice(&self.ignored);
        Ok(ReadPlan { filter: Filter::everything(), ..plan })
    }

    fn transaction<'a>(
        &'a self,
        state: &'a AppState,
        conn: &'a mut Conn,
        document_id: &'a str,
    ) -> DocumentTransaction<'a> {
        DocumentTransaction {
            state,
            conn,
            content_type: self.content_type,
            document_id,
            actor: &self.caller.actor,
            access: self.caller.access,
            depth: self.caller.depth,
            now: state.clock.now(),
            if_match: self.if_match.as_ref(),
            warnings: Vec::new(),
            record_changes: Vec::new(),
        }
    }

    /// Does `work` and reads the document as it then is, in one transaction.
    async fn change(
        self,
        state: &Arc<AppState>,
        plan: ReadPlan,
        document_id: String,
        mut work: impl FnMut(&mut DocumentTransaction<'_>) -> Result<()> + Send + 'static,
    ) -> Result<TaggedAnswer> {
        let form = self.form;
        let change = move |transaction: &mut DocumentTransaction<'_>| {
            work(transaction)?;
            transaction.warn_of_losses();
            let warnings = [plan.warnings.as_slice(), &transaction.warnings].concat();
            let plan = plan.clone().of_document(transaction.document_id);
            let found = transaction.conn.for_answer(|conn| read::one(conn, &plan, form))?.ok_or(Error::NotFound)?;
            Ok(answer::one(&found, &warnings))
        };
        self.write(state, document_id, change).await
    }

    /// Does `work` in one transaction, once for each key.
    pub(super) async fn write(
        self,
        state: &Arc<AppState>,
        document_id: String,
        work: impl FnMut(&mut DocumentTransaction<'_>) -> Result<TaggedAnswer> + Send + 'static,
    ) -> Result<TaggedAnswer> {
        let answer = state.db.write(self.job(state, document_id, work)).await?;
        state.wake_runner(Work::Events);
        Ok(answer)
    }

    /// Does `work` as [`Self::write`] does, in line with what others do to the same document.
    pub(super) async fn write_serially(
        self,
        state: &Arc<AppState>,
        document_id: String,
        work: impl FnMut(&mut DocumentTransaction<'_>) -> Result<TaggedAnswer> + Send + 'static,
    ) -> Result<TaggedAnswer> {
        let queue = document_id.clone();
        let answer = state.db.write_serially(&queue, self.job(state, document_id, work)).await?;
        state.wake_runner(Work::Events);
        Ok(answer)
    }

    fn job(
        self,
        state: &Arc<AppState>,
        document_id: String,
        mut work: impl FnMut(&mut DocumentTransaction<'_>) -> Result<TaggedAnswer> + Send + 'static,
    ) -> impl FnMut(&mut Conn) -> Result<TaggedAnswer> + Send + 'static {
        let state = Arc::clone(state);
        move |conn| {
            let mut work = |conn: &mut Conn| {
                let mut transaction = self.transaction(&state, conn, &document_id);
                let answer = work(&mut transaction)?;
                transaction.finish_records()?;
                Ok(answer)
            };
            match &self.once {
                Some(once) => once.run(conn, state.clock.now(), work),
                None => work(conn),
            }
        }
    }
}
