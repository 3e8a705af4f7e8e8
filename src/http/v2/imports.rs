//! `/api/v2/imports`: uploads, their previews and runs, and their rows.

use actix_web::HttpResponse;

use crate::domain::group_lists::IncludedRecords;
use crate::domain::imports;
use crate::domain::policy::{self, Action};
use crate::domain::transfer::RowOutcome;
use crate::http::jsonapi::errors::{ApiProblem, Failure};
use crate::http::jsonapi::fields::{self, ResourceField};
use crate::http::jsonapi::import_fields::ImportField;
use crate::http::jsonapi::import_resources::{IMPORT_ROWS, IMPORTS};
use crate::http::jsonapi::input::{IdPolicy, Input};
use crate::http::urls::ImportUrl;
use crate::http::v2::cost;
use crate::http::v2::import_parameters::{FILTER_OUTCOME, LIST_IMPORT_ROWS, LIST_IMPORTS, ONE_IMPORT};
use crate::http::v2::request::Call;
use crate::http::v2::responses::{ListResponse, SingleResponse, deleted, parse_page};
use crate::imports::start::RunRequest;
use crate::model::code::Code;
use crate::model::id::ImportId;
use crate::model::import::ImportState;
use crate::model::page::{Sort, SortKey};
use crate::model::text::excerpt;
use crate::store::{Cost, Tx};

/// Reports that only admins may use imports, before anything of a request is parsed.
///
/// # Errors
/// 403 `not-admin`.
pub(super) fn require_admin(call: &Call) -> Result<(), Failure> {
    policy::require(&call.caller, Action::Import).map_err(Failure::without_document)
}

/// `GET /api/v2/imports`
pub async fn list(call: Call) -> Result<HttpResponse, Failure> {
    require_admin(&call)?;
    let mut query = call.query(LIST_IMPORTS)?;
    let sort = query.sort(Sort::default());
    let options = call.options_of(&mut query);
    let (paging, cursors) = parse_page(&call, &mut query, IMPORTS, &sort).await?;
    let (caller, slice) = (call.caller, paging.slice(sort));
    let job = move |tx: &mut Tx<'_>| imports::list(tx, &caller, &slice);
    let page = call.read("imports.list", Cost::Unbounded, job).await.map_err(Failure::without_document)?;
    let included = IncludedRecords::default();
    let listed = ListResponse { query: &query, paging: &paging, cursors: cursors.as_ref(), page, included };
    listed.answer(&call, &options, |row| SortKey::Id(row.id.get()))
}

/// `GET /api/v2/imports/{id}`
pub async fn get(call: Call) -> Result<HttpResponse, Failure> {
    require_admin(&call)?;
    let id: ImportId = call.id()?;
    let options = call.render_options(ONE_IMPORT).await?;
    let caller = call.caller;
    let job = move |tx: &mut Tx<'_>| imports::get(tx, &caller, id);
    let found = call.read("imports.get", Cost::Bounded, job).await;
    SingleResponse::alone(found.map_err(Failure::without_document)?).fetched(&call, &options)
}

/// `GET /api/v2/imports/{id}/rows`
pub async fn list_rows(call: Call) -> Result<HttpResponse, Failure> {
    require_admin(&call)?;
    let id: ImportId = call.id()?;
    let mut query = call.query(LIST_IMPORT_ROWS)?;
    let known = |name: &str| RowOutcome::ALL.into_iter().map(RowOutcome::name).find(|known| *known == name);
    let outcomes = query.names(&FILTER_OUTCOME, known);
    let sort = query.sort(Sort::default());
    let options = call.options_of(&mut query);
    let (paging, cursors) = parse_page(&call, &mut query, IMPORT_ROWS, &(id, &outcomes, sort)).await?;
    let (caller, slice) = (call.caller, paging.slice(sort));
    let cost = cost::of_groups(&slice);
    let job = move |tx: &mut Tx<'_>| imports::list_rows(tx, &caller, id, &outcomes, &slice);
    let page = call.read("imports.rows", cost, job).await.map_err(Failure::without_document)?;
    let included = IncludedRecords::default();
    let listed = ListResponse { query: &query, paging: &paging, cursors: cursors.as_ref(), page, included };
    listed.answer(&call, &options, |row| SortKey::Id(row.number))
}

/// `PATCH /api/v2/imports/{id}`: runs what the preview has shown, or cancels it.
pub async fn change(mut call: Call) -> Result<HttpResponse, Failure> {
    require_admin(&call)?;
    let id: ImportId = call.id()?;
    let options = call.render_options(ONE_IMPORT).await?;
    let body = call.body().await?;
    let id_text = id.to_string();
    let state = parse_state(Input::parse(&body, IMPORTS, IdPolicy::Existing(&id_text))?)?;
    let (caller, precondition) = (call.caller, call.precondition());
    let import = if state == ImportState::Running {
        let request = RunRequest { caller, id, precondition, origin: call.origin() };
        call.state.imports.start(request).await
    } else {
        let job = move |tx: &mut Tx<'_>| imports::cancel(tx, &caller, id, &precondition);
        call.state.store.write("imports.cancel", call.origin(), job).await
    };
    let row = import.map_err(Failure::of)?;
    SingleResponse::alone(row).accepted(&ImportUrl(id).to_string(), call.raw_query(), &options)
}

/// The state that a client requests.
pub(crate) fn parse_state(mut input: Input) -> Result<ImportState, Failure> {
    let name = ImportField::State.name();
    input.require_attribute(name);
    let sent = input.attribute(name);
    input.ignore(ImportField::COMPUTED);
    input.ignore(&fields::relationship_names::<ImportField>());
    let state = sent.as_ref().and_then(|sent| ImportState::parse(sent.as_str()?));
    let state = state.filter(|state| matches!(state, ImportState::Running | ImportState::Cancelled));
    if let (Some(sent), None) = (&sent, state) {
        let detail = format!(
            "`state` must be `running`, which runs the preview, or `cancelled`; got `{}`",
            excerpt(&sent.as_str().map_or_else(|| sent.to_string(), ToOwned::to_owned))
        );
        input.push_error(ApiProblem::new(Code::InvalidAttribute, detail).pointer("/data/attributes/state"));
    }
    input.finish()?;
    state.ok_or_else(|| Failure::internal("a document without a required member was accepted".to_owned()))
}

/// `DELETE /api/v2/imports/{id}`
pub async fn delete(call: Call) -> Result<HttpResponse, Failure> {
    require_admin(&call)?;
    let id: ImportId = call.id()?;
    call.query(&[])?;
    let (caller, precondition) = (call.caller, call.precondition());
    let job = move |tx: &mut Tx<'_>| imports::delete(tx, &caller, id, &precondition);
    call.state.store.write("imports.delete", call.origin(), job).await.map_err(Failure::without_document)?;
    deleted(&call)
}
