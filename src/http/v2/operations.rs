//! `/api/v2/operations`: the atomic operations extension of JSON:API.

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use serde::{Serialize, Serializer};

use crate::domain::operations::{self, Operation, ResourceId, Results, StoredRow};
use crate::http::idempotency::{
    Done, DoneOperation, IdempotentResult, Named, Receipt, hold_key, mark_replayed, run_idempotent,
};
use crate::http::jsonapi::atomic;
use crate::http::jsonapi::errors::Failure;
use crate::http::jsonapi::negotiation::BodyKind;
use crate::http::jsonapi::profile::Applied;
use crate::http::jsonapi::raw_json;
use crate::http::jsonapi::render_options::RenderOptions;
use crate::http::jsonapi::resources::{Resource, USER_RELATIONSHIPS, USERS};
use crate::http::v2::request::Call;
use crate::model::error::{Error, Result as JobResult};
use crate::store::{Cost, Tx};

/// The expected size of a resource, in bytes. A larger one costs another allocation.
const EXPECTED_SIZE: usize = 900;

/// `POST /api/v2/operations`
pub async fn run(mut call: Call) -> Result<HttpResponse, Failure> {
    let mut query = call.query(&[])?;
    let options = call.options_of(&mut query);
    let body = call.body_of(BodyKind::Operations).await?;
    let held = hold_key(call.keyed(), &body).await?;
    // Parsed operations take several times the memory of the body, so only the body waits.
    let permit = call.state.operation_limiter.acquire(call.caller.id).await;
    let (caller, operations) = (call.caller, atomic::parse(&body, call.caller.id, call.state.base.path())?);
    let changed: Vec<_> = operations.iter().filter_map(Operation::changed_user).collect();
    let (timeout, first_options) = (call.state.operations_timeout, options.clone());
    let job = move |tx: &mut Tx<'_>| {
        operations::run(tx, &caller, &operations, timeout, &|row: StoredRow<'_>| render(row, &first_options))
    };
    let performed = run_idempotent(call.keyed(), held, "operations.run", Some(permit), job, receipt_of).await;
    let performed = performed.map_err(Failure::of)?;
    for user in changed {
        call.state.auth.forget(user);
    }
    match performed {
        IdempotentResult::New(results) => respond(&results),
        IdempotentResult::Repeated(receipt) => replay(&call, &receipt, options).await,
    }
}

/// Responds to a repeated request with the current state of what the first one changed.
async fn replay(call: &Call, receipt: &Receipt, options: RenderOptions) -> Result<HttpResponse, Failure> {
    let Done::Results(done) = &receipt.done else {
        return Err(Failure::internal("the stored response is not that of operations".to_owned()));
    };
    let outcomes = done.iter().map(outcome_of).collect::<Result<Vec<_>, _>>()?;
    let caller = call.caller;
    let job = move |tx: &mut Tx<'_>| {
        operations::read_again(tx, &caller, &outcomes, &|row: StoredRow<'_>| render(row, &options))
    };
    let results = call.read("operations.replay", Cost::Unbounded, job).await.map_err(Failure::without_document)?;
    mark_replayed(&call.state, receipt, respond(&results)?)
}

/// Renders one resource object.
fn render(row: StoredRow<'_>, options: &RenderOptions) -> JobResult<Vec<u8>> {
    let written = match row {
        StoredRow::Relationship(row) => raw_json::write(&Resource::new(row, options), EXPECTED_SIZE),
        StoredRow::User(row) => raw_json::write(&Resource::new(row, options), EXPECTED_SIZE),
    };
    written.map_err(|error| Error::Internal(error.to_string()))
}

/// The response: a result for each operation, in order.
fn respond(results: &Results) -> Result<HttpResponse, Failure> {
    #[derive(Serialize)]
    struct ResultsDocument<'a> {
        jsonapi: Applied,
        #[serde(rename = "atomic:results")]
        results: Vec<ResultObject<'a>>,
    }
    let applied = Applied::AtomicExtension;
    let objects = results.outcomes().iter().map(|outcome| ResultObject {
        data: outcome.map(|id| results.resource(id).map_or_else(|| Data::Identifier(named(id)), Data::Rendered)),
    });
    let document = ResultsDocument { jsonapi: applied, results: objects.collect() };
    let body = raw_json::write(&document, results.size()).map_err(|error| Failure::internal(error.to_string()))?;
    Ok(HttpResponse::build(StatusCode::OK).content_type(applied.media_type()).body(body))
}

/// The result of one operation; empty for a removal.
#[derive(Serialize)]
struct ResultObject<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    data: Option<Data<'a>>,
}

/// A resource in a result.
enum Data<'a> {
    /// The resource object as JSON.
    Rendered(&'a [u8]),
    /// Its identifier.
    Identifier(Named),
}

impl Serialize for Data<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Rendered(json) => serializer.serialize_bytes(json),
            Self::Identifier(named) => named.serialize(serializer),
        }
    }
}

fn receipt_of(results: &Results) -> Receipt {
    let done = results.outcomes().iter().map(|outcome| DoneOperation { data: outcome.map(named) });
    Receipt { status: StatusCode::OK.as_u16(), location: None, done: Done::Results(done.collect()) }
}

fn named(id: ResourceId) -> Named {
    match id {
        ResourceId::Relationship(id) => Named { kind: USER_RELATIONSHIPS.to_owned(), id: id.to_string() },
        ResourceId::User(id) => Named { kind: USERS.to_owned(), id: id.to_string() },
    }
}

/// The resource that a stored result names.
fn outcome_of(done: &DoneOperation) -> Result<Option<ResourceId>, Failure> {
    let Some(Named { kind, id }) = &done.data else { return Ok(None) };
    let id = match kind.as_str() {
        USER_RELATIONSHIPS => id.parse().ok().map(ResourceId::Relationship),
        USERS => id.parse().ok().map(ResourceId::User),
        _ => None,
    };
    id.map(Some).ok_or_else(|| Failure::internal("a stored result names no resource".to_owned()))
}
