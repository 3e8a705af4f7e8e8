//! Operations on resources.

use crate::domain::roles::{MembershipChange, ReturnedRole};
use crate::model::id::{RelationshipId, UserId};
use crate::model::relationship::EdgeAttribute;
use crate::model::user::{Field, Value};

/// A reference to a resource.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ResourceRef<Id> {
    /// To a stored resource.
    Stored(Id),
    /// To a resource that an earlier operation created, by its local id.
    Lid(String),
}

impl<Id: Copy> ResourceRef<Id> {
    /// The id of a stored resource.
    #[must_use]
    pub const fn stored(&self) -> Option<Id> {
        match self {
            Self::Stored(id) => Some(*id),
            Self::Lid(_) => None,
        }
    }
}

/// A change of who has a role towards a user.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RoleOperation {
    /// The user that the role is seen from.
    pub user: ResourceRef<UserId>,
    /// The name of the role, which may be unknown.
    pub role: String,
    /// The change.
    pub change: LinkageChange,
}

/// A change of the linkage of a role.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LinkageChange {
    /// Give the role to one user, or to none, in place of the present one.
    Replace(Option<ResourceRef<UserId>>),
    /// Replace several users, which is always refused.
    ReplaceAll,
    /// Add or remove distinct users.
    Members(MembershipChange, Vec<ResourceRef<UserId>>),
}

/// A change of one resource.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Operation {
    /// Create a relationship.
    AddRelationship {
        /// Its local id, for later operations.
        lid: Option<String>,
        /// The owner; the caller by default.
        user: Option<ResourceRef<UserId>>,
        /// The target.
        target: ResourceRef<UserId>,
        /// Its attributes, as sent.
        changes: Vec<(EdgeAttribute, Value)>,
    },
    /// Change a relationship.
    UpdateRelationship {
        /// The resource to change.
        subject: ResourceRef<RelationshipId>,
        /// The attributes to change, as sent.
        changes: Vec<(EdgeAttribute, Value)>,
        /// The owner according to the client.
        user: Option<ResourceRef<UserId>>,
        /// The target according to the client.
        target: Option<ResourceRef<UserId>>,
    },
    /// Delete a relationship.
    RemoveRelationship(ResourceRef<RelationshipId>),
    /// Change an end of a relationship, which is always refused.
    UpdateLinkage(ResourceRef<RelationshipId>),
    /// Change who has a role towards a user.
    ChangeRole(RoleOperation),
    /// Create a user.
    AddUser {
        /// Its local id, for later operations.
        lid: Option<String>,
        /// Its fields.
        changes: Vec<(Field, Value)>,
    },
    /// Change a user.
    UpdateUser {
        /// The resource to change.
        subject: ResourceRef<UserId>,
        /// The fields to change.
        changes: Vec<(Field, Value)>,
        /// The roles that the client sent back.
        roles: Vec<ReturnedRole<ResourceRef<UserId>>>,
    },
    /// Delete a user.
    RemoveUser(ResourceRef<UserId>),
}

impl Operation {
    /// The stored user that the operation changes or deletes, if any.
    #[must_use]
    pub fn changed_user(&self) -> Option<UserId> {
        match self {
            Self::UpdateUser { subject: ResourceRef::Stored(id), .. } | Self::RemoveUser(ResourceRef::Stored(id)) => {
                Some(*id)
            }
            _ => None,
        }
    }
}
