//! `/api/v2/users/{id}/{role}?max-depth=…`: the users with a role towards a user, at any depth.

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use serde::Serialize;

use crate::domain::group_lists::IncludedRecords;
use crate::domain::roles::{self, RolePath};
use crate::domain::traversal::{self, Traversal};
use crate::http::jsonapi::cursor::Cursors;
use crate::http::jsonapi::document::Document;
use crate::http::jsonapi::errors::{ApiProblem, Failure};
use crate::http::jsonapi::etag::TagBuilder;
use crate::http::jsonapi::forward_paging::ForwardPage;
use crate::http::jsonapi::page_links::PageLinkBuilder;
use crate::http::jsonapi::paging::sent_cursors;
use crate::http::jsonapi::profile::Applied;
use crate::http::jsonapi::query::Query;
use crate::http::jsonapi::render_options::RenderOptions;
use crate::http::jsonapi::resources::Resource;
use crate::http::jsonapi::tagged::Tagged;
use crate::http::jsonapi::text::IsoTime;
use crate::http::v2::as_of;
use crate::http::v2::parameters::{FILTER_REACHED, FILTER_SHARED_WITH, MAX_DEPTH};
use crate::http::v2::request::Call;
use crate::http::v2::responses::{add_included, included, respond_unless_not_modified};
use crate::model::code::Code;
use crate::model::error::{Error, Result as JobResult};
use crate::model::past::PastMember;
use crate::model::relationship_type::TypeName;
use crate::model::rules;
use crate::model::text::excerpt;
use crate::model::time::Timestamp;
use crate::model::traversal::Depth;
use crate::model::traversal::page::TraversalPage;
use crate::model::user::User;
use crate::store::{Cost, GatheredTraversal, ShortTraversals, Tx};

/// What all traversals have in common in their cursors.
const LIST: &str = "traversal";

/// `meta` of a traversal.
#[derive(Serialize)]
#[serde(rename_all = "kebab-case")]
struct TraversalMeta {
    total_count: i64,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    has_cycle: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    as_of: Option<IsoTime>,
}

/// A page of a traversal, and the users to include with it.
type Found = (TraversalPage, Vec<User>);

/// `GET /api/v2/users/{id}/{role}` with `max-depth`.
pub(super) async fn get_users(call: Call, path: RolePath, mut query: Query) -> Result<HttpResponse, Failure> {
    let at = as_of::parse_moment_if_sent(&call, &mut query)?;
    let options = call.options_of(&mut query);
    let depth = parse_depth(&mut query);
    let only = query.user_ids(&FILTER_REACHED, call.caller.id);
    let shared_with = query.user_ids(&FILTER_SHARED_WITH, call.caller.id);
    let mut definition = format!("{:?}", (&path, depth, &only, &shared_with));
    if let Some(at) = at {
        definition = format!("{definition} {at:?}");
    }
    let create = |key: &_| Cursors::new(key, [LIST, &definition].into_iter());
    let accept = |cursors: &Cursors| sent_cursors(&query).all(|sent| cursors.has_signed(sent));
    let state = &call.state;
    let cursors = state.cursor_key.cursors(&state.store, create, accept).await.map_err(Failure::without_document)?;
    let page = ForwardPage::parse(&mut query, &cursors);
    call.finish(&mut query).await?;
    let limit = usize::try_from(page.size).unwrap_or_default();
    let traversal = Traversal { path, depth, only, shared_with, after: page.after.clone(), limit };
    let parts = (&query, &page, &cursors);
    if let Some(at) = at {
        let found = run_past(&call, &options, traversal, at).await?;
        return respond(&call, &options, parts, (&found, Some(at)), &IncludedRecords::default());
    }
    let together = run_short(&call, &options, &traversal).await.map_err(Failure::without_document)?;
    let (found, included) = match together {
        Some(found) => (found, Vec::new()),
        None => run(&call, &options, traversal).await.map_err(Failure::without_document)?,
    };
    respond(&call, &options, parts, (&found, None), &included.into())
}

fn parse_depth(query: &mut Query) -> Depth {
    let text = query.text(MAX_DEPTH.name).unwrap_or_default();
    if let Some(depth) = Depth::parse(text) {
        return depth;
    }
    let (name, most, text) = (MAX_DEPTH.name, rules::MAX_DEPTH, excerpt(text));
    let detail = format!("`{name}` must be `all` or an integer from 1 to {most}; got `{text}`");
    query.push_problem(ApiProblem::new(Code::InvalidParameter, detail).parameter(name));
    Depth::All
}

/// Runs a traversal with a short result; `None` if it must run as a job.
async fn run_short(call: &Call, options: &RenderOptions, traversal: &Traversal) -> JobResult<Option<TraversalPage>> {
    let is_plain = traversal.only.is_empty() && traversal.shared_with.is_empty() && traversal.after.is_none();
    let sees_all = call.caller.sees_only().is_none();
    let role = TypeName::parse(&traversal.path.role).filter(|_| is_plain && sees_all);
    let Some(role) = role.filter(|_| options.role_inclusion().is_none()) else { return Ok(None) };
    let Traversal { depth, limit, .. } = *traversal;
    let has_profiles = options.read_budget().has_profiles();
    let gathered = GatheredTraversal { role, user: traversal.path.user, depth, limit, has_profiles };
    let short = ShortTraversals { together: traversal::traverse_together, alone: traversal::traverse_alone };
    call.state.store.traverse("roles.traverse", gathered, call.after, short).await
}

/// Runs a traversal: as a page of work or, if it turns out to visit many users, as one of few searches.
async fn run(call: &Call, options: &RenderOptions, traversal: Traversal) -> JobResult<Found> {
    let job = |may_search: bool| {
        let (caller, budget, inclusion) = (call.caller, options.read_budget(), options.role_inclusion());
        let traversal = traversal.clone();
        move |tx: &mut Tx<'_>| {
            let Some(found) = traversal::traverse(tx, &caller, &traversal, may_search, budget)? else {
                return Ok(None);
            };
            let TraversalPage { page, is_more, has_cycle, end } = found;
            let (page, included) = roles::include(tx, &caller, page, inclusion.as_ref(), |rows| rows)?;
            Ok(Some((TraversalPage { page, is_more, has_cycle, end }, included)))
        }
    };
    let is_stored_count = traversal.limit == 0 && traversal.depth == Depth::All;
    let cost = if is_stored_count { Cost::Bounded } else { Cost::BoundedSnapshot };
    if let Some(found) = call.read("roles.traverse", cost, job(false)).await? {
        return Ok(found);
    }
    let found = call.read("roles.search", Cost::Search, job(true)).await?;
    found.ok_or_else(|| Error::Internal("a search was not run".to_owned()))
}

/// Runs a traversal of the relationships of a moment.
async fn run_past(
    call: &Call,
    options: &RenderOptions,
    traversal: Traversal,
    at: Timestamp,
) -> Result<TraversalPage<PastMember>, Failure> {
    let (caller, budget) = (call.caller, options.read_budget());
    let job = move |tx: &mut Tx<'_>| traversal::traverse_past(tx, &caller, (&traversal, at), budget);
    let found = call.state.store.read_changes("roles.traverse_as_of", Cost::Search, job).await;
    found.map_err(Failure::without_document)
}

fn respond<T: Tagged>(
    call: &Call,
    options: &RenderOptions,
    (query, asked, cursors): (&Query, &ForwardPage, &Cursors),
    (found, at): (&TraversalPage<T>, Option<Timestamp>),
    records: &IncludedRecords,
) -> Result<HttpResponse, Failure>
where
    for<'r> Resource<'r, T>: Serialize,
{
    let TraversalPage { page, is_more, has_cycle, end } = found;
    let tag = TagBuilder::new(&call.target(), options, Applied::Nothing).rows(&page.items);
    let tag = add_included(tag, records).number(page.total).number((*is_more).into()).number((*has_cycle).into());
    respond_unless_not_modified(call, &tag.of_list(), || {
        let builder = PageLinkBuilder {
            base: &options.base,
            path: call.path(),
            raw_query: call.raw_query(),
            query,
            max_offset: call.state.max_offset,
        };
        let next = end.as_ref().filter(|_| *is_more).map(|end| cursors.at_place(end));
        let links = builder.forwards((asked.size_name, &asked.size.to_string()), next.as_deref())?;
        let rows: Vec<_> = page.items.iter().map(|row| Resource::new(row, options)).collect();
        let meta = TraversalMeta { total_count: page.total, has_cycle: *has_cycle, as_of: at.map(IsoTime) };
        let included = included(records, options);
        let resources = rows.len() + included.as_ref().map_or(0, Vec::len);
        let document = Document::list(Applied::Nothing, rows, links, meta).including(included);
        document.answer_of(StatusCode::OK, resources)
    })
}
