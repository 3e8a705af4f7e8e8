//! `/explorer`: a page that draws who stands in which relationship to whom.
//!
//! The page has no data and no rights of its own. It asks the public API with the token that somebody pastes into it.

use actix_web::HttpResponse;

use super::page;

/// `GET /explorer`
pub async fn get() -> HttpResponse {
    page::html(include_str!("index.html"))
}

/// `GET /explorer/style.css`
pub async fn style() -> HttpResponse {
    page::style(include_str!("style.css"))
}

/// `GET /explorer/app.js`: what happens on the page.
pub async fn app() -> HttpResponse {
    page::script(include_str!("app.js"))
}

/// `GET /explorer/api.js`: asks the API.
pub async fn api() -> HttpResponse {
    page::script(include_str!("api.js"))
}

/// `GET /explorer/map.js`: draws the map.
pub async fn map() -> HttpResponse {
    page::script(include_str!("map.js"))
}

/// `GET /explorer/layout.js`: says where everybody stands on the map.
pub async fn layout() -> HttpResponse {
    page::script(include_str!("layout.js"))
}

/// `GET /explorer/html.js`: makes elements.
pub async fn html() -> HttpResponse {
    page::script(include_str!("html.js"))
}
