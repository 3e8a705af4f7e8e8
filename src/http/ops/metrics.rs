//! `/metrics`: what Prometheus reads.

use actix_web::{HttpResponse, web};

use crate::http::state::State;
use crate::metrics::MEDIA_TYPE;

/// `GET /metrics`: never touches the database and never waits for a connection to it.
pub async fn get(state: web::Data<State>) -> HttpResponse {
    HttpResponse::Ok().content_type(MEDIA_TYPE).body(state.store.metrics().text())
}
