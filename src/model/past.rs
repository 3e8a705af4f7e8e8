//! What lists at a moment of the past show.

use super::authors::Authors;
use super::id::{RelationshipId, UserId};
use super::relationship::Relationship;
use super::role::UserWithRoles;
use super::state::HasState;
use super::traversal::TraversalStep;

/// A relationship as it was at a moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PastEdge {
    /// The relationship.
    pub edge: Relationship,
    /// Whether it does not exist any more.
    pub is_deleted: bool,
    /// Who had created it and changed it last; `None` if that is not known, or not shown.
    pub authors: Option<Authors>,
}

/// A user with a role at a moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PastMember {
    /// A user who still exists, as it is now.
    Present(Box<UserWithRoles>),
    /// A user who was deleted after the moment.
    Deleted(DeletedMember),
}

/// A deleted user with a role at a moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DeletedMember {
    /// The user.
    pub id: UserId,
    /// The relationship that gave the user the role.
    pub edge: RelationshipId,
    /// How a traversal reaches the user.
    pub step: Option<TraversalStep>,
}

impl PastMember {
    /// The relationship that gave the user the role.
    #[must_use]
    pub fn edge(&self) -> Option<RelationshipId> {
        match self {
            Self::Present(user) => user.edge,
            Self::Deleted(user) => Some(user.edge),
        }
    }
}

impl HasState for PastEdge {
    fn write_state(&self, put: &mut impl FnMut(&[u8])) {
        self.edge.write_state(put);
        put(&[self.is_deleted.into(), self.authors.is_some().into()]);
    }
}

impl HasState for DeletedMember {
    fn write_state(&self, put: &mut impl FnMut(&[u8])) {
        put(b"d");
        for number in [self.id.get(), self.edge.get()] {
            put(&number.to_be_bytes());
        }
    }
}
