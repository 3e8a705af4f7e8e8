//! Changes of `/api/v2/users/{id}/relationships/{role}`: who has a role towards a user.

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use actix_web::http::header::ETAG;
use serde::Serialize;

use crate::domain::roles::{self, MembershipChange, Reassignment, RolePath};
use crate::http::jsonapi::document::Document;
use crate::http::jsonapi::errors::Failure;
use crate::http::jsonapi::linkage::{parse_to_many, parse_to_one};
use crate::http::jsonapi::paging::Paging;
use crate::http::jsonapi::resources::Identifier;
use crate::http::v2::request::Call;
use crate::http::v2::responses::PageLinksOf;
use crate::http::v2::roles::{LinkageLinks, parse_path, render_linkage, tag_of, tag_of_page};
use crate::model::id::RelationshipId;
use crate::model::page::DEFAULT_LIMIT;
use crate::store::{Cost, Tx};

/// `PATCH /api/v2/users/{id}/relationships/{role}`
pub async fn replace(mut call: Call) -> Result<HttpResponse, Failure> {
    let path = parse_path(&call)?;
    let mut query = call.query(&[])?;
    let options = call.options_of(&mut query);
    let (caller, precondition) = (call.caller, call.precondition());
    // Permission comes before validation of the document.
    let (of_job, expected) = (path.clone(), precondition.clone());
    let job = move |tx: &mut Tx<'_>| roles::require_assignable(tx, &caller, &of_job, &expected);
    call.read("roles.check", Cost::Bounded, job).await.map_err(Failure::without_document)?;
    let member = parse_to_one(&call.body().await?)?;
    let of_job = path.clone();
    let job = move |tx: &mut Tx<'_>| roles::reassign(tx, &caller, &of_job, member, &precondition);
    let done = call.state.store.write("roles.reassign", call.origin(), job).await.map_err(Failure::of)?;
    let data = done.linkage.edge.map(|edge| Identifier::of_user(edge.member));
    let links = LinkageLinks::new(&options, &path);
    let mut answer =
        Document::one(data).with_links(links).with_meta(ReassignmentMeta::of(&done)).answer(StatusCode::OK)?;
    answer.headers_mut().insert(ETAG, tag_of(&call.target(), &options, &done.linkage).value());
    Ok(answer)
}

/// `meta` of a reassignment.
#[derive(Serialize)]
#[serde(rename_all = "kebab-case")]
struct ReassignmentMeta {
    /// The users that had the role before.
    previous: Vec<Identifier>,
    /// The present relationship.
    user_relationship: Option<String>,
}

impl ReassignmentMeta {
    fn of(done: &Reassignment) -> Self {
        let id = |id: RelationshipId| id.to_string();
        Self {
            previous: done.previous.iter().map(|user| Identifier::of_user(*user)).collect(),
            user_relationship: done.linkage.edge.map(|edge| id(edge.id)),
        }
    }
}

/// `POST /api/v2/users/{id}/relationships/{role}`
pub async fn add(call: Call) -> Result<HttpResponse, Failure> {
    change(call, MembershipChange::Add, "roles.add").await
}

/// `DELETE /api/v2/users/{id}/relationships/{role}`
pub async fn remove(call: Call) -> Result<HttpResponse, Failure> {
    change(call, MembershipChange::Remove, "roles.remove").await
}

async fn change(mut call: Call, change: MembershipChange, name: &'static str) -> Result<HttpResponse, Failure> {
    let path: RolePath = parse_path(&call)?;
    let mut query = call.query(&[])?;
    let options = call.options_of(&mut query);
    let (caller, precondition) = (call.caller, call.precondition());
    // Permission comes before validation of the document.
    let (of_job, expected) = (path.clone(), precondition.clone());
    let job = move |tx: &mut Tx<'_>| roles::require_changeable(tx, &caller, &of_job, &expected);
    call.read("roles.check", Cost::Bounded, job).await.map_err(Failure::without_document)?;
    let members = parse_to_many(&call.body().await?)?;
    let of_job = path.clone();
    let job = move |tx: &mut Tx<'_>| roles::change(tx, &caller, &of_job, (change, &members), &precondition);
    let linkage = call.state.store.write(name, call.origin(), job).await.map_err(Failure::of)?;
    let paging = Paging::Offset { offset: 0, limit: DEFAULT_LIMIT, is_numbered: false };
    let page_of = PageLinksOf { query: &query, paging: &paging, cursors: None };
    let tag = tag_of_page(&call.target(), &options, paging.applied(), &linkage, false);
    let mut answer = render_linkage(&call, &options, &path, page_of, &linkage.page, false)?;
    answer.headers_mut().insert(ETAG, tag.value());
    Ok(answer)
}
