//! `/api/v2/group-members` and `/api/v2/groups/{id}/members`, which are read-only: memberships are changed by forms.

use actix_web::HttpResponse;
use actix_web::http::StatusCode;

use crate::domain::group_lists::{self, Inclusion, VisibleMember};
use crate::http::jsonapi::document::Document;
use crate::http::jsonapi::errors::{ApiProblem, Failure};
use crate::http::jsonapi::group_resources::{GROUP_MEMBERS, GROUPS};
use crate::http::jsonapi::links::RelationshipLinks;
use crate::http::jsonapi::query::Query;
use crate::http::jsonapi::resources::Identifier;
use crate::http::urls::{LinkUrl, MemberUrl};
use crate::http::v2::cost;
use crate::http::v2::parameters::{
    FILTER_GROUP, FILTER_MEMBER_ID, FILTER_MEMBER_USER, LIST_MEMBERS, LIST_MEMBERS_OF_GROUP, ONE_GROUP, ONE_MEMBER,
    ONE_USER,
};
use crate::http::v2::request::Call;
use crate::http::v2::responses::{ListResponse, SingleResponse, parse_page};
use crate::model::code::Code;
use crate::model::filter::MemberFilter;
use crate::model::id::{GroupId, MemberId};
use crate::model::page::{Sort, SortKey};
use crate::store::{Cost, Tx};

/// `GET /api/v2/group-members`
pub async fn list(call: Call) -> Result<HttpResponse, Failure> {
    let mut query = call.query(LIST_MEMBERS)?;
    let caller = call.caller.id;
    let filter = MemberFilter {
        ids: query.ids(&FILTER_MEMBER_ID),
        groups: query.ids(&FILTER_GROUP),
        users: query.user_ids(&FILTER_MEMBER_USER, caller),
        seen_by: None,
    };
    respond_with_list(&call, query, filter, "group_members.list", None).await
}

/// `GET /api/v2/groups/{id}/members`
pub async fn list_of_group(call: Call) -> Result<HttpResponse, Failure> {
    let id: GroupId = call.id()?;
    let mut query = call.query(LIST_MEMBERS_OF_GROUP)?;
    let caller = call.caller.id;
    let filter = MemberFilter {
        ids: query.ids(&FILTER_MEMBER_ID),
        groups: vec![id],
        users: query.user_ids(&FILTER_MEMBER_USER, caller),
        seen_by: None,
    };
    respond_with_list(&call, query, filter, "groups.list_members", Some(id)).await
}

/// Lists memberships with a job of this name. Only a caller who may see the group `within` gets the list of its members.
async fn respond_with_list(
    call: &Call,
    mut query: Query,
    filter: MemberFilter,
    name: &'static str,
    within: Option<GroupId>,
) -> Result<HttpResponse, Failure> {
    let sort = query.sort(Sort::default());
    let options = call.options_of(&mut query);
    let (paging, cursors) = parse_page(call, &mut query, GROUP_MEMBERS, &(&filter, sort)).await?;
    let (caller, slice, asked, inclusion) = (call.caller, paging.slice(sort), paging.clone(), options.inclusion());

    let cost = cost::of_groups(&slice);
    let job = move |tx: &mut Tx<'_>| {
        if let Some(group) = within {
            group_lists::get_visible_group(tx, &caller, group)?;
        }
        group_lists::list_members(tx, &caller, &filter, &slice, &inclusion, |rows| asked.shown(rows))
    };
    let read = call.read(name, cost, job).await;
    let (page, included) = read.map_err(Failure::without_document)?;
    let listed = ListResponse { query: &query, paging: &paging, cursors: cursors.as_ref(), page, included };
    listed.answer(call, &options, |row| SortKey::Id(row.member.id.get()))
}

/// `GET /api/v2/group-members/{id}`
pub async fn get(call: Call) -> Result<HttpResponse, Failure> {
    let id: MemberId = call.id()?;
    let options = call.render_options(ONE_MEMBER).await?;
    let (caller, inclusion) = (call.caller, options.inclusion());
    let job = move |tx: &mut Tx<'_>| group_lists::get_member(tx, &caller, id, &inclusion);
    let read = call.read("group_members.get", cost::of_one_group(&call.caller, &options), job).await;
    let (row, included) = read.map_err(Failure::without_document)?;
    SingleResponse { row, included }.fetched(&call, &options)
}

/// `GET /api/v2/group-members/{id}/group`
pub async fn get_group(call: Call) -> Result<HttpResponse, Failure> {
    let id: MemberId = call.id()?;
    let options = call.render_options(ONE_GROUP).await?;
    let (caller, inclusion) = (call.caller, options.inclusion());
    let job = move |tx: &mut Tx<'_>| group_lists::get_group_of(tx, &caller, id, &inclusion);
    let read = call.read("group_members.get_group", Cost::Unbounded, job).await;
    let (row, included) = read.map_err(Failure::without_document)?;
    SingleResponse { row, included }.fetched(&call, &options)
}

/// `GET /api/v2/group-members/{id}/user`
pub async fn get_user(call: Call) -> Result<HttpResponse, Failure> {
    let id: MemberId = call.id()?;
    let options = call.render_options(ONE_USER).await?;
    let caller = call.caller;
    let job = move |tx: &mut Tx<'_>| group_lists::get_user_of(tx, &caller, id);
    let user = call.read("group_members.get_user", Cost::Unbounded, job).await;
    SingleResponse::alone(user.map_err(Failure::without_document)?).fetched(&call, &options)
}

/// `GET /api/v2/group-members/{id}/relationships/group`
pub async fn get_group_linkage(call: Call) -> Result<HttpResponse, Failure> {
    let VisibleMember { member, .. } = fetch(&call).await?;
    let links = RelationshipLinks::to_one(LinkUrl(&call.state.base, MemberUrl(member.id)), "group", true);
    Document::one(Identifier::new(GROUPS, member.group)).with_links(links).answer(StatusCode::OK)
}

/// `GET /api/v2/group-members/{id}/relationships/user`
pub async fn get_user_linkage(call: Call) -> Result<HttpResponse, Failure> {
    let VisibleMember { member, is_user_visible } = fetch(&call).await?;
    let links = RelationshipLinks::to_one(LinkUrl(&call.state.base, MemberUrl(member.id)), "user", is_user_visible);
    Document::one(Identifier::of_user(member.user)).with_links(links).answer(StatusCode::OK)
}

/// `PATCH /api/v2/group-members/{id}` and of its group and user: refused, all are read-only (JSON:API 1.1, "403
/// Forbidden").
pub async fn change(call: Call) -> Result<HttpResponse, Failure> {
    fetch(&call).await?;
    let detail =
        "memberships are read-only in this API; change it by a form, with `PUT /api/user/relationship_users/{id}`";
    Err(ApiProblem::new(Code::UnsupportedUpdate, detail).into())
}

/// `PATCH /api/v2/group-members/{id}/relationships/{group or user}`
pub async fn change_linkage(call: Call) -> Result<HttpResponse, Failure> {
    fetch(&call).await?;
    let detail = "the group and the user of a membership cannot be changed; delete it and create another one";
    Err(ApiProblem::new(Code::ImmutableRelationship, detail).into())
}

/// The membership in the path.
async fn fetch(call: &Call) -> Result<VisibleMember, Failure> {
    let id: MemberId = call.id()?;
    call.query(&[])?;
    let caller = call.caller;
    let job = move |tx: &mut Tx<'_>| group_lists::get_member(tx, &caller, id, &Inclusion::nothing());
    let read = call.read("group_members.get", Cost::Unbounded, job).await;
    read.map(|(member, _)| member).map_err(Failure::without_document)
}
