//! What a handler is, what it is given and what it reports. Handlers themselves live in `extensions`, one file each.
//!
//! A handler names the types of its config and credentials, describes itself, and has one function:
//!
//! ```
//! use tenon::handler::{Context, Descriptor, Done, Empty, Handler, Outcome};
//!
//! struct Greet;
//!
//! #[derive(serde::Deserialize, utoipa::ToSchema)]
//! struct Config {
//!     /// What to say.
//!     greeting: String,
//! }
//!
//! impl Handler for Greet {
//!     type Config = Config;
//!     type Credentials = Empty;
//!
//!     fn descriptor(&self) -> Descriptor {
//!         Descriptor { key: "customer:acme:greet", name: "Greet", ..Descriptor::default() }
//!     }
//!
//!     async fn run(&self, context: Context<Self>) -> Outcome {
//!         let answer = context.http.post(context.url()?).json(&context.config.greeting).send().await?.ok()?;
//!         Ok(Done::new("greeted").with_data(answer.json()?))
//!     }
//! }
//! ```
//!
//! It knows nothing of retries, leases or tables: it reports, and the runner decides. One that also takes what a service
//! sends implements [`Inbound`].

mod binding;
pub mod bounds;
mod check;
mod constraints;
mod context;
mod defaults;
mod descriptor;
mod destination;
mod event;
mod host;
mod http;
pub mod inbound;
mod json;
mod key;
mod lossy;
mod mask;
mod config_error;
mod setup_error;
mod outcome;
mod external_ids;
mod policy;
mod reading;
mod record;
mod registry;
mod schedule;
mod schema;
mod shown;
pub mod signature;
#[cfg(test)]
pub(crate) mod testing;
mod typed;

use std::future::Future;

use serde::de::DeserializeOwned;
use utoipa::ToSchema;

pub use binding::{Wiring, sounds_like_a_destination};
pub use check::SetupCheck;
pub use config_error::ConfigError;
pub use context::{ExtensionContext, Parts, RunInfo};
pub use defaults::{Account, Defaults, Given};
pub use descriptor::{Description, Descriptor};
pub use destination::destination;
pub use event::{DEPTH_HEADER, Event, MOST_DEPTH, StoreRef, Target};
pub use host::{Detached, ExternalLock, Host, Hosted};
pub use http::{Answer, Call, Http, NOT_SENT};
pub use inbound::{Delivery, Inbound, Notice, Received, Refusal};
pub use json::Json;
pub use key::ExtensionKey;
pub use mask::Masker;
pub use outcome::{Done, Failure, Outcome};
pub use policy::{OnLimit, Ordering, Policy};
pub use record::{AnswerRecord, Exchange, RequestRecord};
pub use registry::{Entry, Registry};
pub use schedule::Schedule;
pub use schema::DESTINATION;
pub use setup_error::{SetupError, SetupErrorKind, SetupErrors};
pub use typed::{Attempt, Offer, Purpose};

/// The code behind an extension key.
///
/// It may run twice for one run, when a worker vanished or an answer was lost: what it calls is told
/// [`RunInfo::idempotency_key`], where it takes one.
pub trait Handler: Sized + Send + Sync + 'static {
    /// What is set up for each record. Its doc comments and `#[schema(…)]` become the form that asks for it.
    type Config: DeserializeOwned + ToSchema + Send + Sync;
    /// What must stay secret. Mark secrets with `#[schema(format = Password)]`, and what says where requests go, here and in
    /// the config, with `#[schema(format = "uri")]` or `#[schema(format = Hostname)]` or, where the format is another, with
    /// `#[schema(extensions(("x-destination" = json!(true))))]`: whoever changes that must give the secrets again, and with
    /// the instance's own credentials a record must not set it.
    type Credentials: DeserializeOwned + ToSchema + Send + Sync;

    /// What the directory shows, and the limits it runs under.
    fn descriptor(&self) -> Descriptor;

    /// Names what keeps a record from working beyond what the types of its config and credentials refuse: a credential
    /// without the other that it needs, a url among the credentials that must not be called.
    ///
    /// It is asked when a record is saved, explained or tried, and before each attempt: it must be quick, and do nothing.
    fn check(&self, config: &Self::Config, credentials: &Self::Credentials, check: &mut SetupCheck<'_>) {
        let _ = (config, credentials, check);
    }

    /// Does the work of one attempt.
    fn run(&self, context: Context<Self>) -> impl Future<Output = Outcome> + Send;

    /// Proves that the credentials work, and changes nothing anywhere. A handler that has this says so in its
    /// descriptor: `has_test`. Written as `async fn test(&self, context: Context<Self>) -> Outcome`.
    fn test(&self, context: Context<Self>) -> impl Future<Output = Outcome> + Send {
        let _ = context;
        std::future::ready(Err(Failure::discard("the handler has no test of its credentials")))
    }
}

/// What the handler `H` is given.
pub type Context<H> = ExtensionContext<<H as Handler>::Config, <H as Handler>::Credentials>;

/// Config or credentials of a handler that needs none. Whatever stands there is ignored.
#[derive(Debug, Clone, Default, serde::Deserialize, ToSchema)]
pub struct Empty {}
