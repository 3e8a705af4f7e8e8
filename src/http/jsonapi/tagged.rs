//! The rows that entity tags cover.

use std::hash::{DefaultHasher, Hasher};

use crate::domain::group_lists::{VisibleGroup, VisibleMember};
use crate::model::authors::AuthoredRelationship;
use crate::model::handover::Transfer;
use crate::model::id::RelationshipId;
use crate::model::import::{Import, ImportedRow};
use crate::model::past::{PastEdge, PastMember};
use crate::model::relationship::Relationship;
use crate::model::relationship_type::RelationshipType;
use crate::model::role::{RoleEdge, ToManyLinkage, ToOneLinkage, UserWithRoles};
use crate::model::state::{HasState, RowState};
use crate::model::user::User;

/// A row that entity tags cover.
pub trait Tagged {
    /// The state of the row.
    fn state(&self) -> RowState;
    /// Hashes the state of the row, and what this caller sees of it.
    fn write(&self, hasher: &mut DefaultHasher);
}

macro_rules! tagged {
    ($($row:ty),*) => {$(
        impl Tagged for $row {
            fn state(&self) -> RowState {
                RowState::of(self)
            }

            fn write(&self, hasher: &mut DefaultHasher) {
                self.write_state(&mut |bytes| hasher.write(bytes));
            }
        }
    )*};
}
tagged!(
    PastEdge,
    Relationship,
    User,
    RelationshipType,
    Transfer,
    Import,
    ImportedRow,
    RoleEdge,
    ToOneLinkage,
    ToManyLinkage
);

impl Tagged for UserWithRoles {
    /// That of the user, so that the tag is valid for a change of the user.
    fn state(&self) -> RowState {
        RowState::of(&self.user)
    }

    fn write(&self, hasher: &mut DefaultHasher) {
        self.user.write_state(&mut |bytes| hasher.write(bytes));
        hasher.write_i64(self.edge.map_or(0, RelationshipId::get));
        if let Some(step) = &self.step {
            hasher.write_i64(step.via.get());
            hasher.write_usize(step.depth);
            hasher.write_i64(step.below.unwrap_or(-1));
        }
        for role in &self.roles {
            hasher.write(role.role.as_str().as_bytes());
            hasher.write_i64(role.total);
            for edge in &role.edges {
                edge.write(hasher);
            }
        }
    }
}

impl Tagged for AuthoredRelationship {
    fn state(&self) -> RowState {
        RowState::of(&self.relationship)
    }

    /// The authors change with the version only.
    fn write(&self, hasher: &mut DefaultHasher) {
        self.relationship.write_state(&mut |bytes| hasher.write(bytes));
        hasher.write_u8(self.authors.is_some().into());
    }
}

impl Tagged for PastMember {
    fn state(&self) -> RowState {
        match self {
            Self::Present(user) => user.state(),
            Self::Deleted(user) => RowState::of(user),
        }
    }

    fn write(&self, hasher: &mut DefaultHasher) {
        match self {
            Self::Present(user) => user.write(hasher),
            Self::Deleted(user) => user.write_state(&mut |bytes| hasher.write(bytes)),
        }
    }
}

impl Tagged for VisibleGroup {
    fn state(&self) -> RowState {
        RowState::of(&self.group)
    }

    fn write(&self, hasher: &mut DefaultHasher) {
        self.group.write_state(&mut |bytes| hasher.write(bytes));
        hasher.write_u8(self.is_owner_visible.into());
    }
}

impl Tagged for VisibleMember {
    fn state(&self) -> RowState {
        RowState::of(&self.member)
    }

    fn write(&self, hasher: &mut DefaultHasher) {
        self.member.write_state(&mut |bytes| hasher.write(bytes));
        hasher.write_u8(self.is_user_visible.into());
    }
}
