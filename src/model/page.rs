//! Pagination: the requested part of a list, and the page.

use std::cmp::Ordering;

/// The most rows of a page.
pub const MAX_LIMIT: i64 = 50;
/// The default number of rows.
pub const DEFAULT_LIMIT: i64 = 20;
/// The most matching rows of a list that is sorted by a column without an index.
pub const MAX_SORTED_ROWS: i64 = 10_000;
/// The largest offset at which a page costs about as much as the first page.
const SHALLOW_OFFSET: i64 = 1_000;

/// The direction of an order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Direction {
    /// Smallest first.
    #[default]
    Ascending,
    /// Largest first.
    Descending,
}

impl Direction {
    /// The opposite direction.
    #[must_use]
    pub const fn reversed(self) -> Self {
        match self {
            Self::Ascending => Self::Descending,
            Self::Descending => Self::Ascending,
        }
    }
}

/// The column that a list is sorted by. Rows with equal values are sorted by id, in the same direction.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum SortBy {
    /// The id, which is the order of creation.
    #[default]
    Id,
    /// The time of creation.
    CreatedAt,
    /// The time of the last change.
    UpdatedAt,
    /// The key of the name, for users.
    Name,
}

/// The order of a list.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Sort {
    /// The column.
    pub by: SortBy,
    /// The direction, also of the id.
    pub direction: Direction,
}

/// The position of a row in an order: the value that it is sorted by, and its id.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum SortKey {
    /// [`SortBy::Id`].
    Id(i64),
    /// [`SortBy::CreatedAt`]: microseconds since 1970, and the id.
    CreatedAt(i64, i64),
    /// [`SortBy::UpdatedAt`]: microseconds since 1970, and the id.
    UpdatedAt(i64, i64),
    /// [`SortBy::Name`]: the key of the name, and the id.
    Name(String, i64),
}

/// The start or the end of a part of a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bound {
    /// The position.
    pub place: SortKey,
    /// Whether a row at this position belongs to the part.
    pub is_inclusive: bool,
}

/// The requested part of a list.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct PageRequest {
    /// The order.
    pub sort: Sort,
    /// Only rows after this position.
    pub after: Option<Bound>,
    /// Only rows before this position.
    pub before: Option<Bound>,
    /// Rows to skip, 0 or more.
    pub offset: i64,
    /// The most rows to return; 0 for the count alone.
    pub limit: i64,
    /// Whether to return the last rows rather than the first. The order is the same.
    pub is_from_end: bool,
}

impl PageRequest {
    /// A part at an offset from the start of a list.
    #[must_use]
    pub fn window(sort: Sort, offset: i64, limit: i64) -> Self {
        Self { sort, offset, limit, ..Self::default() }
    }

    /// Whether an index in the order finds the rows after skipping only a few.
    #[must_use]
    pub fn is_shallow(&self) -> bool {
        self.offset <= SHALLOW_OFFSET
    }

    /// The direction in which to read the rows.
    #[must_use]
    pub fn reading_direction(&self) -> Direction {
        if self.is_from_end { self.sort.direction.reversed() } else { self.sort.direction }
    }

    /// The requested part of rows in memory, in order. `key` returns the sort key of a row.
    #[must_use]
    pub fn select<T>(&self, mut rows: Vec<T>, key: impl Fn(&T) -> SortKey) -> Vec<T> {
        rows.retain(|row| self.has(&key(row)));
        rows.sort_by_cached_key(&key);
        if self.reading_direction() == Direction::Descending {
            rows.reverse();
        }
        let [offset, limit] = [self.offset, self.limit].map(|number| usize::try_from(number).unwrap_or_default());
        let mut page: Vec<_> = rows.into_iter().skip(offset).take(limit).collect();
        if self.is_from_end {
            page.reverse();
        }
        page
    }

    /// Whether a position is between the bounds.
    fn has(&self, key: &SortKey) -> bool {
        let is_ascending = self.sort.direction == Direction::Ascending;
        let is_beyond = |bound: &Bound, is_greater: bool| match key.cmp(&bound.place) {
            Ordering::Equal => bound.is_inclusive,
            order => (order == Ordering::Greater) == is_greater,
        };
        self.after.as_ref().is_none_or(|bound| is_beyond(bound, is_ascending))
            && self.before.as_ref().is_none_or(|bound| is_beyond(bound, !is_ascending))
    }
}

/// A page of a list, and the exact number of matching rows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page<T> {
    /// The rows, in order.
    pub items: Vec<T>,
    /// The number of rows that match the filter.
    pub total: i64,
    /// Whether the page lacks rows at its end, because it would have too many bytes.
    pub is_cut: bool,
}

impl<T> Page<T> {
    /// A page with all requested rows.
    #[must_use]
    pub const fn whole(items: Vec<T>, total: i64) -> Self {
        Self { items, total, is_cut: false }
    }

    /// The same page with other rows.
    #[must_use]
    pub fn map<U>(self, convert: impl Fn(T) -> U) -> Page<U> {
        let Self { items, total, is_cut } = self;
        Page { items: items.into_iter().map(convert).collect(), total, is_cut }
    }

    /// The page of a list without rows.
    #[must_use]
    pub const fn empty() -> Self {
        Self::whole(Vec::new(), 0)
    }
}
