//! Pages of lists, by offset and by cursor (JSON:API 1.1, "Pagination"; the cursor pagination profile).

use serde::Serialize;
use std::borrow::Cow;

use super::cursor::Cursors;
use super::errors::Problem;
use super::profile::Applied;
use super::query::{Parameter, Query};
use crate::model::code::Code;
use crate::model::page::{Bound, DEFAULT_LIMIT, MAX_LIMIT, Page, Place, Slice, Sort};

/// The parameter for rows to leave out.
pub const OFFSET: Parameter = Parameter::or("page[offset]", "offset");
/// The parameter for rows to show at most.
pub const LIMIT: Parameter = Parameter::or("page[limit]", "limit");
/// The parameter for rows to show at most, by cursors.
pub const SIZE: Parameter = Parameter::new("page[size]");
/// The parameter for the place after which a page begins.
pub const AFTER: Parameter = Parameter::new("page[after]");
/// The parameter for the place before which a page ends.
pub const BEFORE: Parameter = Parameter::new("page[before]");

/// All of them: links give their own.
const PAGE: [&str; 5] = [OFFSET.name, LIMIT.name, SIZE.name, AFTER.name, BEFORE.name];

/// Which page is asked for.
#[derive(Debug, Clone)]
pub enum Paging {
    /// So many rows from so far on.
    Offset {
        /// Rows left out.
        offset: i64,
        /// Rows shown at most.
        limit: i64,
    },
    /// So many rows between two places.
    Cursor {
        /// Rows shown at most.
        size: i64,
        /// After this place.
        after: Option<Bound>,
        /// Before this place.
        before: Option<Bound>,
    },
}

/// Whether a query asks for cursors, by its parameters or, where they leave it open, by the profile in `Accept`.
#[must_use]
pub fn wants_cursors(query: &Query, accepts_profile: bool) -> bool {
    let names_offset = query.has(OFFSET.name) || query.has(LIMIT.name);
    [SIZE, AFTER, BEFORE].iter().any(|parameter| query.has(parameter.name)) || (accepts_profile && !names_offset)
}

impl Paging {
    /// The page by offset that a query asks for.
    pub fn by_offset(query: &mut Query, max_offset: i64) -> Self {
        let cure = "; use cursors to go deeper: `page[size]`, then `links.next`";
        Self::Offset {
            offset: query.integer(OFFSET.name, 0, 0, max_offset, cure),
            limit: query.integer(LIMIT.name, DEFAULT_LIMIT, 0, MAX_LIMIT, ""),
        }
    }

    /// The page by cursors that a query asks for.
    pub fn by_cursor(query: &mut Query, cursors: &Cursors<'_>) -> Self {
        for parameter in [OFFSET, LIMIT] {
            if query.has(parameter.name) {
                let detail = "offsets and cursors cannot be mixed; leave one of them out";
                let name = query.spelling(parameter.name);
                query.note(Problem::new(Code::InvalidParameter, detail).parameter(name));
            }
        }
        let after = bound(query, AFTER.name, cursors);
        let before = bound(query, BEFORE.name, cursors);
        let default = if after.is_some() && before.is_some() { MAX_LIMIT } else { DEFAULT_LIMIT };
        Self::Cursor { size: size(query, default), after, before }
    }

    /// The rows to read for the page: one more than it shows, by cursors, which tells whether there is another page.
    #[must_use]
    pub fn slice(&self, sort: Sort) -> Slice {
        match self {
            Self::Offset { offset, limit } => Slice::window(sort, *offset, *limit),
            Self::Cursor { size, after, before } => Slice {
                sort,
                after: after.clone(),
                before: before.clone(),
                offset: 0,
                limit: size + 1,
                is_from_end: self.is_from_end(),
            },
        }
    }

    /// What is applied to the answer.
    #[must_use]
    pub fn applied(&self) -> Applied {
        match self {
            Self::Offset { .. } => Applied::Nothing,
            Self::Cursor { .. } => Applied::CursorProfile,
        }
    }

    /// The rows that the page shows, of those that were read for it.
    #[must_use]
    pub fn shown<'r, T>(&self, rows: &'r [T]) -> &'r [T] {
        match self.surplus(rows.len()) {
            Some(0) => rows.get(1..).unwrap_or_default(),
            Some(last) => rows.get(..last).unwrap_or_default(),
            None => rows,
        }
    }

    /// Takes the row that was read too many off the page and tells whether there was one.
    pub fn cut<T>(&self, page: &mut Page<T>) -> bool {
        let surplus = self.surplus(page.items.len());
        surplus.map(|place| page.items.remove(place)).is_some()
    }

    /// Where, among so many rows, the one stands that was read too many: at the far end of those that were asked for.
    fn surplus(&self, rows: usize) -> Option<usize> {
        let Self::Cursor { size, .. } = self else { return None };
        let is_more = usize::try_from(*size).is_ok_and(|size| rows > size);
        is_more.then(|| if self.is_from_end() { 0 } else { rows - 1 })
    }

    /// Whether the rows nearest the end are asked for.
    fn is_from_end(&self) -> bool {
        matches!(self, Self::Cursor { after: None, before: Some(_), .. })
    }
}

fn bound(query: &mut Query, name: &str, cursors: &Cursors<'_>) -> Option<Bound> {
    let bound = cursors.read(query.text(name)?);
    if bound.is_none() {
        let detail = "this is no cursor of this list with this filter and order; start again without it";
        query.note(Problem::new(Code::InvalidCursor, detail).parameter(name));
    }
    bound
}

fn size(query: &mut Query, default: i64) -> i64 {
    let Some(text) = query.text(SIZE.name) else { return default };
    let is_number = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    // Digits that no integer holds are too many in any case.
    let size = if is_number { text.parse().unwrap_or(i64::MAX) } else { 0 };
    if (1..=MAX_LIMIT).contains(&size) {
        return size;
    }
    let detail = format!("a whole number from 1 to {MAX_LIMIT} is accepted here");
    let problem = Problem::new(Code::InvalidParameter, detail).parameter(SIZE.name);
    query.note(if size > MAX_LIMIT { problem.too_large_for(MAX_LIMIT) } else { problem });
    default
}

/// `meta` of a list.
#[derive(Debug, Serialize)]
pub struct ListMeta {
    #[serde(rename = "total-count")]
    total_count: i64,
    #[serde(skip_serializing_if = "Option::is_none")]
    page: Option<PageMeta>,
}

#[derive(Debug, Serialize)]
struct PageMeta {
    total: i64,
    #[serde(rename = "rangeTruncated", skip_serializing_if = "std::ops::Not::not")]
    is_truncated: bool,
}

/// `links.self`: a link object with the media type where a profile was applied (JSON:API 1.1, "Top Level").
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

/// Links to a page's neighbours; `None` becomes `null`, which says that there is none.
#[derive(Debug, Serialize)]
pub struct PageLinks {
    #[serde(rename = "self")]
    this: This,
    first: Option<String>,
    last: Option<String>,
    prev: Option<String>,
    next: Option<String>,
}

/// A query as a URI may have it (RFC 3986 §3.4), where HTTP let more through. Brackets stay as they were sent.
fn as_uri(query: &str) -> Cow<'_, str> {
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

/// The request that a page answers.
pub struct Asked<'a> {
    /// Its path.
    pub path: &'a str,
    /// Its query, as it was sent.
    pub raw_query: &'a str,
    /// Its query, as it was read.
    pub query: &'a Query,
    /// The deepest offset that a link may lead to.
    pub max_offset: i64,
}

impl Asked<'_> {
    /// A URL of the same list with other page parameters. All others keep what the client sent, under their JSON:API
    /// names and percent-encoded.
    fn url(&self, page: &[(&str, &str)]) -> String {
        let mut url = form_urlencoded::Serializer::for_suffix(format!("{}?", self.path), self.path.len() + 1);
        url.extend_pairs(self.query.canonical(&PAGE));
        url.extend_pairs(page);
        url.finish()
    }

    fn this(&self, applied: Applied) -> This {
        let query = as_uri(self.raw_query);
        let href = if query.is_empty() { self.path.to_owned() } else { format!("{}?{query}", self.path) };
        match applied {
            Applied::Nothing => This::Plain(href),
            other => This::Typed { href, media_type: other.media_type() },
        }
    }

    /// The links and `meta` of a page by offset. No link leads beyond `max_offset`.
    #[must_use]
    pub fn by_offset(&self, offset: i64, limit: i64, total: i64) -> (PageLinks, ListMeta) {
        let page = |at: i64| {
            let is_shown = limit > 0 && at <= self.max_offset;
            is_shown.then(|| self.url(&[(OFFSET.name, &at.to_string()), (LIMIT.name, &limit.to_string())]))
        };
        let last = (total - 1).max(0) / limit.max(1) * limit;
        let previous = (offset > 0).then(|| offset.saturating_sub(limit).min(last).max(0));
        let next = offset.saturating_add(limit);
        let links = PageLinks {
            this: self.this(Applied::Nothing),
            first: page(0),
            last: page(last),
            prev: previous.and_then(page),
            next: (next < total).then(|| page(next)).flatten(),
        };
        (links, ListMeta { total_count: total, page: None })
    }

    /// The links and `meta` of a page by cursors, from the places of its first and last row.
    #[must_use]
    pub fn by_cursor(
        &self,
        cursors: &Cursors<'_>,
        (size, after, before): (i64, Option<&Bound>, Option<&Bound>),
        shown: Option<&(Place, Place)>,
        is_more: bool,
        total: i64,
    ) -> (PageLinks, ListMeta) {
        let size = size.to_string();
        let page = |more: &[(&str, &str)]| self.url(&[&[(SIZE.name, size.as_str())], more].concat());
        let is_truncated = is_more && after.is_some() && before.is_some();
        // On an empty page the neighbours begin at the bound itself, which it left out.
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
            first: Some(page(&[])),
            last: None,
            prev: start.filter(|_| has_previous).map(|cursor| page(&[(BEFORE.name, &cursor)])),
            next: end.filter(|_| has_next).map(|cursor| next(&cursor)),
        };
        (links, ListMeta { total_count: total, page: Some(PageMeta { total, is_truncated }) })
    }
}

/// Where the profile documents that a page is too large.
pub const TOO_LARGE: &str = "https://jsonapi.org/profiles/ethanresnick/cursor-pagination/max-size-exceeded";
/// Where the profile documents that an order is not supported.
pub const UNSUPPORTED_SORT: &str = "https://jsonapi.org/profiles/ethanresnick/cursor-pagination/unsupported-sort";

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::jsonapi::profile::CURSOR;

    #[test]
    fn the_errors_of_the_profile_live_below_its_uri() {
        assert!(TOO_LARGE.starts_with(CURSOR) && UNSUPPORTED_SORT.starts_with(CURSOR));
    }
}
