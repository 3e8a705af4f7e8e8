//! `Consistency-Token`: a read that sends the token of a write sees that write, whichever server answers it.

use actix_web::http::Method;
use actix_web::http::header::{HeaderName, HeaderValue};
use actix_web::{HttpRequest, HttpResponse, web};

use crate::http::jsonapi::errors::{ApiProblem, Failure};
use crate::http::state::AppState;
use crate::model::code::Code;
use crate::model::log_position::LogPosition;

/// The header field, in responses to writes and in requests that read.
const CONSISTENCY_TOKEN: HeaderName = HeaderName::from_static("consistency-token");

/// The position that a read must see; `None` if the client does not send one. Other requests read from the primary, so
/// their token is not looked at.
///
/// # Errors
/// 400 for a token that the service has not sent.
pub fn parse(request: &HttpRequest) -> Result<Option<LogPosition>, Failure> {
    if !is_read(request.method()) {
        return Ok(None);
    }
    let mut sent = request.headers().get_all(CONSISTENCY_TOKEN);
    let Some(token) = sent.next() else { return Ok(None) };
    if let (Some(position), None) = (token.to_str().ok().and_then(LogPosition::parse), sent.next()) {
        return Ok(Some(position));
    }
    let detail = "send one `Consistency-Token`, as the response to a write has it, or none";
    Err(ApiProblem::new(Code::InvalidParameter, detail).header("Consistency-Token").into())
}

/// The state of the service if the response to a request with this method may need a token.
#[must_use]
pub fn state_for_token(method: &Method, state: &web::Data<AppState>) -> Option<web::Data<AppState>> {
    (!is_read(method)).then(|| state.clone())
}

/// Adds the token to the response of a write that has succeeded. `state` is that of [`state_for_token`].
pub async fn add_token(response: &mut HttpResponse, state: Option<web::Data<AppState>>) {
    if let Some(state) = state
        && response.status().is_success()
    {
        let position = state.store.position().await;
        let token = HeaderValue::from_str(&position.to_string());
        drop(token.map(|token| response.headers_mut().insert(CONSISTENCY_TOKEN, token)));
    }
}

fn is_read(method: &Method) -> bool {
    matches!(*method, Method::GET | Method::HEAD)
}
