//! Subscribing and unsubscribing, for visitors of storefronts.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use actix_web::http::StatusCode;
use actix_web::{HttpRequest, HttpResponse, web};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use tokio::time::{Instant, sleep_until};
use utoipa::ToSchema;

use super::answer::{self, Data, Problems, Sent};
use super::body::Submission;
use super::endpoint::Endpoint;
use crate::access::{Access, Caller, Right};
use crate::clock::{DAY, HOUR, MINUTE, iso};
use crate::config::Subscribing;
use crate::content::{ContentType, Reference, STORE, SUBSCRIBER};
use crate::documents::{self, Subscription, Wish};
use crate::error::{Error, Problem, Result};
use crate::links::{Link, NoLink, Purpose};
use crate::queue::ingest::EmitRequest;
use crate::rates::Rate;
use crate::runner;
use crate::state::AppState;
use crate::triggers::{CONFIRM_SUBSCRIPTION, Name};

/// The most stores of one request.
const STORES: usize = 10;
/// The largest body of a subscription, in bytes: anyone may send one.
const LARGEST: usize = 16 * 1024;
/// The longest address there is (RFC 5321).
const LONGEST_ADDRESS: usize = 254;

/// How often one address may be subscribed to and unsubscribed from a store; where mails are sent for it, how often that.
const BY_ADDRESS: Rate = Rate { times: 20, period: HOUR };
const BY_ADDRESS_WITH_MAIL: Rate = Rate { times: 5, period: HOUR };
/// How often one client may do so at a store, whatever the address.
const BY_CLIENT: Rate = Rate { times: 240, period: 10 * MINUTE };
/// Visitors are answered after a whole number of these: the time tells nobody who is known.
const STEP: Duration = Duration::from_millis(200);

pub(super) fn endpoints() -> Vec<Endpoint> {
    vec![
        Endpoint::at("/api/subscribers/subscribe").post(subscribe),
        Endpoint::at("/api/subscribers/unsubscribe").post(unsubscribe),
        Endpoint::at("/api/subscribers/confirm/{token}").get(confirm),
        Endpoint::at("/api/subscribers/unsubscribe/{token}").get(ask_to_leave).post(leave),
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
    /// Whether it will be when the link in the mail that was asked for is followed (`TENON_SUBSCRIBE=double`).
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    #[schema(required = false)]
    pending: bool,
}

/// Subscribe an address to stores
///
/// A subscriber is made, or made active again; done twice it changes nothing. Visitors may do it without a token, and are
/// not told whether the address was known, nor by the time it takes. They may do so 20 times an hour for one address and
/// store, and 240 times in ten minutes from one client: 429 tells when again.
///
/// With `TENON_SUBSCRIBE=double` a visitor's address is subscribed when a link was followed: the event
/// `trigger:confirm_subscription` brings `payload.confirm_url` to the store's records, of which
/// `markket:sendgrid:welcome` mails it.
#[utoipa::path(post, path = "/api/subscribers/subscribe", tag = "subscribers", operation_id = "subscribe",
    request_body = Sent<SubscriptionInput>,
    responses((status = 200, description = "Subscribed", body = Data<SubscriptionAnswer>), Problems))]
pub(super) async fn subscribe(
    request: HttpRequest,
    state: web::Data<AppState>,
    sent: Submission,
) -> Result<HttpResponse> {
    wish(&request, state, sent, (Wish::Subscribe, StatusCode::OK)).await
}

/// Unsubscribe an address from stores
///
/// One that is not subscribed is as good as unsubscribed. Visitors may do it without a token, as often as they may subscribe;
/// mails carry a link of their own, `unsubscribe_url`.
#[utoipa::path(post, path = "/api/subscribers/unsubscribe", tag = "subscribers", operation_id = "unsubscribe",
    request_body = Sent<SubscriptionInput>,
    responses((status = 200, description = "Not subscribed any more", body = Data<SubscriptionAnswer>), Problems))]
pub(super) async fn unsubscribe(
    request: HttpRequest,
    state: web::Data<AppState>,
    sent: Submission,
) -> Result<HttpResponse> {
    wish(&request, state, sent, (Wish::Unsubscribe, StatusCode::OK)).await
}

/// Whether a document that is to be created is a subscription: some storefronts create subscribers like any document, and
/// visitors may do no more than subscribe.
pub(super) fn is_subscription(content_type: &ContentType, sent: &Submission) -> bool {
    let access = sent.caller.access;
    content_type.subscribes && !access.may(Right::Create, content_type) && access.may_subscribe(content_type)
}

/// Answers a subscription that was sent as a document to create.
pub(super) async fn create(
    request: &HttpRequest,
    state: web::Data<AppState>,
    sent: Submission,
) -> Result<HttpResponse> {
    wish(request, state, sent, (Wish::Subscribe, StatusCode::CREATED)).await
}

async fn wish(
    request: &HttpRequest,
    state: web::Data<AppState>,
    sent: Submission,
    (wish, status): (Wish, StatusCode),
) -> Result<HttpResponse> {
    sent.caller.access.require_subscribe(&SUBSCRIBER)?;
    let (caller, input) = sent.at_most(LARGEST).read().await?.parse_data::<SubscriptionInput>()?;
    let (email, state) = (input.email.clone(), state.into_inner());
    let asked = input.checked()?;
    if !matches!(caller.access, Access::Public(_)) {
        documents::subscribe(&state, caller, asked, wish).await?;
        return answered(status, email, wish, false);
    }
    let pending = wish == Wish::Subscribe && state.config.links.subscribing == Subscribing::Double;
    in_even_time(visitors_wish(&state, client(request), (caller, asked), (wish, pending))).await?;
    answered(status, email, wish, pending)
}

fn answered(status: StatusCode, email: String, wish: Wish, pending: bool) -> Result<HttpResponse> {
    let subscribed = wish == Wish::Subscribe && !pending;
    answer::data(status, SubscriptionAnswer { email, subscribed, pending })
}

/// What a visitor wants is done, or, where it waits for a link (`pending`), the link is told to the stores' records.
async fn visitors_wish(
    state: &Arc<AppState>,
    client: Option<String>,
    (caller, asked): (Caller, Subscription),
    (wish, pending): (Wish, bool),
) -> Result<()> {
    let email = documents::address(&asked.email)?;
    let stores = documents::find_stores(state, asked.stores.clone()).await?;
    for store in &stores {
        let rate = if pending { BY_ADDRESS_WITH_MAIL } else { BY_ADDRESS };
        take(state, format!("{wish:?} {email} {store}"), rate)?;
        if let Some(client) = &client {
            take(state, format!("client {client} {store}"), BY_CLIENT)?;
        }
    }
    if !pending {
        return documents::subscribe(state, caller, asked, wish).await;
    }
    let trigger = Name::parse(CONFIRM_SUBSCRIPTION).map_err(Error::internal)?;
    let ask = |store: &String| EmitRequest {
        content_type: &STORE,
        document_id: store.clone(),
        trigger: trigger.clone(),
        payload: Some(confirmation(state, &email, store)),
        idempotency_key: None,
    };
    runner::emit_all(state, &caller, stores.iter().map(ask).collect()).await.map(drop)
}

/// What records are told of a subscription that waits for its link.
fn confirmation(state: &AppState, email: &str, store: &str) -> Value {
    let link =
        |purpose| Link { purpose, email: email.to_owned(), store: store.to_owned(), issued_at: state.clock.now() };
    let (base, confirm) = (state.config.base_url(), link(Purpose::Confirm));
    json!({
        "email": email,
        "confirm_url": confirm.url(&base, &state.sealer),
        "expires_at": iso(confirm.issued_at + Purpose::Confirm.lasts()),
        "unsubscribe_url": link(Purpose::Unsubscribe).url(&base, &state.sealer),
    })
}

/// Counts one more under `name`.
fn take(state: &AppState, name: String, rate: Rate) -> Result<()> {
    state.subscribe_rates.take(name, rate, state.clock.now()).map_err(|wait| {
        let (times, minutes) = (rate.times, rate.period / MINUTE);
        let message =
            format!("too many requests about subscriptions: at most {times} in {minutes} minutes; try again later");
        Error::TooMany { message, after: u64::try_from(wait).unwrap_or_default().div_ceil(1000) }
    })
}

/// Who asks, as far as the network tells: behind a proxy on this machine or in its network, whom that says it asks for.
/// Whoever has a network of IPv6 is one client.
fn client(request: &HttpRequest) -> Option<String> {
    let peer = request.peer_addr()?.ip();
    let is_proxy = match peer {
        IpAddr::V4(peer) => peer.is_loopback() || peer.is_private(),
        IpAddr::V6(peer) => peer.is_loopback() || peer.is_unique_local(),
    };
    let forwarded = request.headers().get_all("x-forwarded-for").last().and_then(|value| value.to_str().ok());
    let forwarded = forwarded.filter(|_| is_proxy).and_then(|list| list.rsplit(',').next()?.trim().parse().ok());
    Some(match forwarded.unwrap_or(peer) {
        IpAddr::V4(address) => address.to_string(),
        IpAddr::V6(address) => format!("{:x?}", &address.segments()[..4]),
    })
}

/// Does the work and waits until a whole number of [`STEP`]s is over.
async fn in_even_time<T>(work: impl Future<Output = T>) -> T {
    let began = Instant::now();
    let done = work.await;
    let steps = began.elapsed().as_millis() / STEP.as_millis() + 1;
    sleep_until(began + STEP * u32::try_from(steps).unwrap_or(u32::MAX)).await;
    done
}

/// Subscribe by a mail's link
///
/// The link that `trigger:confirm_subscription` brings. The address is subscribed and verified by it; followed again it
/// changes nothing. It ends after seven days, and is none any more for who has unsubscribed since it was made.
#[utoipa::path(get, path = "/api/subscribers/confirm/{token}", tag = "subscribers", operation_id = "confirmSubscription",
    security(()), params(("token" = String, Path, description = "The signed part of the link")),
    responses((status = 200, description = "A page that says so", body = String, content_type = "text/html"), Problems))]
pub(super) async fn confirm(state: web::Data<AppState>, token: web::Path<String>) -> Result<HttpResponse> {
    let state = state.into_inner();
    let link = read(&state, &token, Purpose::Confirm)?;
    documents::follow(&state, link, Wish::Subscribe).await?;
    Ok(page("You are subscribed.", ""))
}

/// Ask whether to unsubscribe
///
/// What a mail's `unsubscribe_url` shows in a browser: a page with a button. Nothing is done by looking at it, since programs
/// look at the links of mails too.
#[utoipa::path(get, path = "/api/subscribers/unsubscribe/{token}", tag = "subscribers",
    operation_id = "askToUnsubscribe",
    security(()), params(("token" = String, Path, description = "The signed part of the link")),
    responses((status = 200, description = "A page with a button", body = String, content_type = "text/html"), Problems))]
pub(super) async fn ask_to_leave(state: web::Data<AppState>, token: web::Path<String>) -> Result<HttpResponse> {
    read(&state, &token, Purpose::Unsubscribe)?;
    Ok(page("Do you want to unsubscribe?", "<form method=\"post\"><button>Unsubscribe</button></form>"))
}

/// Unsubscribe by a mail's link
///
/// What the button of a mail program does (RFC 8058, `List-Unsubscribe-Post`), whatever the body. Done again it changes
/// nothing.
#[utoipa::path(post, path = "/api/subscribers/unsubscribe/{token}", tag = "subscribers",
    operation_id = "unsubscribeByLink",
    security(()), params(("token" = String, Path, description = "The signed part of the link")),
    request_body(content = String, description = "`List-Unsubscribe=One-Click`, or nothing",
        content_type = "application/x-www-form-urlencoded"),
    responses((status = 200, description = "A page that says so", body = String, content_type = "text/html"), Problems))]
pub(super) async fn leave(state: web::Data<AppState>, token: web::Path<String>) -> Result<HttpResponse> {
    let state = state.into_inner();
    let link = read(&state, &token, Purpose::Unsubscribe)?;
    documents::follow(&state, link, Wish::Unsubscribe).await?;
    Ok(page("You are unsubscribed.", ""))
}

fn read(state: &AppState, token: &str, purpose: Purpose) -> Result<Link> {
    Link::read(token, purpose, &state.sealer, state.clock.now()).map_err(|why| {
        Error::Application(match why {
            NoLink::Unknown => "this is no link of a mail from here: was all of it copied?".to_owned(),
            NoLink::Expired => format!("this link has ended, after {} days: subscribe again", purpose.lasts() / DAY),
        })
    })
}

/// A small page, of texts of ours alone.
fn page(text: &str, form: &str) -> HttpResponse {
    HttpResponse::Ok().content_type("text/html; charset=utf-8").body(format!(
        "<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\"><meta name=\"viewport\" \
         content=\"width=device-width\"><meta name=\"robots\" content=\"noindex\"><title>{text}</title></head>\
         <body><p>{text}</p>{form}</body></html>"
    ))
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

#[cfg(test)]
mod tests {
    use std::net::SocketAddr;

    use actix_web::test::TestRequest;

    use super::*;

    #[test]
    fn only_a_proxy_nearby_is_believed_whom_it_asks_for() {
        for (peer, forwarded, expected) in [
            ("203.0.113.9", "198.51.100.1", "203.0.113.9"),
            ("127.0.0.1", "192.0.2.7, 198.51.100.1", "198.51.100.1"),
            ("10.0.0.3", "198.51.100.1", "198.51.100.1"),
            ("::1", "198.51.100.1", "198.51.100.1"),
            ("127.0.0.1", "nonsense", "127.0.0.1"),
            ("2001:db8:1:2::7", "198.51.100.1", "[2001, db8, 1, 2]"),
            ("2001:db8:1:2:ffff::8", "198.51.100.1", "[2001, db8, 1, 2]"),
            ("fd00::1", "2001:db8:1:3::7", "[2001, db8, 1, 3]"),
        ] {
            let address = SocketAddr::new(peer.parse().expect("an address"), 5000);
            let request = TestRequest::default().peer_addr(address).insert_header(("x-forwarded-for", forwarded));
            assert_eq!(client(&request.to_http_request()).as_deref(), Some(expected), "{peer} for {forwarded}");
        }
    }
}
