//! A directed, typed edge from a user (its owner) to a target.

use super::id::{RelationshipId, UserId};
use super::relationship_type::TypeName;
use super::time::Timestamp;

/// `user` stands in `relationship` to `target`: "1234 is subordinate of 9876".
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Relationship {
    /// Given by the store, never reused.
    pub id: RelationshipId,
    /// Raised by each change.
    pub version: i64,
    /// The owner.
    pub user: UserId,
    /// The other end.
    pub target: UserId,
    /// The name of the type.
    pub relationship: TypeName,
    /// When it was stored.
    pub created_at: Timestamp,
    /// When it was last changed.
    pub updated_at: Timestamp,
}

/// What makes a relationship itself: no two share all three.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Edge {
    /// The owner.
    pub user: UserId,
    /// The other end.
    pub target: UserId,
    /// The name of the type.
    pub relationship: TypeName,
}

/// Which end of a relationship.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// The owner.
    User,
    /// The other one.
    Target,
}

impl End {
    /// The user at this end.
    #[must_use]
    pub fn of(self, relationship: &Relationship) -> UserId {
        match self {
            Self::User => relationship.user,
            Self::Target => relationship.target,
        }
    }
}
