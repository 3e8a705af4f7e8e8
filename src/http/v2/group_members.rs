//! `/api/v2/group-members`: to be read; memberships are changed by forms.

use actix_web::HttpResponse;
use actix_web::http::StatusCode;

use crate::domain::group_lists::{self, Inclusion, VisibleMember};
use crate::http::jsonapi::document::Document;
use crate::http::jsonapi::errors::{Failure, Problem};
use crate::http::jsonapi::group_resources::{GROUP_MEMBERS, GROUPS, Links};
use crate::http::jsonapi::paging::{AFTER, BEFORE, LIMIT, OFFSET, SIZE};
use crate::http::jsonapi::query::{Parameter, Query};
use crate::http::jsonapi::resources::Identifier;
use crate::http::jsonapi::view::{
    FIELDS_OF_GROUPS, FIELDS_OF_MEMBERS, FIELDS_OF_RELATIONSHIPS, FIELDS_OF_TYPES, FIELDS_OF_USERS, GROUP_PATHS,
    INCLUDE, MEMBER_PATHS, RenderOptions,
};
use crate::http::urls::MemberUrl;
use crate::http::v2::cost;
use crate::http::v2::groups::{ONE, ORDERS, cost_of_one, view_with_paths};
use crate::http::v2::relationships::{END, view_of};
use crate::http::v2::request::Call;
use crate::http::v2::responses::{ListResponse, SingleResponse, parse_page};
use crate::model::code::Code;
use crate::model::filter::MemberFilter;
use crate::model::id::{GroupId, MemberId};
use crate::model::page::{Sort, SortKey};
use crate::store::{Cost, Tx};

/// The parameters of the list.
pub const LIST: &[Parameter] = &[
    OFFSET,
    LIMIT,
    SIZE,
    AFTER,
    BEFORE,
    Parameter::new("filter[id]"),
    Parameter::new("filter[group]"),
    Parameter::new("filter[user]"),
    Parameter::new("sort"),
    INCLUDE,
    FIELDS_OF_GROUPS,
    FIELDS_OF_MEMBERS,
    FIELDS_OF_USERS,
    FIELDS_OF_RELATIONSHIPS,
    FIELDS_OF_TYPES,
];

/// `GET /api/v2/group-members`
pub async fn list(call: Call) -> Result<HttpResponse, Failure> {
    let mut query = call.query(LIST)?;
    let filter = MemberFilter {
        ids: query.ids("filter[id]"),
        groups: query.ids("filter[group]"),
        users: query.ids("filter[user]"),
        seen_by: None,
    };
    list_of(&call, query, filter, "group_members.list", None).await
}

/// The memberships that match, by a job of that name; where they are those `within` a group, the caller has to see it.
pub(super) async fn list_of(
    call: &Call,
    mut query: Query,
    filter: MemberFilter,
    name: &'static str,
    within: Option<GroupId>,
) -> Result<HttpResponse, Failure> {
    let sort = query.sort(Sort::default(), ORDERS);
    let view = RenderOptions::with_paths(&mut query, call.state.time_zone, MEMBER_PATHS);
    let (paging, cursors) = parse_page(call, &mut query, GROUP_MEMBERS, &(&filter, sort)).await?;
    let (caller, slice, asked, wanted) = (call.caller, paging.slice(sort), paging.clone(), view.wanted());

    let cost = cost::of_groups(&slice);
    let job = move |tx: &mut Tx<'_>| {
        if let Some(group) = within {
            group_lists::get_visible_group(tx, &caller, group)?;
        }
        group_lists::list_members(tx, &caller, &filter, &slice, &wanted, |rows| asked.shown(rows))
    };
    let read = call.read(name, cost, job).await;
    let (page, included) = read.map_err(Failure::without_document)?;
    let listed = ListResponse { query: &query, paging: &paging, cursors: cursors.as_ref(), page, included };
    listed.answer(call, &view, |row| SortKey::Id(row.member.id.get()))
}

/// `GET /api/v2/group-members/{id}`
pub async fn get(call: Call) -> Result<HttpResponse, Failure> {
    let id: MemberId = call.id()?;
    let view = view_with_paths(&call, ONE, MEMBER_PATHS)?;
    let (caller, wanted) = (call.caller, view.wanted());
    let job = move |tx: &mut Tx<'_>| group_lists::get_member(tx, &caller, id, &wanted);
    let read = call.read("group_members.get", cost_of_one(&call, &view), job).await;
    let (row, included) = read.map_err(Failure::without_document)?;
    SingleResponse { row, included }.fetched(&call, &view)
}

/// `GET /api/v2/group-members/{id}/group`
pub async fn get_group(call: Call) -> Result<HttpResponse, Failure> {
    let id: MemberId = call.id()?;
    let view = view_with_paths(&call, ONE, GROUP_PATHS)?;
    let (caller, wanted) = (call.caller, view.wanted());
    let job = move |tx: &mut Tx<'_>| group_lists::get_group_of(tx, &caller, id, &wanted);
    let read = call.read("group_members.get_group", Cost::Unbounded, job).await;
    let (row, included) = read.map_err(Failure::without_document)?;
    SingleResponse { row, included }.fetched(&call, &view)
}

/// `GET /api/v2/group-members/{id}/user`
pub async fn get_user(call: Call) -> Result<HttpResponse, Failure> {
    let id: MemberId = call.id()?;
    let view = view_of(&call, END)?;
    let caller = call.caller;
    let job = move |tx: &mut Tx<'_>| group_lists::get_user_of(tx, &caller, id);
    let user = call.read("group_members.get_user", Cost::Unbounded, job).await;
    SingleResponse::alone(user.map_err(Failure::without_document)?).fetched(&call, &view)
}

/// `GET /api/v2/group-members/{id}/relationships/group`
pub async fn get_group_linkage(call: Call) -> Result<HttpResponse, Failure> {
    let VisibleMember { member, .. } = fetch(&call).await?;
    let links = Links::to_one(MemberUrl(member.id), "group", true);
    Document::one(Identifier::new(GROUPS, member.group)).with_links(links).answer(StatusCode::OK)
}

/// `GET /api/v2/group-members/{id}/relationships/user`
pub async fn get_user_linkage(call: Call) -> Result<HttpResponse, Failure> {
    let VisibleMember { member, is_user_visible } = fetch(&call).await?;
    let links = Links::to_one(MemberUrl(member.id), "user", is_user_visible);
    Document::one(Identifier::of_user(member.user)).with_links(links).answer(StatusCode::OK)
}

/// `PATCH /api/v2/group-members/{id}` and of what it links to: here they can only be read (JSON:API 1.1,
/// "403 Forbidden").
pub async fn change(call: Call) -> Result<HttpResponse, Failure> {
    fetch(&call).await?;
    let detail =
        "here a membership can only be read; change it by a form, with `PUT /api/user/relationship_users/{id}`";
    Err(Problem::new(Code::UnsupportedUpdate, detail).into())
}

/// `PATCH /api/v2/group-members/{id}/relationships/{group or user}`
pub async fn change_linkage(call: Call) -> Result<HttpResponse, Failure> {
    fetch(&call).await?;
    let detail = "group and user of a membership are fixed; end it and make another";
    Err(Problem::new(Code::ImmutableRelationship, detail).into())
}

/// The membership in the path, for requests that have nothing else to say.
async fn fetch(call: &Call) -> Result<VisibleMember, Failure> {
    let id: MemberId = call.id()?;
    call.query(&[])?;
    let caller = call.caller;
    let job = move |tx: &mut Tx<'_>| group_lists::get_member(tx, &caller, id, &Inclusion::nothing());
    let read = call.read("group_members.get", Cost::Unbounded, job).await;
    read.map(|(member, _)| member).map_err(Failure::without_document)
}
