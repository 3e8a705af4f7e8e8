//! `/api/v2/users/{id}/{role}` and its linkage: the users with a role towards a user.

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use serde::Serialize;

use crate::domain::roles::{self, RoleLinkage, RolePath};
use crate::http::jsonapi::document::Document;
use crate::http::jsonapi::errors::{ApiProblem, Failure};
use crate::http::jsonapi::etag::{Tag, TagBuilder};
use crate::http::jsonapi::paging::{Paging, refuse_paging};
use crate::http::jsonapi::parameter::ME;
use crate::http::jsonapi::profile::Applied;
use crate::http::jsonapi::render_options::RenderOptions;
use crate::http::jsonapi::resources::{Identifier, Resource};
use crate::http::jsonapi::tagged::Tagged;
use crate::http::urls;
use crate::http::v2::as_of;
use crate::http::v2::cost;
use crate::http::v2::parameters::{
    FILTER_AS_OF, FILTER_REACHED, FILTER_SHARED_WITH, LIST_ROLE_LINKAGE, LIST_ROLE_USERS, MAX_DEPTH,
};
use crate::http::v2::request::Call;
use crate::http::v2::responses::{ListResponse, PageLinksOf, SingleResponse, parse_page, respond_unless_not_modified};
use crate::http::v2::traversal;
use crate::model::code::Code;
use crate::model::error::Result as JobResult;
use crate::model::id::RelationshipId;
use crate::model::page::{Page, Sort, SortKey};
use crate::model::relationship_type::TypeName;
use crate::model::role::{RoleEdge, RoleQuery, RoleUsers, ToManyLinkage, ToOneLinkage, UserWithRoles};
use crate::model::user::User;
use crate::store::{Cost, Tx};

/// What all lists of users with a role have in common in their cursors.
const LIST: &str = "roles";

/// `GET /api/v2/users/{id}/{role}`
pub async fn get_users(call: Call) -> Result<HttpResponse, Failure> {
    let path = parse_path(&call)?;
    let mut query = call.query(LIST_ROLE_USERS)?;
    if query.has(&MAX_DEPTH) {
        return traversal::get_users(call, path, query).await;
    }
    for filter in [FILTER_REACHED, FILTER_SHARED_WITH] {
        if query.has(&filter) {
            let detail = format!("`{0}` needs `max-depth`; add `max-depth=all`, or remove `{0}`", filter.name);
            query.push_problem(ApiProblem::new(Code::InvalidParameter, detail).parameter(filter.name));
        }
    }
    if query.has(&FILTER_AS_OF) {
        return as_of::list_role_users(call, path, query).await;
    }
    let options = call.options_of(&mut query);
    let (paging, cursors) = parse_page(&call, &mut query, LIST, &path).await?;
    let found = match list_together(&call, &options, &path, &paging).await.map_err(Failure::without_document)? {
        Some(found) => (found, Vec::new()),
        None => list(&call, &options, path, &paging).await.map_err(Failure::without_document)?,
    };
    match found {
        (RoleUsers { is_to_one: true, mut page }, included) => {
            refuse_paging(&mut query)?;
            respond_with_one(&call, &options, page.items.pop(), included)
        }
        (RoleUsers { page, .. }, included) => {
            let included = included.into();
            let listed = ListResponse { query: &query, paging: &paging, cursors: cursors.as_ref(), page, included };
            listed.answer(&call, &options, |row| SortKey::Id(row.edge.map_or(0, RelationshipId::get)))
        }
    }
}

/// Reads the users together with concurrent lists; `None` if a job must read them.
async fn list_together(
    call: &Call,
    options: &RenderOptions,
    path: &RolePath,
    paging: &Paging,
) -> JobResult<Option<RoleUsers>> {
    let is_plain = options.role_inclusion().is_none() && call.caller.sees_only().is_none();
    let Some(role) = TypeName::parse(&path.role).filter(|_| is_plain) else { return Ok(None) };
    let query = RoleQuery { role, user: path.user, page: paging.slice(Sort::default()), budget: options.read_budget() };
    call.state.store.list_role_users("roles.list", query, call.after).await
}

/// Reads the users, and those to include with them.
async fn list(
    call: &Call,
    options: &RenderOptions,
    path: RolePath,
    paging: &Paging,
) -> JobResult<(RoleUsers, Vec<User>)> {
    let (caller, slice, budget) = (call.caller, paging.slice(Sort::default()), options.read_budget());
    let (inclusion, asked) = (options.role_inclusion(), paging.clone());
    let cost = if slice.is_shallow() { cost::of_one(true) } else { Cost::Search };
    let job =
        move |tx: &mut Tx<'_>| {
            let RoleUsers { is_to_one, page } = roles::list(tx, &caller, &path, &slice, budget)?;
            let (page, included) = roles::include(tx, &caller, page, inclusion.as_ref(), |rows| {
                if is_to_one { rows } else { asked.shown(rows) }
            })?;
            Ok((RoleUsers { is_to_one, page }, included))
        };
    call.read("roles.list", cost, job).await
}

/// `GET /api/v2/users/{id}/relationships/{role}`
pub async fn get_linkage(call: Call) -> Result<HttpResponse, Failure> {
    let path = parse_path(&call)?;
    let mut query = call.query(LIST_ROLE_LINKAGE)?;
    let options = call.options_of(&mut query);
    let (paging, cursors) = parse_page(&call, &mut query, LIST, &path).await?;
    let (caller, slice, of_job) = (call.caller, paging.slice(Sort::default()), path.clone());
    let cost = if slice.is_shallow() { Cost::Bounded } else { Cost::Search };
    let job = move |tx: &mut Tx<'_>| roles::get_linkage(tx, &caller, &of_job, &slice);
    match call.read("roles.get_linkage", cost, job).await.map_err(Failure::without_document)? {
        RoleLinkage::One(linkage) => {
            refuse_paging(&mut query)?;
            let tag = tag_of(&call.target(), &options, &linkage);
            let links = LinkageLinks::new(&options, &path);
            let data = linkage.edge.map(|edge| Identifier::of_user(edge.member));
            respond_unless_not_modified(&call, &tag, || Document::one(data).with_links(links).answer(StatusCode::OK))
        }
        RoleLinkage::Many(linkage) => {
            let page_of = PageLinksOf { query: &query, paging: &paging, cursors: cursors.as_ref() };
            respond_with_linkage(&call, &options, &path, page_of, linkage)
        }
    }
}

/// Parses the user and the role in the path. The user may be `me`.
pub(super) fn parse_path(call: &Call) -> Result<RolePath, Failure> {
    let user = if call.segment("id") == ME { call.caller.id } else { call.id()? };
    Ok(RolePath { user, role: call.segment("role").to_owned() })
}

fn respond_with_one(
    call: &Call,
    options: &RenderOptions,
    member: Option<UserWithRoles>,
    included: Vec<User>,
) -> Result<HttpResponse, Failure> {
    let Some(member) = member else {
        let tag = TagBuilder::new(&call.target(), options, Applied::Nothing).of_list();
        let nothing = || Document::one(None::<Resource<'_, UserWithRoles>>).answer(StatusCode::OK);
        return respond_unless_not_modified(call, &tag, nothing);
    };
    SingleResponse { row: member, included: included.into() }.fetched(call, options)
}

/// The entity tag of a linkage to one user.
pub(super) fn tag_of(target: &str, options: &RenderOptions, linkage: &ToOneLinkage) -> Tag {
    TagBuilder::new(target, options, Applied::Nothing).of_resource(linkage.state())
}

fn respond_with_linkage(
    call: &Call,
    options: &RenderOptions,
    path: &RolePath,
    page_of: PageLinksOf<'_>,
    mut linkage: ToManyLinkage,
) -> Result<HttpResponse, Failure> {
    let is_more = page_of.paging.cut(&mut linkage.page);
    let tag = tag_of_page(&call.target(), options, page_of.paging.applied(), &linkage, is_more);
    respond_unless_not_modified(call, &tag, || render_linkage(call, options, path, page_of, &linkage.page, is_more))
}

/// The entity tag of a page of a linkage, which more rows may follow. It is valid for a change if the page has all rows.
pub(super) fn tag_of_page(
    target: &str,
    options: &RenderOptions,
    applied: Applied,
    linkage: &ToManyLinkage,
    is_more: bool,
) -> Tag {
    TagBuilder::new(target, options, applied).number(is_more.into()).of_resource(linkage.state())
}

/// The document of a page of a linkage, which more rows may follow.
pub(super) fn render_linkage(
    call: &Call,
    options: &RenderOptions,
    path: &RolePath,
    page_of: PageLinksOf<'_>,
    page: &Page<RoleEdge>,
    is_more: bool,
) -> Result<HttpResponse, Failure> {
    let key = |edge: &RoleEdge| SortKey::Id(edge.id.get());
    let shown = page.items.first().zip(page.items.last()).map(|(first, last)| (key(first), key(last)));
    let (links, meta) = page_of.build(call, options, shown.as_ref(), (is_more, page.total))?;
    let links = links.with_related(options.base.join(&urls::role(path.user, &path.role)));
    let data: Vec<_> = page.items.iter().map(|edge| Identifier::of_user(edge.member)).collect();
    Document::list(page_of.paging.applied(), data, links, meta).answer(StatusCode::OK)
}

/// The links of a linkage.
#[derive(Serialize)]
pub(super) struct LinkageLinks {
    #[serde(rename = "self")]
    this: String,
    related: String,
}

impl LinkageLinks {
    /// The links of the linkage of a role.
    pub fn new(options: &RenderOptions, path: &RolePath) -> Self {
        Self {
            this: options.base.join(&urls::role_linkage(path.user, &path.role)),
            related: options.base.join(&urls::role(path.user, &path.role)),
        }
    }
}
