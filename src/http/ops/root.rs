//! `/`: the name and version of the service, and links to its API and documentation.

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use serde::Serialize;

use crate::http::jsonapi::document::Document;
use crate::http::jsonapi::errors::Failure;

#[derive(Serialize)]
struct RootLinks {
    #[serde(rename = "self")]
    this: &'static str,
    #[serde(rename = "describedby")]
    described_by: &'static str,
}

#[derive(Serialize)]
struct RootMeta {
    name: &'static str,
    version: &'static str,
    api: &'static str,
    docs: &'static str,
}

/// `GET /`
pub async fn get() -> Result<HttpResponse, Failure> {
    let meta =
        RootMeta { name: env!("CARGO_PKG_NAME"), version: env!("CARGO_PKG_VERSION"), api: "/api/v2", docs: "/docs" };
    Document::about(Some(RootLinks { this: "/", described_by: "/openapi.json" }), meta).answer(StatusCode::OK)
}
