//! What became of one extension record, over HTTP: its runs, and how it does.

use actix_web::http::StatusCode;
use actix_web::{HttpRequest, HttpResponse, web};
use serde::Serialize;
use utoipa::ToSchema;

use super::answer::{self, Data, Problems};
use super::endpoint::Endpoint;
use super::extract::{Cost, Reader};
use super::list::Page;
use super::records::LISTS;
use super::runs::{self, RunAnswer};
use crate::access::Caller;
use crate::clock::{Millis, iso};
use crate::db::extension_hours::HourCounts;
use crate::db::records;
use crate::documents::{RecordPath, get_record};
use crate::error::{Error, Result};
use crate::runner::{self, Stats};
use crate::state::AppState;

pub(super) fn endpoints() -> Vec<Endpoint> {
    let of_record = |list: &str| {
        [
            Endpoint::at(format!("{list}/{{id}}/runs")).with_parameters().get(list_runs),
            Endpoint::at(format!("{list}/{{id}}/stats")).get(stats),
        ]
    };
    LISTS.into_iter().flat_map(of_record).collect()
}

/// How an extension record does.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct StatsAnswer {
    /// When its latest run was made.
    #[schema(format = DateTime)]
    last_triggered: Option<String>,
    /// When its last run that succeeded ended.
    #[schema(format = DateTime)]
    last_success: Option<String>,
    /// The last attempt that failed, of its latest 1,000 runs.
    last_failure: Option<FailureAnswer>,
    /// Attempts since midnight in UTC.
    sent_today: i64,
    /// The hour under way and the 23 before it.
    day: TallyAnswer,
    /// The hour under way and the 167 before it.
    week: TallyAnswer,
    /// Where its latest 1,000 runs stand.
    latest: LatestAnswer,
    /// How long the attempts of its latest 1,000 runs took, in milliseconds; null when there are none.
    latency: Option<LatencyAnswer>,
}

/// An attempt that failed.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct FailureAnswer {
    /// When it began.
    #[schema(format = DateTime)]
    at: String,
    /// Its run.
    run_id: String,
    /// Why.
    reason: Option<String>,
}

/// What was done in some hours.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct TallyAnswer {
    /// Attempts that were made.
    attempts: i64,
    /// Runs that ended: completed or dead.
    runs: i64,
    /// Those that were completed.
    completed: i64,
    /// Those that are dead.
    dead: i64,
    /// Which part of the runs that ended was completed, from 0 to 1; null when none ended.
    success_rate: Option<f64>,
}

/// Where runs stand.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct LatestAnswer {
    /// How many were looked at.
    runs: usize,
    waiting: usize,
    running: usize,
    completed: usize,
    dead: usize,
    cancelled: usize,
    skipped: usize,
    /// When the next of them is due.
    #[schema(format = DateTime)]
    next_due: Option<String>,
}

/// How long attempts took, in milliseconds.
#[derive(Serialize, ToSchema)]
pub(super) struct LatencyAnswer {
    /// How many attempts were looked at.
    attempts: usize,
    mean: i64,
    p50: i64,
    p95: i64,
    p99: i64,
}

/// List the runs of an extension record, newest first
#[utoipa::path(get, path = "/api/{type}/{documentId}/extensions/{id}/runs", tag = "extensions", operation_id = "listRunsOfRecord",
    params(
        ("type" = String, Path, description = "`stores`, `products` or `subscribers`"),
        ("documentId" = String, Path, description = "The document that holds the record"),
        ("id" = i64, Path, description = "The record"),
        ("state" = Option<String>, Query, description = "Only runs in this state"),
        ("key" = Option<String>, Query, description = "Only runs of this handler: the record may have had another"),
        ("trigger" = Option<String>, Query, description = "Only runs for events of this trigger"),
        ("store" = Option<String>, Query, description = "Only runs that belong to the store with this documentId"),
        ("document" = Option<String>, Query, description = "Only runs for events about the document with this documentId"),
        ("event" = Option<String>, Query, description = "Only runs for the event with this id"),
        ("populate" = Option<String>, Query, description = "`attempts`: with what was sent and what came back"),
        ("pagination[page]" = Option<i64>, Query, description = "The page, from 1"),
        ("pagination[pageSize]" = Option<i64>, Query, description = "Runs on a page, at most 100; 25 if not sent")
    ),
    responses((status = 200, description = "A page of them", body = Page<RunAnswer>), Problems))]
pub(super) async fn list_runs(
    request: HttpRequest,
    path: RecordPath,
    caller: Caller,
    reader: Reader,
) -> Result<HttpResponse> {
    caller.access.require_records(path.holder.content_type)?;
    let id = path.id;
    reader.read(Cost::Cheap, move |conn| get_record(conn, &path).map(drop)).await?;
    runs::page(&request, &reader, Some(id)).await
}

/// How an extension record does
///
/// Counts are kept by the hour; what is told of single runs and attempts is told of the latest 1,000 runs. It costs the
/// same however many there are.
#[utoipa::path(get, path = "/api/{type}/{documentId}/extensions/{id}/stats", tag = "extensions", operation_id = "statsOfRecord",
    params(
        ("type" = String, Path, description = "`stores`, `products` or `subscribers`"),
        ("documentId" = String, Path, description = "The document that holds the record"),
        ("id" = i64, Path, description = "The record")
    ),
    responses((status = 200, description = "How it does", body = Data<StatsAnswer>), Problems))]
pub(super) async fn stats(
    path: RecordPath,
    state: web::Data<AppState>,
    caller: Caller,
    reader: Reader,
) -> Result<HttpResponse> {
    caller.access.require_records(path.holder.content_type)?;
    let now = state.clock.now();
    let read = move |conn: &mut crate::db::Conn| {
        let (holder, record) = get_record(conn, &path)?;
        let record = records::find(conn, &holder.owner, record.id)?.ok_or(Error::NotFound)?;
        Ok((record.last_run, runner::stats(conn, record.id, now)?))
    };
    let (last_run, stats) = reader.read(Cost::Expensive, move |conn| conn.snapshot(read)).await?;
    answer::data(StatusCode::OK, StatsAnswer::new(last_run, stats))
}

impl StatsAnswer {
    fn new(last_run: Option<Millis>, stats: Stats) -> Self {
        let Stats { last_triggered, last_failure, sent_today, day, week, latest, latency } = stats;
        Self {
            last_triggered: last_triggered.map(iso),
            last_success: last_run.map(iso),
            last_failure: last_failure.map(|failure| FailureAnswer {
                at: iso(failure.at),
                run_id: failure.run,
                reason: failure.reason,
            }),
            sent_today,
            day: day.into(),
            week: week.into(),
            latest: LatestAnswer {
                runs: latest.runs,
                waiting: latest.waiting,
                running: latest.running,
                completed: latest.completed,
                dead: latest.dead,
                cancelled: latest.cancelled,
                skipped: latest.skipped,
                next_due: latest.next_due.map(iso),
            },
            latency: latency.map(|latency| LatencyAnswer {
                attempts: latency.attempts,
                mean: latency.mean,
                p50: latency.p50,
                p95: latency.p95,
                p99: latency.p99,
            }),
        }
    }
}

impl From<HourCounts> for TallyAnswer {
    fn from(HourCounts { attempts, completed, dead }: HourCounts) -> Self {
        let runs = completed + dead;
        let success_rate = (runs > 0).then(|| completed as f64 / runs as f64);
        Self { attempts, runs, completed, dead, success_rate }
    }
}
