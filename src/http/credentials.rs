//! What a request brings to prove who asks, taken from its head for `auth`, and what is told whom it does not let in.

use actix_web::dev::ServiceRequest;
use actix_web::http::header::{AUTHORIZATION, HeaderValue};
use actix_web::{HttpRequest, web};
use std::net::{IpAddr, Ipv4Addr};

use super::jsonapi::errors::{Failure, Problem};
use crate::auth::{Denied, Identity, Settings};
use crate::config::Config;
use crate::domain::policy;
use crate::http::state::State;
use crate::model::code::Code;

/// What `auth` needs of the settings.
#[must_use]
pub fn settings(config: &Config) -> Settings {
    Settings { refresh: config.auth_refresh, failure_limit: config.auth_failure_limit }
}

/// Verifies the credential of a request.
///
/// # Errors
/// 401 or 403, the same for all that is wrong with a credential; 429 after too many failures.
pub async fn verify(request: &mut ServiceRequest) -> Result<Identity, Failure> {
    let state = request.app_data::<web::Data<State>>().cloned();
    let state = state.ok_or_else(|| Failure::internal("the door stands outside of the service".to_owned()))?;
    let source = client_address(request.request());
    let sent: Vec<_> = request.headers().get_all(AUTHORIZATION).map(HeaderValue::as_bytes).collect();
    state.auth.identify(source, &sent).await.map_err(told)
}

/// The address from which a request comes: failures are counted by it, and the log names it.
#[must_use]
pub fn client_address(request: &HttpRequest) -> IpAddr {
    request.peer_addr().map_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED), |peer| peer.ip())
}

fn told(denied: Denied) -> Failure {
    match denied {
        Denied::Unauthenticated(detail) => Problem::new(Code::Unauthenticated, detail).header("Authorization").into(),
        Denied::Disabled => Failure::without_document(policy::refusal(Code::AccountDisabled).into()),
        Denied::TooOften(after) => Failure::rate_limited(after.0),
        Denied::Failed(error) => Failure::without_document(error),
    }
}
