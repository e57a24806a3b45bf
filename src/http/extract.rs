//! What handlers ask for: who calls, and which content type the path names.

use std::future::{Ready, ready};

use actix_web::dev::Payload;
use actix_web::http::Method;
use actix_web::http::header::AUTHORIZATION;
use actix_web::{FromRequest, HttpMessage as _, HttpRequest, web};
use futures_util::future::LocalBoxFuture;

use super::list::Parameters;
pub use super::reader::Reader;
use super::state::state;
use crate::access::{Access, Caller};
use crate::content::ContentType;
use crate::db::tokens::{self, Token};
use crate::error::{Error, Result};
use crate::handler::DEPTH_HEADER;
use crate::ids;
pub use crate::query::Cost;
use crate::secrets::token_hash;
use crate::state::AppState;

/// The content type whose documents the path names.
#[derive(Clone, Copy)]
pub struct OfType(pub &'static ContentType);

impl FromRequest for OfType {
    type Error = Error;
    type Future = Ready<Result<Self>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        ready(request.app_data::<Self>().copied().ok_or(Error::NotFound))
    }
}

impl FromRequest for Caller {
    type Error = Error;
    type Future = LocalBoxFuture<'static, Result<Self>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let request = request.clone();
        Box::pin(async move { caller(&request).await })
    }
}

/// Who calls: a Bearer token decides alone, anything else is the public.
///
/// Fails when the token is not known or has expired, and when the query string says something that the handler would not
/// read.
pub(super) async fn caller(request: &HttpRequest) -> Result<Caller> {
    let caller = find_caller(request).await?;
    tell_actor(request, &caller.actor);
    check_parameters(request)?;
    Ok(caller)
}

/// Who called, for the log.
pub(super) struct Actor(pub(super) String);

/// Has `actor` stand in the log's line on `request`.
fn tell_actor(request: &HttpRequest, actor: &str) {
    if log::log_enabled!(log::Level::Debug) {
        request.extensions_mut().insert(Actor(actor.to_owned()));
    }
}

/// The methods of a path whose handlers read the query string. To all others it must not say anything.
#[derive(Clone)]
pub(super) struct Asking(pub(super) Vec<Method>);

/// Refuses a query string where the handler does not read it.
fn check_parameters(request: &HttpRequest) -> Result<()> {
    let reads = request.app_data::<Asking>().is_none_or(|asking| asking.0.contains(request.method()));
    if reads { Ok(()) } else { Parameters::none(request.query_string()) }
}

async fn find_caller(request: &HttpRequest) -> Result<Caller> {
    let state = state(request)?;
    let Some(token) = bearer(request) else {
        let access = Access::Public(state.config.public_access);
        return Ok(Caller { actor: "public".to_owned(), token: None, access, depth: 0 });
    };
    let hash = token_hash(token);
    // Hashes are compared, so the time that takes tells nothing about the token.
    if state.bootstrap_hash.as_ref() == Some(&hash) {
        let actor = "token:bootstrap".to_owned();
        return Ok(Caller { actor, token: None, access: Access::Full, depth: depth(request) });
    }
    let found = Reader::of(request)?.read(Cost::Cheap, move |conn| tokens::find_by_hash(conn, &hash)).await?;
    let Some(token) = found else { return Err(unknown(token)) };
    let now = state.clock.now();
    if token.has_expired(now) {
        let hint = Some(format!("the token {:?} has expired; make another one", token.name));
        return Err(Error::Unauthorized { message: "Token expired", hint });
    }
    note_use(&state, &token, now);
    let (actor, access) = (format!("token:{}", token.name), token.kind.into());
    Ok(Caller { actor, token: Some(token.id), access, depth: depth(request) })
}

/// The error for a token that is not in the table.
fn unknown(token: &str) -> Error {
    let hint = match ids::is_token(token) {
        true => "the token is not known here: it was deleted, or belongs to another installation",
        false => "the token is malformed: it is tenon_ and 40 characters of a-z0-9",
    };
    Error::Unauthorized { message: "Missing or invalid credentials", hint: Some(hint.to_owned()) }
}

/// The token of `Authorization: Bearer <token>`; the scheme in any case, as RFC 9110 has it.
fn bearer(request: &HttpRequest) -> Option<&str> {
    let mut words = request.headers().get(AUTHORIZATION)?.to_str().ok()?.split_ascii_whitespace();
    let (scheme, token) = (words.next()?, words.next()?);
    (scheme.eq_ignore_ascii_case("bearer") && words.next().is_none()).then_some(token)
}

/// How many events led to this request, as the delivery that it answers said; what is no number says nothing. The public
/// is not believed, since an event that comes from too deep is not delivered.
fn depth(request: &HttpRequest) -> u32 {
    let depth = request.headers().get(DEPTH_HEADER).and_then(|value| value.to_str().ok()?.parse().ok());
    depth.unwrap_or(0)
}

/// Writes down that the token was used, beside the request and at most once a minute.
fn note_use(state: &web::Data<AppState>, token: &Token, now: crate::clock::Millis) {
    if !state.token_uses.is_due(token.id, token.last_used_at, now) {
        return;
    }
    let (state, id) = (state.clone(), token.id);
    actix_web::rt::spawn(async move {
        if let Err(error) = state.db.write(move |conn| tokens::note_use(conn, id, now)).await {
            log::warn!("the use of token {id} was not noted: {error}");
        }
    });
}
