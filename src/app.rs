//! Builds the service: the same for `main` and for every test.

use actix_cors::Cors;
use actix_web::body::MessageBody;
use actix_web::dev::{ServiceFactory, ServiceRequest, ServiceResponse};
use actix_web::middleware::{Condition, NormalizePath, from_fn};
use actix_web::{App, Error, web};

use crate::config::CorsOrigins;
use crate::http::middleware::authenticate;
use crate::http::middleware::envelope;
use crate::http::routes;
use crate::http::state::State;

/// What scripts of other origins may read of an answer besides its body.
const EXPOSED: [&str; 9] = [
    "Location",
    "ETag",
    "X-Request-Id",
    "Retry-After",
    "RateLimit-Limit",
    "RateLimit-Remaining",
    "RateLimit-Reset",
    "Idempotent-Replayed",
    "Preference-Applied",
];

/// The service. From the outside in: id, log and error documents; CORS; the door; routes.
pub fn build(
    state: web::Data<State>,
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
    let has_origins = origins != CorsOrigins::None;
    let cors = cors(origins);
    App::new()
        .app_data(state)
        .configure(|config| routes::configure(config, has_admin_address))
        .wrap(NormalizePath::trim())
        .wrap(from_fn(authenticate::identify))
        .wrap(Condition::new(has_origins, cors))
        .wrap(from_fn(envelope::wrap_response))
}

/// Probes and metrics alone, for an address of their own.
pub fn build_admin(
    state: web::Data<State>,
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
        .wrap(from_fn(envelope::wrap_response))
}

/// What browsers of other origins may do: everything that the API has, with the headers that it reads and sends.
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
