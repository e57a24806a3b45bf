//! Odoo, the business suite: its models are read and written over HTTP, in one of two languages. Odoo 19 and later speak
//! JSON-2 (<https://www.odoo.com/documentation/19.0/developer/reference/external_api.html>), those before it JSON-RPC
//! (<https://www.odoo.com/documentation/18.0/developer/reference/external_api.html>), which Odoo 20 no longer has.
//!
//! Odoo knows no idempotency key. What is made is searched first, by what tells it apart there: an address, an article
//! number, an order's reference.

mod article;
mod buyer;
mod difference;
mod rpc_error;
mod invoice;
mod partner;
mod pricelist;
mod product;
mod row;
mod versions;
mod rpc;

use std::sync::Arc;

use ring::digest::{SHA256, digest};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use utoipa::ToSchema;

pub use article::{articles, sample_articles};
pub use buyer::{Buyer, buyer};
pub use difference::{COMPARED, difference, invoice_difference};
pub use invoice::{Invoiced, invoice};
pub use partner::{Kept, Memory, Partner, What, create_partner, find_partner, sample_partner, upsert_partner};
pub use pricelist::{Counting, counting};
pub use product::{Upserted, archive_product, sample_product, upsert_product};
pub use row::{Row, differing, text};
use rpc::Version;
pub use versions::Versions;

use crate::clock::Clock;
use crate::handler::signature::to_hex;
use crate::handler::{ExtensionContext, ExternalLock, Failure, Host, Http, SetupCheck};
use crate::services::form::filled;

/// The first Odoo that speaks JSON-2.
const JSON2_SINCE: u32 = 19;

/// Which language Odoo is spoken to in.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Protocol {
    /// What its version speaks: Odoo is asked for it, and the answer remembered for an hour.
    #[default]
    Auto,
    /// JSON-2: Odoo 19 and later.
    Json2,
    /// JSON-RPC: Odoo 18 and earlier.
    JsonRpc,
}

/// Whose Odoo it is, and who asks.
#[derive(Debug, Clone, Deserialize, ToSchema)]
pub struct Credentials {
    /// The address of Odoo, if the record has no url.
    #[schema(format = "uri", example = "https://mycompany.odoo.com")]
    url: Option<String>,
    /// The name of the database.
    #[schema(min_length = 1, example = "mycompany")]
    database: String,
    /// The login of the user whose key it is. Odoo 18 and earlier ask for it.
    #[schema(example = "shop@example.com")]
    username: Option<String>,
    /// An API key of that user: in Odoo under Preferences, Account Security, New API Key.
    #[schema(format = Password, min_length = 1)]
    api_key: String,
}

/// An Odoo that can be asked.
pub struct Odoo {
    http: Http,
    /// Without a slash at its end.
    base: String,
    credentials: Credentials,
    dialect: Dialect,
    /// The first part of its version, where it was asked for.
    major: Option<u32>,
    /// What others were told of its version.
    versions: Versions,
    host: Arc<dyn Host>,
    clock: Arc<dyn Clock>,
}

/// How it is spoken to.
enum Dialect {
    Json2,
    /// As the user with this id.
    JsonRpc {
        user: i64,
    },
}

/// What is to be found.
pub struct Search<'a> {
    /// The model, such as `res.partner`.
    pub model: &'a str,
    /// Which of its records: Odoo's domain.
    pub domain: Value,
    /// The fields to be read.
    pub fields: &'a [&'a str],
    /// What comes first.
    pub order: &'a str,
    /// At most so many.
    pub limit: Option<u32>,
}

impl Odoo {
    /// Finds out how to speak to the Odoo of `context`, and signs in where that is a step of its own.
    ///
    /// Fails when there is no address, when the credentials are refused, and when nobody answers.
    pub async fn open<Config>(
        context: &ExtensionContext<Config, Credentials>,
        protocol: Protocol,
        versions: &Versions,
    ) -> Result<Self, Failure> {
        let credentials = context.credentials.clone();
        let base = base(context.url.as_deref(), &credentials)?;
        let mut odoo = Self {
            http: context.http.clone(),
            base,
            credentials,
            dialect: Dialect::Json2,
            major: None,
            versions: versions.clone(),
            host: Arc::clone(&context.host),
            clock: Arc::clone(&context.clock),
        };
        match protocol {
            Protocol::Json2 => {}
            Protocol::JsonRpc => odoo.dialect = Dialect::JsonRpc { user: odoo.sign_in(None).await? },
            Protocol::Auto => odoo.find_speech().await?,
        }
        Ok(odoo)
    }

    /// Finds out which language Odoo speaks, by what is remembered of its version where that holds.
    async fn find_speech(&mut self) -> Result<(), Failure> {
        if let Some(known) = self.versions.find(&self.base, self.clock.now()) {
            self.major = known.major;
            if self.is_json2() {
                return Ok(());
            }
            match self.sign_in(None).await {
                Ok(user) => {
                    self.dialect = Dialect::JsonRpc { user };
                    return Ok(());
                }
                // It may have been upgraded, and speak the old language no more.
                Err(Failure::Discard { .. }) => self.versions.forget(&self.base),
                Err(failure) => return Err(failure),
            }
        }

        let hidden = match self.ask_version().await? {
            Version::Told(major) => {
                self.major = Some(major);
                None
            }
            Version::NoPage => {
                self.major = None;
                None
            }
            Version::Hidden(answer) => Some(answer),
        };
        if !self.is_json2() {
            self.dialect = Dialect::JsonRpc { user: self.sign_in(hidden.as_deref()).await? };
        }
        // Only what has proved right: an error page may be that of a proxy.
        if hidden.is_none() {
            self.versions.remember(&self.base, self.major, self.clock.now());
        }
        Ok(())
    }

    fn is_json2(&self) -> bool {
        self.major.is_some_and(|major| major >= JSON2_SINCE)
    }

    /// Waits until no other attempt makes or changes what Odoo's `model` has under `key`, such as a contact by its address.
    pub async fn lock(&self, model: &str, key: &str) -> Result<Box<dyn ExternalLock>, Failure> {
        let name = json!([self.base, self.credentials.database, model, key]).to_string();
        // A hash, since addresses are nothing to be kept in the open.
        self.host.lock(format!("odoo {}", to_hex(digest(&SHA256, name.as_bytes()).as_ref()))).await
    }

    /// Proves that the credentials work, and tells in a line as whom.
    pub async fn prove(&self) -> Result<String, Failure> {
        let database = &self.credentials.database;
        let user = match self.dialect {
            Dialect::JsonRpc { user } => user,
            Dialect::Json2 => {
                let context = self.call("res.users", "context_get", &[], &[]).await?;
                context["uid"].as_i64().unwrap_or_default()
            }
        };
        let version = self.major.map(|major| format!(" {major}")).unwrap_or_default();
        Ok(format!("Odoo{version} knows the credentials: they are of user {user} of the database {database}"))
    }

    /// The records that `search` finds.
    pub async fn search(&self, search: Search<'_>) -> Result<Vec<Row>, Failure> {
        let mut how = vec![("fields", json!(search.fields))];
        how.extend((!search.order.is_empty()).then(|| ("order", json!(search.order))));
        how.extend(search.limit.map(|limit| ("limit", json!(limit))));
        let found = self.call(search.model, "search_read", &[("domain", search.domain)], &how).await?;
        Row::list(found).ok_or_else(|| unreadable(search.model, "search_read"))
    }

    /// The fields of the records with these ids. One that is gone is left out.
    pub async fn read(&self, model: &str, ids: &[i64], fields: &[&str]) -> Result<Vec<Row>, Failure> {
        if ids.is_empty() {
            return Ok(Vec::new());
        }
        let found = self.call(model, "read", &[("ids", json!(ids))], &[("fields", json!(fields))]).await?;
        Row::list(found).ok_or_else(|| unreadable(model, "read"))
    }

    /// Makes a record, and returns its id.
    pub async fn create(&self, model: &str, values: Value) -> Result<i64, Failure> {
        self.create_within(model, values, &[]).await
    }

    /// Makes a record in Odoo's context `within`.
    async fn create_within(&self, model: &str, values: Value, within: &[(&str, Value)]) -> Result<i64, Failure> {
        // JSON-RPC tells one id for one record, as its callers are used to; JSON-2 always a list.
        let values = if self.speaks_json2() { json!([values]) } else { values };
        let made = self.call(model, "create", &[("vals_list", values)], within).await?;
        let id = made.as_i64().or_else(|| made[0].as_i64());
        id.ok_or_else(|| unreadable(model, "create"))
    }

    /// Makes several records at once, and returns their ids in the same order.
    async fn create_all(&self, model: &str, values: Vec<Value>) -> Result<Vec<i64>, Failure> {
        let count = values.len();
        let made = self.call(model, "create", &[("vals_list", json!(values))], &[]).await?;
        let ids: Vec<i64> = made.as_array().into_iter().flatten().filter_map(Value::as_i64).collect();
        if ids.len() == count { Ok(ids) } else { Err(unreadable(model, "create")) }
    }

    /// Changes the records with these ids.
    pub async fn write(&self, model: &str, ids: &[i64], values: impl Into<Value>) -> Result<(), Failure> {
        self.call(model, "write", &[("ids", json!(ids)), ("vals", values.into())], &[]).await.map(drop)
    }

    /// Presses a button: calls `method` of the record with this id.
    pub async fn press(&self, model: &str, method: &str, id: i64) -> Result<(), Failure> {
        self.call(model, method, &[("ids", json!([id]))], &[]).await.map(drop)
    }

    /// What the taxes of an order's line are called: Odoo 19 has another name for them.
    pub async fn taxes_field(&self) -> Result<&'static str, Failure> {
        let major = match (&self.dialect, self.major) {
            (Dialect::Json2, _) => Some(JSON2_SINCE),
            (Dialect::JsonRpc { .. }, None) => {
                let known = self.versions.find(&self.base, self.clock.now()).and_then(|known| known.major);
                let major = if known.is_some() { known } else { self.version_by_rpc().await? };
                self.versions.remember(&self.base, major, self.clock.now());
                major
            }
            (Dialect::JsonRpc { .. }, known) => known,
        };
        Ok(if major.is_some_and(|major| major >= JSON2_SINCE) { "tax_ids" } else { "tax_id" })
    }

    fn speaks_json2(&self) -> bool {
        matches!(self.dialect, Dialect::Json2)
    }
}

impl Credentials {
    /// Names what keeps Odoo from being spoken to.
    pub fn check(&self, protocol: Protocol, check: &mut SetupCheck<'_>) {
        if check.url().is_none() {
            check.credentials_url("url", self.url.as_deref());
        }
        if let Err(failure) = base(check.url(), self) {
            check.missing_url(failure.reason());
        }
        if protocol == Protocol::JsonRpc && filled(self.username.as_deref()).is_none() {
            check.credentials("username", NO_USER);
        }
    }
}

/// What is missing where Odoo asks who comes.
const NO_USER: &str = "credentials.username is missing: Odoo 18 and earlier ask who the key is of";

/// The address of Odoo: that of the record, else that of the credentials.
fn base(url: Option<&str>, credentials: &Credentials) -> Result<String, Failure> {
    let places = [url, credentials.url.as_deref()];
    let told = places.into_iter().flatten().map(str::trim).find(|url| !url.is_empty());
    let told = told.ok_or_else(|| {
        Failure::discard(
            "nobody says where Odoo is: set the record's url, or credentials.url, such as https://mycompany.odoo.com",
        )
    })?;
    Ok(told.trim_end_matches('/').to_owned())
}

/// An answer in a form that no Odoo gives: something stands between.
fn unreadable(model: &str, method: &str) -> Failure {
    Failure::retry(format!("Odoo's answer to {model}.{method} has not the form it should have"))
}
