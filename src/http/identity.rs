//! The door: who asks comes first. No route, query or body below `/api` is looked at before the caller is known.

use actix_web::body::BoxBody;
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::Method;
use actix_web::http::header::{AUTHORIZATION, HeaderValue};
use actix_web::middleware::Next;
use actix_web::{Error, HttpMessage, ResponseError, web};

use super::jsonapi::errors::{Failure, Problem};
use super::routes;
use crate::auth::Denied;
use crate::domain::policy;
use crate::http::state::State;
use crate::model::caller::Caller;
use crate::model::code::Code;

/// The longest request target, in bytes.
const LONGEST_URI: usize = 8 * 1024;
/// The largest head of a request, in bytes.
const LARGEST_HEAD: usize = 64 * 1024;

/// Lets in whoever is known, with its [`Caller`] in the request's extensions, and everybody where no caller is needed.
///
/// # Errors
/// Those of the services behind it.
pub async fn identify(request: ServiceRequest, next: Next<BoxBody>) -> Result<ServiceResponse<BoxBody>, Error> {
    // A preflight carries no credentials (Fetch standard, "CORS protocol and credentials").
    if request.method() != Method::OPTIONS && routes::needs_caller(request.match_info().as_str()) {
        match caller_of(&request).await {
            Ok(caller) => drop(request.extensions_mut().insert(caller)),
            Err(failure) => return Ok(request.into_response(failure.error_response())),
        }
    }
    if let Err(failure) = check_size(&request) {
        return Ok(request.into_response(failure.error_response()));
    }
    next.call(request).await
}

async fn caller_of(request: &ServiceRequest) -> Result<Caller, Failure> {
    let state = request.app_data::<web::Data<State>>().cloned();
    let state = state.ok_or_else(|| Failure::internal("the door stands outside of the service".to_owned()))?;
    let sent: Vec<_> = request.headers().get_all(AUTHORIZATION).map(HeaderValue::as_bytes).collect();
    state.auth.identify(&sent).await.map_err(|denied| match denied {
        Denied::Unauthenticated(detail) => Problem::new(Code::Unauthenticated, detail).header("Authorization").into(),
        Denied::Disabled => Failure::without_document(policy::refusal(Code::AccountDisabled).into()),
        Denied::Failed(error) => Failure::without_document(error),
    })
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
