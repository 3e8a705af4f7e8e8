//! Builds the actix application, for the server and for tests.

use actix_cors::Cors;
use actix_web::body::MessageBody;
use actix_web::dev::{ServiceFactory, ServiceRequest, ServiceResponse};
use actix_web::middleware::{Condition, Next, NormalizePath, from_fn};
use actix_web::{App, Error, web};
use std::sync::Arc;

use crate::clock::Clock;
use crate::config::{Config, CorsOrigins};
use crate::http::forms::config::catalogue::Catalogue;
use crate::http::forms::responses::respond_failure;
use crate::http::middleware::authenticate;
use crate::http::middleware::base_path;
use crate::http::middleware::envelope;
use crate::http::routes;
use crate::http::state::AppState;
use crate::store::Store;

/// The response headers that scripts of other origins may read.
const EXPOSED: [&str; 10] = [
    "Location",
    "ETag",
    "X-Request-Id",
    "Retry-After",
    "RateLimit-Limit",
    "RateLimit-Remaining",
    "RateLimit-Reset",
    "Idempotent-Replayed",
    "Preference-Applied",
    "Consistency-Token",
];

/// Creates the state that all handlers share.
#[must_use]
pub fn build_state(config: &Config, store: Store, clock: Clock, forms: Arc<Catalogue>) -> AppState {
    AppState::new(config, store, clock, forms, routes::patterns())
}

/// Builds the API. From the outside in: the path of `PUBLIC_URL`, envelope (request id, errors, log), CORS,
/// authentication, routes.
pub fn build(
    state: web::Data<AppState>,
    origins: CorsOrigins,
) -> App<
    impl ServiceFactory<
        ServiceRequest,
        Config = (),
        Response = ServiceResponse<impl MessageBody>,
        Error = Error,
        InitError = (),
    >,
> {
    let has_admin_address = state.has_admin_address;
    let has_base_path = !state.base.path().is_empty();
    let has_origins = origins != CorsOrigins::None;
    let cors = cors(origins);
    App::new()
        .app_data(state)
        .configure(|config| routes::configure(config, has_admin_address))
        .wrap(NormalizePath::trim())
        .wrap(from_fn(authenticate::authenticate))
        .wrap(Condition::new(has_origins, cors))
        .wrap(from_fn(|request, next: Next<_>| envelope::wrap_response(request, next, respond_failure)))
        .wrap(Condition::new(has_base_path, from_fn(base_path::remove_base_path)))
}

/// Builds probes and metrics only, for `ADMIN_LISTEN`.
pub fn build_admin(
    state: web::Data<AppState>,
) -> App<
    impl ServiceFactory<
        ServiceRequest,
        Config = (),
        Response = ServiceResponse<impl MessageBody>,
        Error = Error,
        InitError = (),
    >,
> {
    App::new()
        .app_data(state)
        .configure(routes::configure_admin)
        .wrap(NormalizePath::trim())
        .wrap(from_fn(|request, next: Next<_>| envelope::wrap_response(request, next, respond_failure)))
}

/// Allows scripts of the configured origins to use the whole API.
fn cors(origins: CorsOrigins) -> Cors {
    let cors = Cors::default()
        .allowed_methods(["GET", "HEAD", "POST", "PATCH", "DELETE", "PUT", "OPTIONS"])
        .allow_any_header()
        .expose_headers(EXPOSED)
        .block_on_origin_mismatch(false)
        .max_age(3600);
    match origins {
        CorsOrigins::None => cors,
        CorsOrigins::Any => cors.allow_any_origin().send_wildcard(),
        CorsOrigins::List(origins) => origins.iter().fold(cors, |cors, origin| cors.allowed_origin(origin)),
    }
}
