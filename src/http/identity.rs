//! The door: who asks comes first. No route, query or body below `/api` is looked at before the caller is known.

use actix_web::body::BoxBody;
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::Method;
use actix_web::middleware::Next;
use actix_web::{Error, HttpMessage, ResponseError, web};

use super::jsonapi::errors::{Failure, Problem};
use super::state::State;
use super::{credentials, measures, routes};
use crate::model::code::Code;

/// The longest request target, in bytes.
const LONGEST_URI: usize = 8 * 1024;
/// The largest head of a request, in bytes.
const LARGEST_HEAD: usize = 64 * 1024;

/// Lets in whoever is known, with its [`Identity`](crate::auth::Identity) in the request's extensions, and everybody where no caller is needed.
///
/// # Errors
/// Those of the services behind it.
pub async fn identify(mut request: ServiceRequest, next: Next<BoxBody>) -> Result<ServiceResponse<BoxBody>, Error> {
    // A preflight carries no credentials (Fetch standard, "CORS protocol and credentials").
    let (method, path) = (request.method(), request.match_info().as_str());
    if method != Method::OPTIONS && routes::needs_caller(path) && !routes::opens_session(method, path) {
        match credentials::verify(&mut request).await {
            Ok(identity) => drop(request.extensions_mut().insert(identity)),
            Err(failure) => {
                note(&request, &failure);
                return Ok(request.into_response(failure.error_response()));
            }
        }
    }
    if let Err(failure) = check_size(&request) {
        return Ok(request.into_response(failure.error_response()));
    }
    next.call(request).await
}

/// Counts a request that is not let in.
fn note(request: &ServiceRequest, failure: &Failure) {
    if let Some(state) = request.app_data::<web::Data<State>>() {
        state.measures.not_let_in(measures::scheme_of(request), &failure.to_string());
    }
}

fn check_size(request: &ServiceRequest) -> Result<(), Failure> {
    let target = request.uri().path_and_query().map_or(0, |target| target.as_str().len());
    if target > LONGEST_URI {
        return Err(Problem::new(Code::UriTooLong, format!("at most {LONGEST_URI} bytes are accepted")).into());
    }
    let head =
        target + request.headers().iter().map(|(name, value)| name.as_str().len() + value.len() + 4).sum::<usize>();
    if head > LARGEST_HEAD {
        return Err(Problem::new(Code::HeadersTooLarge, format!("at most {LARGEST_HEAD} bytes are accepted")).into());
    }
    Ok(())
}
