//! Relationship types.

use super::attributes::record;
use super::field::FieldKind;
use super::manager::Manager;
use super::rules::Rules;
use super::time::Timestamp;

pub use super::relationship_type_name::TypeName;

record! {
    /// An attribute of a relationship type that admins can write.
    TypeAttribute of
    /// All that admins can write of a relationship type. The default is that of a new one.
    #[derive(Default)]
    TypeData {
        /// The description, for people.
        Description = description: Option<String>, "description", FieldKind::Text { max_chars: 1_000 };
        /// The role of users at the owner end, seen from the target.
        UserRole = user_role: Option<TypeName>, "user-role", FieldKind::Role;
        /// The role of users at the target end, seen from the owner.
        TargetRole = target_role: Option<TypeName>, "target-role", FieldKind::Role;
        /// Whether both directions are the same relationship.
        IsSymmetric = is_symmetric: bool, "is-symmetric", FieldKind::Flag;
        /// Whether no path along relationships of the type leads back to its start.
        IsAcyclic = is_acyclic: bool, "is-acyclic", FieldKind::Flag;
        /// The most relationships of the type that one user may own.
        MaxPerUser = max_per_user: Option<i16>, "max-per-user", FieldKind::Integer { min: 1, max: 1_000 };
        /// Who may create, change and delete relationships of the type.
        ManagedBy = managed_by: Manager, "managed-by", FieldKind::Manager;
    }
}

impl TypeData {
    /// The rules of the type.
    #[must_use]
    pub const fn rules(&self) -> Rules {
        Rules {
            is_symmetric: self.is_symmetric,
            is_acyclic: self.is_acyclic,
            max_per_user: self.max_per_user,
            managed_by: self.managed_by,
        }
    }
}

/// A registered type.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RelationshipType {
    /// The name.
    pub name: TypeName,
    /// The number of the version: each change raises it.
    pub version: i64,
    /// What admins can write.
    pub data: TypeData,
    /// The time of registration.
    pub created_at: Timestamp,
    /// The time of the last change.
    pub updated_at: Timestamp,
}

/// The result of registering a type.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TypeRegistration {
    /// The type is registered now.
    Registered(RelationshipType),
    /// A type with this name exists.
    NameTaken,
    /// All [`MAX_TYPES`] numbers of types are in use, or were in use a few minutes ago.
    Exhausted,
}

/// The most registered types: relationships refer to types by positive 16-bit numbers.
pub const MAX_TYPES: i16 = i16::MAX;
