//! Pagination by offset or by cursor (JSON:API 1.1, "Pagination"; the cursor pagination profile).

use super::cursor::Cursors;
use super::errors::ApiProblem;
use super::parameter::{Parameter, Schema};
use super::profile::Applied;
use super::query::Query;
use crate::model::code::Code;
use crate::model::page::{Bound, DEFAULT_LIMIT, MAX_LIMIT, Page, PageRequest, Sort};
use crate::model::text::excerpt;

/// The number of rows to skip.
pub const OFFSET: Parameter = Parameter::new(
    "page[offset]",
    Schema::Integer { min: 0, max: None, default: 0 },
    "Number of resources to skip, at most `MAX_OFFSET`",
)
.with_alias("offset");
/// The page size with offsets.
pub const LIMIT: Parameter = Parameter::new(
    "page[limit]",
    Schema::Integer { min: 0, max: Some(MAX_LIMIT), default: DEFAULT_LIMIT },
    "Maximum number of resources; 0 returns only the count",
)
.with_alias("limit");
/// The page size with cursors.
pub const SIZE: Parameter = Parameter::new(
    "page[size]",
    Schema::Integer { min: 1, max: Some(MAX_LIMIT), default: DEFAULT_LIMIT },
    "Maximum number of resources with cursor pagination; the response follows the cursor pagination profile",
);
/// The cursor after which the page starts.
pub const AFTER: Parameter = Parameter::new("page[after]", Schema::NonEmptyText, "The page begins after this cursor");
/// The cursor before which the page ends.
pub const BEFORE: Parameter = Parameter::new("page[before]", Schema::NonEmptyText, "The page ends before this cursor");

/// The page that a query requests.
#[derive(Debug, Clone)]
pub enum Paging {
    /// By offset.
    Offset {
        /// The number of rows to skip.
        offset: i64,
        /// The most rows of the page.
        limit: i64,
    },
    /// By cursor.
    Cursor {
        /// The most rows of the page.
        size: i64,
        /// Only rows after this position.
        after: Option<Bound>,
        /// Only rows before this position.
        before: Option<Bound>,
    },
}

/// Whether a query requests cursor pagination: by its parameters or, without any, by the profile in `Accept`.
#[must_use]
pub fn wants_cursors(query: &Query, accepts_profile: bool) -> bool {
    let has_offset = query.has(&OFFSET) || query.has(&LIMIT);
    [SIZE, AFTER, BEFORE].iter().any(|parameter| query.has(parameter)) || (accepts_profile && !has_offset)
}

impl Paging {
    /// Parses a page by offset.
    pub fn by_offset(query: &mut Query, max_offset: i64) -> Self {
        let hint = "; use cursors for larger offsets: `page[size]`, then `links.next`";
        Self::Offset {
            offset: query.integer(&OFFSET, 0, 0, max_offset, hint),
            limit: query.integer(&LIMIT, DEFAULT_LIMIT, 0, MAX_LIMIT, ""),
        }
    }

    /// Parses a page by cursor.
    pub fn by_cursor(query: &mut Query, cursors: &Cursors<'_>) -> Self {
        for parameter in [OFFSET, LIMIT] {
            if query.has(&parameter) {
                let detail = "offsets and cursors cannot be combined; send either";
                let name = query.sent_name(&parameter);
                query.push_problem(ApiProblem::new(Code::InvalidParameter, detail).parameter(name));
            }
        }
        let after = parse_bound(query, AFTER.name, cursors);
        let before = parse_bound(query, BEFORE.name, cursors);
        let default = if after.is_some() && before.is_some() { MAX_LIMIT } else { DEFAULT_LIMIT };
        Self::Cursor { size: parse_size(query, default), after, before }
    }

    /// The rows to read for the page. With cursors it is one more than the page shows, to know whether more follow.
    #[must_use]
    pub fn slice(&self, sort: Sort) -> PageRequest {
        match self {
            Self::Offset { offset, limit } => PageRequest::window(sort, *offset, *limit),
            Self::Cursor { size, after, before } => PageRequest {
                sort,
                after: after.clone(),
                before: before.clone(),
                offset: 0,
                limit: size + 1,
                is_from_end: self.is_from_end(),
            },
        }
    }

    /// The profile that the response follows.
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

    /// Removes the extra row from the page. Returns whether there was one.
    pub fn cut<T>(&self, page: &mut Page<T>) -> bool {
        let surplus = self.surplus(page.items.len());
        surplus.map(|index| page.items.remove(index)).is_some()
    }

    /// The index of the extra row: the last one in reading direction.
    fn surplus(&self, rows: usize) -> Option<usize> {
        let Self::Cursor { size, .. } = self else { return None };
        let is_more = usize::try_from(*size).is_ok_and(|size| rows > size);
        is_more.then(|| if self.is_from_end() { 0 } else { rows - 1 })
    }

    /// Whether the page is read backwards, from `before`.
    fn is_from_end(&self) -> bool {
        matches!(self, Self::Cursor { after: None, before: Some(_), .. })
    }
}

fn parse_bound(query: &mut Query, name: &str, cursors: &Cursors<'_>) -> Option<Bound> {
    let bound = cursors.parse(query.text(name)?);
    if bound.is_none() {
        let detail = format!("`{name}` is not a cursor of this list with this filter and order; start without it");
        query.push_problem(ApiProblem::new(Code::InvalidCursor, detail).parameter(name));
    }
    bound
}

fn parse_size(query: &mut Query, default: i64) -> i64 {
    let Some(text) = query.text(SIZE.name) else { return default };
    let is_number = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    // A number that does not fit into 64 bits is too large as well.
    let size = if is_number { text.parse().unwrap_or(i64::MAX) } else { 0 };
    if (1..=MAX_LIMIT).contains(&size) {
        return size;
    }
    let detail = format!("`{}` must be an integer from 1 to {MAX_LIMIT}; got `{}`", SIZE.name, excerpt(text));
    let problem = ApiProblem::new(Code::InvalidParameter, detail).parameter(SIZE.name);
    query.push_problem(if size > MAX_LIMIT { problem.with_max_size(MAX_LIMIT) } else { problem });
    default
}
