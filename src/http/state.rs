//! The state, as a request finds it.

use actix_web::{HttpRequest, web};

use crate::error::{Error, Result};
use crate::state::AppState;

/// The state that the request's worker was given.
pub(super) fn state(request: &HttpRequest) -> Result<web::Data<AppState>> {
    let state = request.app_data::<web::Data<AppState>>().cloned();
    state.ok_or_else(|| Error::internal("the worker has no state"))
}
