//! The command line: what is asked of the program, and how it ends: 0 done, 1 failed, 2 asked or configured wrongly.

mod events;
mod runs;
mod serve;
mod settings;
mod token;

use std::fmt::Display;
use std::io::{ErrorKind, Write as _};
use std::process::ExitCode;
use std::sync::Arc;

use clap::{CommandFactory as _, FromArgMatches as _, Parser, Subcommand};
use log::LevelFilter;

use crate::clock::{OsRandom, SystemClock};
use crate::config::{self, Config};
use crate::content::Catalog;
use crate::db::Db;
use crate::handler::Registry;
use crate::http::openapi;
use crate::runner::Operator;

/// A headless content API for commerce whose triggers are delivered.
#[derive(Parser)]
#[command(name = "tenon", version)]
struct Arguments {
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Subcommand)]
enum Command {
    /// Serve the API and run what it triggers (the default)
    Serve(serve::Options),
    /// Bring the database up to this program's version
    Migrate,
    /// Make, list and delete API tokens
    #[command(subcommand)]
    Token(token::Command),
    /// List, replay and cancel runs
    #[command(subcommand)]
    Runs(runs::Command),
    /// Emit triggers
    #[command(subcommand)]
    Events(events::Command),
    /// Print the OpenAPI document
    Openapi {
        /// Only tell whether openapi/openapi.json is the same
        #[arg(long)]
        check: bool,
    },
    /// Print every variable, its value, and whether that is the default
    Config,
}

/// Why the program ends without having done what was asked; the text is for the person who asked.
#[derive(Debug)]
pub(crate) enum Failure {
    /// The command or the configuration is wrong.
    Usage(String),
    /// It could not be done.
    Failed(String),
    /// The reader of the output has gone, as `head` does when it has enough.
    Unread,
}

impl From<String> for Failure {
    fn from(text: String) -> Self {
        Self::Failed(text)
    }
}

impl From<crate::error::Error> for Failure {
    fn from(error: crate::error::Error) -> Self {
        Self::Failed(error.to_string())
    }
}

/// Does what the command line asks for, with these handlers and content types: those of [`crate::extensions::registry`] and
/// [`Catalog::build`], and one's own.
pub fn run(handlers: Result<Registry, String>, catalog: Result<&'static Catalog, String>) -> ExitCode {
    let matches = Arguments::command().after_help(settings::help()).try_get_matches();
    let arguments = match matches.and_then(|matches| Arguments::from_arg_matches(&matches)) {
        Ok(arguments) => arguments,
        Err(told) => return tell(&told),
    };
    let command = arguments.command.unwrap_or(Command::Serve(serve::Options::default()));
    let parts = handlers.and_then(|handlers| Ok(Parts { handlers, catalog: catalog? }));
    let (text, code) = match parts.map_err(Failure::Failed).and_then(|parts| dispatch(command, parts)) {
        Ok(()) | Err(Failure::Unread) => return ExitCode::SUCCESS,
        Err(Failure::Failed(text)) => (text, 1),
        Err(Failure::Usage(text)) => (text, 2),
    };
    for line in text.lines() {
        eprintln!("tenon: {line}");
    }
    ExitCode::from(code)
}

/// Help and version, or what is wrong with the command line.
fn tell(told: &clap::Error) -> ExitCode {
    match told.print() {
        Ok(()) => ExitCode::from(u8::try_from(told.exit_code()).unwrap_or(2)),
        Err(error) if error.kind() == ErrorKind::BrokenPipe => ExitCode::SUCCESS,
        Err(_) => ExitCode::FAILURE,
    }
}

/// What the program was put together from.
struct Parts {
    handlers: Registry,
    catalog: &'static Catalog,
}

fn dispatch(command: Command, parts: Parts) -> Result<(), Failure> {
    let catalog = parts.catalog;
    match command {
        Command::Config => settings::print()?,
        Command::Openapi { check } => return openapi(catalog, check),
        _ => {}
    }
    let config = Config::from_env().map_err(Failure::Usage)?;
    start_log(&config.log);
    for line in config::unknown() {
        // A filter that names no module of the program lets nothing through.
        if log::log_enabled!(log::Level::Warn) { log::warn!("{line}") } else { eprintln!("tenon: {line}") }
    }
    match command {
        Command::Serve(options) => serve::serve(config, parts, &options),
        Command::Migrate => migrate(&config, catalog),
        Command::Token(command) => token::run(&config, catalog, command),
        Command::Runs(command) => with_operator(&config, parts, async |operator| runs::run(operator, command).await),
        Command::Events(command) => {
            with_operator(&config, parts, async |operator| events::run(operator, command).await)
        }
        Command::Config | Command::Openapi { .. } => Ok(()),
    }
}

/// Libraries whose lower levels explain their own workings; `RUST_LOG` can name one to hear more of it.
const QUIET: [(&str, LevelFilter); 8] = [
    ("actix_server", LevelFilter::Warn),
    ("actix_http", LevelFilter::Info),
    ("h2", LevelFilter::Info),
    ("hyper_util", LevelFilter::Info),
    ("mio", LevelFilter::Info),
    ("reqwest", LevelFilter::Info),
    ("rustls", LevelFilter::Info),
    ("tokio_postgres", LevelFilter::Info),
];

fn start_log(filter: &str) {
    let mut builder = env_logger::Builder::new();
    for (library, level) in QUIET {
        builder.filter_module(library, level);
    }
    builder.parse_filters(filter).format_timestamp_millis().init();
}

/// Does `work` by hand on the database. A running server finds what was done there, within a second.
fn with_operator(
    config: &Config,
    parts: Parts,
    work: impl AsyncFnOnce(&Operator<'_>) -> Result<(), Failure>,
) -> Result<(), Failure> {
    on_database(config, parts.catalog, async |db| {
        let operator = Operator {
            db,
            handlers: Arc::new(parts.handlers),
            clock: Arc::new(SystemClock),
            random: Arc::new(OsRandom::new()),
            actor: "command line".to_owned(),
        };
        work(&operator).await
    })
}

/// Does `work` on the database, which must exist: a command that is given in the wrong folder makes no empty one there.
fn on_database(
    config: &Config,
    catalog: &'static Catalog,
    work: impl AsyncFnOnce(&Db) -> Result<(), Failure>,
) -> Result<(), Failure> {
    let db = Db::open_existing(&config.database_url, catalog, 1)?;
    block_on(async {
        work(&db).await?;
        // A server that is running may be reading at the moment; it does this itself when it stops.
        db.checkpoint().await?;
        Ok(())
    })
}

fn migrate(config: &Config, catalog: &Catalog) -> Result<(), Failure> {
    let ran = Db::migrate(&config.database_url, catalog)?;
    for name in &ran {
        say(name)?;
    }
    say(format!("{} migrations ran, the database {} is up to date", ran.len(), config.database_url))
}

fn openapi(catalog: &Catalog, check: bool) -> Result<(), Failure> {
    let document = openapi::print(catalog)?;
    if !check {
        return say(document.trim_end());
    }
    let written = std::fs::read_to_string("openapi/openapi.json");
    match written.map_err(|error| Failure::Failed(format!("cannot read openapi/openapi.json: {error}")))? == document {
        true => Ok(()),
        false => Err(Failure::Failed("openapi/openapi.json is not what this program serves".to_owned())),
    }
}

/// Prints a line of what was asked for.
fn say(line: impl Display) -> Result<(), Failure> {
    writeln!(std::io::stdout(), "{line}").map_err(|error| match error.kind() {
        ErrorKind::BrokenPipe => Failure::Unread,
        _ => Failure::Failed(format!("cannot print: {error}")),
    })
}

/// Runs `work` on threads for tasks.
fn block_on<T>(work: impl Future<Output = Result<T, Failure>>) -> Result<T, Failure> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().thread_name("tenon-task").build();
    runtime.map_err(|error| Failure::Failed(format!("cannot start threads: {error}")))?.block_on(work)
}
