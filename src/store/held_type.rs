//! A relationship type whose rules a job has read.

use crate::model::authors::Authors;
use crate::model::relationship::Relationship;
use crate::model::relationship_type::TypeName;
use crate::model::role::RoleEnd;
use crate::model::rules::Rules;

/// A relationship type whose rules a job has read. In a write job they stay as they are until the job ends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HeldType {
    /// The name.
    pub name: TypeName,
    /// The rules.
    pub rules: Rules,
    pub(in crate::store) id: i16,
}

impl HeldType {
    /// A type that is not registered, and of which no relationship is stored.
    #[must_use]
    pub fn unregistered(name: TypeName) -> Self {
        Self { name, rules: Rules::default(), id: 0 }
    }

    /// The type with other rules.
    #[must_use]
    pub fn with_rules(self, rules: Rules) -> Self {
        Self { rules, ..self }
    }
}

/// A relationship with its authors and its type.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FoundRelationship {
    /// The relationship.
    pub relationship: Relationship,
    /// Who created it and who changed it last.
    pub authors: Authors,
    /// The rules of its type.
    pub rules: Rules,
}

/// Whether the users at the ends of a new relationship exist.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ExistingEnds {
    /// Whether the owner exists.
    pub user: bool,
    /// Whether the target exists.
    pub target: bool,
}

/// A role that a job has read, and its type.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HeldRole {
    /// The name.
    pub name: TypeName,
    /// The type.
    pub held: HeldType,
    /// The end at which the users with the role are.
    pub end: RoleEnd,
}

/// What is stored of a user that others have a role towards.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RoleStart {
    /// Whether the user exists.
    pub exists: bool,
    /// How many users are below it; 0 if the type is no tree.
    pub below: i64,
}

impl HeldRole {
    /// Whether at most one user has the role towards another one.
    #[must_use]
    pub fn is_to_one(&self) -> bool {
        self.end == RoleEnd::Target && self.held.rules.max_per_user == Some(1)
    }
}
