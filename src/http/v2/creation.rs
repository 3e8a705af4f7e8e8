//! A POST that creates one resource, once for each `Idempotency-Key`.

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use actix_web::http::header::{HeaderValue, LOCATION};
use serde::Serialize;

use crate::http::idempotency::{Done, IdempotentResult, Named, Receipt, hold_key, mark_replayed, run_idempotent};
use crate::http::jsonapi::document::Document;
use crate::http::jsonapi::errors::Failure;
use crate::http::jsonapi::render_options::RenderOptions;
use crate::http::jsonapi::resources::{RELATIONSHIP_TYPES, Resource, USER_RELATIONSHIPS, USERS};
use crate::http::jsonapi::tagged::Tagged;
use crate::http::jsonapi::transfer_resource::TRANSFERS;
use crate::http::urls;
use crate::http::v2::cost;
use crate::http::v2::request::Call;
use crate::http::v2::responses::SingleResponse;
use crate::model::authors::AuthoredRelationship;
use crate::model::code::Code;
use crate::model::error::{Error, Result as JobResult};
use crate::model::handover::Transfer;
use crate::model::relationship_type::RelationshipType;
use crate::model::user::User;
use crate::store::Tx;

/// A resource that a POST creates.
pub trait Creatable: Tagged + Send + 'static {
    /// Its type.
    const TYPE: &'static str;

    /// Its id.
    fn id(&self) -> String;

    /// Its URL.
    fn url(&self) -> String;
}

impl Creatable for AuthoredRelationship {
    const TYPE: &'static str = USER_RELATIONSHIPS;

    fn id(&self) -> String {
        self.relationship.id.to_string()
    }

    fn url(&self) -> String {
        urls::relationship(self.relationship.id)
    }
}

impl Creatable for User {
    const TYPE: &'static str = USERS;

    fn id(&self) -> String {
        self.id.to_string()
    }

    fn url(&self) -> String {
        urls::user(self.id)
    }
}

impl Creatable for RelationshipType {
    const TYPE: &'static str = RELATIONSHIP_TYPES;

    fn id(&self) -> String {
        self.name.to_string()
    }

    fn url(&self) -> String {
        urls::relationship_type(&self.name)
    }
}

impl Creatable for Transfer {
    const TYPE: &'static str = TRANSFERS;

    fn id(&self) -> String {
        self.id.to_string()
    }

    fn url(&self) -> String {
        urls::TransferUrl(self.id).to_string()
    }
}

/// Creates a resource and responds with it. A repeated request with the same key gets the resource that `find` reads by
/// its id, or its identifier only if the caller may no longer see it.
///
/// # Errors
/// Those of the jobs and of [`run_idempotent`].
pub async fn create<Row: Creatable>(
    call: &Call,
    body: &[u8],
    options: &RenderOptions,
    name: &'static str,
    job: impl Fn(&mut Tx<'_>) -> JobResult<SingleResponse<Row>> + Send + Sync + 'static,
    find: impl Fn(&mut Tx<'_>, &str) -> JobResult<SingleResponse<Row>> + Send + Sync + 'static,
) -> Result<HttpResponse, Failure>
where
    for<'a> Resource<'a, Row>: Serialize,
{
    let held = hold_key(call.keyed(), body).await?;
    let receipt = match run_idempotent(call.keyed(), held, name, None, job, receipt_of).await.map_err(Failure::of)? {
        IdempotentResult::New(shown) => return shown.created(&shown.row.url(), call.raw_query(), options),
        IdempotentResult::Repeated(receipt) => receipt,
    };
    let Done::One(named) = &receipt.done else {
        return Err(Failure::internal("the stored response is not that of a create".to_owned()));
    };
    let id = named.id.clone();
    let answer = match call.read(name, cost::of_one(options.has_include()), move |tx: &mut Tx<'_>| find(tx, &id)).await
    {
        Ok(shown) => shown.created(&shown.row.url(), call.raw_query(), options)?,
        Err(Error::Refused(problems)) if problems.iter().all(|problem| problem.code == Code::NotFound) => {
            Document::one(named).answer(StatusCode::CREATED)?
        }
        Err(error) => return Err(Failure::without_document(error)),
    };
    let mut answer = mark_replayed(&call.state, &receipt, answer)?;
    let location = receipt.location.as_deref().map(|path| HeaderValue::from_str(&call.state.base.join(path)));
    if let Some(Ok(location)) = location {
        answer.headers_mut().insert(LOCATION, location);
    }
    Ok(answer)
}

fn receipt_of<Row: Creatable>(shown: &SingleResponse<Row>) -> Receipt {
    let named = Named { kind: Row::TYPE.to_owned(), id: shown.row.id() };
    Receipt { status: StatusCode::CREATED.as_u16(), location: Some(shown.row.url()), done: Done::One(named) }
}
