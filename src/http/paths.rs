//! Classifies request paths, which are percent-decoded: middleware asks before a route is known.

use actix_web::http::Method;

/// The suffix that every path of the forms dialect may have.
pub const JSON_SUFFIX: &str = ".json";

/// Whether a path requires an authenticated caller. Every path below `/api` does, including unknown ones and `//api`.
#[must_use]
pub fn needs_caller(path: &str) -> bool {
    segments(path).next() == Some("api")
}

/// Whether a request opens a session: its sender has no credential yet.
#[must_use]
pub fn opens_session(method: &Method, path: &str) -> bool {
    let mut segments = segments(path);
    *method == Method::POST
        && segments.next() == Some("api")
        && segments.next().is_some_and(|name| without_suffix(name) == "sessions")
        && segments.next().is_none()
}

/// Whether a request uploads an import or starts its run, which may take longer than others.
#[must_use]
pub fn takes_import_time(method: &Method, path: &str) -> bool {
    let mut segments = segments(path);
    let is_imports = [segments.next(), segments.next(), segments.next()] == [Some("api"), Some("v2"), Some("imports")];
    let (has_id, has_more) = (segments.next().is_some(), segments.next().is_some());
    is_imports && !has_more && *method == if has_id { Method::PATCH } else { Method::POST }
}

/// Whether a path belongs to the forms dialect, whose errors have their own format.
#[must_use]
pub fn is_form(path: &str) -> bool {
    let mut segments = segments(path);
    let (api, collection) = (segments.next(), segments.next().map(without_suffix));
    api == Some("api") && matches!(collection, Some("users" | "sessions" | "user"))
}

/// Whether a path is a probe or a scrape; these are not logged.
#[must_use]
pub fn is_probe(path: &str) -> bool {
    matches!(path.trim_end_matches('/'), "/livez" | "/readyz" | "/metrics")
}

fn segments(path: &str) -> impl Iterator<Item = &str> {
    path.split('/').filter(|segment| !segment.is_empty())
}

fn without_suffix(segment: &str) -> &str {
    segment.strip_suffix(JSON_SUFFIX).unwrap_or(segment)
}
