//! Which part of a list is asked for, and what comes back.

/// A window on a list, counted from its start.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Window {
    /// Rows to leave out, 0 or more.
    pub offset: i64,
    /// Rows to show at most, 0 to [`Window::MAX_LIMIT`]; 0 asks for the count alone.
    pub limit: i64,
}

impl Window {
    /// The longest page.
    pub const MAX_LIMIT: i64 = 50;
    /// The page when nothing is asked.
    pub const DEFAULT_LIMIT: i64 = 20;
    /// Up to this offset a page costs about as much as the first one.
    const NEAR: i64 = 1_000;

    /// Whether reaching the window takes a bounded, small amount of work.
    #[must_use]
    pub fn is_near(&self) -> bool {
        self.offset <= Self::NEAR
    }
}

impl Default for Window {
    fn default() -> Self {
        Self { offset: 0, limit: Self::DEFAULT_LIMIT }
    }
}

/// Up or down.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Direction {
    /// Smallest first.
    #[default]
    Ascending,
    /// Largest first.
    Descending,
}

/// One page of a list, read together with the exact number of rows that match.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page<T> {
    /// The rows of the window, in order.
    pub items: Vec<T>,
    /// All rows that the filter matches, whatever the window.
    pub total: i64,
}

impl<T> Page<T> {
    /// A list that nothing matches.
    #[must_use]
    pub const fn empty() -> Self {
        Self { items: Vec::new(), total: 0 }
    }
}
