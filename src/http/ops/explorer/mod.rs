//! `/explorer`: a page that draws users and their relationships as a map.
//!
//! The page contains no data and has no permissions. It sends requests to the public API with a token that the user pastes.

use actix_web::{HttpResponse, web};

use super::page;
use crate::http::state::AppState;

/// `GET /explorer`
pub async fn get(state: web::Data<AppState>) -> HttpResponse {
    page::html(include_str!("index.html"), &state.base)
}

/// `GET /explorer/style.css`
pub async fn style() -> HttpResponse {
    page::style(include_str!("style.css"))
}

/// `GET /explorer/app.js`: the page.
pub async fn app() -> HttpResponse {
    page::script(include_str!("app.js"))
}

/// `GET /explorer/api.js`: the API client.
pub async fn api() -> HttpResponse {
    page::script(include_str!("api.js"))
}

/// `GET /explorer/map.js`: draws the map.
pub async fn map() -> HttpResponse {
    page::script(include_str!("map.js"))
}

/// `GET /explorer/layout.js`: computes the layout of the map.
pub async fn layout() -> HttpResponse {
    page::script(include_str!("layout.js"))
}

/// `GET /explorer/html.js`: creates elements.
pub async fn html() -> HttpResponse {
    page::script(include_str!("html.js"))
}
