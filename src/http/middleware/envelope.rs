//! The outermost middleware: request id, error documents, compression, security headers, metrics and the access log.

use actix_web::body::{BoxBody, MessageBody};
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::header::{CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue, VARY};
use actix_web::http::{ConnectionType, Method, StatusCode};
use actix_web::middleware::Next;
use actix_web::{Error, HttpResponse, web};
use std::time::Instant;

use crate::http::connections::ClientConnection;
use crate::http::jsonapi::errors::Failure;
use crate::http::jsonapi::media_type::MEDIA_TYPE;
use crate::http::middleware::access_log::{self, AccessLine};
use crate::http::middleware::compression::compress;
use crate::http::middleware::metrics::UNKNOWN_ROUTE;
use crate::http::middleware::security_headers::{Audience, add_security_headers};
use crate::http::outcome::LogOutcome;
use crate::http::paths;
use crate::http::request_id;
use crate::http::state::AppState;

/// The header that carries the request id.
pub const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// Renders a failure in the forms dialect, for a request with these headers.
pub type RenderFormFailure = fn(Failure, &HeaderMap) -> HttpResponse;

/// Assigns a request id, renders every failure as an error document, and logs the request.
///
/// # Errors
/// None: every failure becomes a response here.
pub async fn wrap_response(
    request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
    render_form_failure: RenderFormFailure,
) -> Result<ServiceResponse<BoxBody>, Error> {
    let started = Instant::now();
    let audience = Audience::of(request.match_info().as_str());
    let is_form = paths::is_form(request.match_info().as_str());
    let _busy = ClientConnection::begin(&request);
    let id = id_of(&request);
    let method = request.method().clone();
    request_id::keep(&request, &method, &id);
    let state = request.app_data::<web::Data<AppState>>().cloned();
    let _in_flight = state.as_ref().map(|state| state.metrics.begin());
    let mut response = next.call(request).await?.map_into_boxed_body();

    if is_refused_preflight(&method, &response) {
        // Browsers read an empty response without CORS headers as a refusal.
        response = response.map_into_boxed_body();
        *response.response_mut() = HttpResponse::NoContent().finish();
    }
    let mut outcome = response.response().extensions().get::<LogOutcome>().cloned();
    if outcome.is_none()
        && let Some(failure) = failure_of(&response)
    {
        outcome = Some(LogOutcome::from(&failure));
        if is_form {
            let answer = render_form_failure(failure, response.request().headers());
            response = replace_response(response, answer);
        } else {
            let base = state.as_ref().map(|state| state.base.clone()).unwrap_or_default();
            let document = failure.document(&id, &base);
            response = response.map_body(|head, _| {
                head.headers.insert(CONTENT_TYPE, HeaderValue::from_static(MEDIA_TYPE));
                BoxBody::new(document)
            });
        }
    }
    let outcome = outcome.unwrap_or_default();
    response = compress(response);
    let status = response.status();
    let headers = response.headers_mut();
    add_vary(headers);
    add_security_headers(headers, &method, audience, status);
    if let Ok(id) = HeaderValue::from_str(&id) {
        headers.insert(REQUEST_ID, id);
    }
    let (mut route, time) = (UNKNOWN_ROUTE, started.elapsed());
    if let Some(state) = state {
        let matched = state.metrics.route_of(&response);
        state.metrics.record_response(&method, matched, response.status(), time);
        route = matched.pattern;
    }
    close_if_draining(&mut response);
    if audience != Audience::Operator {
        let line = AccessLine { id: &id, method: &method, route, time, outcome: &outcome };
        access_log::write(&line, &response);
    }
    Ok(response)
}

/// The request id that the client sent, if it is 1 to 128 printable ASCII characters, else a new one.
fn id_of(request: &ServiceRequest) -> String {
    let sent = request.headers().get(&REQUEST_ID).and_then(|id| id.to_str().ok());
    let is_usable = |id: &&str| (1..=128).contains(&id.len()) && id.bytes().all(|byte| byte.is_ascii_graphic());
    match (sent.filter(is_usable), request.app_data::<web::Data<AppState>>()) {
        (Some(id), _) => id.to_owned(),
        (None, Some(state)) => state.new_request_id(),
        (None, None) => String::new(),
    }
}

fn is_refused_preflight(method: &Method, response: &ServiceResponse<BoxBody>) -> bool {
    *method == Method::OPTIONS && response.status() == StatusCode::BAD_REQUEST
}

/// The failure of a response. Our own responses carry it; those of the framework have a status only.
fn failure_of(response: &ServiceResponse<BoxBody>) -> Option<Failure> {
    if response.status().is_client_error() || response.status().is_server_error() {
        let ours = response.response().extensions().get::<Failure>().cloned();
        return Some(ours.unwrap_or_else(|| Failure::of_status(response.status())));
    }
    None
}

/// Closes keep-alive connections during shutdown, while this process still listens: a request that is on its way when
/// the connection closes would get no response.
fn close_if_draining(response: &mut ServiceResponse<BoxBody>) {
    if response.request().app_data::<web::Data<AppState>>().is_some_and(|state| state.is_draining()) {
        response.response_mut().head_mut().set_connection_type(ConnectionType::Close);
    }
}

/// Replaces a response, but keeps the headers that other middleware has added: rate limits, CORS.
fn replace_response(response: ServiceResponse<BoxBody>, answer: HttpResponse) -> ServiceResponse<BoxBody> {
    let old_headers = response.headers().clone();
    let mut response = response.into_response(answer);
    let headers = response.headers_mut();
    let is_missing = |name: &HeaderName, headers: &HeaderMap| *name == VARY || !headers.contains_key(name);
    let missing: Vec<_> = old_headers.into_iter().filter(|(name, _)| is_missing(name, headers)).collect();
    for (name, value) in missing {
        headers.append(name, value);
    }
    response
}

/// Every response depends on `Accept` (JSON:API 1.1, "Server Responsibilities") and `Accept-Encoding`.
fn add_vary(headers: &mut HeaderMap) {
    let others = headers.get_all(VARY).filter_map(|vary| vary.to_str().ok());
    let all: Vec<_> = ["Accept, Accept-Encoding"].into_iter().chain(others).collect();
    if let Ok(vary) = HeaderValue::from_str(&all.join(", ")) {
        headers.insert(VARY, vary);
    }
}
