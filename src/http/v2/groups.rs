//! `/api/v2/groups`, which is read-only: groups are changed by forms.

use actix_web::HttpResponse;
use actix_web::http::StatusCode;

use crate::domain::group_lists::{self, Inclusion, VisibleGroup};
use crate::http::jsonapi::document::Document;
use crate::http::jsonapi::errors::{ApiProblem, Failure};
use crate::http::jsonapi::group_resources::GROUPS;
use crate::http::jsonapi::links::RelationshipLinks;
use crate::http::jsonapi::query::Query;
use crate::http::jsonapi::resources::{Identifier, Resource};
use crate::http::urls::{GroupUrl, LinkUrl};
use crate::http::v2::cost;
use crate::http::v2::parameters::{FILTER_GROUP_ID, FILTER_GROUP_TYPE, FILTER_OWNER, LIST_GROUPS, ONE_GROUP, ONE_USER};
use crate::http::v2::request::Call;
use crate::http::v2::responses::{ListResponse, SingleResponse, parse_page};
use crate::model::code::Code;
use crate::model::filter::GroupFilter;
use crate::model::group::Group;
use crate::model::id::{GroupId, UserId};
use crate::model::page::{Sort, SortKey};
use crate::model::user::User;
use crate::store::{Cost, Tx};

/// `GET /api/v2/groups`
pub async fn list(call: Call) -> Result<HttpResponse, Failure> {
    let mut query = call.query(LIST_GROUPS)?;
    let filter = parse_filter(&mut query, call.caller.id);
    let sort = query.sort(Sort::default());
    let options = call.options_of(&mut query);
    let (paging, cursors) = parse_page(&call, &mut query, GROUPS, &(&filter, sort)).await?;
    let (caller, slice, asked, inclusion) = (call.caller, paging.slice(sort), paging.clone(), options.inclusion());

    let cost = cost::of_groups(&slice);
    let job =
        move |tx: &mut Tx<'_>| group_lists::list(tx, &caller, &filter, &slice, &inclusion, |rows| asked.shown(rows));
    let read = call.read("groups.list", cost, job).await;
    let (page, included) = read.map_err(Failure::without_document)?;
    let listed = ListResponse { query: &query, paging: &paging, cursors: cursors.as_ref(), page, included };
    listed.answer(&call, &options, |row| SortKey::Id(row.group.id.get()))
}

/// `GET /api/v2/groups/{id}`
pub async fn get(call: Call) -> Result<HttpResponse, Failure> {
    let id: GroupId = call.id()?;
    let options = call.render_options(ONE_GROUP).await?;
    let (caller, inclusion) = (call.caller, options.inclusion());
    let job = move |tx: &mut Tx<'_>| group_lists::get(tx, &caller, id, &inclusion);
    let read = call.read("groups.get", cost::of_one_group(&call.caller, &options), job).await;
    let (row, included) = read.map_err(Failure::without_document)?;
    SingleResponse { row, included }.fetched(&call, &options)
}

/// `GET /api/v2/groups/{id}/owner`: null if the group has no owner.
pub async fn get_owner(call: Call) -> Result<HttpResponse, Failure> {
    let id: GroupId = call.id()?;
    let options = call.render_options(ONE_USER).await?;
    let caller = call.caller;
    let job = move |tx: &mut Tx<'_>| group_lists::get_owner(tx, &caller, id);
    let owner = call.read("groups.get_owner", Cost::Unbounded, job).await;
    match owner.map_err(Failure::without_document)? {
        Some(owner) => SingleResponse::alone(owner).fetched(&call, &options),
        None => Document::one(None::<Resource<'_, User>>).answer(StatusCode::OK),
    }
}

/// `GET /api/v2/groups/{id}/relationships/owner`
pub async fn get_owner_linkage(call: Call) -> Result<HttpResponse, Failure> {
    let id: GroupId = call.id()?;
    call.query(&[])?;
    let caller = call.caller;
    let job = move |tx: &mut Tx<'_>| group_lists::get(tx, &caller, id, &Inclusion::nothing());
    let read = call.read("groups.get", Cost::Unbounded, job).await;
    let (VisibleGroup { group, is_owner_visible, .. }, _) = read.map_err(Failure::without_document)?;
    let links = RelationshipLinks::to_one(LinkUrl(&call.state.base, GroupUrl(id)), "owner", is_owner_visible);
    Document::one(group.owner.map(Identifier::of_user)).with_links(links).answer(StatusCode::OK)
}

/// `PATCH /api/v2/groups/{id}` and `PATCH /api/v2/groups/{id}/owner`: refused, both are read-only (JSON:API 1.1, "403
/// Forbidden").
pub async fn change(call: Call) -> Result<HttpResponse, Failure> {
    fetch(&call).await?;
    let detail =
        "groups are read-only in this API; change the group by a form, with `PUT /api/user/relationships/{id}`";
    Err(ApiProblem::new(Code::UnsupportedUpdate, detail).into())
}

/// `PATCH /api/v2/groups/{id}/relationships/owner`
pub async fn change_linkage(call: Call) -> Result<HttpResponse, Failure> {
    fetch(&call).await?;
    Err(ApiProblem::new(Code::ImmutableRelationship, "the owner of a group cannot be changed").into())
}

/// The group in the path.
async fn fetch(call: &Call) -> Result<Group, Failure> {
    let id: GroupId = call.id()?;
    call.query(&[])?;
    let caller = call.caller;
    let job = move |tx: &mut Tx<'_>| group_lists::get_visible_group(tx, &caller, id);
    call.read("groups.get", Cost::Unbounded, job).await.map_err(Failure::without_document)
}

pub(crate) fn parse_filter(query: &mut Query, caller: UserId) -> GroupFilter {
    let name = |text: &str| (!text.is_empty()).then(|| text.to_owned());
    GroupFilter {
        ids: query.ids(&FILTER_GROUP_ID),
        kinds: query.list(&FILTER_GROUP_TYPE, "the name of a type", name),
        owners: query.user_ids(&FILTER_OWNER, caller),
        seen_by: None,
    }
}
