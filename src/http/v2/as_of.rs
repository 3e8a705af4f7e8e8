//! `filter[as-of]`: relationships, and the users with a role, as they were at a moment.

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use serde::Serialize;

use crate::domain::as_of::{self, PastRelationships, PastRoleUsers};
use crate::domain::group_lists::IncludedRecords;
use crate::domain::roles::RolePath;
use crate::http::jsonapi::document::Document;
use crate::http::jsonapi::errors::{ApiProblem, Failure};
use crate::http::jsonapi::etag::TagBuilder;
use crate::http::jsonapi::paging::refuse_paging;
use crate::http::jsonapi::parameter::Parameter;
use crate::http::jsonapi::profile::Applied;
use crate::http::jsonapi::query::Query;
use crate::http::jsonapi::render_options::RenderOptions;
use crate::http::jsonapi::resources::{Resource, USER_RELATIONSHIPS};
use crate::http::jsonapi::text::IsoTime;
use crate::http::v2::parameters::{
    FILTER_AS_OF, FILTER_PARTICIPANT, FILTER_TARGET, FILTER_TARGET_ENABLED, FILTER_USER, FILTER_USER_ENABLED,
    INCLUDE_ROLES,
};
use crate::http::v2::relationship_filter::parse_filter;
use crate::http::v2::request::Call;
use crate::http::v2::responses::{ListResponse, parse_page, respond_unless_not_modified};
use crate::model::code::Code;
use crate::model::id::RelationshipId;
use crate::model::page::{PageRequest, Sort, SortKey};
use crate::model::past::PastMember;
use crate::model::time::Timestamp;
use crate::store::{Cost, Tx};

/// What all lists of users with a role at a moment have in common in their cursors.
const LIST: &str = "roles-as-of";

/// `meta` of a document with at most one user.
#[derive(Serialize)]
#[serde(rename_all = "kebab-case")]
struct PastMeta {
    as_of: IsoTime,
}

/// `GET /api/v2/user-relationships?filter[as-of]=…`
pub(super) async fn list_relationships(call: Call, mut query: Query) -> Result<HttpResponse, Failure> {
    let at = parse_moment(&call, &mut query)?;
    let filter = parse_filter(&mut query, call.caller.id);
    for parameter in [FILTER_USER_ENABLED, FILTER_TARGET_ENABLED] {
        refuse(&mut query, &parameter, Code::InvalidParameter, "it is not known whether users were enabled then");
    }
    if ![FILTER_USER, FILTER_TARGET, FILTER_PARTICIPANT].iter().any(|parameter| query.has(parameter)) {
        let detail = "`filter[as-of]` needs `filter[user]`, `filter[target]` or `filter[participant]`; add one of them";
        query.push_problem(ApiProblem::new(Code::InvalidParameter, detail).parameter(FILTER_AS_OF.name));
    }
    let sort = query.sort(Sort::default());
    let options = call.options_of(&mut query);
    let (paging, cursors) = parse_page(&call, &mut query, USER_RELATIONSHIPS, &(&filter, sort, at)).await?;
    let (caller, slice, page_rows) = (call.caller, paging.slice(sort), paging.clone());
    let (ends, budget) = (options.included_ends(), options.read_budget());
    let has_authors = options.names_authors();
    let cost = cost_of(&slice);
    let job = move |tx: &mut Tx<'_>| {
        let mut page = as_of::list(tx, &caller, at, &filter, &slice)?;
        if has_authors {
            as_of::load_authors(tx, &caller, &mut page.items)?;
        }
        let (included, deleted) = as_of::load_endpoints(tx, page_rows.shown(&page.items), &ends, budget)?;
        Ok(PastRelationships { page, included, deleted })
    };
    let found = call.state.store.read_changes("relationships.list_as_of", cost, job).await;
    let PastRelationships { page, included, deleted } = found
        .map_err(Failure::without_document)
        .map_err(|failure| if cursors.is_some() { failure.with_profile_links() } else { failure })?;
    let included = IncludedRecords { deleted_users: deleted, ..included.into() };
    let listed = ListResponse { query: &query, paging: &paging, cursors: cursors.as_ref(), page, included };
    listed.answer_as_of(&call, &options, Some(at), |row| row.edge.sort_key(sort.by))
}

/// `GET /api/v2/users/{id}/{role}?filter[as-of]=…`
pub(super) async fn list_role_users(call: Call, path: RolePath, mut query: Query) -> Result<HttpResponse, Failure> {
    let at = parse_moment(&call, &mut query)?;
    refuse_roles(&mut query);
    let options = call.options_of(&mut query);
    let (paging, cursors) = parse_page(&call, &mut query, LIST, &(&path, at)).await?;
    let (caller, slice, budget) = (call.caller, paging.slice(Sort::default()), options.read_budget());
    let cost = cost_of(&slice);
    let job = move |tx: &mut Tx<'_>| as_of::list_members(tx, &caller, (&path, at), &slice, budget);
    let found = call.state.store.read_changes("roles.list_as_of", cost, job).await;
    let PastRoleUsers { is_to_one, mut page } = found.map_err(Failure::without_document)?;
    if is_to_one {
        refuse_paging(&mut query)?;
        return respond_with_one(&call, &options, page.items.pop().as_ref(), at);
    }
    let included = IncludedRecords::default();
    let listed = ListResponse { query: &query, paging: &paging, cursors: cursors.as_ref(), page, included };
    let sort_key = |row: &PastMember| SortKey::Id(row.edge().map_or(0, RelationshipId::get));
    listed.answer_as_of(&call, &options, Some(at), sort_key)
}

/// Parses the moment, for a caller who may see the past. Problems of the moment are reported by the query.
///
/// # Errors
/// 403.
fn parse_moment(call: &Call, query: &mut Query) -> Result<Timestamp, Failure> {
    as_of::authorize(&call.caller).map_err(Failure::without_document)?;
    Ok(query.moment(&FILTER_AS_OF).unwrap_or(Timestamp::from_micros(0)))
}

/// As [`parse_moment`], for a list that has a moment or none, without included roles of the past.
///
/// # Errors
/// As [`parse_moment`].
pub(super) fn parse_moment_if_sent(call: &Call, query: &mut Query) -> Result<Option<Timestamp>, Failure> {
    if !query.has(&FILTER_AS_OF) {
        return Ok(None);
    }
    refuse_roles(query);
    parse_moment(call, query).map(Some)
}

/// Refuses to include roles: those of that moment are not read.
fn refuse_roles(query: &mut Query) {
    let reason = "only the present roles of users can be included";
    refuse(query, &INCLUDE_ROLES, Code::UnsupportedInclude, reason);
}

fn refuse(query: &mut Query, parameter: &Parameter, code: Code, reason: &str) {
    if query.has(parameter) {
        let name = parameter.name;
        let detail = format!("`{name}` cannot be combined with `filter[as-of]`, because {reason}; remove one of them");
        query.push_problem(ApiProblem::new(code, detail).parameter(name));
    }
}

fn cost_of(slice: &PageRequest) -> Cost {
    if slice.is_shallow() { Cost::Unbounded } else { Cost::Search }
}

fn respond_with_one(
    call: &Call,
    options: &RenderOptions,
    member: Option<&PastMember>,
    at: Timestamp,
) -> Result<HttpResponse, Failure> {
    let tag = TagBuilder::new(&call.target(), options, Applied::Nothing);
    let tag = tag.rows(member.map(std::slice::from_ref).unwrap_or_default()).of_list();
    respond_unless_not_modified(call, &tag, || {
        let row = member.map(|member| Resource::new(member, options));
        Document::one(row).with_meta(PastMeta { as_of: IsoTime(at) }).answer(StatusCode::OK)
    })
}
