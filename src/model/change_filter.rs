//! Compares changes with a filter in memory, as the store does in a query.

use super::change::{ChangeSubject, NumberedChange};
use super::change_query::ChangeFilter;
use super::id::UserId;

/// Whether a list of values, which matches everything if it is empty, contains one of these.
fn has_any<T: PartialEq>(list: &[T], values: &[Option<T>]) -> bool {
    list.is_empty() || values.iter().flatten().any(|value| list.contains(value))
}

impl ChangeFilter {
    /// Whether a change matches.
    #[must_use]
    pub fn matches(&self, numbered: &NumberedChange) -> bool {
        let change = &numbered.change;
        let edge = change.subject.edge();
        let names =
            [edge.map(|edge| edge.relationship.clone()), edge.and_then(|edge| edge.previous_relationship.clone())];
        has_any(&self.subject_types, &[Some(change.subject.subject_type())])
            && has_any(&self.actions, &[Some(change.action)])
            && has_any(&self.relationships, &names)
            && has_any(&self.users, &change.subject.users())
            && has_any(&self.actors, &[change.actor])
            && self.relationship.is_none_or(|id| edge.is_some_and(|edge| edge.id == id))
            && self.since.is_none_or(|since| change.at >= since)
            && self.until.is_none_or(|until| change.at < until)
    }
}

impl ChangeSubject {
    /// The users that a change is about.
    #[must_use]
    pub fn users(&self) -> [Option<UserId>; 2] {
        match self {
            Self::Relationship(edge) => [Some(edge.user), Some(edge.target)],
            Self::User(id) => [Some(*id), None],
            _ => [None, None],
        }
    }
}
