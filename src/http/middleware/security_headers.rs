//! Security and cache headers of every response.

use actix_web::http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, HeaderMap, HeaderValue, REFERRER_POLICY, X_CONTENT_TYPE_OPTIONS,
};
use actix_web::http::{Method, StatusCode};

use crate::http::paths;

/// The policy of responses that are not pages: no scripts, no frames.
const DEFAULT_POLICY: HeaderValue = HeaderValue::from_static("default-src 'none'; frame-ancestors 'none'");

/// Who may read a response.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Audience {
    /// Orchestrators and monitoring.
    Operator,
    /// The caller only.
    Caller,
    /// Anyone.
    Public,
}

impl Audience {
    /// The audience of a percent-decoded path.
    #[must_use]
    pub fn of(path: &str) -> Self {
        match () {
            () if paths::is_probe(path) => Self::Operator,
            () if paths::needs_caller(path) => Self::Caller,
            () => Self::Public,
        }
    }
}

/// Adds the headers. `Content-Security-Policy` and `Cache-Control` of a handler stay as they are.
pub fn add_security_headers(headers: &mut HeaderMap, method: &Method, audience: Audience, status: StatusCode) {
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    if !headers.contains_key(CONTENT_SECURITY_POLICY) {
        headers.insert(CONTENT_SECURITY_POLICY, DEFAULT_POLICY);
    }
    if !headers.contains_key(CACHE_CONTROL) {
        headers.insert(CACHE_CONTROL, HeaderValue::from_static(cache_control(method, audience, status)));
    }
}

/// Shared caches must not store what one caller sees. The private cache of the caller revalidates each time; an entity
/// tag makes that a 304.
fn cache_control(method: &Method, audience: Audience, status: StatusCode) -> &'static str {
    let is_read = *method == Method::GET || *method == Method::HEAD;
    let is_shown = status.is_success() || status == StatusCode::NOT_MODIFIED;
    match audience {
        Audience::Caller if is_read && is_shown => "private, no-cache",
        Audience::Public if is_read && is_shown => "no-cache",
        _ => "no-store",
    }
}
