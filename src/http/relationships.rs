//! `/api/v2/user-relationships`.

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use actix_web::http::header::LOCATION;

use super::call::Call;
use super::jsonapi::document::{Document, ListMeta, Nothing};
use super::jsonapi::errors::{Failure, Problem};
use super::jsonapi::input::{Input, Naming};
use super::jsonapi::links::PageLinks;
use super::jsonapi::query::{Parameter, Query};
use super::jsonapi::resources::{EndLinks, Identifier, Resource, USER_RELATIONSHIPS};
use super::{routes, users};
use crate::domain::relationships::{self, End, NewRelationship};
use crate::model::code::Code;
use crate::model::filter::RelationshipFilter;
use crate::model::id::{RelationshipId, UserId};
use crate::model::page::Window;
use crate::model::relationship::Relationship;
use crate::model::relationship_type::TypeName;
use crate::store::{Cost, Tx};

/// The most type names that a filter takes.
const MAX_TYPES: usize = 50;

const LIST: &[Parameter] = &[
    Parameter::or("page[offset]", "offset"),
    Parameter::or("page[limit]", "limit"),
    Parameter::or("filter[user]", "user"),
    Parameter::or("filter[target]", "target"),
    Parameter::or("filter[relationship]", "relationship"),
];

/// The window that a list's query asks for.
pub(super) fn window_of(query: &mut Query, max_offset: i64) -> Window {
    let cure = "; narrow the list with filters to reach what lies beyond";
    Window {
        offset: query.integer("page[offset]", 0, 0, max_offset, cure),
        limit: query.integer("page[limit]", Window::DEFAULT_LIMIT, 0, Window::MAX_LIMIT, ""),
    }
}

/// `GET /api/v2/user-relationships`
pub async fn list(call: Call) -> Result<HttpResponse, Failure> {
    let mut query = call.query(LIST)?;
    let filter = RelationshipFilter {
        users: query.ids("filter[user]"),
        targets: query.ids("filter[target]"),
        relationships: query.list("filter[relationship]", MAX_TYPES, TypeName::RULE, TypeName::parse),
        seen_by: None,
    };
    let window = window_of(&mut query, call.state.max_offset);
    query.finish()?;
    let caller = call.caller;
    let is_cheap = filter.is_narrow() && window.is_near() && caller.sees_only().is_none();
    let cost = if is_cheap { Cost::Bounded } else { Cost::Unbounded };
    let job = move |tx: &mut Tx<'_>| relationships::list(tx, &caller, &filter, window);
    let page = call.state.store.read("relationships.list", cost, job).await.map_err(Failure::without_document)?;

    let (path, raw, max) = (call.path(), call.raw_query(), call.state.max_offset);
    let links = PageLinks::new(path, raw, &query, window, page.total, max);
    let rows: Vec<_> = page.items.iter().map(|row| Resource(row, call.state.time_zone)).collect();
    Document::new(rows, links, ListMeta { total_count: page.total }).answer(StatusCode::OK)
}

/// `GET /api/v2/user-relationships/{id}`
pub async fn get(call: Call) -> Result<HttpResponse, Failure> {
    let id: RelationshipId = call.id()?;
    call.query(&[])?;
    let found = fetch(&call, id).await?;
    show(&call, &found).answer(StatusCode::OK)
}

/// `POST /api/v2/user-relationships`
pub async fn create(call: Call) -> Result<HttpResponse, Failure> {
    call.query(&[])?;
    let (caller, state) = (call.caller, call.state.clone());
    let new = new_relationship(&call.body().await?)?;
    let job = move |tx: &mut Tx<'_>| relationships::create(tx, &caller, &new);
    let stored = state.store.write("relationships.create", job).await.map_err(Failure::of)?;
    let mut answer = document(&stored, state.time_zone).answer(StatusCode::CREATED)?;
    let location = routes::relationship(stored.id).parse();
    answer.headers_mut().insert(LOCATION, location.map_err(|_| Failure::internal("a URL is no header".to_owned()))?);
    Ok(answer)
}

/// `PATCH /api/v2/user-relationships/{id}`
pub async fn change(call: Call) -> Result<HttpResponse, Failure> {
    let id: RelationshipId = call.id()?;
    call.query(&[])?;
    let (caller, state) = (call.caller, call.state.clone());
    // Who may not write it learns that before its document is judged.
    let job = move |tx: &mut Tx<'_>| relationships::get_own(tx, &caller, id);
    let old = state.store.read("relationships.get", Cost::Bounded, job).await.map_err(Failure::without_document)?;
    let name = new_type(&call.body().await?, &old)?;
    let job = move |tx: &mut Tx<'_>| relationships::change(tx, &caller, id, name.as_deref());
    let stored = state.store.write("relationships.change", job).await.map_err(Failure::of)?;
    document(&stored, state.time_zone).answer(StatusCode::OK)
}

/// `DELETE /api/v2/user-relationships/{id}`; a body, which some client libraries send, is not looked at.
pub async fn delete(call: Call) -> Result<HttpResponse, Failure> {
    let id: RelationshipId = call.id()?;
    call.query(&[])?;
    let caller = call.caller;
    let job = move |tx: &mut Tx<'_>| relationships::delete(tx, &caller, id);
    call.state.store.write("relationships.delete", job).await.map_err(Failure::without_document)?;
    Ok(HttpResponse::NoContent().finish())
}

/// `GET /api/v2/user-relationships/{id}/relationships/{end}`
pub async fn get_linkage(call: Call) -> Result<HttpResponse, Failure> {
    let id: RelationshipId = call.id()?;
    let end = end_of(&call)?;
    call.query(&[])?;
    let found = fetch(&call, id).await?;
    let (name, user) = match end {
        End::User => ("user", found.user),
        End::Target => ("target", found.target),
    };
    Document::of(Identifier::of_user(user), EndLinks::new(id, name)).answer(StatusCode::OK)
}

/// Any other method on a linkage: the ends of a relationship are fixed.
pub async fn change_linkage(call: Call) -> Result<HttpResponse, Failure> {
    let id: RelationshipId = call.id()?;
    end_of(&call)?;
    call.query(&[])?;
    fetch(&call, id).await?;
    Err(Problem::new(Code::ImmutableRelationship, IMMUTABLE).into())
}

/// `GET /api/v2/user-relationships/{id}/{end}`
pub async fn get_end(call: Call) -> Result<HttpResponse, Failure> {
    let id: RelationshipId = call.id()?;
    let end = end_of(&call)?;
    call.query(&[])?;
    let caller = call.caller;
    let job = move |tx: &mut Tx<'_>| relationships::get_end(tx, &caller, id, end);
    let user = call.state.store.read("relationships.get_end", Cost::Bounded, job).await;
    users::document(&user.map_err(Failure::without_document)?, call.state.time_zone).answer(StatusCode::OK)
}

const IMMUTABLE: &str = "the ends of a relationship are fixed; delete it and create another";

fn end_of(call: &Call) -> Result<End, Failure> {
    match call.segment("end") {
        "user" => Ok(End::User),
        "target" => Ok(End::Target),
        _ => Err(Failure::not_found()),
    }
}

async fn fetch(call: &Call, id: RelationshipId) -> Result<Relationship, Failure> {
    let caller = call.caller;
    let job = move |tx: &mut Tx<'_>| relationships::get(tx, &caller, id);
    call.state.store.read("relationships.get", Cost::Bounded, job).await.map_err(Failure::without_document)
}

type One<'a> = Document<Resource<'a, Relationship>, Nothing, ()>;

fn show<'a>(call: &Call, relationship: &'a Relationship) -> One<'a> {
    document(relationship, call.state.time_zone)
}

fn document(relationship: &Relationship, zone: chrono_tz::Tz) -> One<'_> {
    Document::one(Resource(relationship, zone))
}

/// The relationship that a create asks for.
fn new_relationship(body: &[u8]) -> Result<NewRelationship, Failure> {
    let mut input = Input::parse(body, USER_RELATIONSHIPS, Naming::New)?;
    input.require_attribute("relationship");
    input.require_relationship("target");
    let relationship = input.text("relationship");
    let user = input.linked_user("user");
    let target = input.linked_user("target");
    input.ignore(&["created-at", "updated-at"]);
    input.finish()?;
    // `finish` has refused a document that lacks either.
    let (Some(relationship), Some(target)) = (relationship, target) else {
        return Err(Failure::internal("a create without its members was not refused".to_owned()));
    };
    Ok(NewRelationship { user, target, relationship })
}

/// The type that a change asks for; the ends may be sent back as they are.
fn new_type(body: &[u8], old: &Relationship) -> Result<Option<String>, Failure> {
    let id = old.id.to_string();
    let mut input = Input::parse(body, USER_RELATIONSHIPS, Naming::Existing(&id))?;
    let relationship = input.text("relationship");
    for (name, fixed) in [("user", old.user), ("target", old.target)] {
        let sent: Option<UserId> = input.linked_user(name);
        if sent.is_some_and(|sent| sent != fixed) {
            let problem = Problem::new(Code::ImmutableRelationship, IMMUTABLE);
            input.blame(problem.pointer(format!("/data/relationships/{name}")));
        }
    }
    input.ignore(&["created-at", "updated-at"]);
    input.finish()?;
    Ok(relationship)
}
