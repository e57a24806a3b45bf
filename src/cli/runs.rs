//! Runs from the command line: looked at, replayed, cancelled. It works on the database; a running server executes what
//! is replayed, within a second.

use std::fmt::Write as _;
use std::io::{IsTerminal as _, Write as _};

use clap::{Args, Subcommand};

use super::{Failure, say};
use crate::access::Access;
use crate::clock::{Millis, iso};
use crate::content::parse_moment;
use crate::db::runs::{self, FoundRun, RunFilter, State};
use crate::error::Error;
use crate::runner::{self, Operator, Replayed, Selection};
use crate::triggers::Name;

/// How many runs are looked at between two lines of progress, where no terminal shows one.
const LINE: usize = 10_000;

#[derive(Subcommand)]
pub(super) enum Command {
    /// List runs, the newest first
    List(List),
    /// Execute ended runs once more, as new runs of the same events
    Replay(Replay),
    /// Cancel a run that has not ended
    Cancel {
        /// Its id
        id: String,
        /// Kept with the run
        #[arg(long)]
        reason: Option<String>,
    },
}

#[derive(Args)]
pub(super) struct List {
    #[command(flatten)]
    which: Which,
    /// How many at most
    #[arg(long, default_value_t = 25, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    limit: u32,
}

#[derive(Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Replay {
    /// The runs with these ids, in place of all that the options find
    ids: Vec<String>,
    #[command(flatten)]
    which: Which,
    /// Kept with each new run
    #[arg(long)]
    reason: Option<String>,
    /// Only tell what would be replayed
    #[arg(long)]
    dry_run: bool,
}

const EXAMPLES: &str =
    "Without --state dead runs are meant. Of the runs of one event and extension record only the last
counts, so that the same command given again replays nothing that went well meanwhile.

Examples:
  tenon runs replay --from 2026-11-21T08:00Z --to 2026-11-21T09:30Z --key custom:webhook --dry-run
  tenon runs replay --trigger post_sale --state dead,cancelled --reason 'the ERP is back'
  tenon runs replay run_01kah4h3t7x4c8n2w9z5q7r1ym run_01kah4h3t8…";

/// Which runs are meant.
#[derive(Args)]
struct Which {
    /// In these states, comma separated: available, running, completed, retryable, dead, cancelled, skipped
    #[arg(long, value_delimiter = ',', value_parser = state)]
    state: Vec<State>,
    /// Of this handler, such as custom:webhook
    #[arg(long)]
    key: Option<String>,
    /// For events of this trigger, with or without trigger:
    #[arg(long, value_parser = Name::parse)]
    trigger: Option<Name>,
    /// Of records that belong to the store with this documentId
    #[arg(long, value_name = "DOCUMENT_ID")]
    store: Option<String>,
    /// For events about the document with this documentId
    #[arg(long, value_name = "DOCUMENT_ID")]
    document: Option<String>,
    /// Of the extension record with this id
    #[arg(long, value_name = "ID")]
    extension: Option<i64>,
    /// For the event with this id
    #[arg(long, value_name = "ID")]
    event: Option<String>,
    /// Made at this moment or later: 2026-11-21T10:00:00Z, or 2026-11-21
    #[arg(long, value_parser = moment, value_name = "MOMENT")]
    from: Option<Millis>,
    /// Made before this moment
    #[arg(long, value_parser = moment, value_name = "MOMENT")]
    to: Option<Millis>,
}

pub(super) async fn run(operator: &Operator<'_>, command: Command) -> Result<(), Failure> {
    match command {
        Command::List(List { which, limit }) => {
            let filter = which.into();
            let found = operator.db.read(move |conn| runs::find_page(conn, &filter, 0, limit.into())).await?;
            found.iter().try_for_each(|run| say(line(run)))
        }
        Command::Replay(asked) => replay(operator, asked).await,
        Command::Cancel { id, reason } => {
            let cancelled = runner::cancel(operator, Access::Full, id.clone(), reason.as_deref()).await;
            match cancelled.map_err(|error| told(error, &id))?.state {
                State::Running => say(format!(
                    "{id} is cancelled; its attempt under way is broken off within half a lease, and may have reached \
                     its receiver"
                )),
                _ => say(format!("{id} is cancelled")),
            }
        }
    }
}

async fn replay(operator: &Operator<'_>, Replay { ids, which, reason, dry_run }: Replay) -> Result<(), Failure> {
    if let Some(state) = which.state.iter().find(|state| !state.is_end()) {
        let text = format!("--state {}: only runs that have ended can be replayed", state.as_str());
        return Err(Failure::Usage(text));
    }
    let selection = match (ids.is_empty(), which.is_everything()) {
        (true, true) => {
            return Err(Failure::Usage("name ids, or a window: --from, --to, --state, --key, …".to_owned()));
        }
        (false, false) => return Err(Failure::Usage("ids go without a window".to_owned())),
        (false, true) => Selection::Named(ids),
        (true, false) => Selection::Window(Box::new(which.into())),
    };
    let asked = (selection, None);
    if dry_run {
        let would = runner::dry_run(operator, asked).await?;
        say(sum(&would, "would be"))?;
        return would.first.iter().try_for_each(say);
    }
    let mut progress = Progress::new();
    let done = runner::replay(operator, asked, reason.as_deref(), |so_far| progress.show(so_far)).await?;
    progress.end();
    say(sum(&done, "are"))
}

/// What a replay came to, in lines.
fn sum(done: &Replayed, are: &str) -> String {
    let mut text = format!("{} of {} runs {are} replayed", done.replayed, done.selected);
    if done.skipped > 0 {
        let _ = write!(text, "\n{} skipped: replayed before", done.skipped);
    }
    for (reason, count) in &done.left_out {
        let _ = write!(text, "\n{count} left out: {reason}");
    }
    text
}

/// Shows how far it is: on a terminal in one line that changes, elsewhere in a line now and then.
struct Progress {
    on_terminal: bool,
    next: usize,
}

impl Progress {
    fn new() -> Self {
        Self { on_terminal: std::io::stderr().is_terminal(), next: LINE }
    }

    fn show(&mut self, so_far: &Replayed) {
        let line = format!("{} looked at, {} replayed", so_far.selected, so_far.replayed);
        // Whether anyone reads it changes nothing.
        if self.on_terminal {
            let _ = write!(std::io::stderr(), "\r{line}");
        } else if so_far.selected >= self.next {
            self.next += LINE;
            let _ = writeln!(std::io::stderr(), "{line}");
        }
    }

    fn end(&self) {
        if self.on_terminal {
            let _ = writeln!(std::io::stderr());
        }
    }
}

fn line(run: &FoundRun) -> String {
    let why = run.reason.as_deref().or(run.cause.as_deref()).unwrap_or_default();
    let times = if run.attempt == 1 { "1 attempt".to_owned() } else { format!("{} attempts", run.attempt) };
    let (made, state) = (iso(run.created_at), run.state.as_str());
    format!("{}\t{made}\t{state}\t{times}\t{}\t{}\t{}\t{why}", run.id, run.key, run.trigger, run.event_id)
}

fn told(error: Error, id: &str) -> Failure {
    match error {
        Error::NotFound => Failure::Failed(format!("there is no run {id}")),
        other => other.into(),
    }
}

fn state(text: &str) -> Result<State, String> {
    State::parse(text).ok_or_else(|| format!("it must be one of {}", State::ALL.map(State::as_str).join(", ")))
}

fn moment(text: &str) -> Result<Millis, String> {
    parse_moment(text).ok_or_else(|| "it must be a moment: 2026-11-21T10:00:00Z, or 2026-11-21".to_owned())
}

impl Which {
    fn is_everything(&self) -> bool {
        let texts = [&self.key, &self.store, &self.document, &self.event];
        self.state.is_empty()
            && self.trigger.is_none()
            && self.extension.is_none()
            && self.from.is_none()
            && self.to.is_none()
            && texts.into_iter().all(Option::is_none)
    }
}

impl From<Which> for RunFilter {
    fn from(which: Which) -> Self {
        Self {
            states: which.state,
            key: which.key,
            trigger: which.trigger.map(|name| name.as_str().to_owned()),
            store: which.store,
            document: which.document,
            event: which.event,
            extension: which.extension,
            from: which.from,
            to: which.to,
            ..Self::default()
        }
    }
}
