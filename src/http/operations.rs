//! `/api/v2/operations`: the atomic operations extension of JSON:API.

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use serde::Serialize;

use super::call::Call;
use super::idempotency::once;
use super::jsonapi::atomic;
use super::jsonapi::errors::Failure;
use super::jsonapi::negotiation::BodyKind;
use super::jsonapi::profile::Applied;
use super::jsonapi::resources::Resource;
use super::jsonapi::verbatim;
use super::jsonapi::view::View;
use crate::domain::operations::{self, Operation, Outcome};
use crate::model::relationship::Relationship;
use crate::model::user::User;
use crate::store::Tx;

/// `POST /api/v2/operations`
pub async fn run(mut call: Call) -> Result<HttpResponse, Failure> {
    let mut query = call.query(&[])?;
    let view = View::of(&mut query, call.state.time_zone);
    let body = call.body_of(BodyKind::Operations).await?;
    let (caller, operations) = (call.caller, atomic::parse(&body, call.caller.id)?);
    let changed: Vec<_> = operations.iter().filter_map(Operation::changed_user).collect();
    let job = move |tx: &mut Tx<'_>| operations::run(tx, &caller, &operations);
    let render = move |outcomes: &Vec<Outcome>| answer(outcomes, &view);
    let answer = once(&call, &body, "operations.run", job, render).await?;
    for user in changed {
        call.state.auth.forget(user);
    }
    Ok(answer)
}

/// The document that answers: a result for each operation, in order.
fn answer(outcomes: &[Outcome], view: &View) -> Result<HttpResponse, Failure> {
    #[derive(Serialize)]
    struct Document<'a> {
        jsonapi: Applied,
        #[serde(rename = "atomic:results")]
        results: Vec<ResultObject<'a>>,
    }
    let applied = Applied::AtomicExtension;
    let results = outcomes.iter().map(|outcome| ResultObject::of(outcome, view)).collect();
    let body = verbatim::write(&Document { jsonapi: applied, results }, 1_000 * outcomes.len());
    let body = body.map_err(|error| Failure::internal(error.to_string()))?;
    Ok(HttpResponse::build(StatusCode::OK).content_type(applied.media_type()).body(body))
}

/// What one operation left behind; nothing for one that removed something.
#[derive(Serialize)]
struct ResultObject<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    data: Option<Data<'a>>,
}

#[derive(Serialize)]
#[serde(untagged)]
enum Data<'a> {
    Relationship(Resource<'a, Relationship>),
    User(Resource<'a, User>),
}

impl<'a> ResultObject<'a> {
    fn of(outcome: &'a Outcome, view: &'a View) -> Self {
        let data = match outcome {
            Outcome::Relationship(row) => Some(Data::Relationship(Resource::new(row, view))),
            Outcome::User(row) => Some(Data::User(Resource::new(row, view))),
            Outcome::Gone => None,
        };
        Self { data }
    }
}
