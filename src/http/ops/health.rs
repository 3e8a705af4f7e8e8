//! `/livez` and `/readyz`: probes for orchestrators.

use actix_web::http::StatusCode;
use actix_web::{HttpRequest, HttpResponse, web};
use serde::Serialize;
use std::sync::Arc;
use std::time::Duration;

use crate::http::jsonapi::document::Document;
use crate::http::jsonapi::errors::{ApiProblem, Failure};
use crate::http::jsonapi::links::SelfLink;
use crate::http::state::AppState;
use crate::model::code::Code;
use crate::model::database_problem::DatabaseProblem;
use crate::store::{Cost, Tx};

/// How long the database may take to answer.
const DATABASE_TIMEOUT: Duration = Duration::from_millis(500);

#[derive(Serialize)]
struct HealthMeta {
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
    /// For information only: the service is ready without its replica.
    #[serde(skip_serializing_if = "Option::is_none")]
    replica: Option<bool>,
}

/// `GET /livez`: the process responds. Does not use the database.
pub async fn live(state: web::Data<AppState>) -> Result<HttpResponse, Failure> {
    Document::about(Some(self_link(&state, "/livez")), HealthMeta { status: "ok", checks: None }).answer(StatusCode::OK)
}

/// `GET /readyz`: requests can be served. `?verbose` lists the checks.
pub async fn ready(request: HttpRequest, state: web::Data<AppState>) -> Result<HttpResponse, Failure> {
    let (checks, problem) = run_checks(&state).await;
    let is_verbose = request.query_string().split('&').any(|pair| pair.split('=').next() == Some("verbose"));
    if !(checks.database && checks.schema && checks.is_serving) {
        return Err(checks.to_failure(problem.as_ref(), is_verbose));
    }
    let meta = HealthMeta { status: "ok", checks: is_verbose.then_some(checks) };
    Document::about(Some(self_link(&state, "/readyz")), meta).answer(StatusCode::OK)
}

/// The link to a probe. With `ADMIN_LISTEN` it is not served at `PUBLIC_URL`.
fn self_link(state: &AppState, path: &str) -> SelfLink<String> {
    SelfLink { this: if state.has_admin_address { path.to_owned() } else { state.base.join(path) } }
}

impl Checks {
    /// A 503 that says why.
    fn to_failure(self, problem: Option<&DatabaseProblem>, is_verbose: bool) -> Failure {
        let draining = (!self.is_serving).then(|| "the process is shutting down".to_owned());
        let reasons: Vec<_> = draining.into_iter().chain(problem.map(ToString::to_string)).collect();
        let problem = ApiProblem::new(Code::Unavailable, format!("not ready: {}", reasons.join("; ")));
        match serde_json::to_value(self) {
            Ok(checks) if is_verbose => problem.with_meta("checks", checks).into(),
            _ => problem.into(),
        }
    }
}

async fn run_checks(state: &AppState) -> (Checks, Option<DatabaseProblem>) {
    let problem = find_problem(state).await;
    state.log_readiness(problem.as_ref());
    let checks = Checks {
        database: problem.as_ref().is_none_or(DatabaseProblem::is_of_schema),
        schema: problem.is_none(),
        is_serving: !state.is_draining(),
        replica: state.store.is_replica_used(),
    };
    (checks, problem)
}

/// Why the database cannot serve requests; `None` if it can.
async fn find_problem(state: &AppState) -> Option<DatabaseProblem> {
    let query = async {
        let permit = Arc::clone(&state.probe).acquire_owned().await.ok();
        let job = move |tx: &mut Tx<'_>| {
            // Held until the job ends, even if the probe has timed out.
            let _permit = &permit;
            tx.find_problem()
        };
        state.store.read("health.schema", Cost::Probe, job).await
    };
    match tokio::time::timeout(DATABASE_TIMEOUT, query).await {
        Ok(Ok(None)) => find_write_problem(state).await,
        Ok(Ok(problem)) => problem,
        Ok(Err(error)) => {
            state.store.connection_problem().or_else(|| Some(DatabaseProblem::Failing(format!("{error:?}"))))
        }
        Err(_) => Some(state.store.connection_problem().unwrap_or(DatabaseProblem::NoAnswer)),
    }
}

/// Why the database cannot write, as far as is known; it can if no write has failed.
async fn find_write_problem(state: &AppState) -> Option<DatabaseProblem> {
    let found = tokio::time::timeout(DATABASE_TIMEOUT, state.store.find_write_problem()).await;
    found.unwrap_or(Some(DatabaseProblem::NoAnswer))
}
