//! What surrounds every request: its id, its line in the log, and the document of its failure.

use actix_web::body::{BoxBody, MessageBody};
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::header::{CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue, VARY};
use actix_web::http::{ConnectionType, Method, StatusCode};
use actix_web::middleware::Next;
use actix_web::{Error, HttpResponse, web};
use std::time::Instant;

use crate::http::connections::Connection;
use crate::http::forms::responses::{FormError, LogOutcome};
use crate::http::jsonapi::document::MEDIA_TYPE;
use crate::http::jsonapi::errors::Failure;
use crate::http::middleware::access_log::{self, Line};
use crate::http::middleware::compression::compressed;
use crate::http::middleware::metrics;
use crate::http::middleware::security_headers::{Audience, protect};
use crate::http::routes;
use crate::http::state::State;

/// The header that carries a request's id.
pub const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// Gives a request its id, makes every failure a JSON:API document, and logs a line.
///
/// # Errors
/// None: failures become answers here.
pub async fn wrap_response(
    request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<BoxBody>, Error> {
    let started = Instant::now();
    let audience = Audience::of(request.match_info().as_str());
    let is_form = routes::is_form(request.match_info().as_str());
    let _busy = Connection::begin(&request);
    let id = request_id(&request);
    let method = request.method().clone();
    let state = request.app_data::<web::Data<State>>().cloned();
    let _in_flight = state.as_ref().map(|state| state.measures.begin());
    let mut response = next.call(request).await?.map_into_boxed_body();

    if is_refused_preflight(&method, &response) {
        // Without permission in its headers an empty answer is a refusal to every browser.
        response = response.map_into_boxed_body();
        *response.response_mut() = HttpResponse::NoContent().finish();
    }
    let mut told = response.response().extensions().get::<LogOutcome>().cloned();
    if told.is_none()
        && let Some(failure) = failure_of(&response)
    {
        told = Some(LogOutcome { outcome: failure.to_string(), cause: failure.cause().map(str::to_owned) });
        if is_form {
            let answer = FormError::from(failure).respond(response.request().headers());
            response = in_place_of(response, answer);
        } else {
            let document = failure.document(&id);
            response = response.map_body(|head, _| {
                head.headers.insert(CONTENT_TYPE, HeaderValue::from_static(MEDIA_TYPE));
                BoxBody::new(document)
            });
        }
    }
    let told = told.unwrap_or_default();
    response = compressed(response);
    let status = response.status();
    let headers = response.headers_mut();
    add_vary(headers);
    protect(headers, &method, audience, status);
    if let Ok(id) = HeaderValue::from_str(&id) {
        headers.insert(REQUEST_ID, id);
    }
    let (route, time) = (metrics::route_of(&response), started.elapsed());
    if let Some(state) = state {
        state.measures.answered(&method, route, response.status(), time);
    }
    close_if_draining(&mut response);
    if audience != Audience::Operator {
        let line = Line { id: &id, method: &method, route: route.pattern, time, told: &told };
        access_log::write(&line, &response);
    }
    Ok(response)
}

/// The client's own id where it is 1 to 128 visible ASCII characters, else a new one.
fn request_id(request: &ServiceRequest) -> String {
    let sent = request.headers().get(&REQUEST_ID).and_then(|id| id.to_str().ok());
    let is_usable = |id: &&str| (1..=128).contains(&id.len()) && id.bytes().all(|byte| byte.is_ascii_graphic());
    match (sent.filter(is_usable), request.app_data::<web::Data<State>>()) {
        (Some(id), _) => id.to_owned(),
        (None, Some(state)) => state.new_request_id(),
        (None, None) => String::new(),
    }
}

fn is_refused_preflight(method: &Method, response: &ServiceResponse<BoxBody>) -> bool {
    *method == Method::OPTIONS && response.status() == StatusCode::BAD_REQUEST
}

/// Our own failures bring their problems with them; what the framework answers by itself has only a status.
fn failure_of(response: &ServiceResponse<BoxBody>) -> Option<Failure> {
    if response.status().is_client_error() || response.status().is_server_error() {
        let ours = response.response().extensions().get::<Failure>().cloned();
        return Some(ours.unwrap_or_else(|| Failure::of_status(response.status())));
    }
    None
}

/// Sends clients with a connection of their own elsewhere while this process still listens: a request that is on its way
/// when the connection is closed under it gets no answer.
fn close_if_draining(response: &mut ServiceResponse<BoxBody>) {
    if response.request().app_data::<web::Data<State>>().is_some_and(|state| state.is_draining()) {
        response.response_mut().head_mut().set_connection_type(ConnectionType::Close);
    }
}

/// Puts another answer in the place of one, with all that was said in header fields by whoever stands around: rate
/// limits, permissions for other origins.
fn in_place_of(response: ServiceResponse<BoxBody>, answer: HttpResponse) -> ServiceResponse<BoxBody> {
    let said = response.headers().clone();
    let mut response = response.into_response(answer);
    let headers = response.headers_mut();
    let is_unsaid = |name: &HeaderName, headers: &HeaderMap| *name == VARY || !headers.contains_key(name);
    let missing: Vec<_> = said.into_iter().filter(|(name, _)| is_unsaid(name, headers)).collect();
    for (name, value) in missing {
        headers.append(name, value);
    }
    response
}

/// Every answer depends on `Accept` (JSON:API 1.1, "Server Responsibilities"), and its size on `Accept-Encoding`.
fn add_vary(headers: &mut HeaderMap) {
    let others = headers.get_all(VARY).filter_map(|vary| vary.to_str().ok());
    let all: Vec<_> = ["Accept, Accept-Encoding"].into_iter().chain(others).collect();
    if let Ok(vary) = HeaderValue::from_str(&all.join(", ")) {
        headers.insert(VARY, vary);
    }
}
