//! Runs put right by hand: cancelled, or replayed one by one, by a selection, or by a window.

use actix_web::http::StatusCode;
use actix_web::{HttpResponse, web};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::answer::{self, Data, Problems};
use super::body::Submission;
use super::endpoint::Endpoint;
use super::runs::{self as shown, RunAnswer};
use crate::access::{Access, Right};
use crate::content::{Catalog, parse_moment};
use crate::db::runs::{self, RunFilter};
use crate::error::{Error, Problem, Result};
use crate::queue::wake::Work;
use crate::runner::{self, MOST_IDS, Operator, OwnerFields, Replayed, Selection};
use crate::state::AppState;
use crate::triggers::Name;

/// How many characters a reason may have.
const LONGEST_REASON: usize = 500;

pub(super) fn endpoints() -> Vec<Endpoint> {
    vec![
        Endpoint::at("/tenon/runs/replay").post(replay_many),
        Endpoint::at("/tenon/runs/{id}/replay").post(replay),
        Endpoint::at("/tenon/runs/{id}/cancel").post(cancel),
    ]
}

/// Why something is done.
#[derive(Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct ReasonInput {
    /// Kept with the run, for those who look at it later.
    #[schema(max_length = 500, example = "the receiver is back")]
    reason: Option<String>,
}

/// Which runs are to be replayed: either `ids`, or a window of time and whatever else they must have in common.
#[derive(Default, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub(super) struct ReplayInput {
    /// The runs with these ids.
    #[schema(max_items = 1000)]
    ids: Option<Vec<String>>,
    /// Runs made at this moment or later, ISO 8601.
    #[schema(format = DateTime)]
    from: Option<String>,
    /// Runs made before this moment.
    #[schema(format = DateTime)]
    to: Option<String>,
    /// Runs in this state, or in one of several: `dead,cancelled`; `dead` if not sent. Only runs that have ended.
    state: Option<String>,
    /// Runs of this handler.
    key: Option<String>,
    /// Runs for events of this trigger.
    trigger: Option<String>,
    /// Runs of records that belong to the store with this documentId.
    store: Option<String>,
    /// Runs for events about the document with this documentId.
    document: Option<String>,
    /// Runs of the extension record with this id.
    extension: Option<i64>,
    /// Runs for the event with this id.
    event: Option<String>,
    /// Kept with each new run.
    #[schema(max_length = 500, example = "the receiver is back")]
    reason: Option<String>,
    /// Only tells what would be replayed.
    dry_run: bool,
}

/// What a replay came to, or would.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct ReplayAnswer {
    /// Whether this is only what would be.
    dry_run: bool,
    /// The runs that were found.
    selected: usize,
    /// Those of them that are replayed.
    replayed: usize,
    /// Those that were replayed before: a later run of the same event and record has not ended or, in a window, is there
    /// at all.
    skipped: usize,
    /// Those that cannot be replayed.
    left_out: Vec<LeftOutAnswer>,
    /// The first 25 of the new runs; of those that would be replayed, if this is only what would be.
    runs: Vec<RunAnswer>,
}

/// Runs that cannot be replayed.
#[derive(Serialize, ToSchema)]
pub(super) struct LeftOutAnswer {
    /// Why.
    #[schema(example = "the extension record is switched off")]
    reason: String,
    /// How many.
    count: usize,
}

/// Cancel a run
///
/// A run that waits will not be executed any more. An attempt that is under way is broken off, at once in the process
/// that answers this and within half a lease in another; its receiver may have heard of it, but it is not tried again.
#[utoipa::path(post, path = "/tenon/runs/{id}/cancel", tag = "runs", operation_id = "cancelRun",
    params(("id" = String, Path, description = "The run's id")),
    request_body = Option<ReasonInput>,
    responses((status = 200, description = "The run, which is cancelled", body = Data<RunAnswer>), Problems))]
pub(super) async fn cancel(
    id: web::Path<String>,
    state: web::Data<AppState>,
    sent: Submission,
) -> Result<HttpResponse> {
    owner_fields(state.catalog, sent.caller.access)?;
    let (caller, ReasonInput { reason }) = sent.read().await?.parse_optional()?;
    let reason = reason.map(short).transpose()?;
    let operator = Operator::new(&state, caller.actor);
    let run = runner::cancel(&operator, caller.access, id.clone(), reason.as_deref()).await?;
    state.queue.cancellations.cancel(run.lease.0);
    answer::data(StatusCode::OK, find(&state, id.into_inner()).await?)
}

/// Replay a run
///
/// Executes a run that has ended once more: as a new run of the same event, with all the attempts that its record's
/// policy allows. Receivers are sent the same event id, and another id of the run.
#[utoipa::path(post, path = "/tenon/runs/{id}/replay", tag = "runs", operation_id = "replayRun",
    params(("id" = String, Path, description = "The run's id")),
    request_body = Option<ReasonInput>,
    responses((status = 202, description = "The new run", body = Data<RunAnswer>), Problems))]
pub(super) async fn replay(
    id: web::Path<String>,
    state: web::Data<AppState>,
    sent: Submission,
) -> Result<HttpResponse> {
    owner_fields(state.catalog, sent.caller.access)?;
    let (caller, ReasonInput { reason }) = sent.read().await?.parse_optional()?;
    let reason = reason.map(short).transpose()?;
    let asked = id.clone();
    let run = state.db.read(move |conn| runs::find(conn, &asked)).await?.ok_or(Error::NotFound)?;
    caller.access.require_at(Right::Run, state.catalog, &run.owner.0)?;
    let operator = Operator::new(&state, caller.actor);
    let new = runner::replay_one(&operator, id.into_inner(), reason.as_deref()).await?;
    state.wake_runner(Work::Runs);
    answer::data(StatusCode::ACCEPTED, find(&state, new).await?)
}

/// Replay many runs
///
/// The runs that are named, or all that a filter finds. What is replayed twice at once is not doubled: a run with a later
/// one of the same event and record that has not ended is skipped. In a window only the last run of each event and record
/// counts, so that the same request sent again replays nothing that went well meanwhile.
#[utoipa::path(post, path = "/tenon/runs/replay", tag = "runs", operation_id = "replayRuns",
    request_body = ReplayInput,
    responses((status = 202, description = "The new runs are stored", body = Data<ReplayAnswer>),
        (status = 200, description = "What would be replayed, for `dryRun`", body = Data<ReplayAnswer>), Problems))]
pub(super) async fn replay_many(state: web::Data<AppState>, sent: Submission) -> Result<HttpResponse> {
    let owner_fields = owner_fields(state.catalog, sent.caller.access)?;
    let (caller, mut asked) = sent.read().await?.parse::<ReplayInput>()?;
    let (reason, dry_run) = (asked.reason.take().map(short).transpose()?, asked.dry_run);
    let selection = match asked.ids.take() {
        Some(_) if asked.has_filter() => return Err(refused("ids", "ids go without a filter".into())),
        Some(ids) if ids.len() > MOST_IDS => {
            return Err(refused(
                "ids",
                format!("at most {MOST_IDS} runs are named in a request; a window has no limit"),
            ));
        }
        Some(ids) => Selection::Named(ids),
        None if !asked.has_filter() => {
            return Err(refused("ids", "name ids, or a window: from, to, state, key, …".into()));
        }
        None => Selection::Window(Box::new(asked.filter()?)),
    };
    let operator = Operator::new(&state, caller.actor);
    let asked = (selection, owner_fields);
    let replayed = match dry_run {
        true => runner::dry_run(&operator, asked).await?,
        false => runner::replay(&operator, asked, reason.as_deref(), |_| state.wake_runner(Work::Runs)).await?,
    };
    let status = if dry_run { StatusCode::OK } else { StatusCode::ACCEPTED };
    answer::data(status, ReplayAnswer::new(&state, replayed, dry_run).await?)
}

/// Where the records hang whose runs the caller may run, cancel and replay; `None` for everywhere.
///
/// [`Error::Forbidden`] when there is no such place.
fn owner_fields(catalog: &Catalog, access: Access) -> Result<OwnerFields> {
    access.require_somewhere(Right::Run, catalog)?;
    if catalog.types().all(|one| access.may(Right::Run, one)) {
        return Ok(None);
    }
    let names = catalog.holdings().iter().map(|holding| &holding.owner_field);
    let may = names.filter(|owner_field| access.require_at(Right::Run, catalog, owner_field).is_ok());
    Ok(Some(may.cloned().collect()))
}

fn short(reason: String) -> Result<String> {
    match reason.chars().count() {
        0..=LONGEST_REASON => Ok(reason),
        more => {
            Err(refused("reason", format!("a reason has at most {LONGEST_REASON} characters, this one has {more}")))
        }
    }
}

fn refused(member: &str, message: String) -> Error {
    Error::Invalid(vec![Problem { path: vec![member.to_owned()], message, value: None }])
}

async fn find(state: &AppState, id: String) -> Result<RunAnswer> {
    let run = state.db.read(move |conn| runs::find(conn, &id)).await?.ok_or(Error::NotFound)?;
    RunAnswer::new(run, None)
}

impl ReplayInput {
    /// Whether anything but ids chooses runs.
    fn has_filter(&self) -> bool {
        let texts =
            [&self.from, &self.to, &self.state, &self.key, &self.trigger, &self.store, &self.document, &self.event];
        self.extension.is_some() || texts.into_iter().any(Option::is_some)
    }

    fn filter(self) -> Result<RunFilter> {
        let moment = |member: &'static str, text: Option<String>| {
            let read = |text: String| {
                parse_moment(&text).ok_or_else(|| format!("{member} must be a moment: 2026-11-21T10:00:00Z"))
            };
            text.map(read).transpose().map_err(|message| refused(member, message))
        };
        let states =
            self.state.as_deref().map(shown::states).transpose().map_err(|message| refused("state", message))?;
        if let Some(state) = states.iter().flatten().find(|state| !state.is_end()) {
            let message = format!("a run that is {} has not ended, and cannot be replayed", state.as_str());
            return Err(refused("state", message));
        }
        let trigger =
            self.trigger.as_deref().map(Name::parse).transpose().map_err(|message| refused("trigger", message))?;
        Ok(RunFilter {
            states: states.unwrap_or_default(),
            key: self.key,
            trigger: trigger.map(|name| name.as_str().to_owned()),
            store: self.store,
            document: self.document,
            event: self.event,
            extension: self.extension,
            from: moment("from", self.from)?,
            to: moment("to", self.to)?,
            ..RunFilter::default()
        })
    }
}

impl ReplayAnswer {
    async fn new(state: &AppState, replayed: Replayed, dry_run: bool) -> Result<Self> {
        let Replayed { selected, replayed, skipped, left_out, first } = replayed;
        let runs = match first.len() as i64 {
            0 => Vec::new(),
            count => {
                let filter = RunFilter { ids: Some(first), ..RunFilter::default() };
                state.db.read(move |conn| runs::find_page(conn, &filter, 0, count)).await?
            }
        };
        let left_out = left_out.into_iter().map(|(reason, count)| LeftOutAnswer { reason, count }).collect();
        let runs = runs.into_iter().map(|run| RunAnswer::new(run, None)).collect::<Result<_>>()?;
        Ok(Self { dry_run, selected, replayed, skipped, left_out, runs })
    }
}
