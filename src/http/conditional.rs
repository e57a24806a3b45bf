//! Answers to those who read documents: those that are kept where there are any, with their entity tags, and nothing but
//! the tag for a caller who has the answer already (RFC 9110, section 13).

use actix_web::http::StatusCode;
use actix_web::http::header::{
    ACCEPT_ENCODING, AcceptEncoding, CONTENT_ENCODING, CONTENT_TYPE, ETAG, Encoding, Header as _, HeaderValue,
    IF_NONE_MATCH, VARY, WARNING,
};
use actix_web::{HttpRequest, HttpResponse};

use super::extract::Reader;
use super::problem::JSON;
use super::state::state;
use crate::access::{Access, Caller};
use crate::cache::{CacheLookup, CachedResponse};
use crate::db::VersionStamp;
use crate::db::documents::read::Form;
use crate::documents::{Find, TaggedAnswer};
use crate::error::Result;
use crate::query::{Terms, Warning};
use crate::state::AppState;

/// Tells that an answer was given before, under the same idempotency key.
const REPEATED: &str = "Idempotent-Replayed";

/// Answers `request` with what `find` finds for its caller, from memory when nothing was committed since.
pub(super) async fn read(
    request: &HttpRequest,
    caller: Caller,
    reader: &Reader,
    find: impl FnOnce(Terms, Form) -> Result<Find>,
) -> Result<HttpResponse> {
    let state = state(request)?;
    let asked = asked(request, caller.access);
    if let Some(cached) = state.cache.find(&asked, &state.db) {
        return Ok(send(request, &cached));
    }
    let terms = Terms { access: asked.access, strict: state.config.strict_params };
    let find = find(terms, asked.form)?;
    let stamp = find.depends_on().and_then(|types| state.db.stamp(types));
    let TaggedAnswer { body, etag, .. } = match &stamp {
        Some(stamp) => counted(&state, reader, find, stamp).await?,
        None => run(reader, find).await?,
    };
    Ok(send(request, &state.cache.keep(&asked, stamp, body, etag)))
}

/// Reads what `find` asks for, with the total of another page of the same list if nothing was committed since that was
/// counted.
async fn counted(state: &AppState, reader: &Reader, find: Find, stamp: &VersionStamp) -> Result<TaggedAnswer> {
    let Some(counted) = find.counted() else { return run(reader, find).await };
    if let Some(total) = state.cache.find_total(&counted, &state.db) {
        let answer = run(reader, find.clone().knowing(Some(total))).await?;
        // Both are of one moment only if nothing was committed in between.
        if state.db.is_current(stamp) {
            return Ok(answer);
        }
    }
    let answer = run(reader, find).await?;
    if let Some(total) = answer.total {
        state.cache.keep_total(counted, stamp.clone(), total);
    }
    Ok(answer)
}

async fn run(reader: &Reader, find: Find) -> Result<TaggedAnswer> {
    reader.read(find.cost(), move |conn| find.run(conn)).await
}

/// Sends an answer that is never kept, or its tag alone.
pub(super) fn send_uncached(request: &HttpRequest, access: Access, answer: TaggedAnswer) -> Result<HttpResponse> {
    let cached = state(request)?.cache.keep(&asked(request, access), None, answer.body, answer.etag);
    Ok(send(request, &cached))
}

/// What `request` asks for a caller with this access.
pub(super) fn asked(request: &HttpRequest, access: Access) -> CacheLookup<'_> {
    let target = request.uri().path_and_query().map_or("", |target| target.as_str());
    CacheLookup { access, form: form(request), target }
}

/// The answer to a request that changed something.
pub(super) fn written(status: StatusCode, answer: TaggedAnswer) -> HttpResponse {
    let mut response = HttpResponse::build(status);
    if answer.is_repeated {
        response.insert_header((REPEATED, "true"));
    }
    if answer.body.is_empty() {
        for warning in answer.warnings.iter().filter_map(header) {
            response.append_header((WARNING, warning));
        }
        return response.finish();
    }
    response.insert_header((CONTENT_TYPE, JSON)).insert_header((ETAG, answer.etag)).body(answer.body)
}

/// A warning as the header of an answer without a body (RFC 7234, section 5.5); `None` for what no header can hold.
fn header(warning: &Warning) -> Option<HeaderValue> {
    let text = format!("{} {}", warning.path.join("."), warning.message).replace(['"', '\\'], "'");
    HeaderValue::try_from(format!("299 - \"{text}\"")).ok()
}

/// Clients made for Strapi 4 ask for its form of documents.
pub(super) fn form(request: &HttpRequest) -> Form {
    let asked = request.headers().get("Strapi-Response-Format");
    if asked.is_some_and(|format| format == "v4") { Form::Attributes } else { Form::Flat }
}

/// Sends what is kept, or its tag alone.
pub(super) fn send(request: &HttpRequest, cached: &CachedResponse) -> HttpResponse {
    if has_it(request, &cached.etag) {
        return HttpResponse::NotModified().insert_header((ETAG, cached.etag.as_str())).finish();
    }
    let mut response = HttpResponse::Ok();
    response.insert_header((CONTENT_TYPE, HeaderValue::from_static(JSON)));
    if !takes_gzip(request) {
        return response.insert_header((ETAG, cached.etag.as_str())).body(cached.body.clone());
    }
    // The same answer in other bytes: what a weak tag says.
    response.insert_header((ETAG, format!("W/{}", cached.etag)));
    match cached.gzipped() {
        Some(gzipped) => response
            .insert_header((CONTENT_ENCODING, HeaderValue::from_static("gzip")))
            .insert_header((VARY, HeaderValue::from_static("Accept-Encoding")))
            .body(gzipped.clone()),
        None => response.body(cached.body.clone()),
    }
}

/// Whether the caller's `If-None-Match` names this tag, weak or not.
fn has_it(request: &HttpRequest, etag: &str) -> bool {
    let mut sent = request.headers().get_all(IF_NONE_MATCH).filter_map(|sent| sent.to_str().ok());
    sent.any(|sent| {
        let mut tags = sent.split(',').map(str::trim);
        tags.any(|tag| tag == "*" || tag.strip_prefix("W/").unwrap_or(tag) == etag)
    })
}

fn takes_gzip(request: &HttpRequest) -> bool {
    request.headers().contains_key(ACCEPT_ENCODING)
        && AcceptEncoding::parse(request).is_ok_and(|accepted| {
            accepted.negotiate([Encoding::gzip(), Encoding::identity()].iter()) == Some(Encoding::gzip())
        })
}
