//! Responses that several resource types share: one resource, a deletion, a page of a list.

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use actix_web::http::header::{ETAG, HeaderValue, LOCATION};
use serde::Serialize;

use crate::domain::group_lists::IncludedRecords;
use crate::http::jsonapi::cursor::Cursors;
use crate::http::jsonapi::document::{Document, Included};
use crate::http::jsonapi::errors::{ApiProblem, Failure};
use crate::http::jsonapi::etag::{self, Tag, TagBuilder};
use crate::http::jsonapi::page_links::{ListMeta, PageLinkBuilder, PageLinks};
use crate::http::jsonapi::paging::{Paging, sent_cursors, wants_cursors};
use crate::http::jsonapi::past_resources::DeletedUser;
use crate::http::jsonapi::preferences::PREFERENCE_APPLIED;
use crate::http::jsonapi::profile::Applied;
use crate::http::jsonapi::query::Query;
use crate::http::jsonapi::render_options::RenderOptions;
use crate::http::jsonapi::resources::Resource;
use crate::http::jsonapi::tagged::Tagged;
use crate::http::v2::request::Call;
use crate::model::page::{Page, SortKey};
use crate::model::time::Timestamp;

/// A response with one resource.
pub struct SingleResponse<T> {
    /// The resource.
    pub row: T,
    /// The included resources.
    pub included: IncludedRecords,
}

impl<T: Tagged> SingleResponse<T>
where
    for<'a> Resource<'a, T>: Serialize,
{
    /// A resource without included ones.
    pub fn alone(row: T) -> Self {
        Self { row, included: IncludedRecords::default() }
    }

    /// The entity tag of the response to `target`.
    #[must_use]
    pub fn tag(&self, target: &str, options: &RenderOptions) -> Tag {
        let rows = std::slice::from_ref(&self.row);
        let tag = TagBuilder::new(target, options, Applied::Nothing).rows(rows);
        add_included(tag, &self.included).of_resource(self.row.state())
    }

    /// The response to a fetch: the document, or 304 if the client has it.
    ///
    /// # Errors
    /// As [`Document::answer`].
    pub fn fetched(&self, call: &Call, options: &RenderOptions) -> Result<HttpResponse, Failure> {
        let tag = self.tag(&call.target(), options);
        respond_unless_not_modified(call, &tag, || self.document(options).answer(StatusCode::OK))
    }

    /// The response to a change.
    ///
    /// # Errors
    /// As [`Document::answer`].
    pub fn changed(&self, target: &str, options: &RenderOptions) -> Result<HttpResponse, Failure> {
        let mut answer = self.document(options).answer(StatusCode::OK)?;
        answer.headers_mut().insert(ETAG, self.tag(target, options).value());
        Ok(answer)
    }

    /// The response to the creation of a resource at `url`, without its base; `query` is that of the request.
    ///
    /// # Errors
    /// As [`Document::answer`].
    pub fn created(&self, url: &str, query: &str, options: &RenderOptions) -> Result<HttpResponse, Failure> {
        self.with_location(StatusCode::CREATED, url, query, options)
    }

    /// The same for a resource whose work is not done yet.
    ///
    /// # Errors
    /// As [`Document::answer`].
    pub fn accepted(&self, url: &str, query: &str, options: &RenderOptions) -> Result<HttpResponse, Failure> {
        self.with_location(StatusCode::ACCEPTED, url, query, options)
    }

    fn with_location(
        &self,
        status: StatusCode,
        url: &str,
        query: &str,
        options: &RenderOptions,
    ) -> Result<HttpResponse, Failure> {
        let mut answer = self.document(options).answer(status)?;
        let base = &options.base;
        let location =
            if base.is_empty() { HeaderValue::from_str(url) } else { HeaderValue::from_str(&base.join(url)) };
        let location = location.map_err(|error| Failure::internal(error.to_string()))?;
        answer.headers_mut().insert(LOCATION, location);
        answer.headers_mut().insert(ETAG, self.tag(&format!("{url}?{query}"), options).value());
        Ok(answer)
    }

    /// The document with the resource.
    pub fn document<'a>(&'a self, options: &'a RenderOptions) -> Document<'a, Resource<'a, T>> {
        Document::one(Resource::new(&self.row, options)).including(included(&self.included, options))
    }
}

/// The `included` member, if the query has `include`.
pub(super) fn included<'a>(records: &'a IncludedRecords, options: &'a RenderOptions) -> Option<Vec<Included<'a>>> {
    let IncludedRecords { groups, members, users, deleted_users } = records;
    let groups = groups.iter().map(|group| Included::Group(Resource::new(group, options)));
    let members = members.iter().map(|member| Included::Member(Resource::new(member, options)));
    let users = users.iter().map(|user| Included::User(Resource::new(user, options)));
    let deleted = deleted_users.iter().map(|id| Included::DeletedUser(DeletedUser::new(*id)));
    options.has_include().then(|| groups.chain(members).chain(users).chain(deleted).collect())
}

/// Adds the included records to an entity tag.
pub(super) fn add_included(tag: TagBuilder, records: &IncludedRecords) -> TagBuilder {
    let tag = tag.rows(&records.groups).rows(&records.members).rows(&records.users);
    records.deleted_users.iter().fold(tag, |tag, id| tag.number(id.get()))
}

/// The rendered response with its entity tag, or 304 if the client has it already.
///
/// # Errors
/// 412 if `If-Match` has another tag, and those of `render`.
pub fn respond_unless_not_modified(
    call: &Call,
    tag: &Tag,
    render: impl FnOnce() -> Result<HttpResponse, Failure>,
) -> Result<HttpResponse, Failure> {
    etag::check_if_match(call.headers(), tag)?;
    let known = tag.find_in_if_none_match(call.headers());
    let mut answer = if known.is_some() { HttpResponse::NotModified().finish() } else { render()? };
    answer.headers_mut().insert(ETAG, known.as_ref().unwrap_or(tag).value());
    Ok(answer)
}

/// The response to a deletion: 204, or a document with `meta` only for clients that need one.
///
/// # Errors
/// As [`Document::answer`].
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

/// Parses the page that a query requests, and the cursors of the list for pagination by cursor. `definition` is everything
/// that decides which rows the list has and in which order.
///
/// # Errors
/// 400 with every problem of the query, or 503 if the key of the cursors cannot be read.
pub async fn parse_page(
    call: &Call,
    query: &mut Query,
    kind: &str,
    definition: &impl std::fmt::Debug,
) -> Result<(Paging, Option<Cursors>), Failure> {
    if !wants_cursors(query, call.accepted.cursor_profile) {
        let paging = Paging::by_offset(query, call.state.max_offset);
        return call.finish(query).await.map(|()| (paging, None));
    }
    let definition = format!("{definition:?}");
    let create = |key: &_| Cursors::new(key, [kind, &definition].into_iter());
    let accept = |cursors: &Cursors| sent_cursors(query).all(|sent| cursors.has_signed(sent));
    let state = &call.state;
    let cursors = state.cursor_key.cursors(&state.store, create, accept).await.map_err(Failure::without_document)?;
    let paging = Paging::by_cursor(query, &cursors);
    call.finish(query).await.map_err(Failure::with_profile_links)?;
    Ok((paging, Some(cursors)))
}

/// A response with a page of a list.
pub struct ListResponse<'a, T> {
    /// The query.
    pub query: &'a Query,
    /// The requested page.
    pub paging: &'a Paging,
    /// The cursors of the list, for pagination by cursor.
    pub cursors: Option<&'a Cursors>,
    /// The rows of the page.
    pub page: Page<T>,
    /// The included resources.
    pub included: IncludedRecords,
}

impl<T: Tagged> ListResponse<'_, T>
where
    for<'r> Resource<'r, T>: Serialize,
{
    /// Renders the document, or returns 304 if the client has it. `sort_key` returns the sort key of a row.
    ///
    /// # Errors
    /// As [`Document::answer_of`]; 400 if a link to another page would be too long.
    pub fn answer(
        self,
        call: &Call,
        options: &RenderOptions,
        sort_key: impl Fn(&T) -> SortKey,
    ) -> Result<HttpResponse, Failure> {
        self.answer_as_of(call, options, None, sort_key)
    }

    /// As [`answer`](Self::answer), for a list at a moment; `None` for the present.
    ///
    /// # Errors
    /// As [`answer`](Self::answer).
    pub fn answer_as_of(
        mut self,
        call: &Call,
        options: &RenderOptions,
        at: Option<Timestamp>,
        sort_key: impl Fn(&T) -> SortKey,
    ) -> Result<HttpResponse, Failure> {
        let applied = self.paging.applied();
        // With cursors a page may end early: the next one starts after its last row.
        if self.page.is_cut && self.cursors.is_none() {
            return Err(Failure::answer_too_large());
        }
        let is_more = self.paging.cut(&mut self.page) || self.page.is_cut;
        let total = self.page.total;
        let tag = TagBuilder::new(&call.target(), options, applied).rows(&self.page.items);
        let tag = add_included(tag, &self.included).number(total).number(is_more.into()).of_list();
        respond_unless_not_modified(call, &tag, || {
            let rows = &self.page.items;
            let shown = rows.first().zip(rows.last()).map(|(first, last)| (sort_key(first), sort_key(last)));
            let page = PageLinksOf { query: self.query, paging: self.paging, cursors: self.cursors };
            let (links, meta) = page.build(call, options, shown.as_ref(), (is_more, total))?;
            let cursor = |row: &T| self.cursors.map(|cursors| cursors.at(sort_key(row)));
            let rows: Vec<_> = rows.iter().map(|row| Resource::with_cursor(row, options, cursor(row))).collect();
            let included = included(&self.included, options);
            let resources = rows.len() + included.as_ref().map_or(0, Vec::len);
            Document::list(applied, rows, links, meta.at_moment(at))
                .including(included)
                .answer_of(StatusCode::OK, resources)
        })
    }
}

/// What the links to the other pages of a list depend on.
#[derive(Clone, Copy)]
pub struct PageLinksOf<'a> {
    /// The query.
    pub query: &'a Query,
    /// The requested page.
    pub paging: &'a Paging,
    /// The cursors of the list, for pagination by cursor.
    pub cursors: Option<&'a Cursors>,
}

impl PageLinksOf<'_> {
    /// The links and `meta` of a page. `shown` has the sort keys of its first and last row; then come whether more rows
    /// follow, and the total.
    ///
    /// # Errors
    /// 400 if a link to another page would be too long.
    pub fn build(
        &self,
        call: &Call,
        options: &RenderOptions,
        shown: Option<&(SortKey, SortKey)>,
        (is_more, total): (bool, i64),
    ) -> Result<(PageLinks, ListMeta), ApiProblem> {
        let builder = PageLinkBuilder {
            base: &options.base,
            path: call.path(),
            raw_query: call.raw_query(),
            query: self.query,
            max_offset: call.state.max_offset,
        };
        match (self.paging, self.cursors) {
            (Paging::Cursor { size, after, before }, Some(cursors)) => {
                builder.by_cursor(cursors, (*size, after.as_ref(), before.as_ref()), shown, is_more, total)
            }
            (Paging::Offset { offset, limit, is_numbered }, _) => {
                builder.by_offset(*offset, *limit, *is_numbered, total)
            }
            (Paging::Cursor { size, .. }, None) => builder.by_offset(0, *size, false, total),
        }
    }
}
