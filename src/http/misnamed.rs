//! Documents that a path names by their slug, where only the documentId does: the answer 404 says so.

use actix_web::body::{EitherBody, MessageBody};
use actix_web::dev::ServiceResponse;
use actix_web::{HttpRequest, ResponseError as _};

use super::extract::OfType;
use super::state::state;
use crate::content::ContentType;
use crate::db::documents as rows;
use crate::error::{Error, Result};

/// The part of paths that is a documentId.
const PARAM: &str = "documentId";

/// Adds what helps to `response`, when it is 404 for a slug in place of a documentId. Only what is published is looked at,
/// which whoever was let in this far may know of.
pub(super) async fn explain<B: MessageBody>(
    response: ServiceResponse<EitherBody<B>>,
) -> ServiceResponse<EitherBody<B>> {
    let error = response.response().error().and_then(|error| error.as_error::<Error>());
    if !matches!(error, Some(Error::NotFound)) {
        return response;
    }
    let request = response.request().clone();
    match find_hint(&request).await {
        Ok(Some(hint)) => {
            let error = Error::Misnamed { param: PARAM.to_owned(), hint };
            ServiceResponse::new(request, error.error_response().map_into_right_body())
        }
        Ok(None) => response,
        Err(error) => {
            log::warn!("it was not looked whether a slug stands for a documentId: {error}");
            response
        }
    }
}

async fn find_hint(request: &HttpRequest) -> Result<Option<String>> {
    let (Some(name), Some(content_type)) = (request.match_info().get(PARAM), content_type(request)) else {
        return Ok(None);
    };
    let (slug, state) = (name.to_owned(), state(request)?);
    let find = move |conn: &mut _| rows::find_published_by_slug(conn, content_type, &slug);
    let found = state.db.read(find).await?;
    Ok(match found.as_slice() {
        [] => None,
        [one] => Some(format!("{name} is a slug; the documentId of that {} is {one}", content_type.singular)),
        _ => Some(format!(
            "{name} is a slug, which several of the {} have; name one by its documentId",
            content_type.plural
        )),
    })
}

/// The type of the documents that the path is about.
fn content_type(request: &HttpRequest) -> Option<&'static ContentType> {
    let of_route = request.app_data::<OfType>().map(|of| of.0);
    // `/api/{type}/{documentId}/…`, also where the type is a literal part.
    of_route.or_else(|| state(request).ok()?.catalog.find_by_plural(request.path().split('/').nth(2)?))
}
