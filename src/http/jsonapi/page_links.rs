//! `links` and `meta` of a page of a list.

use serde::Serialize;
use std::borrow::Cow;

use super::change_paging::FILTER_FROM;
use super::cursor::Cursors;
use super::errors::ApiProblem;
use super::paging::{AFTER, BEFORE, LIMIT, NUMBER, OFFSET, SIZE};
use super::profile::Applied;
use super::query::Query;
use super::text::IsoTime;
use crate::http::urls::{BaseUrl, LONGEST_URI};
use crate::model::code::Code;
use crate::model::page::{Bound, SortKey};
use crate::model::time::Timestamp;

/// The parameters that decide which page of a list is shown. Every link sets them itself.
const PAGE: [&str; 7] = [OFFSET.name, LIMIT.name, NUMBER.name, SIZE.name, AFTER.name, BEFORE.name, FILTER_FROM.name];
/// The longest path and query of a link without its pagination parameters, in bytes. The rest of [`LONGEST_URI`] is for
/// them, so that either all pages of a list have links or none; only cursors with long names are longer.
const LONGEST_LIST_URI: usize = LONGEST_URI - 256;

/// `meta` of a list.
#[derive(Debug, Serialize)]
pub struct ListMeta {
    #[serde(rename = "total-count")]
    total_count: i64,
    #[serde(rename = "as-of", skip_serializing_if = "Option::is_none")]
    as_of: Option<IsoTime>,
    #[serde(skip_serializing_if = "Option::is_none")]
    page: Option<PageMeta>,
}

impl ListMeta {
    /// The same `meta` of a list at a moment; `None` for the present.
    #[must_use]
    pub(in crate::http) fn at_moment(self, at: Option<Timestamp>) -> Self {
        Self { as_of: at.map(IsoTime), ..self }
    }
}

#[derive(Debug, Serialize)]
struct PageMeta {
    total: i64,
    #[serde(rename = "rangeTruncated", skip_serializing_if = "std::ops::Not::not")]
    is_truncated: bool,
}

/// `links.self`: a link object with the media type if the response follows a profile (JSON:API 1.1, "Top Level").
#[derive(Debug, Serialize)]
#[serde(untagged)]
enum This {
    Plain(String),
    Typed {
        href: String,
        #[serde(rename = "type")]
        media_type: &'static str,
    },
}

/// Links to other pages. `None` is rendered as `null`: there is no such page. `self`, `first` and `last` are also `null` if
/// their URL would be longer than [`LONGEST_URI`]; for `prev` and `next` that is an error, because the page would look like
/// the end of the list.
#[derive(Debug, Serialize)]
pub struct PageLinks {
    #[serde(rename = "self")]
    this: Option<This>,
    /// The resources that a linkage is about.
    #[serde(skip_serializing_if = "Option::is_none")]
    related: Option<String>,
    first: Option<String>,
    last: Option<String>,
    prev: Option<String>,
    next: Option<String>,
}

impl PageLinks {
    /// The same links of a linkage, with the URL of the resources that it is about.
    #[must_use]
    pub fn with_related(self, url: String) -> Self {
        Self { related: Some(url), ..self }
    }
}

/// Percent-encodes the characters of a query that RFC 3986 §3.4 forbids and HTTP accepts. Brackets stay as they are.
fn encode_query(query: &str) -> Cow<'_, str> {
    let is_legal = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~:/?[]@!$&'()*+,;=".contains(&byte);
    let is_escape = |at: usize| {
        let digits = query.as_bytes().get(at + 1..at + 3);
        digits.is_some_and(|digits| digits.iter().all(u8::is_ascii_hexdigit))
    };
    let is_kept = |(at, byte): (usize, u8)| is_legal(byte) || (byte == b'%' && is_escape(at));
    if query.bytes().enumerate().all(is_kept) {
        return query.into();
    }
    let encoded = query
        .bytes()
        .enumerate()
        .map(|(at, byte)| if is_kept((at, byte)) { char::from(byte).to_string() } else { format!("%{byte:02X}") });
    encoded.collect()
}

/// Builds the links of a page from its request.
pub struct PageLinkBuilder<'a> {
    /// The start of all URLs.
    pub base: &'a BaseUrl,
    /// The path.
    pub path: &'a str,
    /// The query as it was sent.
    pub raw_query: &'a str,
    /// The parsed query.
    pub query: &'a Query,
    /// The largest offset of a link.
    pub max_offset: i64,
}

impl PageLinkBuilder<'_> {
    /// The URL of another page of the list: the query of the client under JSON:API names and percent-encoded, with these
    /// pagination parameters.
    ///
    /// # Errors
    /// 400 if it would be too long: percent-encoding can triple the length.
    fn url(&self, page: &[(&str, &str)]) -> Result<String, ApiProblem> {
        let start = [self.base.as_str(), self.path, "?"].concat();
        let query_at = start.len();
        let mut list = form_urlencoded::Serializer::for_suffix(start, query_at);
        let list = list.extend_pairs(self.query.canonical(&PAGE)).finish();
        let is_short = list.len() <= LONGEST_LIST_URI + self.base.origin_length();
        let mut url = form_urlencoded::Serializer::for_suffix(list, query_at);
        self.within_limit(url.extend_pairs(page).finish()).filter(|_| is_short).ok_or_else(|| self.too_long())
    }

    fn too_long(&self) -> ApiProblem {
        let name = self.query.longest_name();
        let detail = format!(
            "the query, percent-encoded, leaves no room for links to the other pages of this list in a URI of \
             {LONGEST_URI} bytes; shorten `{name}`"
        );
        ApiProblem::new(Code::InvalidParameter, detail).parameter(name)
    }

    /// A URL, unless its request target is too long for this service.
    fn within_limit(&self, url: String) -> Option<String> {
        (url.len() <= LONGEST_URI + self.base.origin_length()).then_some(url)
    }

    fn this(&self, applied: Applied) -> Option<This> {
        let query = encode_query(self.raw_query);
        let separator = if query.is_empty() { "" } else { "?" };
        let href = self.within_limit([self.base.as_str(), self.path, separator, &*query].concat())?;
        Some(match applied {
            Applied::Nothing => This::Plain(href),
            other => This::Typed { href, media_type: other.media_type() },
        })
    }

    /// The links and `meta` of a page by offset. No link exceeds `max_offset`. Links have page numbers if the client sent
    /// one, because some client libraries read the number in a link.
    ///
    /// # Errors
    /// 400 if the URL of the previous or the next page would be too long.
    pub fn by_offset(
        &self,
        offset: i64,
        limit: i64,
        is_numbered: bool,
        total: i64,
    ) -> Result<(PageLinks, ListMeta), ApiProblem> {
        let page = |at: i64| {
            let is_linked = limit > 0 && at <= self.max_offset;
            let (names, start) =
                if is_numbered { ([NUMBER, SIZE], at / limit.max(1) + 1) } else { ([OFFSET, LIMIT], at) };
            let [start_name, size_name] = names.map(|parameter| parameter.name);
            let url = || self.url(&[(start_name, &start.to_string()), (size_name, &limit.to_string())]);
            is_linked.then(url).transpose()
        };
        let last = (total - 1).max(0) / limit.max(1) * limit;
        let previous = (offset > 0).then(|| offset.saturating_sub(limit).min(last).max(0));
        let next = Some(offset.saturating_add(limit)).filter(|next| *next < total);
        let links = PageLinks {
            this: self.this(Applied::Nothing),
            related: None,
            first: page(0).unwrap_or_default(),
            last: page(last).unwrap_or_default(),
            prev: previous.map_or(Ok(None), page)?,
            next: next.map_or(Ok(None), page)?,
        };
        Ok((links, ListMeta { total_count: total, as_of: None, page: None }))
    }

    /// The links of a page of a list that is read forwards only; `size` is the parameter with the size of the page, and
    /// `after` the cursor of the next page, if there is one.
    ///
    /// # Errors
    /// 400 if the URL of the next page would be too long.
    pub fn forwards(&self, size: (&str, &str), after: Option<&str>) -> Result<PageLinks, ApiProblem> {
        Ok(PageLinks {
            this: self.this(Applied::Nothing),
            related: None,
            first: self.url(&[size]).ok(),
            last: None,
            prev: None,
            next: after.map(|cursor| self.url(&[size, (AFTER.name, cursor)])).transpose()?,
        })
    }

    /// The links of a page of `size` changes; `before` and `after` are the cursors of the previous and the next page, if
    /// there are such pages.
    ///
    /// # Errors
    /// 400 if the URL of the previous or the next page would be too long.
    pub fn of_changes(&self, size: i64, before: Option<&str>, after: Option<&str>) -> Result<PageLinks, ApiProblem> {
        let size = size.to_string();
        let size = (SIZE.name, size.as_str());
        Ok(PageLinks {
            this: self.this(Applied::Nothing),
            related: None,
            first: self.url(&[size]).ok(),
            last: None,
            prev: before.map(|cursor| self.url(&[size, (BEFORE.name, cursor)])).transpose()?,
            next: after.map(|cursor| self.url(&[size, (AFTER.name, cursor)])).transpose()?,
        })
    }

    /// The start of the list with the same filter.
    ///
    /// # Errors
    /// 400 if its URL would be too long.
    pub fn start(&self) -> Result<String, ApiProblem> {
        self.url(&[]).map(|url| url.trim_end_matches('?').to_owned())
    }

    /// The links and `meta` of a page by cursor; `shown` has the sort keys of its first and last row.
    ///
    /// # Errors
    /// 400 if the URL of the previous or the next page would be too long.
    pub fn by_cursor(
        &self,
        cursors: &Cursors,
        (size, after, before): (i64, Option<&Bound>, Option<&Bound>),
        shown: Option<&(SortKey, SortKey)>,
        is_more: bool,
        total: i64,
    ) -> Result<(PageLinks, ListMeta), ApiProblem> {
        let size = size.to_string();
        let page = |more: &[(&str, &str)]| self.url(&[&[(SIZE.name, size.as_str())], more].concat());
        let is_truncated = is_more && after.is_some() && before.is_some();
        // An empty page has no rows to derive cursors from: its neighbours start at the bound, inclusively.
        let edge = |bound: &Bound| Bound { is_inclusive: !bound.is_inclusive, ..bound.clone() };
        let start = shown.map(|(first, _)| cursors.at(first.clone())).or(after.map(|it| cursors.write(&edge(it))));
        let end = shown.map(|(_, last)| cursors.at(last.clone())).or(before.map(|it| cursors.write(&edge(it))));
        let has_previous = after.is_some() || (before.is_some() && is_more);
        let has_next = before.is_some() || is_more;
        let next = |cursor: &str| match before {
            Some(before) if is_truncated => page(&[(AFTER.name, cursor), (BEFORE.name, &cursors.write(before))]),
            _ => page(&[(AFTER.name, cursor)]),
        };
        let links = PageLinks {
            this: self.this(Applied::CursorProfile),
            related: None,
            first: page(&[]).ok(),
            last: None,
            prev: start.filter(|_| has_previous).map(|cursor| page(&[(BEFORE.name, &cursor)])).transpose()?,
            next: end.filter(|_| has_next).map(|cursor| next(&cursor)).transpose()?,
        };
        Ok((links, ListMeta { total_count: total, as_of: None, page: Some(PageMeta { total, is_truncated }) }))
    }
}
