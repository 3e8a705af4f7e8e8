//! `/api/v2/user-relationships`.

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use std::collections::HashMap;

use crate::domain::operations::ResourceRef;
use crate::domain::relationships::{self, IMMUTABLE, ListedRelationships, NewRelationship};
use crate::http::idempotency::has_idempotency_key;
use crate::http::jsonapi::document::Document;
use crate::http::jsonapi::errors::{ApiProblem, Failure};
use crate::http::jsonapi::input::{IdPolicy, Input};
use crate::http::jsonapi::links::EndLinks;
use crate::http::jsonapi::requests::{parse_new_relationship, parse_relationship_change};
use crate::http::jsonapi::resources::{Identifier, USER_RELATIONSHIPS};
use crate::http::urls;
use crate::http::v2::as_of;
use crate::http::v2::cost;
use crate::http::v2::creation;
use crate::http::v2::parameters::{FILTER_AS_OF, LIST_RELATIONSHIPS, ONE_RELATIONSHIP, ONE_USER};
use crate::http::v2::relationship_filter::parse_filter;
use crate::http::v2::request::Call;
use crate::http::v2::responses::{ListResponse, SingleResponse, deleted, parse_page};
use crate::model::authors::AuthoredRelationship;
use crate::model::code::Code;
use crate::model::error::{Error as JobError, Result as JobResult};
use crate::model::field::Value;
use crate::model::id::{RelationshipId, UserId};
use crate::model::log_position::LogPosition;
use crate::model::page::Sort;
use crate::model::read_budget::ReadBudget;
use crate::model::relationship::{EdgeAttribute, End, Relationship};
use crate::model::relationship_query::{IncludedEnds, RelationshipQuery};
use crate::store::{Cost, FoundRelationship, GatheredCreate, Tx};

/// `GET /api/v2/user-relationships`
pub async fn list(call: Call) -> Result<HttpResponse, Failure> {
    let mut query = call.query(LIST_RELATIONSHIPS)?;
    if query.has(&FILTER_AS_OF) {
        return as_of::list_relationships(call, query).await;
    }
    let filter = parse_filter(&mut query, call.caller.id);
    let sort = query.sort(Sort::default());
    let options = call.options_of(&mut query);
    let (paging, cursors) = parse_page(&call, &mut query, USER_RELATIONSHIPS, &(&filter, sort)).await?;
    let (caller, page_rows) = (call.caller, paging.clone());
    let filter = relationships::restrict_to_visible(&caller, filter);
    // Only for clients that name them: the indexes that serve lists do not contain the authors.
    let has_authors = options.names_authors();
    let included = IncludedEnds { ends: options.included_ends(), rows: paging.size(), budget: options.read_budget() };
    let wanted = RelationshipQuery { filter, page: paging.slice(sort), included, has_authors };
    let job = move |tx: &mut Tx<'_>, wanted: &RelationshipQuery| {
        let page = relationships::list(tx, &caller, &wanted.filter, &wanted.page)?;
        let authors =
            if wanted.has_authors { relationships::load_authors(tx, &caller, &page.items)? } else { HashMap::new() };
        let IncludedEnds { ends, budget, .. } = &wanted.included;
        let included = relationships::load_endpoints(tx, page_rows.shown(&page.items), ends, *budget)?;
        Ok(ListedRelationships { page, authors, included })
    };
    let read = call.state.store.list_relationships("relationships.list", wanted, call.after, job).await;
    let ListedRelationships { page, authors, included } = read.map_err(|error| {
        let failure = Failure::without_document(error);
        if cursors.is_some() { failure.with_profile_links() } else { failure }
    })?;
    let sort_key = |row: &Relationship| row.sort_key(sort.by);
    let (query, paging, cursors, included) = (&query, &paging, cursors.as_ref(), included.into());
    if !has_authors {
        let listed = ListResponse { query, paging, cursors, page, included };
        return listed.answer(&call, &options, sort_key);
    }
    let page = page.map(|row| AuthoredRelationship { authors: authors.get(&row.id).copied(), relationship: row });
    let listed = ListResponse { query, paging, cursors, page, included };
    listed.answer(&call, &options, |row| sort_key(&row.relationship))
}

/// `GET /api/v2/user-relationships/{id}`
pub async fn get(call: Call) -> Result<HttpResponse, Failure> {
    let id: RelationshipId = call.id()?;
    let options = call.render_options(ONE_RELATIONSHIP).await?;
    let (caller, ends, budget) = (call.caller, options.included_ends(), options.read_budget());
    if ends.is_empty()
        && caller.sees_only().is_none()
        && let Some(found) = find(&call, id, call.after).await?
    {
        let row = relationships::authored(&caller, found).map_err(Failure::without_document)?;
        return SingleResponse::alone(row).fetched(&call, &options);
    }
    let cost = cost::of_one(!ends.is_empty());
    let job = move |tx: &mut Tx<'_>| {
        let row = relationships::get_authored(tx, &caller, id)?;
        with_ends(tx, row, &ends, budget)
    };
    let shown = call.read("relationships.get", cost, job).await;
    shown.map_err(Failure::without_document)?.fetched(&call, &options)
}

/// `POST /api/v2/user-relationships`
pub async fn create(mut call: Call) -> Result<HttpResponse, Failure> {
    let options = call.render_options(ONE_RELATIONSHIP).await?;
    let body = call.body().await?;
    let new = parse_new(&body)?;
    let (caller, ends, budget) = (call.caller, options.included_ends(), options.read_budget());
    if !has_idempotency_key(call.headers())
        && ends.is_empty()
        && let Some(edge) = relationships::as_batchable_edge(&caller, &new)
    {
        let job = move |tx: &mut Tx<'_>| relationships::create(tx, &caller, &new);
        let (create, together) =
            (GatheredCreate { edge, caller, request_id: call.origin().request_id }, relationships::create_together);
        let created = call.state.store.create_relationship("relationships.create", create, together, job).await;
        let row: Relationship = created.map_err(Failure::of)?;
        let url = urls::relationship(row.id);
        let row = relationships::as_created(&caller, row);
        return SingleResponse::alone(row).created(&url, call.raw_query(), &options);
    }
    let shown_ends = ends.clone();
    let find = move |tx: &mut Tx<'_>, id: &str| {
        let id = id.parse().map_err(|_| JobError::not_found("user relationship"))?;
        let row = relationships::get_authored(tx, &caller, id)?;
        with_ends(tx, row, &shown_ends, budget)
    };
    let job = move |tx: &mut Tx<'_>| {
        let row = relationships::create(tx, &caller, &new)?;
        with_ends(tx, relationships::as_created(&caller, row), &ends, budget)
    };
    creation::create(&call, &body, &options, "relationships.create", job, find).await
}

/// `PATCH /api/v2/user-relationships/{id}`
pub async fn change(mut call: Call) -> Result<HttpResponse, Failure> {
    let id: RelationshipId = call.id()?;
    let options = call.render_options(ONE_RELATIONSHIP).await?;
    let (caller, precondition, ends) = (call.caller, call.precondition(), options.included_ends());
    let budget = options.read_budget();
    // Permission comes before validation of the document.
    let old = if let Some(found) = find(&call, id, Some(LogPosition::PRIMARY)).await? {
        relationships::own(&caller, found, &precondition)
    } else {
        let expected = precondition.clone();
        let job = move |tx: &mut Tx<'_>| relationships::get_own(tx, &caller, id, &expected);
        call.read("relationships.get", Cost::Bounded, job).await
    };
    let (old, rules) = old.map_err(Failure::without_document)?;
    let changes = parse_changes(&call.body().await?, &old)?;
    if ends.is_empty()
        && let Some(gathered) = relationships::as_gathered_change(&caller, (&old, rules), &changes, call.origin())
    {
        let job = move |tx: &mut Tx<'_>| {
            let row = relationships::change(tx, &caller, id, &precondition, &changes)?;
            relationships::as_changed(tx, &caller, row)
        };
        let row = call.state.store.change_relationship("relationships.change", gathered, job).await;
        return SingleResponse::alone(row.map_err(Failure::of)?).changed(&call.target(), &options);
    }
    let job = move |tx: &mut Tx<'_>| {
        let row = relationships::change(tx, &caller, id, &precondition, &changes)?;
        let row = relationships::as_changed(tx, &caller, row)?;
        with_ends(tx, row, &ends, budget)
    };
    let shown = call.state.store.write("relationships.change", call.origin(), job).await.map_err(Failure::of)?;
    shown.changed(&call.target(), &options)
}

/// `DELETE /api/v2/user-relationships/{id}`. A body, which some client libraries send, is ignored.
pub async fn delete(call: Call) -> Result<HttpResponse, Failure> {
    let id: RelationshipId = call.id()?;
    call.query(&[])?;
    let (caller, precondition) = (call.caller, call.precondition());
    let gathered = relationships::as_gathered_delete(&caller, id, &precondition, call.origin());
    let job = move |tx: &mut Tx<'_>| relationships::delete(tx, &caller, id, &precondition);
    let done = match gathered {
        Some(gathered) => call.state.store.delete_relationship("relationships.delete", gathered, job).await,
        None => call.state.store.write("relationships.delete", call.origin(), job).await,
    };
    done.map_err(Failure::without_document)?;
    deleted(&call)
}

/// `GET /api/v2/user-relationships/{id}/relationships/{end}`
pub async fn get_linkage(call: Call) -> Result<HttpResponse, Failure> {
    let id: RelationshipId = call.id()?;
    let (end, name) = parse_end(&call)?;
    call.query(&[])?;
    let linked = end.of(&fetch(&call, id).await?);
    Document::one(Identifier::of_user(linked))
        .with_links(EndLinks::new(&call.state.base, id, name))
        .answer(StatusCode::OK)
}

/// Any other method on a linkage: the ends of a relationship are immutable.
pub async fn change_linkage(call: Call) -> Result<HttpResponse, Failure> {
    let id: RelationshipId = call.id()?;
    parse_end(&call)?;
    call.query(&[])?;
    fetch(&call, id).await?;
    Err(ApiProblem::new(Code::ImmutableRelationship, IMMUTABLE).into())
}

/// `GET /api/v2/user-relationships/{id}/{end}`
pub async fn get_end(call: Call) -> Result<HttpResponse, Failure> {
    let id: RelationshipId = call.id()?;
    let (end, _) = parse_end(&call)?;
    let options = call.render_options(ONE_USER).await?;
    let caller = call.caller;
    let job = move |tx: &mut Tx<'_>| relationships::get_end(tx, &caller, id, end);
    let user = call.read("relationships.get_end", Cost::Bounded, job).await;
    SingleResponse::alone(user.map_err(Failure::without_document)?).fetched(&call, &options)
}

/// `PATCH /api/v2/user-relationships/{id}/{end}`: refused, since a user is changed at its own URL (JSON:API 1.1, "403
/// Forbidden").
pub async fn change_end(call: Call) -> Result<HttpResponse, Failure> {
    let id: RelationshipId = call.id()?;
    parse_end(&call)?;
    call.query(&[])?;
    fetch(&call, id).await?;
    let detail = "this URL is read-only; change the user at the URL in its `links.self`";
    Err(ApiProblem::new(Code::UnsupportedUpdate, detail).into())
}

/// Finds a relationship together with concurrent requests; `None` if a job must find it.
async fn find(
    call: &Call,
    id: RelationshipId,
    after: Option<LogPosition>,
) -> Result<Option<FoundRelationship>, Failure> {
    call.state.store.find_relationship("relationships.get", id, after).await.map_err(Failure::without_document)
}

fn parse_end(call: &Call) -> Result<(End, &'static str), Failure> {
    match call.segment("end") {
        "user" => Ok((End::User, "user")),
        "target" => Ok((End::Target, "target")),
        _ => Err(Failure::not_found()),
    }
}

fn with_ends(
    tx: &mut Tx<'_>,
    row: AuthoredRelationship,
    ends: &[End],
    budget: ReadBudget,
) -> JobResult<SingleResponse<AuthoredRelationship>> {
    let included = relationships::load_endpoints(tx, std::slice::from_ref(&row.relationship), ends, budget)?;
    Ok(SingleResponse { row, included: included.into() })
}

async fn fetch(call: &Call, id: RelationshipId) -> Result<Relationship, Failure> {
    let caller = call.caller;
    let job = move |tx: &mut Tx<'_>| relationships::get(tx, &caller, id);
    call.read("relationships.get", Cost::Bounded, job).await.map_err(Failure::without_document)
}

/// Parses the relationship to create.
fn parse_new(body: &[u8]) -> Result<NewRelationship, Failure> {
    let requested = parse_new_relationship(Input::parse(body, USER_RELATIONSHIPS, IdPolicy::New)?)?;
    let user = requested.user.as_ref().map(stored_id).transpose()?;
    Ok(NewRelationship { user, target: stored_id(&requested.target)?, changes: requested.changes })
}

/// Parses the attributes of a relationship to change. The client may send the ends back, unchanged.
fn parse_changes(body: &[u8], old: &Relationship) -> Result<Vec<(EdgeAttribute, Value)>, Failure> {
    let id = old.id.to_string();
    let requested = parse_relationship_change(Input::parse(body, USER_RELATIONSHIPS, IdPolicy::Existing(&id))?)?;
    let check_end = |(name, sent, fixed): (&str, Option<ResourceRef<UserId>>, UserId)| {
        let problem = ApiProblem::new(Code::ImmutableRelationship, IMMUTABLE);
        let is_changed = sent.is_some_and(|sent| sent != ResourceRef::Stored(fixed));
        is_changed.then(|| problem.pointer(format!("/data/relationships/{name}")))
    };
    let ends = [("user", requested.user, old.user), ("target", requested.target, old.target)];
    let problems: Vec<_> = ends.into_iter().filter_map(check_end).collect();
    if problems.is_empty() { Ok(requested.changes) } else { Err(problems.into()) }
}

/// The id in a reference. `Input` accepts local ids in documents of operations only.
fn stored_id(subject: &ResourceRef<UserId>) -> Result<UserId, Failure> {
    match subject {
        ResourceRef::Stored(id) => Ok(*id),
        ResourceRef::Lid(_) => Err(Failure::internal("a local id was accepted outside of operations".to_owned())),
    }
}
