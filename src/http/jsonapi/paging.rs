//! Pagination by offset or by cursor (JSON:API 1.1, "Pagination"; the cursor pagination profile).

use super::cursor::Cursors;
use super::errors::{ApiProblem, Failure};
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

/// The number of a page of [`SIZE`] rows.
pub const NUMBER: Parameter = Parameter::new(
    "page[number]",
    Schema::Integer { min: 1, max: None, default: 1 },
    "Number of the page, from 1, with `page[size]`; the page is found by its offset",
);
/// The page size with page numbers, for lists without cursors.
pub const NUMBERED_SIZE: Parameter = Parameter::new(
    SIZE.name,
    Schema::Integer { min: 1, max: Some(MAX_LIMIT), default: DEFAULT_LIMIT },
    "Maximum number of resources, with `page[number]`",
);

/// The page that a query requests.
#[derive(Debug, Clone)]
pub enum Paging {
    /// By offset.
    Offset {
        /// The number of rows to skip.
        offset: i64,
        /// The most rows of the page.
        limit: i64,
        /// Whether the client counts pages rather than rows; the offset is then a multiple of the limit.
        is_numbered: bool,
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
    if query.has(&NUMBER) {
        return false;
    }
    let has_offset = query.has(&OFFSET) || query.has(&LIMIT);
    [SIZE, AFTER, BEFORE].iter().any(|parameter| query.has(parameter)) || (accepts_profile && !has_offset)
}

impl Paging {
    /// Parses a page by offset or by number.
    pub fn by_offset(query: &mut Query, max_offset: i64) -> Self {
        const HINT: &str = "; use cursors for larger offsets: `page[size]`, then `links.next`";
        if query.has(&NUMBER) {
            return Self::by_number(query, max_offset, HINT);
        }
        // Only a list without cursors gets here with this parameter; see `wants_cursors`.
        if query.has(&SIZE) {
            let detail = "this list has `page[size]` only together with `page[number]`; send both, or `page[limit]`";
            query.push_problem(ApiProblem::new(Code::UnknownParameter, detail).parameter(SIZE.name));
        }
        Self::Offset {
            offset: query.integer(&OFFSET, 0, 0, max_offset, HINT),
            limit: query.integer(&LIMIT, DEFAULT_LIMIT, 0, MAX_LIMIT, ""),
            is_numbered: false,
        }
    }

    fn by_number(query: &mut Query, max_offset: i64, hint: &str) -> Self {
        for other in [OFFSET, LIMIT, AFTER, BEFORE].iter().filter(|other| query.has(other)).collect::<Vec<_>>() {
            reject(query, other, "page numbers cannot be combined with offsets or cursors; send either");
        }
        if !query.has(&SIZE) {
            reject(query, &NUMBER, "`page[number]` needs `page[size]`; send both, or `page[offset]` and `page[limit]`");
        }
        let limit = query.integer(&SIZE, DEFAULT_LIMIT, 1, MAX_LIMIT, "");
        let number = query.integer(&NUMBER, 1, 1, max_offset / limit + 1, hint);
        Self::Offset { offset: (number - 1) * limit, limit, is_numbered: true }
    }

    /// Parses a page by cursor.
    pub fn by_cursor(query: &mut Query, cursors: &Cursors) -> Self {
        for other in [OFFSET, LIMIT].iter().filter(|other| query.has(other)).collect::<Vec<_>>() {
            reject(query, other, "offsets and cursors cannot be combined; send either");
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
            Self::Offset { offset, limit, .. } => PageRequest::window(sort, *offset, *limit),
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

    /// How many rows the page shows at most.
    #[must_use]
    pub fn size(&self) -> usize {
        match self {
            Self::Offset { limit: size, .. } | Self::Cursor { size, .. } => usize::try_from(*size).unwrap_or(0),
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

/// Refuses the pagination of a role that at most one user has.
///
/// # Errors
/// 400 with each pagination parameter.
pub fn refuse_paging(query: &mut Query) -> Result<(), Failure> {
    for parameter in [OFFSET, LIMIT, NUMBER, SIZE, AFTER, BEFORE] {
        if query.has(&parameter) {
            let name = query.sent_name(&parameter);
            let detail = format!("at most one user has this role, so there are no pages; remove `{name}`");
            query.push_problem(ApiProblem::new(Code::InvalidParameter, detail).parameter(name));
        }
    }
    query.finish()
}

/// Reports that a parameter cannot be used with the others of the query.
pub(super) fn reject(query: &mut Query, parameter: &Parameter, detail: &'static str) {
    let name = query.sent_name(parameter);
    query.push_problem(ApiProblem::new(Code::InvalidParameter, detail).parameter(name));
}

/// The cursors that a client sent.
pub fn sent_cursors(query: &Query) -> impl Iterator<Item = &str> {
    [AFTER, BEFORE].into_iter().filter_map(|parameter| query.text(parameter.name))
}

fn parse_bound(query: &mut Query, name: &str, cursors: &Cursors) -> Option<Bound> {
    let bound = cursors.parse(query.text(name)?);
    if bound.is_none() {
        let detail = format!("`{name}` is not a cursor of this list with this filter and order; start without it");
        query.push_problem(ApiProblem::new(Code::InvalidCursor, detail).parameter(name));
    }
    bound
}

pub(super) fn parse_size(query: &mut Query, default: i64) -> i64 {
    parse_size_within(query, default, MAX_LIMIT)
}

/// Parses `page[size]` of a list with its own largest page.
pub(super) fn parse_size_within(query: &mut Query, default: i64, max: i64) -> i64 {
    let Some(text) = query.text(SIZE.name) else { return default };
    let is_number = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    // A number that does not fit into 64 bits is too large as well.
    let size = if is_number { text.parse().unwrap_or(i64::MAX) } else { 0 };
    if (1..=max).contains(&size) {
        return size;
    }
    let detail = format!("`{}` must be an integer from 1 to {max}; got `{}`", SIZE.name, excerpt(text));
    let problem = ApiProblem::new(Code::InvalidParameter, detail).parameter(SIZE.name);
    query.push_problem(if size > max { problem.with_max_size(max) } else { problem });
    default
}
