//! A relationship type whose rules a job has read.

use crate::model::relationship_type::TypeName;
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

/// Whether the users at the ends of a new relationship exist.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ExistingEnds {
    /// Whether the owner exists.
    pub user: bool,
    /// Whether the target exists.
    pub target: bool,
}
