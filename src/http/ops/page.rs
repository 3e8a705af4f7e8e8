//! HTML pages, scripts and stylesheets, sent with a strict content security policy.

use actix_web::HttpResponse;
use actix_web::body::MessageBody;
use actix_web::http::header::{CONTENT_SECURITY_POLICY, CONTENT_TYPE};

use crate::http::urls::BaseUrl;

/// Pages load files from this service only, and scripts send requests to this service only. Inline scripts are blocked.
/// In browsers with trusted types, scripts cannot turn text into markup.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src data:; \
                      base-uri 'none'; form-action 'none'; frame-ancestors 'none'; \
                      require-trusted-types-for 'script'; trusted-types 'none'";

/// Responds with an HTML page, in which `{base}` stands for the path of `PUBLIC_URL`.
#[must_use]
pub fn html(text: &str, base: &BaseUrl) -> HttpResponse {
    respond("text/html; charset=utf-8", text.replace("{base}", base.path()))
}

/// Responds with a script.
#[must_use]
pub fn script(text: &'static str) -> HttpResponse {
    respond("text/javascript; charset=utf-8", text)
}

/// Responds with a stylesheet.
#[must_use]
pub fn style(text: &'static str) -> HttpResponse {
    respond("text/css; charset=utf-8", text)
}

/// Responds with data for a script.
#[must_use]
pub fn data(text: &'static str) -> HttpResponse {
    respond("application/json", text)
}

fn respond(media_type: &'static str, text: impl MessageBody + 'static) -> HttpResponse {
    HttpResponse::Ok()
        .insert_header((CONTENT_TYPE, media_type))
        .insert_header((CONTENT_SECURITY_POLICY, POLICY))
        .body(text)
}
