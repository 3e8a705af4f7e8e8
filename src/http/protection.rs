//! Header fields that tell browsers and caches what not to do with an answer.

use actix_web::http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, HeaderMap, HeaderValue, REFERRER_POLICY, X_CONTENT_TYPE_OPTIONS,
};
use actix_web::http::{Method, StatusCode};
use aws_lc_rs::digest::{SHA256, digest};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::routes;

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

/// The policy of a page that loads nothing from elsewhere and talks to nobody but this service: its own styles and
/// scripts run, known by their hashes, and no others.
#[must_use]
pub fn policy_of(page: &str) -> HeaderValue {
    let (styles, scripts) = (hashes(page, "style"), hashes(page, "script"));
    let policy = format!(
        "default-src 'none'; style-src {styles}; script-src {scripts}; connect-src 'self'; img-src 'self' data:; \
         base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    );
    HeaderValue::from_str(&policy).unwrap_or(NO_PAGE)
}

/// The hashes of everything between `<name>` and `</name>`, as a policy lists them.
fn hashes(page: &str, name: &str) -> String {
    let (start, end) = (format!("<{name}>"), format!("</{name}>"));
    let inside = page.split(&start).skip(1).filter_map(|rest| rest.split(&end).next());
    let hash = |text: &str| format!("'sha256-{}'", STANDARD.encode(digest(&SHA256, text.as_bytes())));
    let all: Vec<_> = inside.map(hash).collect();
    if all.is_empty() { "'none'".to_owned() } else { all.join(" ") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_runs_its_own_scripts_and_no_others() {
        let policy = policy_of("<style>a{}</style><script>alert(1)</script><script>2</script>");
        let policy = policy.to_str().unwrap();
        // `printf 'alert(1)' | openssl dgst -sha256 -binary | base64`
        assert!(
            policy.contains("script-src 'sha256-bhHHL3z2vDgxUt0W3dWQOrprscmda2Y5pLsLg4GF+pI=' 'sha256-"),
            "{policy}"
        );
        assert!(!policy.contains("unsafe"), "{policy}");
        assert!(policy_of("<p>").to_str().unwrap().contains("style-src 'none'; script-src 'none'"));
    }
}
