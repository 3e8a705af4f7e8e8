//! `/`: what this is, and where to go.

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use serde::Serialize;

use crate::http::jsonapi::document::Document;
use crate::http::jsonapi::errors::Failure;

#[derive(Serialize)]
struct Links {
    #[serde(rename = "self")]
    this: &'static str,
    #[serde(rename = "describedby")]
    described_by: &'static str,
}

#[derive(Serialize)]
struct Meta {
    name: &'static str,
    version: &'static str,
    api: &'static str,
    docs: &'static str,
}

/// `GET /`
pub async fn get() -> Result<HttpResponse, Failure> {
    let meta = Meta { name: env!("CARGO_PKG_NAME"), version: env!("CARGO_PKG_VERSION"), api: "/api/v2", docs: "/docs" };
    Document::about(Some(Links { this: "/", described_by: "/openapi.json" }), meta).answer(StatusCode::OK)
}
