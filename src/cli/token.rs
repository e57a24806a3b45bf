//! API tokens from the command line. A running server sees them at once.

use clap::{Args, Subcommand, ValueEnum};

use super::{Failure, on_database, say};
use crate::access::Permissions;
use crate::clock::{Clock as _, DAY, OsRandom, SystemClock, iso};
use crate::config::Config;
use crate::content::Catalog;
use crate::db::Db;
use crate::db::tokens::{self, NewToken, Token, TokenKind};
use crate::ids;
use crate::secrets::token_hash;

#[derive(Subcommand)]
pub(super) enum Command {
    /// Make a token and print it, this once
    Create(Create),
    /// List the tokens; their text is not kept
    List,
    /// Delete a token
    Delete {
        /// Its name
        name: String,
    },
}

#[derive(Args)]
pub(super) struct Create {
    /// What it is called, in logs and events too
    #[arg(long)]
    name: String,
    /// What it permits
    #[arg(long, value_enum)]
    kind: Kind,
    /// What a custom token permits, comma separated: a content type and one of find, findOne, create, update, delete, emit,
    /// extensions (add, change and remove extension records), run (run them, cancel and replay runs),
    /// such as store.find,store.emit
    #[arg(long, value_delimiter = ',', required_if_eq("kind", "custom"))]
    allow: Vec<String>,
    /// Days until it stops working; never if left out
    #[arg(long, value_parser = clap::value_parser!(u32).range(1..=36_500))]
    expires_days: Option<u32>,
}

#[derive(Clone, Copy, ValueEnum)]
enum Kind {
    /// Everything
    FullAccess,
    /// Reading, drafts and extension records included
    ReadOnly,
    /// What --allow names
    Custom,
}

pub(super) fn run(config: &Config, catalog: &'static Catalog, command: Command) -> Result<(), Failure> {
    on_database(config, catalog, async |db| match command {
        Command::Create(new) => create(db, new).await,
        Command::List => db.read(tokens::find_all).await?.iter().try_for_each(print),
        Command::Delete { name } => delete(db, name).await,
    })
}

async fn create(db: &Db, new: Create) -> Result<(), Failure> {
    let (text, now) = (ids::token(&OsRandom::new()), SystemClock.now());
    let kind = new.permitted(db.catalog()).map_err(Failure::Usage)?;
    let expires_at = new.expires_days.map(|days| now + i64::from(days) * DAY);
    let token = NewToken { name: new.name, kind, hash: token_hash(&text), created_at: now, expires_at };
    db.write(move |conn| tokens::insert(conn, &token)).await?;
    eprintln!("Keep it: only its hash is stored.");
    say(text)
}

impl Create {
    fn permitted(&self, catalog: &Catalog) -> Result<TokenKind, String> {
        match self.kind {
            Kind::Custom => Permissions::parse(catalog, self.allow.iter().map(String::as_str)).map(TokenKind::Custom),
            _ if !self.allow.is_empty() => Err("--allow is for tokens of the kind custom".to_owned()),
            Kind::FullAccess => Ok(TokenKind::FullAccess),
            Kind::ReadOnly => Ok(TokenKind::ReadOnly),
        }
    }
}

async fn delete(db: &Db, name: String) -> Result<(), Failure> {
    let asked = name.clone();
    let deleted = db.write(move |conn| match tokens::find_by_name(conn, &asked)? {
        Some(token) => tokens::delete(conn, token.id),
        None => Ok(false),
    });
    if deleted.await? { Ok(()) } else { Err(Failure::Failed(format!("there is no token named {name:?}"))) }
}

fn print(token: &Token) -> Result<(), Failure> {
    let date = |at: Option<i64>, none: &str| at.map_or_else(|| none.to_owned(), iso);
    say(format!(
        "{}\t{}\texpires {}\tlast used {}",
        token.name,
        token.kind.permissions().map_or_else(|| token.kind.as_str().to_owned(), |names| names.join(",")),
        date(token.expires_at, "never"),
        date(token.last_used_at, "never")
    ))
}
