//! Relationship types.

use super::attributes::record;
use super::field::FieldKind;
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
