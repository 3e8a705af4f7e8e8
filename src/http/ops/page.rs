//! Pages for people, and the files that they load: nothing from elsewhere, and no script in the page itself.

use actix_web::HttpResponse;
use actix_web::http::header::{CONTENT_SECURITY_POLICY, CONTENT_TYPE};

/// Only files of this service act on a page, and only this service is asked by them. Text never becomes markup: where
/// browsers know trusted types, they refuse what tries.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src data:; \
                      base-uri 'none'; form-action 'none'; frame-ancestors 'none'; \
                      require-trusted-types-for 'script'; trusted-types 'none'";

/// A page.
#[must_use]
pub fn html(text: &'static str) -> HttpResponse {
    answer("text/html; charset=utf-8", text)
}

/// What a page does.
#[must_use]
pub fn script(text: &'static str) -> HttpResponse {
    answer("text/javascript; charset=utf-8", text)
}

/// What a page looks like.
#[must_use]
pub fn style(text: &'static str) -> HttpResponse {
    answer("text/css; charset=utf-8", text)
}

fn answer(media_type: &'static str, text: &'static str) -> HttpResponse {
    HttpResponse::Ok()
        .insert_header((CONTENT_TYPE, media_type))
        .insert_header((CONTENT_SECURITY_POLICY, POLICY))
        .body(text)
}
