//! What a caller asks for.

use super::scope::ChangeScope;
use crate::model::change::ChangePosition;
use crate::model::change_query::ChangeFilter;
use crate::model::page::Direction;

/// A part of the changes that a caller asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChangesRequest {
    /// The changes to choose from.
    pub scope: ChangeScope,
    /// Which of them.
    pub filter: ChangeFilter,
    /// The order.
    pub order: Direction,
    /// Where a list without bounds starts.
    pub start: ChangeStart,
    /// Only changes after this place in the order.
    pub after: Option<ChangeBound>,
    /// Only changes before this place in the order.
    pub before: Option<ChangeBound>,
    /// The most changes.
    pub size: i64,
}

/// Where a list of changes without bounds starts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ChangeStart {
    /// At its first change.
    #[default]
    First,
    /// After every change that was committed before the request.
    Now,
}

/// The start or the end of a part of the changes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ChangeBound {
    /// The position.
    pub position: ChangePosition,
    /// Whether the change at the position belongs to the part.
    pub is_inclusive: bool,
}

impl ChangesRequest {
    /// Whether the page is read backwards, from `before`.
    #[must_use]
    pub const fn is_from_end(&self) -> bool {
        self.after.is_none() && self.before.is_some()
    }

    /// The direction in which the changes are read.
    pub(super) fn reading_direction(&self) -> Direction {
        if self.is_from_end() { self.order.reversed() } else { self.order }
    }
}
