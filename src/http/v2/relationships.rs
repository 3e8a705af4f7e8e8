//! `/api/v2/user-relationships`.

use actix_web::HttpResponse;
use actix_web::http::StatusCode;

use crate::domain::operations::ResourceRef;
use crate::domain::relationships::{self, IMMUTABLE, ListedRelationships, NewRelationship};
use crate::http::jsonapi::document::Document;
use crate::http::jsonapi::errors::{Failure, Problem};
use crate::http::jsonapi::input::{IdPolicy, Input};
use crate::http::jsonapi::paging::{AFTER, BEFORE, LIMIT, OFFSET, SIZE};
use crate::http::jsonapi::query::{Parameter, Query};
use crate::http::jsonapi::requests::{new_relationship, relationship_change};
use crate::http::jsonapi::resources::{EndLinks, Identifier, USER_RELATIONSHIPS};
use crate::http::jsonapi::view::{
    FIELDS_OF_GROUPS, FIELDS_OF_MEMBERS, FIELDS_OF_RELATIONSHIPS, FIELDS_OF_TYPES, FIELDS_OF_USERS, INCLUDE,
    RenderOptions,
};
use crate::http::urls;
use crate::http::v2::cost;
use crate::http::v2::creation;
use crate::http::v2::idempotency::has_key;
use crate::http::v2::request::Call;
use crate::http::v2::responses::{ListResponse, SingleResponse, deleted, parse_page};
use crate::model::code::Code;
use crate::model::error::{Error as JobError, Result as JobResult};
use crate::model::filter::RelationshipFilter;
use crate::model::id::{RelationshipId, UserId};
use crate::model::page::{Sort, SortBy, SortKey};
use crate::model::read_budget::ReadBudget;
use crate::model::relationship::{End, Relationship};
use crate::model::relationship_query::RelationshipQuery;
use crate::model::relationship_type::TypeName;
use crate::store::{Cost, Tx};

/// The most type names that a filter takes.
const MAX_TYPES: usize = 50;

/// The parameters of the list.
pub const LIST: &[Parameter] = &[
    OFFSET,
    LIMIT,
    SIZE,
    AFTER,
    BEFORE,
    Parameter::or("filter[user]", "user"),
    Parameter::or("filter[target]", "target"),
    Parameter::or("filter[relationship]", "relationship"),
    Parameter::new("sort"),
    INCLUDE,
    FIELDS_OF_RELATIONSHIPS,
    FIELDS_OF_USERS,
    FIELDS_OF_TYPES,
    FIELDS_OF_GROUPS,
    FIELDS_OF_MEMBERS,
];
/// The parameters of everything that shows one relationship.
pub const ONE: &[Parameter] =
    &[INCLUDE, FIELDS_OF_RELATIONSHIPS, FIELDS_OF_USERS, FIELDS_OF_TYPES, FIELDS_OF_GROUPS, FIELDS_OF_MEMBERS];
/// The parameters of everything that shows one user.
pub const END: &[Parameter] =
    &[FIELDS_OF_RELATIONSHIPS, FIELDS_OF_USERS, FIELDS_OF_TYPES, FIELDS_OF_GROUPS, FIELDS_OF_MEMBERS];

/// What the list can be sorted by.
pub const ORDERS: &[(&str, SortBy)] = &[("id", SortBy::Id), ("created-at", SortBy::CreatedAt)];

/// `GET /api/v2/user-relationships`
pub async fn list(call: Call) -> Result<HttpResponse, Failure> {
    let mut query = call.query(LIST)?;
    let filter = filter_of(&mut query);
    let sort = query.sort(Sort::default(), ORDERS);
    let view = RenderOptions::of(&mut query, call.state.time_zone);
    let (paging, cursors) = parse_page(&call, &mut query, USER_RELATIONSHIPS, &(&filter, sort)).await?;
    let (caller, budget, asked) = (call.caller, view.read_budget(), paging.clone());
    let filter = relationships::restrict_to_visible(&caller, filter);
    let wanted = RelationshipQuery { filter, page: paging.slice(sort), ends: view.included_ends().to_vec() };
    let job = move |tx: &mut Tx<'_>, wanted: &RelationshipQuery| {
        let page = relationships::list(tx, &caller, &wanted.filter, &wanted.page)?;
        let included = relationships::load_endpoints(tx, asked.shown(&page.items), &wanted.ends, budget)?;
        Ok(ListedRelationships { page, included })
    };
    let read = call.state.store.list_relationships("relationships.list", wanted, job).await;
    let by_profile = |failure: Failure| if cursors.is_some() { failure.by_profile() } else { failure };
    let ListedRelationships { page, included } = read.map_err(|error| by_profile(Failure::without_document(error)))?;
    let listed =
        ListResponse { query: &query, paging: &paging, cursors: cursors.as_ref(), page, included: included.into() };
    listed.answer(&call, &view, |row| match sort.by {
        SortBy::CreatedAt => SortKey::CreatedAt(row.created_at.micros(), row.id.get()),
        SortBy::Id | SortBy::Name => SortKey::Id(row.id.get()),
    })
}

/// `GET /api/v2/user-relationships/{id}`
pub async fn get(call: Call) -> Result<HttpResponse, Failure> {
    let id: RelationshipId = call.id()?;
    let view = view_of(&call, ONE)?;
    let (caller, ends, budget) = (call.caller, view.included_ends().to_vec(), view.read_budget());
    let cost = cost::of_one(!ends.is_empty());
    let job = move |tx: &mut Tx<'_>| {
        let row = relationships::get(tx, &caller, id)?;
        with_ends(tx, row, &ends, budget)
    };
    let shown = call.read("relationships.get", cost, job).await;
    shown.map_err(Failure::without_document)?.fetched(&call, &view)
}

/// `POST /api/v2/user-relationships`
pub async fn create(mut call: Call) -> Result<HttpResponse, Failure> {
    let view = view_of(&call, ONE)?;
    let body = call.body().await?;
    let new = new_of(&body)?;
    let (caller, ends, budget) = (call.caller, view.included_ends().to_vec(), view.read_budget());
    if !has_key(&call)
        && ends.is_empty()
        && let Some(edge) = relationships::as_batchable_edge(&caller, &new)
    {
        let job = move |tx: &mut Tx<'_>| relationships::create(tx, &caller, &new);
        let store = &call.state.store;
        let created = store.create_relationship("relationships.create", edge, caller.author(), job).await;
        let row: Relationship = created.map_err(Failure::of)?;
        let url = urls::relationship(row.id);
        return SingleResponse::alone(row).created(&url, call.raw_query(), &view);
    }
    let shown_ends = ends.clone();
    let find = move |tx: &mut Tx<'_>, id: &str| {
        let id = id.parse().map_err(|_| JobError::not_found("user relationship"))?;
        let row = relationships::get(tx, &caller, id)?;
        with_ends(tx, row, &shown_ends, budget)
    };
    let job = move |tx: &mut Tx<'_>| {
        let row = relationships::create(tx, &caller, &new)?;
        with_ends(tx, row, &ends, budget)
    };
    creation::create(&call, &body, &view, "relationships.create", job, find).await
}

/// `PATCH /api/v2/user-relationships/{id}`
pub async fn change(mut call: Call) -> Result<HttpResponse, Failure> {
    let id: RelationshipId = call.id()?;
    let view = view_of(&call, ONE)?;
    let (caller, precondition, ends) = (call.caller, call.precondition(), view.included_ends().to_vec());
    let budget = view.read_budget();
    // Who may not change it learns that before its document is judged.
    let expected = precondition.clone();
    let job = move |tx: &mut Tx<'_>| relationships::get_own(tx, &caller, id, &expected);
    let old = call.read("relationships.get", Cost::Bounded, job).await;
    let name = new_type(&call.body().await?, &old.map_err(Failure::without_document)?)?;
    let job = move |tx: &mut Tx<'_>| {
        let row = relationships::change(tx, &caller, id, &precondition, name.as_deref())?;
        with_ends(tx, row, &ends, budget)
    };
    let shown = call.state.store.write("relationships.change", job).await.map_err(Failure::of)?;
    shown.changed(&call.target(), &view)
}

/// `DELETE /api/v2/user-relationships/{id}`; a body, which some client libraries send, is not looked at.
pub async fn delete(call: Call) -> Result<HttpResponse, Failure> {
    let id: RelationshipId = call.id()?;
    call.query(&[])?;
    let (caller, precondition) = (call.caller, call.precondition());
    let job = move |tx: &mut Tx<'_>| relationships::delete(tx, &caller, id, &precondition);
    call.state.store.write("relationships.delete", job).await.map_err(Failure::without_document)?;
    deleted(&call)
}

/// `GET /api/v2/user-relationships/{id}/relationships/{end}`
pub async fn get_linkage(call: Call) -> Result<HttpResponse, Failure> {
    let id: RelationshipId = call.id()?;
    let (end, name) = end_of(&call)?;
    call.query(&[])?;
    let linked = end.of(&fetch(&call, id).await?);
    Document::one(Identifier::of_user(linked)).with_links(EndLinks::new(id, name)).answer(StatusCode::OK)
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
    let (end, _) = end_of(&call)?;
    let view = view_of(&call, END)?;
    let caller = call.caller;
    let job = move |tx: &mut Tx<'_>| relationships::get_end(tx, &caller, id, end);
    let user = call.read("relationships.get_end", Cost::Bounded, job).await;
    SingleResponse::alone(user.map_err(Failure::without_document)?).fetched(&call, &view)
}

/// `PATCH /api/v2/user-relationships/{id}/{end}`: a user is changed where it lives (JSON:API 1.1, "403 Forbidden").
pub async fn change_end(call: Call) -> Result<HttpResponse, Failure> {
    let id: RelationshipId = call.id()?;
    end_of(&call)?;
    call.query(&[])?;
    fetch(&call, id).await?;
    let detail = "here the user at the end of a relationship can only be read; change it under its own `links.self`";
    Err(Problem::new(Code::UnsupportedUpdate, detail).into())
}

fn end_of(call: &Call) -> Result<(End, &'static str), Failure> {
    match call.segment("end") {
        "user" => Ok((End::User, "user")),
        "target" => Ok((End::Target, "target")),
        _ => Err(Failure::not_found()),
    }
}

/// The view that a request for one resource asks for.
pub(super) fn view_of(call: &Call, known: &'static [Parameter]) -> Result<RenderOptions, Failure> {
    let mut query = call.query(known)?;
    let view = RenderOptions::of(&mut query, call.state.time_zone);
    query.finish().map(|()| view)
}

fn filter_of(query: &mut Query) -> RelationshipFilter {
    RelationshipFilter {
        users: query.ids("filter[user]"),
        targets: query.ids("filter[target]"),
        relationships: query.list("filter[relationship]", MAX_TYPES, TypeName::RULE, TypeName::parse),
        seen_by: None,
    }
}

fn with_ends(
    tx: &mut Tx<'_>,
    row: Relationship,
    ends: &[End],
    budget: ReadBudget,
) -> JobResult<SingleResponse<Relationship>> {
    let included = relationships::load_endpoints(tx, std::slice::from_ref(&row), ends, budget)?;
    Ok(SingleResponse { row, included: included.into() })
}

async fn fetch(call: &Call, id: RelationshipId) -> Result<Relationship, Failure> {
    let caller = call.caller;
    let job = move |tx: &mut Tx<'_>| relationships::get(tx, &caller, id);
    call.read("relationships.get", Cost::Bounded, job).await.map_err(Failure::without_document)
}

/// The relationship that a create asks for.
fn new_of(body: &[u8]) -> Result<NewRelationship, Failure> {
    let asked = new_relationship(Input::parse(body, USER_RELATIONSHIPS, IdPolicy::New)?)?;
    let user = asked.user.as_ref().map(stored).transpose()?;
    Ok(NewRelationship { user, target: stored(&asked.target)?, relationship: asked.relationship })
}

/// The type that a change asks for; the ends may be sent back as they are.
fn new_type(body: &[u8], old: &Relationship) -> Result<Option<String>, Failure> {
    let id = old.id.to_string();
    let asked = relationship_change(Input::parse(body, USER_RELATIONSHIPS, IdPolicy::Existing(&id))?)?;
    let is_moved = |(name, sent, fixed): (&str, Option<ResourceRef<UserId>>, UserId)| {
        let problem = Problem::new(Code::ImmutableRelationship, IMMUTABLE);
        let is_moved = sent.is_some_and(|sent| sent != ResourceRef::Stored(fixed));
        is_moved.then(|| problem.pointer(format!("/data/relationships/{name}")))
    };
    let ends = [("user", asked.user, old.user), ("target", asked.target, old.target)];
    let problems: Vec<_> = ends.into_iter().filter_map(is_moved).collect();
    if problems.is_empty() { Ok(asked.relationship) } else { Err(problems.into()) }
}

/// A request about one resource names others by their ids; its reading has refused anything else.
fn stored(subject: &ResourceRef<UserId>) -> Result<UserId, Failure> {
    match subject {
        ResourceRef::Stored(id) => Ok(*id),
        ResourceRef::Lid(_) => Err(Failure::internal("a local id was not refused".to_owned())),
    }
}
