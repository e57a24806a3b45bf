//! Explanations over HTTP: which extension records an event reaches from a document, and which of them fire.

use actix_web::http::StatusCode;
use actix_web::{HttpRequest, HttpResponse};
use serde::Serialize;
use utoipa::ToSchema;

use super::answer::{self, Data, Problems};
use super::endpoint::Endpoint;
use super::events::EventRef;
use super::extract::{Cost, Reader};
use super::list::Parameters;
use super::runs::{OwnerAnswer, RunAnswer};
use super::state::state;
use crate::access::{Access, Caller};
use crate::clock::iso;
use crate::content::Catalog;
use crate::documents::OwnerPath;
use crate::error::{Error, Result};
use crate::query::Warning;
use crate::runner::{self, Because, Delay, Explained, Explanation, Question};
use crate::triggers::Name;
use crate::triggers::stock::{LOW, Movement, RESTOCKED};

pub(super) fn endpoints() -> Vec<Endpoint> {
    vec![Endpoint::at("/api/{type}/{documentId}/explain").with_parameters().get(explain)]
}

/// What becomes of an event.
#[derive(Serialize, ToSchema)]
pub(super) struct ExplainedAnswer {
    /// The trigger, in its long form.
    #[schema(example = "trigger:post_sale")]
    trigger: String,
    /// The event that was asked for; null when it was asked what would happen.
    event: Option<EventRef>,
    /// The records that it reaches: those of the document, then those of what contains it.
    records: Vec<ExplanationAnswer>,
}

/// What becomes of an event at one extension record.
#[derive(Serialize, ToSchema)]
pub(super) struct ExplanationAnswer {
    /// The record's id.
    id: i64,
    /// Its key; empty when it has none.
    #[schema(example = "custom:webhook")]
    key: String,
    /// What holds it.
    owner: OwnerAnswer,
    /// Where it would call: the host of its url, with the port if that names one; else its key and id, `key#7`.
    #[schema(example = "erp.example")]
    destination: String,
    /// Whether the event makes a run that reaches the handler, or did; how that ends is another matter.
    fires: bool,
    /// The record's pattern that matches.
    #[schema(example = "trigger:post_*")]
    pattern: Option<String>,
    /// Why it does not fire; null when it does.
    #[schema(value_type = Option<String>, pattern = "^(inactive|removed|no_pattern_matches|threshold|unknown_key|missing_url|bad_url|bad_config|bad_credentials|limit|changed_since)$")]
    because: Option<&'static str>,
    /// The same for people, with what there is to know.
    message: Option<String>,
    /// Where in the record, if it stands in one place.
    path: Vec<String>,
    /// What may have been meant: patterns of the record, or keys of handlers.
    nearest: Vec<String>,
    /// What it waits for, if it fires later than at once.
    waits: Vec<WaitAnswer>,
    /// The latest run that the event made of it; null when it made none, and when no event was asked for.
    run: Option<RunAnswer>,
    /// What of its policy and its patterns is not as it is meant, whether it fires or not.
    warnings: Vec<WarningAnswer>,
}

/// Something of a record that is not as it is meant.
#[derive(Serialize, ToSchema)]
pub(super) struct WarningAnswer {
    /// Where it stands in the record.
    path: Vec<String>,
    /// What is wrong, for people.
    message: String,
}

/// Something that a record waits for.
#[derive(Serialize, ToSchema)]
pub(super) struct WaitAnswer {
    /// `limit`: the next hour; `breaker`: the next probe of a destination that keeps failing.
    #[schema(value_type = String, pattern = "^(limit|breaker)$")]
    because: &'static str,
    /// Until when.
    #[schema(format = DateTime)]
    until: Option<String>,
    /// The same for people.
    message: String,
}

/// Explain which extension records an event reaches, and why each fires or does not
///
/// With `trigger`: what would run if that happened to the document now. With `event`: what the event ran, and why it did
/// not run the rest.
#[utoipa::path(get, path = "/api/{type}/{documentId}/explain", tag = "extensions", operation_id = "explain",
    params(
        ("type" = String, Path, description = "`stores`, `products` or `subscribers`"),
        ("documentId" = String, Path, description = "What it happens to; of an event, anything whose records it reaches"),
        ("trigger" = Option<String>, Query, description = "What happens, with or without `trigger:`"),
        ("priceId" = Option<i64>, Query, description = "The price of the product that it happens to"),
        ("from" = Option<i64>, Query, description = "With `to`, for `inventory_low` and `inventory_restocked`: the stock before. Without them thresholds are not looked at, as when a caller emits such a trigger"),
        ("to" = Option<i64>, Query, description = "The stock after"),
        ("event" = Option<String>, Query, description = "The id of an event that happened, instead of a trigger")
    ),
    responses((status = 200, description = "Each record that is reached", body = Data<ExplainedAnswer>), Problems))]
pub(super) async fn explain(
    request: HttpRequest,
    path: OwnerPath,
    caller: Caller,
    reader: Reader,
) -> Result<HttpResponse> {
    let access = caller.access;
    access.require_records(path.content_type)?;
    let asked = Parameters::read(request.query_string(), &["trigger", "priceId", "from", "to", "event"])?;
    let path = OwnerPath { price: price(&asked, &path)?, ..path };
    let (question, state) = (question(&asked)?, state(&request)?);
    let catalog = state.catalog;
    let mut explained = reader
        .read(Cost::Expensive, move |conn| conn.snapshot(|conn| runner::explain(conn, &state, &path, &question)))
        .await?;
    explained.records.retain(|record| may_see((access, catalog), &record.owner.0));
    answer::data(StatusCode::OK, ExplainedAnswer::new(explained)?)
}

/// Whether a caller may be told of the records under this `owner_field`.
fn may_see((access, catalog): (Access, &Catalog), owner_field: &str) -> bool {
    let mut holdings = catalog.holdings_of(owner_field).peekable();
    holdings.peek().is_some() && holdings.all(|holding| access.require_records(holding.content_type).is_ok())
}

fn price(asked: &Parameters, path: &OwnerPath) -> Result<Option<i64>> {
    let price = asked.parsed("priceId", number("priceId"))?;
    match price {
        Some(_) if path.content_type.prices().is_none() => {
            Err(Error::Parameter { message: "priceId is for what has prices alone".into(), param: "priceId" })
        }
        price => Ok(price),
    }
}

fn question(asked: &Parameters) -> Result<Question> {
    let refused = |message: &str, param| Err(Error::Parameter { message: message.to_owned(), param });
    let trigger = asked.parsed("trigger", Name::parse)?;
    let (from, to) = (asked.parsed("from", number("from"))?, asked.parsed("to", number("to"))?);
    match (trigger, asked.text("event")?) {
        (None, None) => refused("trigger or event must be sent: what shall be explained", "trigger"),
        (Some(_), Some(_)) => refused("event has its own trigger: send one of the two", "trigger"),
        (None, Some(_)) if from.is_some() || to.is_some() => refused("from and to are told by the event", "from"),
        (None, Some(event)) => Ok(Question::Did(event)),
        (Some(trigger), None) => {
            let is_crossing = [LOW, RESTOCKED].contains(&trigger.as_str());
            let movement = match (from, to) {
                (None, None) => None,
                (Some(from), Some(to)) if is_crossing => Some(Movement { from, to }),
                (Some(_), Some(_)) => {
                    return refused("from and to are for inventory_low and inventory_restocked", "from");
                }
                (Some(_), None) => return refused("from needs to", "to"),
                (None, Some(_)) => return refused("to needs from", "from"),
            };
            Ok(Question::Would { trigger, movement })
        }
    }
}

fn number(name: &'static str) -> impl Fn(&str) -> Result<i64, String> {
    move |text| text.parse().map_err(|_| format!("{name} must be a number"))
}

impl ExplainedAnswer {
    fn new(explained: Explained) -> Result<Self> {
        Ok(Self {
            trigger: explained.trigger,
            event: explained.event.map(EventRef::from),
            records: explained.records.into_iter().map(ExplanationAnswer::new).collect::<Result<_>>()?,
        })
    }
}

impl ExplanationAnswer {
    fn new(explanation: Explanation) -> Result<Self> {
        let fires = explanation.fires();
        let (because, message, path, nearest) = match explanation.reason {
            Some(reason) => (Some(reason.because), Some(reason.message), reason.path, reason.suggestions),
            None => (None, None, Vec::new(), Vec::new()),
        };
        Ok(Self {
            id: explanation.extension,
            key: explanation.key,
            owner: OwnerAnswer::new(explanation.owner),
            destination: explanation.destination,
            fires,
            pattern: explanation.pattern,
            because: because.map(Because::as_str),
            message,
            path,
            nearest,
            waits: explanation.delays.into_iter().map(WaitAnswer::from).collect(),
            run: explanation.run.map(|run| RunAnswer::new(run, None)).transpose()?,
            warnings: explanation.warnings.into_iter().map(WarningAnswer::from).collect(),
        })
    }
}

impl From<Warning> for WarningAnswer {
    fn from(Warning { path, message }: Warning) -> Self {
        Self { path, message }
    }
}

impl From<Delay> for WaitAnswer {
    fn from(wait: Delay) -> Self {
        Self { because: wait.because.as_str(), until: wait.until.map(iso), message: wait.message }
    }
}

#[cfg(test)]
mod tests {
    use utoipa::PartialSchema as _;

    use super::*;

    #[test]
    fn every_reason_is_described() {
        let described = serde_json::to_string(&ExplanationAnswer::schema()).expect("JSON");
        for because in Because::ALL {
            assert!(described.contains(because.as_str()), "{because:?}");
        }
    }
}
