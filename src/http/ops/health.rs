//! `/livez` and `/readyz`: what orchestrators ask.

use actix_web::http::StatusCode;
use actix_web::{HttpRequest, HttpResponse, web};
use serde::Serialize;
use std::sync::Arc;
use std::time::Duration;

use crate::http::jsonapi::document::{Document, SelfLink};
use crate::http::jsonapi::errors::{Failure, Problem};
use crate::http::state::State;
use crate::model::code::Code;
use crate::store::{Cost, Tx, migrations};

/// The longest wait for the database.
const PATIENCE: Duration = Duration::from_millis(500);

#[derive(Serialize)]
struct Meta {
    status: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    checks: Option<Checks>,
}

#[derive(Debug, Clone, Copy, Serialize)]
struct Checks {
    database: bool,
    schema: bool,
    #[serde(rename = "not-draining")]
    is_serving: bool,
    /// Only told: without its replica the service does all that it does.
    #[serde(skip_serializing_if = "Option::is_none")]
    replica: Option<bool>,
}

/// `GET /livez`: the process answers. Never touches the database.
pub async fn live() -> Result<HttpResponse, Failure> {
    Document::about(Some(SelfLink { this: "/livez" }), Meta { status: "ok", checks: None }).answer(StatusCode::OK)
}

/// `GET /readyz`: requests can be served. `?verbose` lists the checks.
pub async fn ready(request: HttpRequest, state: web::Data<State>) -> Result<HttpResponse, Failure> {
    let checks = checks(&state).await;
    let is_verbose = request.query_string().split('&').any(|pair| pair.split('=').next() == Some("verbose"));
    if !(checks.database && checks.schema && checks.is_serving) {
        return Err(checks.failure(is_verbose));
    }
    let meta = Meta { status: "ok", checks: is_verbose.then_some(checks) };
    Document::about(Some(SelfLink { this: "/readyz" }), meta).answer(StatusCode::OK)
}

impl Checks {
    /// What is missing, for whoever asks why.
    fn failure(self, is_verbose: bool) -> Failure {
        let missing = [
            (self.is_serving, "the process is about to end"),
            (self.database, "the database does not answer within 500 ms"),
            (self.schema, "the schema is not at the version that this release needs"),
        ];
        let missing: Vec<_> = missing.iter().filter(|(is_fine, _)| !is_fine).map(|(_, what)| *what).collect();
        let problem = Problem::new(Code::Unavailable, format!("not ready: {}", missing.join("; ")));
        match serde_json::to_value(self) {
            Ok(checks) if is_verbose => problem.with("checks", checks).into(),
            _ => problem.into(),
        }
    }
}

async fn checks(state: &State) -> Checks {
    let ask = async {
        let turn = Arc::clone(&state.probe).acquire_owned().await.ok();
        let job = move |tx: &mut Tx<'_>| {
            // Kept until the job is over, even where nobody waits for it any more.
            let _turn = &turn;
            tx.schema_version()
        };
        state.store.read("health.schema", Cost::Probe, job).await
    };
    let version = tokio::time::timeout(PATIENCE, ask).await;
    let is_new_enough = |version: Option<String>| migrations::is_new_enough(version.as_deref());
    Checks {
        database: matches!(version, Ok(Ok(_))),
        schema: version.is_ok_and(|answer| answer.is_ok_and(is_new_enough)),
        is_serving: !state.is_draining(),
        replica: state.store.is_replica_used(),
    }
}
