//! Pages of the change log.

use super::change::{ChangeAction, ChangeSubjectType, NumberedChange};
use super::id::{RelationshipId, UserId};
use super::page::Direction;
use super::relationship_type::TypeName;
use super::time::Timestamp;

/// The most changes that a page examines.
pub const MOST_EXAMINED: i64 = 10_000;

/// A filter on changes. An empty list of values matches everything; several values match any of them.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ChangeFilter {
    /// The types of what changed.
    pub subject_types: Vec<ChangeSubjectType>,
    /// What happened.
    pub actions: Vec<ChangeAction>,
    /// Types of relationships, before or after the change.
    pub relationships: Vec<TypeName>,
    /// Users: their own changes, and those of relationships with one of them at either end.
    pub users: Vec<UserId>,
    /// Users who made the change.
    pub actors: Vec<UserId>,
    /// The relationship that changed.
    pub relationship: Option<RelationshipId>,
    /// Not before this time.
    pub since: Option<Timestamp>,
    /// Before this time.
    pub until: Option<Timestamp>,
}

/// A requested part of the log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChangePageRequest {
    /// Which changes.
    pub filter: ChangeFilter,
    /// Only changes with a larger number.
    pub after: i64,
    /// Only changes with a smaller number.
    pub before: i64,
    /// The direction of reading, and the order of the page.
    pub direction: Direction,
    /// The most changes of a page.
    pub limit: i64,
}

/// A part of the log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChangePage {
    /// The matching changes, in the direction of reading.
    pub changes: Vec<NumberedChange>,
    /// The place up to which all changes were examined, in the direction of reading. Its number is that of the last
    /// change of a full page, and that of a bound where the part ends without changes.
    pub examined_to: i64,
    /// Whether all changes between the bounds were examined.
    pub is_end: bool,
}

/// The state of the log at a moment: after the change with a number, and before all later ones.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ChangeMoment {
    /// The moment.
    pub at: Timestamp,
    /// The number of the last numbered change at or before the moment; that of the horizon if there is none.
    pub number: i64,
}

impl ChangeFilter {
    /// Whether an index finds the changes, or few more: those with some users, or of one relationship.
    #[must_use]
    pub fn is_indexed(&self) -> bool {
        !self.users.is_empty() || self.relationship.is_some()
    }

    /// Whether there are conditions that no index serves.
    #[must_use]
    pub fn has_conditions(&self) -> bool {
        let has_values = !self.subject_types.is_empty() || !self.actions.is_empty() || !self.actors.is_empty();
        has_values || !self.relationships.is_empty() || (self.relationship.is_some() && !self.users.is_empty())
    }
}

impl ChangePageRequest {
    /// The number of the last change between the bounds, in the direction of reading; the first bound if there is none.
    #[must_use]
    pub fn end(&self) -> i64 {
        match self.direction {
            _ if self.before - self.after <= 1 => self.start(),
            Direction::Ascending => self.before - 1,
            Direction::Descending => self.after + 1,
        }
    }

    fn start(&self) -> i64 {
        match self.direction {
            Direction::Ascending => self.after,
            Direction::Descending => self.before,
        }
    }

    /// The part that a page can examine without an index.
    #[must_use]
    pub fn examinable(&self) -> Self {
        let mut part = self.clone();
        match self.direction {
            Direction::Ascending => part.before = self.before.min(self.after.saturating_add(MOST_EXAMINED + 1)),
            Direction::Descending => part.after = self.after.max(self.before.saturating_sub(MOST_EXAMINED + 1)),
        }
        part
    }
}
