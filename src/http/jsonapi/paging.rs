//! Which page of a list is asked for, by offset or by cursor (JSON:API 1.1, "Pagination"; the cursor pagination profile).

use super::cursor::Cursors;
use super::errors::Problem;
use super::profile::Applied;
use super::query::{Parameter, Query};
use crate::model::code::Code;
use crate::model::page::{Bound, DEFAULT_LIMIT, MAX_LIMIT, Page, PageRequest, Sort};

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
    let detail = format!("must be an integer from 1 to {MAX_LIMIT}");
    let problem = Problem::new(Code::InvalidParameter, detail).parameter(SIZE.name);
    query.note(if size > MAX_LIMIT { problem.too_large_for(MAX_LIMIT) } else { problem });
    default
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
