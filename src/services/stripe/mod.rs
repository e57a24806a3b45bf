//! Stripe: how its API is called.
//!
//! Source: <https://docs.stripe.com/api>, version [`VERSION`].

mod address;
mod amount;
mod answer;
mod price_lookup;
mod credentials;
mod customer;
mod options;
mod order;
mod sale;
mod catalog_sync;
mod terms;

use reqwest::Method;
use ring::digest::{SHA256, digest};
use serde_json::{Value, json};
use url::Url;

pub use amount::Minor;
pub use answer::Refused;
use answer::Told;
pub use catalog_sync::{CatalogSync, Placed, ProductFacts};
pub use credentials::{Credentials, Key, Mode};
pub use customer::{Person, find_or_make};
pub use options::{Collection, DUE, Payer, PaymentBehavior};
pub use order::Order;
pub use price_lookup::recurring_price_of;
pub use sale::{customer_of, is_sale, means_nothing, prove, remember, remembered};
pub use terms::{Terms, is_recurring};

use crate::handler::signature::to_hex;
use crate::handler::{ExtensionContext, Failure, Http};

/// The version of the API that is spoken, whatever the account's own is.
pub const VERSION: &str = "2026-06-24.dahlia";
/// Where the API is, unless the record's url says otherwise.
const BASE: &str = "https://api.stripe.com";
/// How many pages of a list are read at most, 100 objects each.
const PAGES: usize = 10;
/// How long a value of metadata may be.
const METADATA: usize = 500;

/// The fields of a form, with the names that Stripe nests by: `items[0][price]`.
#[derive(Debug, Clone, Default)]
pub struct Form(Vec<(String, String)>);

impl Form {
    /// The same, with a field.
    pub fn with(mut self, name: impl Into<String>, value: impl ToString) -> Self {
        self.0.push((name.into(), value.to_string()));
        self
    }

    /// The same, with a field where there is a value for it.
    pub fn with_some(self, name: &str, value: Option<impl ToString>) -> Self {
        match value {
            Some(value) => self.with(name, value),
            None => self,
        }
    }

    /// The same, with something of ours that Stripe keeps with the object.
    pub fn with_metadata(self, name: &str, value: impl ToString) -> Self {
        let value: String = value.to_string().chars().take(METADATA).collect();
        self.with(format!("metadata[{name}]"), value)
    }

    /// Whether it has no field.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// Calls the API for one run.
pub struct Stripe {
    http: Http,
    base: Url,
    key: Key,
    account: Option<String>,
    run: String,
    test: bool,
}

impl Stripe {
    /// For the run that `context` is of; `account` is the connected account that it is done for, if for one.
    ///
    /// Fails when the credentials name no key that could be used, and for a sample event with a key for real money.
    pub fn of<Config>(context: &ExtensionContext<Config, Credentials>, account: Option<&str>) -> Result<Self, Failure> {
        let key = context.credentials.key()?;
        let test = context.event.test;
        if test && key.mode == Some(Mode::Live) {
            return Err(Failure::discard(format!(
                "a sample makes nothing where money is real: try it with a test key (credentials.{} is live)",
                key.name
            )));
        }
        Ok(Self { test, ..Self::prove(context, account)? })
    }

    /// The same, to ask and to make nothing.
    pub fn prove<Config>(
        context: &ExtensionContext<Config, Credentials>,
        account: Option<&str>,
    ) -> Result<Self, Failure> {
        let base = context.url.as_deref().filter(|url| !url.is_empty()).unwrap_or(BASE);
        let base = Url::parse(base).ok().filter(|url| !url.cannot_be_a_base());
        Ok(Self {
            http: context.http.clone(),
            base: base.ok_or_else(|| Failure::discard("the record's url is none"))?,
            key: context.credentials.key()?,
            account: account.map(str::to_owned).filter(|account| !account.is_empty()),
            run: context.run.idempotency_key().to_owned(),
            test: false,
        })
    }

    /// The key that is used.
    pub fn key(&self) -> &Key {
        &self.key
    }

    /// Asks for what is at `path`, below `/v1`.
    pub async fn get(&self, path: &[&str], query: &[(&str, &str)]) -> Result<Value, Refused> {
        self.call(Method::GET, path, query, None).await.map(|told| told.object)
    }

    /// The object at `path`; `None` when there is none, or none any more.
    pub async fn find(&self, path: &[&str]) -> Result<Option<Value>, Refused> {
        if !path.iter().all(|part| is_id(part)) {
            return Ok(None);
        }
        match self.get(path, &[]).await {
            Ok(found) if found["deleted"] == true => Ok(None),
            Err(refused) if refused.is_missing() => Ok(None),
            found => found.map(Some),
        }
    }

    /// All objects of a list.
    ///
    /// Fails when it does not end after [`PAGES`]: whoever took a part for all would make things twice.
    pub async fn list(&self, name: &str, query: &[(&str, &str)]) -> Result<Vec<Value>, Refused> {
        match self.read(name, query, |_| false).await? {
            (all, true) => Ok(all),
            (some, false) => {
                let asked: Vec<_> = query.iter().map(|(name, value)| format!("{name} {value}")).collect();
                let (count, asked) = (some.len(), asked.join(", "));
                Err(Failure::discard(format!("Stripe has more than {count} {name} of {asked}: archive some")).into())
            }
        }
    }

    /// The objects of a list, the newest first, up to the page with one that `is_enough`; and whether no more are to come,
    /// which may be so after [`PAGES`].
    async fn read(
        &self,
        name: &str,
        query: &[(&str, &str)],
        is_enough: impl Fn(&Value) -> bool,
    ) -> Result<(Vec<Value>, bool), Refused> {
        let mut all: Vec<Value> = Vec::new();
        for _ in 0..PAGES {
            let last = all.last().and_then(|object| object["id"].as_str()).map(str::to_owned);
            let mut query: Vec<_> = query.iter().copied().chain([("limit", "100")]).collect();
            query.extend(last.as_deref().map(|last| ("starting_after", last)));
            let page = self.get(&[name], &query).await?;
            let objects = page["data"].as_array().map_or(&[][..], Vec::as_slice);
            all.extend_from_slice(objects);
            if page["has_more"] != true || objects.is_empty() {
                return Ok((all, true));
            }
            if objects.iter().any(&is_enough) {
                break;
            }
        }
        Ok((all, false))
    }

    /// Makes or changes what is at `path`. `step` tells the run's requests apart: sent again by a later attempt, the same
    /// step makes nothing twice.
    pub async fn post(&self, path: &[&str], step: &str, form: Form) -> Result<Value, Refused> {
        let key = format!("{}:{step}", self.run);
        self.call(Method::POST, path, &[], Some((&key, &form))).await.map(|told| told.object)
    }

    /// Makes or changes what is at `path` once, whichever runs do so: `key` is that of the deed. For a day Stripe tells all
    /// that use it what the first was told. Where that is of no use any more, since it was a failure or what was made does
    /// no longer `count`, the run goes by a key of its own.
    pub async fn post_once(
        &self,
        path: &[&str],
        key: &str,
        form: Form,
        counts: impl Fn(&Value) -> bool,
    ) -> Result<Value, Refused> {
        match self.call(Method::POST, path, &[], Some((key, &form))).await {
            Ok(told) if !told.is_replayed => return Ok(told.object),
            // It may have changed since, or be gone.
            Ok(told) => {
                let kind = path.first().copied().unwrap_or_default();
                if let Some(now) = self.find(&[kind, id_of(&told.object)?]).await?.filter(counts) {
                    return Ok(now);
                }
            }
            Err(refused) if !refused.is_replayed => return Err(refused),
            Err(_) => {}
        }
        self.post(path, key, form).await
    }

    /// Makes something new once, whichever runs do so: by [`Stripe::post_once`], with a key of all that is said of it.
    pub async fn make_once(&self, name: &str, form: Form, counts: impl Fn(&Value) -> bool) -> Result<Value, Refused> {
        let form = self.marked(form);
        // A hash, since the keys of requests are kept in the open, and addresses are none of that.
        let said = json!([self.account, name, form.0]).to_string();
        let hash = to_hex(&digest(&SHA256, said.as_bytes()).as_ref()[..16]);
        self.post_once(&[name], &format!("{name}-{hash}"), form, counts).await
    }

    /// Makes something new, which is marked where the event is a sample.
    pub async fn make(&self, name: &str, step: &str, form: Form) -> Result<Value, Refused> {
        self.post(&[name], step, self.marked(form)).await
    }

    fn marked(&self, form: Form) -> Form {
        if self.test { form.with_metadata("sample", "true") } else { form }
    }

    async fn call(
        &self,
        method: Method,
        path: &[&str],
        query: &[(&str, &str)],
        change: Option<(&str, &Form)>,
    ) -> Result<Told, Refused> {
        let mut url = self.base.clone();
        if let Ok(mut segments) = url.path_segments_mut() {
            segments.pop_if_empty().push("v1").extend(path);
        }
        if !query.is_empty() {
            url.query_pairs_mut().extend_pairs(query);
        }
        let asked = format!("{method} /v1/{}", path.join("/"));
        let call = self.http.call(method, url).header("stripe-version", VERSION);
        let mut call = call.header("authorization", format!("Bearer {}", self.key.value));
        if let Some(account) = &self.account {
            call = call.header("stripe-account", account);
        }
        if let Some((key, Form(fields))) = change {
            let fields: Vec<_> = fields.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
            call = call.header("idempotency-key", key).form(&fields);
        }
        answer::understood(call.send().await?, &asked, self.key.name)
    }
}

/// Whether a text can be an id at Stripe, so that it can stand in a path.
fn is_id(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|letter| letter.is_ascii_alphanumeric() || b"_-".contains(&letter))
}

/// The id of an object that Stripe answered with.
pub fn id_of(object: &Value) -> Result<&str, Failure> {
    object["id"].as_str().ok_or_else(|| Failure::retry("Stripe answered with an object that has no id"))
}

/// The id of what a member refers to: by its id, or in full.
pub fn referred<'a>(object: &'a Value, member: &str) -> Option<&'a str> {
    object[member].as_str().or_else(|| object[member]["id"].as_str())
}
