//! What Odoo's errors mean: told by their names, which both languages share. JSON-RPC tells them inside a 200.

use serde_json::Value;

use super::Credentials;
use crate::handler::Failure;

/// How much of Odoo's own words is passed on.
const WORDS: usize = 400;

/// Why a call came to nothing.
#[derive(Debug)]
pub(super) enum OdooError {
    /// Odoo says so.
    Told {
        /// The exception: `odoo.exceptions.AccessError`.
        name: String,
        /// What it says.
        message: String,
    },
    /// There is nothing at this address.
    NoPage,
    /// Something answers that is not Odoo.
    NoJson,
    /// It did not come to an answer of Odoo's.
    Failed(Failure),
}

impl From<Failure> for OdooError {
    fn from(failure: Failure) -> Self {
        Self::Failed(failure)
    }
}

impl OdooError {
    /// The error in Odoo's answer.
    pub(super) fn told(error: &Value) -> Self {
        let text = |member: &str| error[member].as_str().unwrap_or_default().to_owned();
        Self::Told { name: text("name"), message: words(&text("message")) }
    }

    /// What it means to whoever called `what`.
    pub(super) fn explain(self, what: &str, base: &str, credentials: &Credentials, is_json2: bool) -> Failure {
        match self {
            Self::Failed(failure) => failure,
            Self::NoJson => Failure::retry(format!(
                "{base} answered {what} with something else than JSON: a proxy or a page for maintenance, or url is not the address of Odoo"
            )),
            Self::NoPage if is_json2 => Failure::discard(format!(
                "Odoo has no JSON-2 for the database {:?} at {base} (404): credentials.database does not exist there, url is not the address of Odoo alone, or Odoo is older than 19 and config.protocol must be jsonrpc",
                credentials.database
            )),
            Self::NoPage => Failure::discard(format!(
                "there is no JSON-RPC at {base} (404): url must be the address of Odoo alone, such as https://mycompany.odoo.com, and Odoo 20 needs config.protocol json2"
            )),
            Self::Told { name, message } => told(&name, &message, what, credentials),
        }
    }
}

/// What an exception of Odoo means.
fn told(name: &str, message: &str, what: &str, credentials: &Credentials) -> Failure {
    let database = &credentials.database;
    let short = name.rsplit('.').next().unwrap_or_default();
    match short {
        // Odoo stops listening to an address that failed too often, for a minute.
        "AccessDenied" if message.contains("Too many login failures") => Failure::retry(format!("Odoo: {message}")),
        "AccessDenied" | "Unauthorized" => Failure::discard(format!(
            "credentials.api_key was refused by Odoo for the database {database:?}: {message}"
        )),
        "AccessError" | "Forbidden" => Failure::discard(format!(
            "the user of credentials.api_key may not do {what} in Odoo, and needs more rights there: {message}"
        )),
        // What an attempt found, somebody deleted before it was done. The next one finds out.
        "MissingError" => Failure::retry(format!("{what}: {message}")),
        "LockError" | "ConcurrencyError" => Failure::retry(format!("Odoo was busy with the same records: {message}")),
        "NotFound" | "UserError" if is_about_a_model(message) => Failure::discard(format!(
            "Odoo has no {}: the app that brings it must be installed there ({}): {message}",
            model(what),
            app(what)
        )),
        "ValidationError" | "UserError" | "RedirectWarning" | "NotFound" | "UnprocessableEntity" | "BadRequest" => {
            Failure::discard(format!("Odoo refused {what}: {message}"))
        }
        "KeyError" if message.contains(database.as_str()) => no_database(database, message),
        "ValueError" | "TypeError" | "KeyError" | "AttributeError" => Failure::discard(format!(
            "Odoo cannot take {what}, for want of an app (it needs {}) or because of its version: {message}",
            app(what)
        )),
        _ if name.starts_with("psycopg2") && message.contains("database") && message.contains("does not exist") => {
            no_database(database, message)
        }
        _ => Failure::retry(format!("Odoo failed at {what}: {name}: {message}")),
    }
}

fn no_database(database: &str, message: &str) -> Failure {
    Failure::discard(format!("credentials.database: Odoo has no database {database:?}: {message}"))
}

fn is_about_a_model(message: &str) -> bool {
    let message = message.to_lowercase();
    (message.starts_with("object ") || message.starts_with("the model ")) && message.contains("exist")
}

/// `sale.order` of `sale.order.create`.
fn model(what: &str) -> &str {
    what.rsplit_once('.').map_or(what, |(model, _)| model)
}

/// The app that brings a model.
fn app(what: &str) -> &'static str {
    match what.split('.').next() {
        Some("mailing") => "Email Marketing",
        Some("account") => "Invoicing",
        Some("product" | "sale") => "Sales",
        _ => "Contacts",
    }
}

/// Odoo's words in one line, not too long.
fn words(message: &str) -> String {
    let line = message.split_whitespace().collect::<Vec<_>>().join(" ");
    match line.char_indices().nth(WORDS) {
        Some((end, _)) => format!("{}…", &line[..end]),
        None => line,
    }
}
