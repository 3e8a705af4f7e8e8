//! Authentication and rate limits. They come first: no route, query or body below `/api` is read before the caller is
//! authenticated.

use actix_web::body::BoxBody;
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::Method;
use actix_web::middleware::Next;
use actix_web::{Error, HttpMessage, ResponseError, web};

use crate::auth::Identity;
use crate::http::jsonapi::errors::{ApiProblem, Failure};
use crate::http::middleware::credentials;
use crate::http::middleware::deadline::Deadline;
use crate::http::middleware::metrics;
use crate::http::middleware::rate_limit::{RateLimitKey, RateLimitStatus};
use crate::http::paths;
use crate::http::state::AppState;
use crate::http::urls::LONGEST_URI;
use crate::model::code::Code;

/// The largest head of a request, in bytes.
const LARGEST_HEAD: usize = 64 * 1024;

/// Authenticates a request if its path requires a caller, and applies the rate limit. Puts the [`Identity`] of the caller
/// and the [`Deadline`] of the request into its extensions.
///
/// # Errors
/// Those of the inner services.
pub async fn authenticate(mut request: ServiceRequest, next: Next<BoxBody>) -> Result<ServiceResponse<BoxBody>, Error> {
    // A preflight carries no credentials (Fetch standard, "CORS protocol and credentials").
    let (method, path) = (request.method(), request.match_info().as_str());
    let is_probe = paths::is_probe(path);
    let needs_caller = method != Method::OPTIONS && paths::needs_caller(path) && !paths::opens_session(method, path);
    let verified = if needs_caller { verify_in_time(&mut request).await.map(Some) } else { Ok(None) };
    let rate = if is_probe { None } else { count_request(&request, &verified) };
    let retry_after = rate.and_then(|rate| rate.retry_after);
    let refused = match verified {
        Err(failure) => {
            record_failure(&request, &failure);
            Some(retry_after.map_or(failure, Failure::rate_limited))
        }
        Ok(identity) => {
            if let Some(identity) = identity {
                request.extensions_mut().insert(identity);
            }
            retry_after.map(Failure::rate_limited).or_else(|| check_size(&request).err())
        }
    };
    let mut response = match refused {
        Some(failure) => request.into_response(failure.error_response()),
        None => next.call(request).await?,
    };
    if let Some(rate) = rate {
        rate.write(response.headers_mut());
    }
    Ok(response)
}

/// Verifies the credential of a request within the deadline, which includes reading a signed body.
async fn verify_in_time(request: &mut ServiceRequest) -> Result<Identity, Failure> {
    let state = request.app_data::<web::Data<AppState>>().cloned();
    let state = state.ok_or_else(|| Failure::internal("the middleware runs outside of the service".to_owned()))?;
    let deadline = Deadline::after(state.timeout_of(request.method(), request.path()));
    request.extensions_mut().insert(deadline);
    deadline.enforce(credentials::verify(request, &state)).await?
}

/// Counts a request against the limit of its verified caller, or else of its address. Server errors are not counted.
fn count_request(request: &ServiceRequest, verified: &Result<Option<Identity>, Failure>) -> Option<RateLimitStatus> {
    let limit = request.app_data::<web::Data<AppState>>()?.rate_limit.as_ref()?;
    match verified {
        Ok(Some(identity)) => Some(limit.count(RateLimitKey::User(identity.caller.id))),
        Err(failure) if failure.status().is_server_error() => None,
        Ok(None) | Err(_) => Some(limit.count(RateLimitKey::Address(credentials::client_address(request.request())))),
    }
}

/// Counts a failed authentication.
fn record_failure(request: &ServiceRequest, failure: &Failure) {
    if let Some(state) = request.app_data::<web::Data<AppState>>() {
        state.metrics.record_auth_failure(metrics::scheme_of(request), &failure.to_string());
    }
}

fn check_size(request: &ServiceRequest) -> Result<(), Failure> {
    let target = request.uri().path_and_query().map_or(0, |target| target.as_str().len());
    if target > LONGEST_URI {
        return Err(ApiProblem::new(
            Code::UriTooLong,
            format!("the URI must have at most {LONGEST_URI} bytes; it has {target}"),
        )
        .into());
    }
    let head =
        target + request.headers().iter().map(|(name, value)| name.as_str().len() + value.len() + 4).sum::<usize>();
    if head > LARGEST_HEAD {
        return Err(ApiProblem::new(
            Code::HeadersTooLarge,
            format!("the request head must have at most {LARGEST_HEAD} bytes; it has {head}"),
        )
        .into());
    }
    Ok(())
}
