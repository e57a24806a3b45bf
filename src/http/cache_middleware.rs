//! The short way for what storefronts ask most: an answer that is kept, for a caller without a token, is sent before the
//! request is routed, at hardly more cost than a constant.

use std::future::{Ready, ready};
use std::sync::Arc;
use std::time::Instant;

use actix_web::Error;
use actix_web::body::EitherBody;
use actix_web::dev::{Service, ServiceRequest, ServiceResponse, Transform, forward_ready};
use actix_web::http::Method;
use actix_web::http::header::AUTHORIZATION;
use futures_util::TryFutureExt as _;
use futures_util::future::{Either, MapOk};

use super::{conditional, middleware};
use crate::access::Access;
use crate::cache::CachedResponse;
use crate::state::AppState;

/// Sends what is kept, and hands on every other request.
#[derive(Clone)]
pub(super) struct CacheMiddleware(pub Arc<AppState>);

/// The middleware of one worker.
pub(super) struct CacheService<S> {
    next: S,
    state: Arc<AppState>,
}

impl<S, B> Transform<S, ServiceRequest> for CacheMiddleware
where
    S: Service<ServiceRequest, Response = ServiceResponse<B>, Error = Error>,
{
    type Response = ServiceResponse<EitherBody<B>>;
    type Error = Error;
    type Transform = CacheService<S>;
    type InitError = ();
    type Future = Ready<Result<CacheService<S>, ()>>;

    fn new_transform(&self, next: S) -> Self::Future {
        ready(Ok(CacheService { next, state: Arc::clone(&self.0) }))
    }
}

type Widened<B> = fn(ServiceResponse<B>) -> ServiceResponse<EitherBody<B>>;

impl<S, B> Service<ServiceRequest> for CacheService<S>
where
    S: Service<ServiceRequest, Response = ServiceResponse<B>, Error = Error>,
{
    type Response = ServiceResponse<EitherBody<B>>;
    type Error = Error;
    type Future = Either<Ready<Result<Self::Response, Error>>, MapOk<S::Future, Widened<B>>>;

    forward_ready!(next);

    fn call(&self, request: ServiceRequest) -> Self::Future {
        match self.find(&request) {
            Some(cached) => Either::Left(ready(Ok(send(request, &cached)))),
            None => Either::Right(self.next.call(request).map_ok(ServiceResponse::map_into_left_body)),
        }
    }
}

impl<S> CacheService<S> {
    fn find(&self, request: &ServiceRequest) -> Option<Arc<CachedResponse>> {
        if request.method() != Method::GET || request.headers().contains_key(AUTHORIZATION) {
            return None;
        }
        let access = Access::Public(self.state.config.public_access);
        self.state.cache.find(&conditional::asked(request.request(), access), &self.state.db)
    }
}

fn send<B>(request: ServiceRequest, cached: &CachedResponse) -> ServiceResponse<EitherBody<B>> {
    let started = Instant::now();
    let answer = conditional::send(request.request(), cached);
    middleware::finish(request.into_response(answer), started).map_into_right_body()
}
