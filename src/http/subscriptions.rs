//! Subscribing and unsubscribing, for visitors of storefronts.

use actix_web::http::StatusCode;
use actix_web::{HttpResponse, web};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::answer::{self, Data, Problems, Sent};
use super::body::Submission;
use super::routes::Endpoint;
use crate::access::Right;
use crate::content::{ContentType, Reference, SUBSCRIBER};
use crate::documents::{self, Subscription, Wish};
use crate::error::{Error, Problem, Result};
use crate::state::AppState;

/// The most stores of one request.
const STORES: usize = 10;
/// The largest body of a subscription, in bytes: anyone may send one.
const LARGEST: usize = 16 * 1024;
/// The longest address there is (RFC 5321).
const LONGEST_ADDRESS: usize = 254;

pub(super) fn endpoints() -> Vec<Endpoint> {
    vec![
        Endpoint::at("/api/subscribers/subscribe").post(subscribe),
        Endpoint::at("/api/subscribers/unsubscribe").post(unsubscribe),
    ]
}

/// Who subscribes to what.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct SubscriptionInput {
    /// The address.
    #[serde(rename = "Email", alias = "email")]
    #[schema(format = Email, max_length = 254)]
    email: String,
    /// The stores: documentIds, or the numbers of versions.
    #[schema(min_items = 1, max_items = 10)]
    stores: Vec<StoreReference>,
}

/// A store by its documentId, or by the number of one of its versions.
#[derive(Deserialize, ToSchema)]
#[serde(untagged)]
enum StoreReference {
    Id(i64),
    DocumentId(String),
}

/// What is answered whether the address was known or not.
#[derive(Serialize, ToSchema)]
pub(super) struct SubscriptionAnswer {
    /// The address.
    #[serde(rename = "Email")]
    email: String,
    /// Whether it is subscribed now.
    subscribed: bool,
}

/// Subscribe an address to stores
///
/// A subscriber is made, or made active again; done twice it changes nothing. Visitors may do it without a token, and are
/// not told whether the address was known.
#[utoipa::path(post, path = "/api/subscribers/subscribe", tag = "subscribers", operation_id = "subscribe",
    request_body = Sent<SubscriptionInput>,
    responses((status = 200, description = "Subscribed", body = Data<SubscriptionAnswer>), Problems))]
pub(super) async fn subscribe(state: web::Data<AppState>, sent: Submission) -> Result<HttpResponse> {
    wish(state, sent, Wish::Subscribe, StatusCode::OK).await
}

/// Unsubscribe an address from stores
///
/// One that is not subscribed is as good as unsubscribed.
#[utoipa::path(post, path = "/api/subscribers/unsubscribe", tag = "subscribers", operation_id = "unsubscribe",
    request_body = Sent<SubscriptionInput>,
    responses((status = 200, description = "Not subscribed any more", body = Data<SubscriptionAnswer>), Problems))]
pub(super) async fn unsubscribe(state: web::Data<AppState>, sent: Submission) -> Result<HttpResponse> {
    wish(state, sent, Wish::Unsubscribe, StatusCode::OK).await
}

/// Whether a document that is to be created is a subscription: some storefronts create subscribers like any document, and
/// visitors may do no more than subscribe.
pub(super) fn is_subscription(content_type: &ContentType, sent: &Submission) -> bool {
    let access = sent.caller.access;
    content_type.uid == SUBSCRIBER.uid && !access.may(Right::Create, content_type) && access.may_subscribe()
}

/// Answers a subscription that was sent as a document to create.
pub(super) async fn create(state: web::Data<AppState>, sent: Submission) -> Result<HttpResponse> {
    wish(state, sent, Wish::Subscribe, StatusCode::CREATED).await
}

async fn wish(state: web::Data<AppState>, sent: Submission, wish: Wish, status: StatusCode) -> Result<HttpResponse> {
    sent.caller.access.require_subscribe()?;
    let (caller, input) = sent.at_most(LARGEST).read().await?.parse_data::<SubscriptionInput>()?;
    let email = input.email.clone();
    documents::subscribe(&state.into_inner(), caller, input.checked()?, wish).await?;
    answer::data(status, SubscriptionAnswer { email, subscribed: wish == Wish::Subscribe })
}

impl SubscriptionInput {
    fn checked(self) -> Result<Subscription> {
        let refused = |path: &str, message: String| {
            Error::Invalid(vec![Problem { path: vec![path.to_owned()], message, value: None }])
        };
        if self.email.len() > LONGEST_ADDRESS {
            return Err(refused("Email", format!("Email must have at most {LONGEST_ADDRESS} characters")));
        }
        if !(1..=STORES).contains(&self.stores.len()) {
            return Err(refused("stores", format!("stores must name from 1 to {STORES} stores")));
        }
        Ok(Subscription { email: self.email, stores: self.stores.into_iter().map(Reference::from).collect() })
    }
}

impl From<StoreReference> for Reference {
    /// A text of digits is a number, as in every relation.
    fn from(store: StoreReference) -> Self {
        match store {
            StoreReference::Id(row) => Self::Row(row),
            StoreReference::DocumentId(id) => id.parse().map_or(Self::Document(id), Self::Row),
        }
    }
}
