//! Answers that several kinds of resources share: one resource, a new one, a deleted one, a page of a list.

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use actix_web::http::header::{ETAG, HeaderValue, LOCATION};
use serde::Serialize;

use crate::domain::group_lists::IncludedRecords;
use crate::http::jsonapi::cursor::Cursors;
use crate::http::jsonapi::document::{Document, Included};
use crate::http::jsonapi::errors::Failure;
use crate::http::jsonapi::etag::{self, Tag, TagOf, Tagged};
use crate::http::jsonapi::page_links::PageLinkBuilder;
use crate::http::jsonapi::paging::{Paging, wants_cursors};
use crate::http::jsonapi::preferences::PREFERENCE_APPLIED;
use crate::http::jsonapi::profile::Applied;
use crate::http::jsonapi::query::Query;
use crate::http::jsonapi::resources::Resource;
use crate::http::jsonapi::view::RenderOptions;
use crate::http::v2::request::Call;
use crate::model::page::{Page, SortKey};

/// One resource and what comes along.
pub struct SingleResponse<T> {
    /// The resource.
    pub row: T,
    /// Users at its ends, and whatever else stands around it.
    pub included: IncludedRecords,
}

impl<T: Tagged> SingleResponse<T>
where
    for<'a> Resource<'a, T>: Serialize,
{
    /// A resource that brings nobody along.
    pub fn alone(row: T) -> Self {
        Self { row, included: IncludedRecords::default() }
    }

    /// The tag of the answer to `target`.
    #[must_use]
    pub fn tag(&self, target: &str, view: &RenderOptions) -> Tag {
        let rows = std::slice::from_ref(&self.row);
        let tag = TagOf::new(target, view.zone, Applied::Nothing).rows(rows);
        tag_with(tag, &self.included).of_resource(self.row.state())
    }

    /// The answer to a request that fetches it: the document, or 304 if the client has it.
    ///
    /// # Errors
    /// 500 if the document cannot be written.
    pub fn fetched(&self, call: &Call, view: &RenderOptions) -> Result<HttpResponse, Failure> {
        let tag = self.tag(&call.target(), view);
        respond_unless_not_modified(call, &tag, || self.document(view).answer(StatusCode::OK))
    }

    /// The answer to a request that changed it.
    ///
    /// # Errors
    /// 500 if the document cannot be written.
    pub fn changed(&self, target: &str, view: &RenderOptions) -> Result<HttpResponse, Failure> {
        let mut answer = self.document(view).answer(StatusCode::OK)?;
        answer.headers_mut().insert(ETAG, self.tag(target, view).value());
        Ok(answer)
    }

    /// The answer to a request that created it at `url`; `query` is that of the request.
    ///
    /// # Errors
    /// 500 if the document cannot be written.
    pub fn created(&self, url: &str, query: &str, view: &RenderOptions) -> Result<HttpResponse, Failure> {
        let mut answer = self.document(view).answer(StatusCode::CREATED)?;
        let location = HeaderValue::from_str(url).map_err(|error| Failure::internal(error.to_string()))?;
        answer.headers_mut().insert(LOCATION, location);
        answer.headers_mut().insert(ETAG, self.tag(&format!("{url}?{query}"), view).value());
        Ok(answer)
    }

    /// The document that shows it.
    pub fn document<'a>(&'a self, view: &'a RenderOptions) -> Document<'a, Resource<'a, T>> {
        Document::one(Resource::new(&self.row, view)).including(included(&self.included, view))
    }
}

/// The `included` member, if `include` was asked for.
fn included<'a>(companions: &'a IncludedRecords, view: &'a RenderOptions) -> Option<Vec<Included<'a>>> {
    let IncludedRecords { groups, members, users } = companions;
    let groups = groups.iter().map(|group| Included::Group(Resource::new(group, view)));
    let members = members.iter().map(|member| Included::Member(Resource::new(member, view)));
    let users = users.iter().map(|user| Included::User(Resource::new(user, view)));
    view.is_including().then(|| groups.chain(members).chain(users).collect())
}

/// The same tag, of all that comes along too.
fn tag_with(tag: TagOf, companions: &IncludedRecords) -> TagOf {
    tag.rows(&companions.groups).rows(&companions.members).rows(&companions.users)
}

/// The answer with its tag, or 304 without a body if the client has it already.
///
/// # Errors
/// 412 if `If-Match` asks for another one, and those of `render`.
pub fn respond_unless_not_modified(
    call: &Call,
    tag: &Tag,
    render: impl FnOnce() -> Result<HttpResponse, Failure>,
) -> Result<HttpResponse, Failure> {
    etag::require(call.headers(), tag)?;
    let known = tag.known(call.headers());
    let mut answer = if known.is_some() { HttpResponse::NotModified().finish() } else { render()? };
    answer.headers_mut().insert(ETAG, known.as_ref().unwrap_or(tag).value());
    Ok(answer)
}

/// The answer to a deletion: nothing, or a document with `meta` alone for clients that cannot read nothing.
///
/// # Errors
/// 500 if the document cannot be written.
pub fn deleted(call: &Call) -> Result<HttpResponse, Failure> {
    #[derive(Serialize)]
    struct Meta {
        deleted: bool,
    }
    if !call.preferences.representation {
        return Ok(HttpResponse::NoContent().finish());
    }
    let mut answer = Document::about(None::<()>, Meta { deleted: true }).answer(StatusCode::OK)?;
    answer.headers_mut().append(PREFERENCE_APPLIED, HeaderValue::from_static("return=representation"));
    Ok(answer)
}

/// The page that a list's query asks for, with the list's cursors if it is paged by them. `definition` is all that
/// decides which rows the list has and in which order.
///
/// # Errors
/// 400 with every problem of the query, or 503 if the key of the cursors cannot be had.
pub async fn parse_page<'c>(
    call: &'c Call,
    query: &mut Query,
    kind: &str,
    definition: &impl std::fmt::Debug,
) -> Result<(Paging, Option<Cursors<'c>>), Failure> {
    if !wants_cursors(query, call.accepted.cursor_profile) {
        let paging = Paging::by_offset(query, call.state.max_offset);
        return query.finish().map(|()| (paging, None));
    }
    let key = call.state.cursor_key().await.map_err(Failure::without_document)?;
    let cursors = Cursors::new(key, [kind, &format!("{definition:?}")].into_iter());
    let paging = Paging::by_cursor(query, &cursors);
    query.finish().map_err(Failure::by_profile)?;
    Ok((paging, Some(cursors)))
}

/// A page of a list as it was read, and all that its answer is made from.
pub struct ListResponse<'a, T> {
    /// The query.
    pub query: &'a Query,
    /// The page that was asked for.
    pub paging: &'a Paging,
    /// The cursors of the list, if it is paged by them.
    pub cursors: Option<&'a Cursors<'a>>,
    /// The rows as they were read.
    pub page: Page<T>,
    /// What comes along.
    pub included: IncludedRecords,
}

impl<T: Tagged> ListResponse<'_, T>
where
    for<'r> Resource<'r, T>: Serialize,
{
    /// The answer: the document, or 304 if the client has it. `place` says where a row stands in the list's order.
    ///
    /// # Errors
    /// 413 if it is too large, 500 if it cannot be written.
    pub fn answer(
        mut self,
        call: &Call,
        view: &RenderOptions,
        place: impl Fn(&T) -> SortKey,
    ) -> Result<HttpResponse, Failure> {
        let applied = self.paging.applied();
        // By cursor a page may end early: the next one begins after its last row.
        if self.page.is_cut && self.cursors.is_none() {
            return Err(Failure::answer_too_large());
        }
        let is_more = self.paging.cut(&mut self.page) || self.page.is_cut;
        let total = self.page.total;
        let tag = TagOf::new(&call.target(), view.zone, applied).rows(&self.page.items);
        let tag = tag_with(tag, &self.included).number(total).number(is_more.into()).of_list();
        respond_unless_not_modified(call, &tag, || {
            let asked = PageLinkBuilder {
                path: call.path(),
                raw_query: call.raw_query(),
                query: self.query,
                max_offset: call.state.max_offset,
            };
            let rows = &self.page.items;
            let (links, meta) = match (self.paging, self.cursors) {
                (Paging::Cursor { size, after, before }, Some(cursors)) => {
                    let shown = rows.first().zip(rows.last()).map(|(first, last)| (place(first), place(last)));
                    asked.by_cursor(cursors, (*size, after.as_ref(), before.as_ref()), shown.as_ref(), is_more, total)
                }
                (Paging::Offset { offset, limit }, _) => asked.by_offset(*offset, *limit, total),
                (Paging::Cursor { size, .. }, None) => asked.by_offset(0, *size, total),
            };
            let cursor = |row: &T| self.cursors.map(|cursors| cursors.at(place(row)));
            let rows: Vec<_> = rows.iter().map(|row| Resource::with_cursor(row, view, cursor(row))).collect();
            let included = included(&self.included, view);
            let resources = rows.len() + included.as_ref().map_or(0, Vec::len);
            Document::list(applied, rows, links, meta).including(included).answer_of(StatusCode::OK, resources)
        })
    }
}
