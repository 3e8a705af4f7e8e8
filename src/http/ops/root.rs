//! `/`: the name and version of the service, and links to its API and documentation.

use actix_web::http::StatusCode;
use actix_web::{HttpResponse, web};
use serde::Serialize;

use crate::http::jsonapi::document::Document;
use crate::http::jsonapi::errors::Failure;
use crate::http::jsonapi::links::DocumentLinks;
use crate::http::state::AppState;

#[derive(Serialize)]
struct RootMeta {
    name: &'static str,
    version: &'static str,
    api: String,
    docs: String,
}

/// `GET /`
pub async fn get(state: web::Data<AppState>) -> Result<HttpResponse, Failure> {
    let meta = RootMeta {
        name: env!("CARGO_PKG_NAME"),
        version: env!("CARGO_PKG_VERSION"),
        api: state.base.join("/api/v2"),
        docs: state.base.join("/docs"),
    };
    Document::about(Some(DocumentLinks::new(&state.base, "/")), meta).answer(StatusCode::OK)
}
