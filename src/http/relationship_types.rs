//! `/api/v2/relationship-types`.

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use actix_web::http::header::LOCATION;
use serde_json::Value as Json;

use super::call::Call;
use super::jsonapi::document::{Document, ListMeta, Nothing};
use super::jsonapi::errors::{Failure, Problem};
use super::jsonapi::input::{Input, Naming};
use super::jsonapi::links::PageLinks;
use super::jsonapi::query::Parameter;
use super::jsonapi::resources::{RELATIONSHIP_TYPES, Resource};
use super::relationships::window_of;
use super::routes;
use crate::domain::policy::{self, Action};
use crate::domain::relationship_types;
use crate::model::code::Code;
use crate::model::relationship_type::{RelationshipType, TypeName};
use crate::store::{Cost, Tx};

const LIST: &[Parameter] = &[Parameter::or("page[offset]", "offset"), Parameter::or("page[limit]", "limit")];

/// `GET /api/v2/relationship-types`
pub async fn list(call: Call) -> Result<HttpResponse, Failure> {
    let mut query = call.query(LIST)?;
    let window = window_of(&mut query, call.state.max_offset);
    query.finish()?;
    let caller = call.caller;
    let job = move |tx: &mut Tx<'_>| relationship_types::list(tx, &caller);
    let types = call.state.store.read("types.list", Cost::Bounded, job).await.map_err(Failure::without_document)?;

    let total = i64::try_from(types.len()).unwrap_or(i64::MAX);
    let (path, raw, max) = (call.path(), call.raw_query(), call.state.max_offset);
    let links = PageLinks::new(path, raw, &query, window, total, max);
    let (skipped, shown) = (usize::try_from(window.offset), usize::try_from(window.limit));
    let rows: Vec<_> = types
        .iter()
        .skip(skipped.unwrap_or(usize::MAX))
        .take(shown.unwrap_or(0))
        .map(|row| Resource(row, call.state.time_zone))
        .collect();
    Document::new(rows, links, ListMeta { total_count: total }).answer(StatusCode::OK)
}

/// `GET /api/v2/relationship-types/{id}`
pub async fn get(call: Call) -> Result<HttpResponse, Failure> {
    call.query(&[])?;
    let (caller, name) = (call.caller, name_of(&call));
    let job = move |tx: &mut Tx<'_>| relationship_types::get(tx, &caller, name.as_ref());
    let found = call.state.store.read("types.get", Cost::Bounded, job).await.map_err(Failure::without_document)?;
    document(&found, call.state.time_zone).answer(StatusCode::OK)
}

/// `POST /api/v2/relationship-types`
pub async fn create(call: Call) -> Result<HttpResponse, Failure> {
    policy::require(&call.caller, Action::WriteTypes).map_err(Failure::without_document)?;
    call.query(&[])?;
    let (caller, state) = (call.caller, call.state.clone());
    let mut input = Input::parse(&call.body().await?, RELATIONSHIP_TYPES, Naming::NewWithId)?;
    let name = match input.id.as_deref().map(TypeName::parse) {
        Some(Some(name)) => Some(name),
        Some(None) => {
            let detail = format!("the name of a type is {}", TypeName::RULE);
            input.blame(Problem::new(Code::InvalidAttribute, detail).pointer("/data/id"));
            None
        }
        None => {
            let detail = "the `id` is missing: it is the name of the new type";
            input.blame(Problem::new(Code::MissingAttribute, detail).pointer("/data"));
            None
        }
    };
    let description = description_in(&mut input);
    input.finish()?;
    let Some(name) = name else {
        return Err(Failure::internal("a type without a name was not refused".to_owned()));
    };
    let job = move |tx: &mut Tx<'_>| {
        relationship_types::create(tx, &caller, &name, description.as_ref().and_then(Option::as_deref))
    };
    let stored = state.store.write("types.create", job).await.map_err(Failure::of)?;
    let mut answer = document(&stored, state.time_zone).answer(StatusCode::CREATED)?;
    let location = routes::relationship_type(&stored.name).parse();
    answer.headers_mut().insert(LOCATION, location.map_err(|_| Failure::internal("a URL is no header".to_owned()))?);
    Ok(answer)
}

/// `PATCH /api/v2/relationship-types/{id}`
pub async fn change(call: Call) -> Result<HttpResponse, Failure> {
    policy::require(&call.caller, Action::WriteTypes).map_err(Failure::without_document)?;
    call.query(&[])?;
    let (caller, state, name) = (call.caller, call.state.clone(), name_of(&call));
    let named = call.segment("id").to_owned();
    let mut input = Input::parse(&call.body().await?, RELATIONSHIP_TYPES, Naming::Existing(&named))?;
    let description = description_in(&mut input);
    input.finish()?;
    let job = move |tx: &mut Tx<'_>| {
        relationship_types::change(tx, &caller, name.as_ref(), description.as_ref().map(Option::as_deref))
    };
    let stored = state.store.write("types.change", job).await.map_err(Failure::of)?;
    document(&stored, state.time_zone).answer(StatusCode::OK)
}

/// `DELETE /api/v2/relationship-types/{id}`
pub async fn delete(call: Call) -> Result<HttpResponse, Failure> {
    policy::require(&call.caller, Action::WriteTypes).map_err(Failure::without_document)?;
    call.query(&[])?;
    let (caller, name) = (call.caller, name_of(&call));
    let job = move |tx: &mut Tx<'_>| relationship_types::delete(tx, &caller, name.as_ref());
    call.state.store.write("types.delete", job).await.map_err(Failure::without_document)?;
    Ok(HttpResponse::NoContent().finish())
}

/// The name in the path; one that no type can have names nothing.
fn name_of(call: &Call) -> Option<TypeName> {
    TypeName::parse(call.segment("id"))
}

fn document(kind: &RelationshipType, zone: chrono_tz::Tz) -> Document<Resource<'_, RelationshipType>, Nothing, ()> {
    Document::one(Resource(kind, zone))
}

/// The description that a document sends; the outer `None` stands for none sent.
#[expect(clippy::option_option, reason = "left out, cleared and set are three things")]
fn description_in(input: &mut Input) -> Option<Option<String>> {
    input.ignore(&["created-at", "updated-at"]);
    match input.attribute("description") {
        Some(Json::Null) => Some(None),
        Some(Json::String(text)) => Some(Some(text)),
        Some(_) => {
            let problem = Problem::new(Code::InvalidAttribute, "a string or null is accepted here");
            input.blame(problem.pointer("/data/attributes/description"));
            None
        }
        None => None,
    }
}
