//! A directed, typed edge from a user (its owner) to a target.

use super::attributes::record;
use super::field::FieldKind;
use super::id::{RelationshipId, UserId};
use super::page::{SortBy, SortKey};
use super::relationship_type::TypeName;
use super::time::Timestamp;

record! {
    /// An attribute of a relationship that clients can write.
    EdgeAttribute of
    /// All that clients can write of a relationship but its ends, which are fixed.
    EdgeData {
        /// The name of the type.
        Relationship = relationship: TypeName, "relationship", FieldKind::TypeName;
    }
}

/// A stored relationship: `user` has `relationship` to `target`, as in "1234 is subordinate of 9876".
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Relationship {
    /// The id, which is never reused.
    pub id: RelationshipId,
    /// The number of the version: each change raises it.
    pub version: i64,
    /// The owner.
    pub user: UserId,
    /// The target.
    pub target: UserId,
    /// What clients can write.
    pub data: EdgeData,
    /// The time of creation.
    pub created_at: Timestamp,
    /// The time of the last change.
    pub updated_at: Timestamp,
}

/// The unique key of a relationship.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Edge {
    /// The owner.
    pub user: UserId,
    /// The target.
    pub target: UserId,
    /// The name of the type.
    pub relationship: TypeName,
}

/// A relationship to store.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewEdge {
    /// The owner.
    pub user: UserId,
    /// The target.
    pub target: UserId,
    /// What the client sent.
    pub data: EdgeData,
}

impl Relationship {
    /// The unique key.
    #[must_use]
    pub fn key(&self) -> Edge {
        Edge { user: self.user, target: self.target, relationship: self.data.relationship.clone() }
    }

    /// Its position in an order.
    #[must_use]
    pub fn sort_key(&self, by: SortBy) -> SortKey {
        match by {
            SortBy::CreatedAt => SortKey::CreatedAt(self.created_at.micros(), self.id.get()),
            SortBy::UpdatedAt => SortKey::UpdatedAt(self.updated_at.micros(), self.id.get()),
            SortBy::Id | SortBy::Name => SortKey::Id(self.id.get()),
        }
    }
}

impl NewEdge {
    /// The unique key.
    #[must_use]
    pub fn key(&self) -> Edge {
        Edge { user: self.user, target: self.target, relationship: self.data.relationship.clone() }
    }
}

impl EdgeData {
    /// A relationship of a type, without other values.
    #[must_use]
    pub const fn new(relationship: TypeName) -> Self {
        Self { relationship }
    }
}

/// An end of a relationship.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum End {
    /// The owner.
    User,
    /// The target.
    Target,
}

impl End {
    /// Both ends, in the order of documents.
    pub const ALL: [Self; 2] = [Self::User, Self::Target];

    /// The name in documents and URLs.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::User => "user",
            Self::Target => "target",
        }
    }

    /// The user at this end.
    #[must_use]
    pub fn of(self, relationship: &Relationship) -> UserId {
        match self {
            Self::User => relationship.user,
            Self::Target => relationship.target,
        }
    }
}
