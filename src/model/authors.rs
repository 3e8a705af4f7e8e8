//! Who created a relationship and who changed it last.

use super::id::UserId;
use super::relationship::Relationship;

/// The users who created a relationship and who changed it last, who may be deleted. `None` stands for the operator at the
/// command line, who also imports.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Authors {
    /// Who created it.
    pub created_by: Option<UserId>,
    /// Who changed it last, or created it.
    pub updated_by: Option<UserId>,
}

impl Authors {
    /// The authors of a relationship that one author has just created.
    #[must_use]
    pub const fn of_new(author: Option<UserId>) -> Self {
        Self { created_by: author, updated_by: author }
    }
}

/// A relationship as a caller sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuthoredRelationship {
    /// The relationship.
    pub relationship: Relationship,
    /// Its authors; `None` if the caller may not see them.
    pub authors: Option<Authors>,
}
