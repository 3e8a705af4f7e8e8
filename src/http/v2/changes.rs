//! `/api/v2/changes` and the histories of relationships and of users.

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use actix_web::http::header::HeaderValue;
use serde::Serialize;
use std::time::Duration;

use crate::domain::changes::{ChangeBound, ChangeScope, ChangesRequest, VisibleChange, VisibleChanges};
use crate::domain::policy::{self, Action};
use crate::http::jsonapi::change_cursor::ChangeCursors;
use crate::http::jsonapi::change_paging::ChangePaging;
use crate::http::jsonapi::document::Document;
use crate::http::jsonapi::errors::{ApiProblem, Failure};
use crate::http::jsonapi::etag::{Tag, TagBuilder};
use crate::http::jsonapi::page_links::{PageLinkBuilder, PageLinks};
use crate::http::jsonapi::paging::sent_cursors;
use crate::http::jsonapi::parameter::Parameter;
use crate::http::jsonapi::preferences::PREFERENCE_APPLIED;
use crate::http::jsonapi::profile::Applied;
use crate::http::jsonapi::query::Query;
use crate::http::jsonapi::render_options::RenderOptions;
use crate::http::jsonapi::resources::Resource;
use crate::http::urls::BaseUrl;
use crate::http::v2::change_parameters::{
    FILTER_ACTION, FILTER_ACTOR, FILTER_RELATIONSHIP, FILTER_SINCE, FILTER_SUBJECT_TYPE, FILTER_UNTIL, FILTER_USER,
    HISTORY_OF_RELATIONSHIP, HISTORY_OF_USER, LIST_CHANGES,
};
use crate::http::v2::change_waits;
use crate::http::v2::request::Call;
use crate::http::v2::responses::respond_unless_not_modified;
use crate::model::change::{ChangeAction, ChangePosition, ChangeSubjectType};
use crate::model::change_query::ChangeFilter;
use crate::model::code::Code;
use crate::model::id::UserId;
use crate::model::page::Sort;
use crate::model::relationship_type::TypeName;

/// `meta` of a list of changes.
#[derive(Serialize)]
struct ChangesMeta {
    #[serde(skip_serializing_if = "Option::is_none")]
    cursor: Option<String>,
}

/// A parsed request for a list of changes.
struct ChangeList {
    query: Query,
    options: RenderOptions,
    cursors: ChangeCursors,
    request: ChangesRequest,
}

/// `GET /api/v2/changes`
pub async fn list(call: Call) -> Result<HttpResponse, Failure> {
    policy::require(&call.caller, Action::SeeChanges).map_err(Failure::without_document)?;
    let list = ChangeList::parse(&call, ChangeScope::All, LIST_CHANGES).await?;
    let granted = change_waits::grant(&call, &list.request);
    let wait = Duration::from_secs(granted.unwrap_or_default());
    let found = change_waits::read_or_wait(&call, &list.request, wait).await;
    let mut response = list.respond(&call, found)?;
    if let Some(Ok(applied)) = granted.map(|seconds| HeaderValue::try_from(format!("wait={seconds}"))) {
        response.headers_mut().append(PREFERENCE_APPLIED, applied);
    }
    Ok(response)
}

/// `GET /api/v2/user-relationships/{id}/changes`
pub async fn list_of_relationship(call: Call) -> Result<HttpResponse, Failure> {
    let scope = ChangeScope::OfRelationship(call.id()?);
    let list = ChangeList::parse(&call, scope, HISTORY_OF_RELATIONSHIP).await?;
    let found = change_waits::read(&call, &list.request).await;
    list.respond(&call, found)
}

/// `GET /api/v2/users/{id}/changes`
pub async fn list_of_user(call: Call) -> Result<HttpResponse, Failure> {
    let id: UserId = if call.segment("id") == "me" { call.caller.id } else { call.id()? };
    let list = ChangeList::parse(&call, ChangeScope::OfUser(id), HISTORY_OF_USER).await?;
    let found = change_waits::read(&call, &list.request).await;
    list.respond(&call, found)
}

impl ChangeList {
    async fn parse(call: &Call, scope: ChangeScope, parameters: &'static [Parameter]) -> Result<Self, Failure> {
        let mut query = call.query(parameters)?;
        let options = call.options_of(&mut query);
        let accept = |cursors: &ChangeCursors| sent_cursors(&query).all(|sent| cursors.has_signed(sent));
        let cursors = call.state.cursor_key.cursors(&call.state.store, ChangeCursors::new, accept).await;
        let cursors = cursors.map_err(Failure::without_document)?;
        let filter = parse_filter(&mut query, call.caller.id);
        let order = query.sort(Sort::default()).direction;
        let ChangePaging { size, start, after, before } = ChangePaging::parse(&mut query, &cursors, order);
        call.finish(&mut query).await?;
        let request = ChangesRequest { scope, filter, order, start, after, before, size };
        Ok(Self { query, options, cursors, request })
    }

    fn respond(&self, call: &Call, found: Result<VisibleChanges, Failure>) -> Result<HttpResponse, Failure> {
        let found = found.map_err(|failure| self.with_start(call, failure))?;
        respond_unless_not_modified(call, &self.tag(call, &found), || {
            let links = self.links(call, &found)?;
            let rows: Vec<_> = found.changes.iter().map(|row| Resource::new(row, &self.options)).collect();
            let meta = ChangesMeta { cursor: found.cursor.map(|position| self.cursors.at(position)) };
            let count = rows.len();
            Document::list(Applied::Nothing, rows, links, meta).answer_of(StatusCode::OK, count)
        })
    }

    /// Says where to start again after `cursor-expired`.
    fn with_start(&self, call: &Call, failure: Failure) -> Failure {
        match self.link_builder(call, &BaseUrl::default()).start() {
            Ok(path) => failure.with_about(Code::CursorExpired, &path),
            Err(_) => failure,
        }
    }

    fn link_builder<'a>(&'a self, call: &'a Call, base: &'a BaseUrl) -> PageLinkBuilder<'a> {
        let (query, max_offset) = (&self.query, call.state.max_offset);
        PageLinkBuilder { base, path: call.path(), raw_query: call.raw_query(), query, max_offset }
    }

    /// The neighbours of a page. An empty page begins and ends at its bound, which belongs to the neighbour.
    fn links(&self, call: &Call, found: &VisibleChanges) -> Result<PageLinks, ApiProblem> {
        let ChangesRequest { after, before, size, .. } = &self.request;
        let flip = |bound: &ChangeBound| ChangeBound { is_inclusive: !bound.is_inclusive, ..*bound };
        let at = |position: ChangePosition| ChangeBound { position, is_inclusive: false };
        let shown = |row: Option<&VisibleChange>| row.map(|row| at(row.change.position()));
        let further = found.end.filter(|_| !found.is_end).map(at);
        let (previous, next) = if self.request.is_from_end() {
            (further, shown(found.changes.last()).or_else(|| before.as_ref().map(flip)))
        } else {
            let first = after.as_ref().map(|after| shown(found.changes.first()).unwrap_or_else(|| flip(after)));
            (first, further)
        };
        let [previous, next] = [previous, next].map(|bound| bound.map(|bound| self.cursors.write(bound)));
        self.link_builder(call, &self.options.base).of_changes(*size, previous.as_deref(), next.as_deref())
    }

    fn tag(&self, call: &Call, found: &VisibleChanges) -> Tag {
        let mut tag = TagBuilder::new(&call.target(), &self.options, Applied::Nothing);
        for row in &found.changes {
            tag =
                tag.number(row.change.number).number(row.change.change.at.micros()).number(row.is_actor_visible.into());
        }
        let position = |position: Option<ChangePosition>| position.map_or(-1, |position| position.fingerprint);
        tag.number(position(found.cursor)).number(position(found.end)).number(found.is_end.into()).of_list()
    }
}

pub(crate) fn parse_filter(query: &mut Query, caller: UserId) -> ChangeFilter {
    ChangeFilter {
        subject_types: query.names(&FILTER_SUBJECT_TYPE, ChangeSubjectType::parse),
        actions: query.names(&FILTER_ACTION, ChangeAction::parse),
        relationships: query.list(&FILTER_RELATIONSHIP, TypeName::RULE, TypeName::parse),
        users: query.user_ids(&FILTER_USER, caller),
        actors: query.user_ids(&FILTER_ACTOR, caller),
        relationship: None,
        since: query.moment(&FILTER_SINCE),
        until: query.moment(&FILTER_UNTIL),
    }
}
