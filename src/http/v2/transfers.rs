//! `/api/v2/transfers`: relationships that target one user are handed over to another one.

use actix_web::HttpResponse;

use crate::domain::group_lists::IncludedRecords;
use crate::domain::handover::{self, NewTransfer};
use crate::domain::operations::ResourceRef;
use crate::domain::policy::{self, Action};
use crate::http::jsonapi::errors::Failure;
use crate::http::jsonapi::input::{IdPolicy, Input};
use crate::http::jsonapi::requests::parse_new_transfer;
use crate::http::jsonapi::transfer_resource::TRANSFERS;
use crate::http::v2::creation;
use crate::http::v2::parameters::{LIST_TRANSFERS, ONE_TRANSFER};
use crate::http::v2::request::Call;
use crate::http::v2::responses::{ListResponse, SingleResponse, parse_page};
use crate::model::error::Error;
use crate::model::id::{TransferId, UserId};
use crate::model::page::{Sort, SortKey};
use crate::store::{Cost, Tx};

/// `GET /api/v2/transfers`
pub async fn list(call: Call) -> Result<HttpResponse, Failure> {
    policy::require(&call.caller, Action::Transfer).map_err(Failure::without_document)?;
    let mut query = call.query(LIST_TRANSFERS)?;
    let sort = query.sort(Sort::default());
    let options = call.options_of(&mut query);
    let (paging, cursors) = parse_page(&call, &mut query, TRANSFERS, &sort).await?;
    let (caller, slice) = (call.caller, paging.slice(sort));
    let job = move |tx: &mut Tx<'_>| handover::list(tx, &caller, &slice);
    let page = call.read("transfers.list", Cost::Unbounded, job).await.map_err(Failure::without_document)?;
    let included = IncludedRecords::default();
    let listed = ListResponse { query: &query, paging: &paging, cursors: cursors.as_ref(), page, included };
    listed.answer(&call, &options, |row| SortKey::Id(row.id.get()))
}

/// `GET /api/v2/transfers/{id}`
pub async fn get(call: Call) -> Result<HttpResponse, Failure> {
    policy::require(&call.caller, Action::Transfer).map_err(Failure::without_document)?;
    let id: TransferId = call.id()?;
    let options = call.render_options(ONE_TRANSFER).await?;
    let caller = call.caller;
    let job = move |tx: &mut Tx<'_>| handover::get(tx, &caller, id);
    let found = call.read("transfers.get", Cost::Bounded, job).await;
    SingleResponse::alone(found.map_err(Failure::without_document)?).fetched(&call, &options)
}

/// `POST /api/v2/transfers`
pub async fn create(mut call: Call) -> Result<HttpResponse, Failure> {
    // Permission comes before validation of the document.
    policy::require(&call.caller, Action::Transfer).map_err(Failure::without_document)?;
    let options = call.render_options(ONE_TRANSFER).await?;
    let caller = call.caller;
    let body = call.body().await?;
    let new = parse_new(&body)?;
    let job = move |tx: &mut Tx<'_>| handover::create(tx, &caller, &new).map(SingleResponse::alone);
    let find = move |tx: &mut Tx<'_>, id: &str| {
        let id = id.parse().map_err(|_| Error::not_found("transfer"))?;
        handover::get(tx, &caller, id).map(SingleResponse::alone)
    };
    creation::create(&call, &body, &options, "transfers.create", job, find).await
}

fn parse_new(body: &[u8]) -> Result<NewTransfer, Failure> {
    let requested = parse_new_transfer(Input::parse(body, TRANSFERS, IdPolicy::New)?)?;
    let stored = |user: &ResourceRef<UserId>| match user {
        ResourceRef::Stored(id) => Ok(*id),
        ResourceRef::Lid(_) => Err(Failure::internal("a local id was accepted outside of operations".to_owned())),
    };
    Ok(NewTransfer { from: stored(&requested.from)?, to: stored(&requested.to)?, changes: requested.changes })
}
