//! `/metrics`, for Prometheus.

use actix_web::{HttpResponse, web};

use crate::http::state::AppState;
use crate::metrics::MEDIA_TYPE;

/// `GET /metrics`: does not use the database or wait for a connection.
pub async fn get(state: web::Data<AppState>) -> HttpResponse {
    HttpResponse::Ok().content_type(MEDIA_TYPE).body(state.store.metrics().text())
}
