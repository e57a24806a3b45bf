//! Triggers emitted from the command line.

use clap::{Args, Subcommand};
use serde_json::Value;

use super::{Failure, say};
use crate::content::{Catalog, ContentType};
use crate::error::Error;
use crate::nesting;
use crate::queue::ingest::EmitRequest;
use crate::runner::{self, Operator};
use crate::triggers::Name;

#[derive(Subcommand)]
pub(super) enum Command {
    /// Emit a trigger for a document; a running server tells handlers and receivers of it
    Emit(Emit),
}

#[derive(Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Emit {
    /// What the document is: stores, products or subscribers
    #[arg(value_name = "TYPE")]
    content_type: String,
    /// Which one
    document_id: String,
    /// The trigger, with or without trigger:
    #[arg(value_parser = Name::parse)]
    trigger: Name,
    /// What handlers and receivers shall know; JSON
    #[arg(long, value_parser = json, value_name = "JSON")]
    payload: Option<Value>,
    /// The same key within 24 hours emits nothing new
    #[arg(long, value_name = "KEY")]
    idempotency_key: Option<String>,
}

const EXAMPLES: &str = "Examples:
  tenon events emit stores zt9x0c1nfsk6w3mdqv4u2b7y post_sale --payload '{\"order\": {\"id\": 1001}}'
  tenon events emit products k2m9… acme:restock --idempotency-key 2026-11-22";

pub(super) async fn run(operator: &Operator<'_>, command: Command) -> Result<(), Failure> {
    let Command::Emit(Emit { content_type, document_id, trigger, payload, idempotency_key }) = command;
    let content_type = find_type(operator.db.catalog(), &content_type).map_err(Failure::Usage)?;
    let nowhere = format!("there is no {} {document_id}", content_type.singular);
    let emission = EmitRequest { content_type, document_id, trigger, payload, idempotency_key };
    match runner::emit_alone(operator, emission).await {
        Ok(emitted) if emitted.repeated => say(format!("{}\temitted before under this key", emitted.id)),
        Ok(emitted) => say(emitted.id),
        Err(Error::NotFound) => Err(Failure::Failed(nowhere)),
        Err(error) => Err(error.into()),
    }
}

fn find_type(catalog: &Catalog, text: &str) -> Result<&'static ContentType, String> {
    let found = catalog.find_by_plural(text).or_else(|| catalog.find_by_singular(text));
    found.ok_or_else(|| {
        let known: Vec<_> = catalog.types().map(|content_type| content_type.plural).collect();
        format!("{text:?} is no content type: it must be one of {}", known.join(", "))
    })
}

fn json(text: &str) -> Result<Value, String> {
    let value = nesting::read(text).map_err(|error| format!("it is not JSON: {error}"))?;
    nesting::check_value(&value).map_err(|unkept| unkept.to_string())?;
    Ok(value)
}
