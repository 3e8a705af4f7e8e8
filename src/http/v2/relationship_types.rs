//! `/api/v2/relationship-types`.

use crate::domain::group_lists::IncludedRecords;
use crate::domain::policy::{self, Action};
use crate::domain::relationship_types;
use crate::domain::stored_rules::MAX_CHECKED;
use crate::http::jsonapi::errors::{ApiProblem, Failure};
use crate::http::jsonapi::input::{IdPolicy, Input};
use crate::http::jsonapi::paging::Paging;
use crate::http::jsonapi::requests::parse_type_changes;
use crate::http::jsonapi::resources::RELATIONSHIP_TYPES;
use crate::http::v2::creation;
use crate::http::v2::parameters::{LIST_TYPES, ONE_USER};
use crate::http::v2::request::Call;
use crate::http::v2::responses::{ListResponse, SingleResponse, deleted};
use crate::model::code::Code;
use crate::model::field::Value;
use crate::model::page::{Sort, SortKey};
use crate::model::relationship_type::{TypeAttribute, TypeName};
use crate::store::{Cost, Tx};
use actix_web::HttpResponse;

/// `GET /api/v2/relationship-types`
pub async fn list(call: Call) -> Result<HttpResponse, Failure> {
    let mut query = call.query(LIST_TYPES)?;
    let options = call.options_of(&mut query);
    let paging = Paging::by_offset(&mut query, call.state.max_offset);
    call.finish(&mut query).await?;
    let caller = call.caller;
    let slice = paging.slice(Sort::default());
    let job = move |tx: &mut Tx<'_>| relationship_types::list(tx, &caller, slice.offset, slice.limit);
    let page = call.read("types.list", Cost::Bounded, job).await.map_err(Failure::without_document)?;
    let listed =
        ListResponse { query: &query, paging: &paging, cursors: None, page, included: IncludedRecords::default() };
    listed.answer(&call, &options, |_| SortKey::Id(0))
}

/// `GET /api/v2/relationship-types/{id}`
pub async fn get(call: Call) -> Result<HttpResponse, Failure> {
    let options = call.render_options(ONE_USER).await?;
    let (caller, name) = (call.caller, parse_name(&call));
    let job = move |tx: &mut Tx<'_>| relationship_types::get(tx, &caller, name.as_ref());
    let found = call.read("types.get", Cost::Bounded, job).await;
    SingleResponse::alone(found.map_err(Failure::without_document)?).fetched(&call, &options)
}

/// `POST /api/v2/relationship-types`
pub async fn create(mut call: Call) -> Result<HttpResponse, Failure> {
    policy::require(&call.caller, Action::WriteTypes).map_err(Failure::without_document)?;
    let options = call.render_options(ONE_USER).await?;
    let caller = call.caller;
    let body = call.body().await?;
    let (name, changes) = parse_new_type(&body)?;
    let job =
        move |tx: &mut Tx<'_>| relationship_types::create(tx, &caller, &name, &changes).map(SingleResponse::alone);
    let find = move |tx: &mut Tx<'_>, name: &str| {
        relationship_types::get(tx, &caller, TypeName::parse(name).as_ref()).map(SingleResponse::alone)
    };
    creation::create(&call, &body, &options, "types.create", job, find).await
}

/// `PATCH /api/v2/relationship-types/{id}`
pub async fn change(mut call: Call) -> Result<HttpResponse, Failure> {
    policy::require(&call.caller, Action::WriteTypes).map_err(Failure::without_document)?;
    let options = call.render_options(ONE_USER).await?;
    let (caller, name, precondition) = (call.caller, parse_name(&call), call.precondition());
    let named = call.segment("id").to_owned();
    let input = Input::parse(&call.body().await?, RELATIONSHIP_TYPES, IdPolicy::Existing(&named))?;
    let changes = parse_type_changes(input)?;
    let job = move |tx: &mut Tx<'_>| {
        relationship_types::change(tx, &caller, name.as_ref(), &precondition, &changes, Some(MAX_CHECKED))
    };
    let stored = call.state.store.write("types.change", call.origin(), job).await.map_err(Failure::of)?;
    SingleResponse::alone(stored).changed(&call.target(), &options)
}

/// `DELETE /api/v2/relationship-types/{id}`
pub async fn delete(call: Call) -> Result<HttpResponse, Failure> {
    policy::require(&call.caller, Action::WriteTypes).map_err(Failure::without_document)?;
    call.query(&[])?;
    let (caller, name, precondition) = (call.caller, parse_name(&call), call.precondition());
    let job = move |tx: &mut Tx<'_>| relationship_types::delete(tx, &caller, name.as_ref(), &precondition);
    call.state.store.write("types.delete", call.origin(), job).await.map_err(Failure::without_document)?;
    deleted(&call)
}

/// The name in the path; `None` if no type can have it.
fn parse_name(call: &Call) -> Option<TypeName> {
    TypeName::parse(call.segment("id"))
}

/// Parses the type to create: its name, which is the `id`, and its attributes.
fn parse_new_type(body: &[u8]) -> Result<(TypeName, Vec<(TypeAttribute, Value)>), Failure> {
    let mut input = Input::parse(body, RELATIONSHIP_TYPES, IdPolicy::NewWithId)?;
    let name = input.id.as_deref().and_then(TypeName::parse);
    if name.is_none() {
        let problem = if input.id.is_some() {
            let detail = format!("`id` is the name of the type: {}", TypeName::RULE);
            ApiProblem::new(Code::InvalidAttribute, detail).pointer("/data/id")
        } else {
            ApiProblem::new(Code::MissingAttribute, "`id` is missing; it is the name of the new type").pointer("/data")
        };
        input.push_error(problem);
    }
    let changes = parse_type_changes(input)?;
    let name = name.ok_or_else(|| Failure::internal("a type without a name was accepted".to_owned()))?;
    Ok((name, changes))
}
