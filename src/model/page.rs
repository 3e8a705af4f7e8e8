//! Which part of a list is asked for, and what comes back.

/// The longest page.
pub const MAX_LIMIT: i64 = 50;
/// The page when nothing is asked.
pub const DEFAULT_LIMIT: i64 = 20;
/// Up to this offset a page costs about as much as the first one.
const SHALLOW_OFFSET: i64 = 1_000;

/// Up or down.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Direction {
    /// Smallest first.
    #[default]
    Ascending,
    /// Largest first.
    Descending,
}

impl Direction {
    /// The other one.
    #[must_use]
    pub const fn reversed(self) -> Self {
        match self {
            Self::Ascending => Self::Descending,
            Self::Descending => Self::Ascending,
        }
    }
}

/// What a list is sorted by; ties are always broken by id, in the same direction.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum SortBy {
    /// The order in which the store took things in.
    #[default]
    Id,
    /// The time of creation.
    CreatedAt,
    /// The name, in lower case (users).
    Name,
}

/// An order and which way it runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Sort {
    /// By what.
    pub by: SortBy,
    /// Which way, ties included.
    pub direction: Direction,
}

/// Where a row stands in an order: what it is sorted by, and its id.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SortKey {
    /// [`SortBy::Id`].
    Id(i64),
    /// [`SortBy::CreatedAt`]: microseconds since 1970, and the id.
    CreatedAt(i64, i64),
    /// [`SortBy::Name`]: the name in lower case, and the id.
    Name(String, i64),
}

/// One end of a part of a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bound {
    /// Where it lies.
    pub place: SortKey,
    /// Whether a row at that very place belongs to the part.
    pub is_inclusive: bool,
}

/// A part of a list.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct PageRequest {
    /// The order.
    pub sort: Sort,
    /// Only rows that come after this, in the list's order.
    pub after: Option<Bound>,
    /// Only rows that come before this, in the list's order.
    pub before: Option<Bound>,
    /// Rows to leave out, 0 or more.
    pub offset: i64,
    /// Rows to give at most; 0 asks for the count alone.
    pub limit: i64,
    /// Whether the rows nearest the end are meant, rather than those nearest the start. They come in order all the same.
    pub is_from_end: bool,
}

impl PageRequest {
    /// A window that is counted from the start of a list.
    #[must_use]
    pub fn window(sort: Sort, offset: i64, limit: i64) -> Self {
        Self { sort, offset, limit, ..Self::default() }
    }

    /// Whether reaching the rows takes a bounded, small amount of work where an index has the order.
    #[must_use]
    pub fn is_shallow(&self) -> bool {
        self.offset <= SHALLOW_OFFSET
    }

    /// The direction in which the rows are read.
    #[must_use]
    pub fn reading_direction(&self) -> Direction {
        if self.is_from_end { self.sort.direction.reversed() } else { self.sort.direction }
    }
}

/// One page of a list, read together with the exact number of rows that match.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page<T> {
    /// The rows of the slice, in order.
    pub items: Vec<T>,
    /// All rows that the filter matches, whatever the slice.
    pub total: i64,
    /// Whether rows of the slice were left out, at its far end, because the page would have too many bytes.
    pub is_cut: bool,
}

impl<T> Page<T> {
    /// A page with all rows of its slice.
    #[must_use]
    pub const fn whole(items: Vec<T>, total: i64) -> Self {
        Self { items, total, is_cut: false }
    }

    /// A list that nothing matches.
    #[must_use]
    pub const fn empty() -> Self {
        Self::whole(Vec::new(), 0)
    }
}
