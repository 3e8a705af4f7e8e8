//! The door: who asks comes first. No route, query or body below `/api` is looked at before the caller is known.

use actix_web::body::BoxBody;
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::Method;
use actix_web::middleware::Next;
use actix_web::{Error, HttpMessage, ResponseError, web};

use crate::auth::Identity;
use crate::http::jsonapi::errors::{Failure, Problem};
use crate::http::middleware::credentials;
use crate::http::middleware::deadline::Deadline;
use crate::http::middleware::metrics;
use crate::http::middleware::rate_limit::{Asker, Verdict};
use crate::http::routes;
use crate::http::state::State;
use crate::http::urls::LONGEST_URI;
use crate::model::code::Code;

/// The largest head of a request, in bytes.
const LARGEST_HEAD: usize = 64 * 1024;

/// Lets in whoever is known, with its [`Identity`] in the request's extensions, and everybody where no caller is
/// needed; but nobody too often. The time that a request may take begins here, and its [`Deadline`] goes with it.
///
/// # Errors
/// Those of the services behind it.
pub async fn identify(mut request: ServiceRequest, next: Next<BoxBody>) -> Result<ServiceResponse<BoxBody>, Error> {
    // A preflight carries no credentials (Fetch standard, "CORS protocol and credentials").
    let (method, path) = (request.method(), request.match_info().as_str());
    let is_probe = routes::is_probe(path);
    let needs_caller = method != Method::OPTIONS && routes::needs_caller(path) && !routes::opens_session(method, path);
    let known = if needs_caller { verify_in_time(&mut request).await.map(Some) } else { Ok(None) };
    let verdict = if is_probe { None } else { count(&request, &known) };
    let too_often = verdict.and_then(|verdict| verdict.retry_after);
    let refused = match known {
        Err(failure) => {
            note(&request, &failure);
            Some(too_often.map_or(failure, Failure::rate_limited))
        }
        Ok(identity) => {
            if let Some(identity) = identity {
                request.extensions_mut().insert(identity);
            }
            too_often.map(Failure::rate_limited).or_else(|| check_size(&request).err())
        }
    };
    let mut response = match refused {
        Some(failure) => request.into_response(failure.error_response()),
        None => next.call(request).await?,
    };
    if let Some(verdict) = verdict {
        verdict.write(response.headers_mut());
    }
    Ok(response)
}

/// Verifies the credential of a request, a body that is signed included, not longer than a request may take.
async fn verify_in_time(request: &mut ServiceRequest) -> Result<Identity, Failure> {
    let state = request.app_data::<web::Data<State>>().cloned();
    let state = state.ok_or_else(|| Failure::internal("the door stands outside of the service".to_owned()))?;
    let deadline = Deadline::after(state.request_timeout);
    request.extensions_mut().insert(deadline);
    deadline.keep(credentials::verify(request, &state)).await?
}

/// Counts a request against the limit of whoever sends it: a verified caller, or else an address. What fails by no
/// fault of the sender is not counted.
fn count(request: &ServiceRequest, known: &Result<Option<Identity>, Failure>) -> Option<Verdict> {
    let limit = request.app_data::<web::Data<State>>()?.rate_limit.as_ref()?;
    match known {
        Ok(Some(identity)) => Some(limit.ask(Asker::User(identity.caller.id))),
        Err(failure) if failure.status().is_server_error() => None,
        Ok(None) | Err(_) => Some(limit.ask(Asker::Address(credentials::client_address(request.request())))),
    }
}

/// Counts a request that is not let in.
fn note(request: &ServiceRequest, failure: &Failure) {
    if let Some(state) = request.app_data::<web::Data<State>>() {
        state.measures.not_let_in(metrics::scheme_of(request), &failure.to_string());
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
