//! Extracts the credential of a request, has `auth` verify it, and maps authentication errors to responses.

use actix_web::HttpRequest;
use actix_web::dev::ServiceRequest;
use actix_web::http::header::{AUTHORIZATION, CONTENT_LENGTH, HOST, HeaderName, HeaderValue};
use actix_web::web::{self, Bytes};
use std::net::{IpAddr, Ipv4Addr};

use crate::auth::signature::{HeaderField, SignedRequest};
use crate::auth::{AuthError, Identity, Purpose};
use crate::domain::policy;
use crate::http::jsonapi::errors::{ApiProblem, Failure};
use crate::http::middleware::forwarded;
use crate::http::state::AppState;
use crate::http::urls::BaseUrl;
use crate::model::code::Code;

/// The header fields of a signature; a request with any of them is a signed one.
const SIGNING: [HeaderName; 3] =
    [HeaderName::from_static("api-id"), HeaderName::from_static("api-user"), HeaderName::from_static("api-signature")];
const TIMESTAMP: HeaderName = HeaderName::from_static("api-timestamp");
const NONCE: HeaderName = HeaderName::from_static("api-nonce");

const REJECTED: &str = "the signature is not valid; see `docs/SIGNING.md`";

/// Verifies the credential of a request.
///
/// # Errors
/// 401 or 403, without details that would help an attacker; 429 after too many failures.
pub async fn verify(request: &mut ServiceRequest, state: &AppState) -> Result<Identity, Failure> {
    let source = client_address(request.request());
    let sent: Vec<_> = request.headers().get_all(AUTHORIZATION).map(HeaderValue::as_bytes).collect();
    if !SIGNING.iter().any(|name| request.headers().contains_key(name)) {
        let purpose = Purpose::of_method(request.method().as_str());
        return state.auth.identify(source, purpose, &sent).await.map_err(to_failure);
    }
    if !sent.is_empty() {
        return Err(to_failure(AuthError::Unauthenticated(
            "send either a signature or an `Authorization` header, not both",
        )));
    }
    let url = url_of(request, &state.base);
    // The body is read and hashed only if the signature is that of a known client.
    let recognized = state.auth.recognize(source, &signed(request, url.as_deref(), None)).await.map_err(to_failure)?;
    let body = body_of(request, state).await;
    let whole = signed(request, url.as_deref(), body.as_deref());
    state.auth.identify_signed(source, &whole, recognized).await.map_err(to_failure)
}

/// Verifies the credential of a request again, which is verified already and waits.
///
/// # Errors
/// 401 or 403 if it is not valid any more.
pub async fn confirm(request: &HttpRequest, state: &AppState) -> Result<Identity, Failure> {
    let headers = request.headers();
    let text = |name: &HeaderName| headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let [api_id, user, _] = &SIGNING;
    let confirmed = if headers.contains_key(api_id) {
        state.auth.confirm_signed(text(api_id), text(user)).await
    } else {
        let sent: Vec<_> = headers.get_all(AUTHORIZATION).map(HeaderValue::as_bytes).collect();
        state.auth.confirm(client_address(request), &sent).await
    };
    confirmed.map_err(to_failure)
}

fn signed<'r>(request: &'r ServiceRequest, url: Option<&'r str>, body: Option<&'r [u8]>) -> SignedRequest<'r> {
    let field = |name: &HeaderName| {
        let mut all = request.headers().get_all(name).map(HeaderValue::as_bytes);
        match (all.next(), all.next()) {
            (None, _) => HeaderField::Nothing,
            (Some(value), None) => HeaderField::Once(value),
            (Some(_), Some(_)) => HeaderField::Repeated,
        }
    };
    let [api_id, user, signature] = SIGNING.each_ref().map(field);
    let (timestamp, nonce) = (field(&TIMESTAMP), field(&NONCE));
    SignedRequest { api_id, user, signature, timestamp, nonce, method: request.method().as_str(), url, body }
}

/// Reads the body, which the signature covers, and puts it back for the handler. `None` if it is incomplete or larger
/// than `MAX_BODY`.
async fn body_of(request: &mut ServiceRequest, state: &AppState) -> Option<Bytes> {
    let announced = request.headers().get(CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.parse().ok());
    if announced.is_some_and(|length: usize| length > state.max_body) {
        return None;
    }
    let payload = request.extract::<web::Payload>().await.ok()?;
    let body = payload.to_bytes_limited(state.max_body).await.ok()?.ok()?;
    request.set_payload(body.clone().into());
    Some(body)
}

/// The URL that the client signed: `PUBLIC_URL`, or scheme and host as the client sees them, then the rest of the request
/// target byte for byte.
fn url_of(request: &ServiceRequest, base: &BaseUrl) -> Option<String> {
    let target = request.uri().path_and_query()?;
    if !base.is_empty() {
        return Some(base.join(target.as_str()));
    }
    let mut hosts = request.headers().get_all(HOST);
    match (hosts.next(), hosts.next()) {
        (Some(host), None) => Some(format!("http://{}{target}", host.to_str().ok()?)),
        _ => None,
    }
}

/// The address of the client, behind trusted proxies. It is logged, and failures and unauthenticated requests are counted
/// by it.
#[must_use]
pub fn client_address(request: &HttpRequest) -> IpAddr {
    let peer = request.peer_addr().map_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED), |peer| peer.ip());
    let trusted = request.app_data::<web::Data<AppState>>().map(|state| state.trusted_proxies.as_slice());
    forwarded::client(peer, request.headers(), trusted.unwrap_or_default())
}

fn to_failure(denied: AuthError) -> Failure {
    match denied {
        AuthError::Unauthenticated(detail) => {
            ApiProblem::new(Code::Unauthenticated, detail).header("Authorization").into()
        }
        AuthError::Disabled => Failure::without_document(policy::refusal(Code::AccountDisabled).into()),
        AuthError::Rejected => ApiProblem::new(Code::SignatureRejected, REJECTED).into(),
        AuthError::RateLimited(after) => Failure::rate_limited(after.0),
        AuthError::Failed(error) => Failure::without_document(error),
    }
}
