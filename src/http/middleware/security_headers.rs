//! Header fields that tell browsers and caches what not to do with an answer.

use actix_web::http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, HeaderMap, HeaderValue, REFERRER_POLICY, X_CONTENT_TYPE_OPTIONS,
};
use actix_web::http::{Method, StatusCode};

use crate::http::routes;

/// What is no page runs nothing and stands in nobody's frame.
const NO_PAGE: HeaderValue = HeaderValue::from_static("default-src 'none'; frame-ancestors 'none'");

/// For whom an answer is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Audience {
    /// Whoever watches the service.
    Operator,
    /// The caller, and nobody else.
    Caller,
    /// Everybody.
    Anybody,
}

impl Audience {
    /// That of a path, percent-decoded.
    #[must_use]
    pub fn of(path: &str) -> Self {
        match () {
            () if routes::is_probe(path) => Self::Operator,
            () if routes::needs_caller(path) => Self::Caller,
            () => Self::Anybody,
        }
    }
}

/// Adds them, where a handler has not decided otherwise.
pub fn protect(headers: &mut HeaderMap, method: &Method, audience: Audience, status: StatusCode) {
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    if !headers.contains_key(CONTENT_SECURITY_POLICY) {
        headers.insert(CONTENT_SECURITY_POLICY, NO_PAGE);
    }
    if !headers.contains_key(CACHE_CONTROL) {
        headers.insert(CACHE_CONTROL, HeaderValue::from_static(caching(method, audience, status)));
    }
}

/// What one caller is shown is for nobody else: shared caches keep none of it, and the caller's own asks each time
/// whether its copy still holds, which an entity tag answers with 304.
fn caching(method: &Method, audience: Audience, status: StatusCode) -> &'static str {
    let is_read = *method == Method::GET || *method == Method::HEAD;
    let is_shown = status.is_success() || status == StatusCode::NOT_MODIFIED;
    match audience {
        Audience::Caller if is_read && is_shown => "private, no-cache",
        Audience::Anybody if is_read && is_shown => "no-cache",
        _ => "no-store",
    }
}
