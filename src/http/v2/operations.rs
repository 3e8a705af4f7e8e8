//! `/api/v2/operations`: the atomic operations extension of JSON:API.

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use serde::{Serialize, Serializer};

use crate::domain::operations::{self, Operation, ResourceId, Results, StoredRow};
use crate::http::jsonapi::atomic;
use crate::http::jsonapi::errors::Failure;
use crate::http::jsonapi::negotiation::BodyKind;
use crate::http::jsonapi::profile::Applied;
use crate::http::jsonapi::raw_json;
use crate::http::jsonapi::resources::{Resource, USER_RELATIONSHIPS, USERS};
use crate::http::jsonapi::view::RenderOptions;
use crate::http::v2::idempotency::{Done, DoneOperation, Named, Performed, Receipt, hold_key, mark_replayed, perform};
use crate::http::v2::request::Call;
use crate::model::error::{Error, Result as JobResult};
use crate::store::{Cost, Tx};

/// About how many bytes a resource has; more cost another allocation.
const EXPECTED: usize = 900;

/// `POST /api/v2/operations`
pub async fn run(mut call: Call) -> Result<HttpResponse, Failure> {
    let mut query = call.query(&[])?;
    let view = RenderOptions::of(&mut query, call.state.time_zone);
    let body = call.body_of(BodyKind::Operations).await?;
    let held = hold_key(&call, &body).await?;
    // What waits is the body, not the operations, which take several times its memory.
    let turn = call.state.turns.wait(call.caller.id).await;
    let (caller, operations) = (call.caller, atomic::parse(&body, call.caller.id)?);
    let changed: Vec<_> = operations.iter().filter_map(Operation::changed_user).collect();
    let (longest, first_view) = (call.state.longest_operations, view.clone());
    let job = move |tx: &mut Tx<'_>| {
        operations::run(tx, &caller, &operations, longest, &|row: StoredRow<'_>| render(row, &first_view))
    };
    let performed = perform(&call, held, "operations.run", Some(turn), job, receipt_of).await?;
    for user in changed {
        call.state.auth.forget(user);
    }
    match performed {
        Performed::Now(results) => answer(&results),
        Performed::Before(receipt) => replay(&call, &receipt, view).await,
    }
}

/// The answer to a repeat.
async fn replay(call: &Call, receipt: &Receipt, view: RenderOptions) -> Result<HttpResponse, Failure> {
    let Done::Results(done) = &receipt.done else {
        return Err(Failure::internal("a stored answer has another kind than its request".to_owned()));
    };
    let outcomes = done.iter().map(outcome_of).collect::<Result<Vec<_>, _>>()?;
    let caller = call.caller;
    let job =
        move |tx: &mut Tx<'_>| operations::read_again(tx, &caller, &outcomes, &|row: StoredRow<'_>| render(row, &view));
    let results = call.read("operations.replay", Cost::Unbounded, job).await.map_err(Failure::without_document)?;
    mark_replayed(call, receipt, answer(&results)?)
}

/// The document of one resource, without what is around it.
fn render(row: StoredRow<'_>, view: &RenderOptions) -> JobResult<Vec<u8>> {
    let written = match row {
        StoredRow::Relationship(row) => raw_json::write(&Resource::new(row, view), EXPECTED),
        StoredRow::User(row) => raw_json::write(&Resource::new(row, view), EXPECTED),
    };
    written.map_err(|error| Error::Internal(error.to_string()))
}

/// The document that answers: a result for each operation, in order.
fn answer(results: &Results) -> Result<HttpResponse, Failure> {
    #[derive(Serialize)]
    struct Document<'a> {
        jsonapi: Applied,
        #[serde(rename = "atomic:results")]
        results: Vec<ResultObject<'a>>,
    }
    let applied = Applied::AtomicExtension;
    let objects = results.outcomes().iter().map(|outcome| ResultObject {
        data: outcome.map(|id| results.resource(id).map_or_else(|| Data::Identifier(named(id)), Data::Rendered)),
    });
    let document = Document { jsonapi: applied, results: objects.collect() };
    let body = raw_json::write(&document, results.size()).map_err(|error| Failure::internal(error.to_string()))?;
    Ok(HttpResponse::build(StatusCode::OK).content_type(applied.media_type()).body(body))
}

/// What one operation left behind; nothing for one that removed something.
#[derive(Serialize)]
struct ResultObject<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    data: Option<Data<'a>>,
}

/// A resource in a result.
enum Data<'a> {
    /// All of it, as JSON.
    Rendered(&'a [u8]),
    /// What names it.
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

/// What a stored result names.
fn outcome_of(done: &DoneOperation) -> Result<Option<ResourceId>, Failure> {
    let Some(Named { kind, id }) = &done.data else { return Ok(None) };
    let id = match kind.as_str() {
        USER_RELATIONSHIPS => id.parse().ok().map(ResourceId::Relationship),
        USERS => id.parse().ok().map(ResourceId::User),
        _ => None,
    };
    id.map(Some).ok_or_else(|| Failure::internal("a stored answer names no resource".to_owned()))
}
