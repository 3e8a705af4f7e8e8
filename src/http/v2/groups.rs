//! `/api/v2/groups`: to be read; groups are changed by forms.

use actix_web::HttpResponse;
use actix_web::http::StatusCode;

use crate::domain::group_lists::{self, Inclusion, Path, VisibleGroup};
use crate::http::jsonapi::document::Document;
use crate::http::jsonapi::errors::{Failure, Problem};
use crate::http::jsonapi::group_resources::{GROUPS, Links};
use crate::http::jsonapi::paging::{AFTER, BEFORE, LIMIT, OFFSET, SIZE};
use crate::http::jsonapi::query::{Parameter, Query};
use crate::http::jsonapi::resources::{Identifier, Resource};
use crate::http::jsonapi::view::{
    FIELDS_OF_GROUPS, FIELDS_OF_MEMBERS, FIELDS_OF_RELATIONSHIPS, FIELDS_OF_TYPES, FIELDS_OF_USERS, GROUP_PATHS,
    INCLUDE, RenderOptions,
};
use crate::http::urls::GroupUrl;
use crate::http::v2::cost;
use crate::http::v2::group_members::list_of;
use crate::http::v2::relationships::{END, view_of};
use crate::http::v2::request::Call;
use crate::http::v2::responses::{ListResponse, SingleResponse, parse_page};
use crate::model::code::Code;
use crate::model::filter::{GroupFilter, MAX_FILTER_VALUES, MemberFilter};
use crate::model::group::Group;
use crate::model::id::GroupId;
use crate::model::page::{Sort, SortBy, SortKey};
use crate::model::user::User;
use crate::store::{Cost, Tx};

/// The parameters of the list.
pub const LIST: &[Parameter] = &[
    OFFSET,
    LIMIT,
    SIZE,
    AFTER,
    BEFORE,
    Parameter::new("filter[id]"),
    Parameter::new("filter[group-type]"),
    Parameter::new("filter[owner]"),
    Parameter::new("sort"),
    INCLUDE,
    FIELDS_OF_GROUPS,
    FIELDS_OF_MEMBERS,
    FIELDS_OF_USERS,
    FIELDS_OF_RELATIONSHIPS,
    FIELDS_OF_TYPES,
];
/// The parameters of the list of one group's members.
pub const MEMBERS: &[Parameter] = &[
    OFFSET,
    LIMIT,
    SIZE,
    AFTER,
    BEFORE,
    Parameter::new("filter[id]"),
    Parameter::new("filter[user]"),
    Parameter::new("sort"),
    INCLUDE,
    FIELDS_OF_GROUPS,
    FIELDS_OF_MEMBERS,
    FIELDS_OF_USERS,
    FIELDS_OF_RELATIONSHIPS,
    FIELDS_OF_TYPES,
];
/// The parameters of everything that shows one group or one membership.
pub const ONE: &[Parameter] =
    &[INCLUDE, FIELDS_OF_GROUPS, FIELDS_OF_MEMBERS, FIELDS_OF_USERS, FIELDS_OF_RELATIONSHIPS, FIELDS_OF_TYPES];
/// What lists of groups and memberships can be sorted by.
pub const ORDERS: &[(&str, SortBy)] = &[("id", SortBy::Id)];

/// `GET /api/v2/groups`
pub async fn list(call: Call) -> Result<HttpResponse, Failure> {
    let mut query = call.query(LIST)?;
    let filter = filter_of(&mut query);
    let sort = query.sort(Sort::default(), ORDERS);
    let view = RenderOptions::with_paths(&mut query, call.state.time_zone, GROUP_PATHS);
    let (paging, cursors) = parse_page(&call, &mut query, GROUPS, &(&filter, sort)).await?;
    let (caller, slice, asked, wanted) = (call.caller, paging.slice(sort), paging.clone(), view.wanted());

    let cost = cost::of_groups(&slice);
    let job = move |tx: &mut Tx<'_>| group_lists::list(tx, &caller, &filter, &slice, &wanted, |rows| asked.shown(rows));
    let read = call.read("groups.list", cost, job).await;
    let (page, included) = read.map_err(Failure::without_document)?;
    let listed = ListResponse { query: &query, paging: &paging, cursors: cursors.as_ref(), page, included };
    listed.answer(&call, &view, |row| SortKey::Id(row.group.id.get()))
}

/// `GET /api/v2/groups/{id}`
pub async fn get(call: Call) -> Result<HttpResponse, Failure> {
    let id: GroupId = call.id()?;
    let view = view_with_paths(&call, ONE, GROUP_PATHS)?;
    let (caller, wanted) = (call.caller, view.wanted());
    let job = move |tx: &mut Tx<'_>| group_lists::get(tx, &caller, id, &wanted);
    let read = call.read("groups.get", cost_of_one(&call, &view), job).await;
    let (row, included) = read.map_err(Failure::without_document)?;
    SingleResponse { row, included }.fetched(&call, &view)
}

/// `GET /api/v2/groups/{id}/members`
pub async fn list_members(call: Call) -> Result<HttpResponse, Failure> {
    let id: GroupId = call.id()?;
    let mut query = call.query(MEMBERS)?;
    let filter = MemberFilter {
        ids: query.ids("filter[id]"),
        groups: vec![id],
        users: query.ids("filter[user]"),
        seen_by: None,
    };
    list_of(&call, query, filter, "groups.list_members", Some(id)).await
}

/// `GET /api/v2/groups/{id}/owner`; null where nobody owns the group.
pub async fn get_owner(call: Call) -> Result<HttpResponse, Failure> {
    let id: GroupId = call.id()?;
    let view = view_of(&call, END)?;
    let caller = call.caller;
    let job = move |tx: &mut Tx<'_>| group_lists::get_owner(tx, &caller, id);
    let owner = call.read("groups.get_owner", Cost::Unbounded, job).await;
    match owner.map_err(Failure::without_document)? {
        Some(owner) => SingleResponse::alone(owner).fetched(&call, &view),
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
    let links = Links::to_one(GroupUrl(id), "owner", is_owner_visible);
    Document::one(group.owner.map(Identifier::of_user)).with_links(links).answer(StatusCode::OK)
}

/// `PATCH /api/v2/groups/{id}` and of its owner: here they can only be read (JSON:API 1.1, "403 Forbidden").
pub async fn change(call: Call) -> Result<HttpResponse, Failure> {
    fetch(&call).await?;
    let detail = "here a group can only be read; change it by a form, with `PUT /api/user/relationships/{id}`";
    Err(Problem::new(Code::UnsupportedUpdate, detail).into())
}

/// `PATCH /api/v2/groups/{id}/relationships/owner`
pub async fn change_linkage(call: Call) -> Result<HttpResponse, Failure> {
    fetch(&call).await?;
    Err(Problem::new(Code::ImmutableRelationship, "a group belongs to whoever created it").into())
}

/// The group in the path, for requests that have nothing else to say.
async fn fetch(call: &Call) -> Result<Group, Failure> {
    let id: GroupId = call.id()?;
    call.query(&[])?;
    let caller = call.caller;
    let job = move |tx: &mut Tx<'_>| group_lists::get_visible_group(tx, &caller, id);
    call.read("groups.get", Cost::Unbounded, job).await.map_err(Failure::without_document)
}

/// The view of one group or one membership that a request asks for.
pub(super) fn view_with_paths(
    call: &Call,
    known: &'static [Parameter],
    paths: &[(&str, Path)],
) -> Result<RenderOptions, Failure> {
    let mut query = call.query(known)?;
    let view = RenderOptions::with_paths(&mut query, call.state.time_zone, paths);
    query.finish().map(|()| view)
}

/// One row costs a look at one index, unless more is read around it.
pub(super) fn cost_of_one(call: &Call, view: &RenderOptions) -> Cost {
    let is_alone = view.included_paths().is_empty() && call.caller.sees_only().is_none();
    if is_alone { Cost::Bounded } else { Cost::Unbounded }
}

fn filter_of(query: &mut Query) -> GroupFilter {
    let name = |text: &str| (!text.is_empty()).then(|| text.to_owned());
    GroupFilter {
        ids: query.ids("filter[id]"),
        kinds: query.list("filter[group-type]", MAX_FILTER_VALUES, "the name of a type", name),
        owners: query.ids("filter[owner]"),
        seen_by: None,
    }
}
