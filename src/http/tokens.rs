//! API tokens over the API, for full-access tokens: whoever may do everything may also hand it on.

use actix_web::http::StatusCode;
use actix_web::{HttpResponse, web};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::answer::{self, Data, Problems, Sent};
use super::body::Submission;
use super::endpoint::Endpoint;
use super::extract::{Cost, Reader};
use crate::access::{Access, Caller, Permissions};
use crate::clock::{DAY, iso};
use crate::content::Catalog;
use crate::db::tokens::{self, NewToken, Token, TokenKind};
use crate::error::{Error, Problem, Result};
use crate::ids;
use crate::secrets::token_hash;
use crate::state::AppState;

pub(super) fn endpoints() -> Vec<Endpoint> {
    vec![Endpoint::at("/tenon/tokens").get(list).post(create), Endpoint::at("/tenon/tokens/{id}").delete(delete)]
}

/// An API token, without its text, which is not kept.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct TokenAnswer {
    /// Its number.
    id: i64,
    /// What it is called, in logs and events too.
    name: String,
    /// What it permits.
    kind: Kind,
    /// What a custom token permits; null for the other kinds, which say it themselves.
    #[schema(example = json!(["store.find", "store.emit"]))]
    permissions: Option<Vec<String>>,
    #[schema(format = DateTime)]
    created_at: String,
    /// When it stops working; null for never.
    #[schema(format = DateTime)]
    expires_at: Option<String>,
    /// When it was last used, to the minute.
    #[schema(format = DateTime)]
    last_used_at: Option<String>,
}

/// A new API token, and the only time its text is told.
#[derive(Serialize, ToSchema)]
pub(super) struct NewTokenAnswer {
    /// Its number.
    id: i64,
    /// What it is called.
    name: String,
    /// The token: `Authorization: Bearer <token>`.
    token: String,
}

/// An API token to be made.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct TokenInput {
    /// What it is called, in logs and events too; no two tokens share a name.
    #[schema(min_length = 1, max_length = 100)]
    name: String,
    /// What it permits.
    kind: Kind,
    /// What a custom token permits: a content type and one of find, findOne, create, update, delete, emit,
    /// extensions (add, change and remove extension records), run (run them, cancel and replay runs). Names as Strapi
    /// has them, such as `api::store.store.find`, are read too.
    #[schema(example = json!(["store.find", "store.emit"]))]
    permissions: Option<Vec<String>>,
    /// Days until it stops working; never if left out.
    #[schema(minimum = 1, maximum = 36500)]
    expires_in_days: Option<u32>,
}

/// What a token permits.
#[derive(Clone, Copy, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
#[schema(as = TokenKind)]
enum Kind {
    FullAccess,
    ReadOnly,
    Custom,
}

/// List the API tokens
#[utoipa::path(get, path = "/tenon/tokens", tag = "tokens", operation_id = "listTokens",
    responses((status = 200, description = "All of them, without their text", body = Data<Vec<TokenAnswer>>), Problems))]
pub(super) async fn list(caller: Caller, reader: Reader) -> Result<HttpResponse> {
    require_full(&caller)?;
    let found = reader.read(Cost::Cheap, tokens::find_all).await?;
    answer::data(StatusCode::OK, found.into_iter().map(TokenAnswer::from).collect::<Vec<_>>())
}

/// Make an API token
#[utoipa::path(post, path = "/tenon/tokens", tag = "tokens", operation_id = "createToken", request_body = Sent<TokenInput>,
    responses((status = 201, description = "Made; its text is told this once", body = Data<NewTokenAnswer>), Problems))]
pub(super) async fn create(state: web::Data<AppState>, sent: Submission) -> Result<HttpResponse> {
    require_full(&sent.caller)?;
    let (_, input) = sent.read().await?.parse_data::<TokenInput>()?;
    let kind = input.checked(state.catalog)?;
    let (text, now) = (ids::token(&*state.random), state.clock.now());
    let token = NewToken {
        name: input.name,
        kind,
        hash: token_hash(&text),
        created_at: now,
        expires_at: input.expires_in_days.map(|days| now + i64::from(days) * DAY),
    };
    let name = token.name.clone();
    let id = state.db.write(move |conn| tokens::insert(conn, &token)).await?;
    answer::data(StatusCode::CREATED, NewTokenAnswer { id, name, token: text })
}

/// Delete an API token
#[utoipa::path(delete, path = "/tenon/tokens/{id}", tag = "tokens", operation_id = "deleteToken",
    params(("id" = i64, Path, description = "Its number")),
    responses((status = 204, description = "Deleted; it works no more"), Problems))]
pub(super) async fn delete(state: web::Data<AppState>, caller: Caller, id: web::Path<String>) -> Result<HttpResponse> {
    require_full(&caller)?;
    let id = id.parse::<i64>().map_err(|_| Error::NotFound)?;
    match state.db.write(move |conn| tokens::delete(conn, id)).await? {
        true => Ok(HttpResponse::NoContent().finish()),
        false => Err(Error::NotFound),
    }
}

/// A public that may do everything for a trial may not make tokens, which would outlive it.
fn require_full(caller: &Caller) -> Result<()> {
    if caller.access == Access::Full { Ok(()) } else { Err(caller.access.lacks("a full-access token")) }
}

impl TokenInput {
    /// What the token shall permit.
    fn checked(&self, catalog: &Catalog) -> Result<TokenKind> {
        if !self.expires_in_days.is_none_or(|days| (1..=36_500).contains(&days)) {
            return Err(refused("expiresInDays", "expiresInDays must be from 1 to 36500".to_owned()));
        }
        match (self.kind, &self.permissions) {
            (Kind::FullAccess, None) => Ok(TokenKind::FullAccess),
            (Kind::ReadOnly, None) => Ok(TokenKind::ReadOnly),
            (Kind::Custom, names) => {
                let permissions = Permissions::parse(catalog, names.iter().flatten().map(String::as_str));
                permissions.map(TokenKind::Custom).map_err(|problem| refused("permissions", problem))
            }
            (_, Some(_)) => Err(refused("permissions", "permissions are for custom tokens".to_owned())),
        }
    }
}

fn refused(path: &str, message: String) -> Error {
    Error::Invalid(vec![Problem { path: vec![path.to_owned()], message, value: None }])
}

impl From<Token> for TokenAnswer {
    fn from(token: Token) -> Self {
        Self {
            id: token.id,
            kind: token.kind.into(),
            permissions: token.kind.permissions(),
            created_at: iso(token.created_at),
            expires_at: token.expires_at.map(iso),
            last_used_at: token.last_used_at.map(iso),
            name: token.name,
        }
    }
}

impl From<TokenKind> for Kind {
    fn from(kind: TokenKind) -> Self {
        match kind {
            TokenKind::FullAccess => Self::FullAccess,
            TokenKind::ReadOnly => Self::ReadOnly,
            TokenKind::Custom(_) => Self::Custom,
        }
    }
}
