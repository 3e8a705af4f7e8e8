//! The options and the results of an import.

use crate::model::error::Error;
use crate::model::user::Field;

/// The options of an import.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ImportOptions {
    /// Registers unknown relationship types.
    pub creates_types: bool,
}

/// Counts the lines of one kind by result.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Tally {
    /// Lines whose record was created.
    pub added: u64,
    /// Lines whose record was changed.
    pub changed: u64,
    /// Lines whose record existed with the same content.
    pub unchanged: u64,
    /// Invalid lines.
    pub rejected: u64,
}

/// The results of some lines.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ImportOutcome {
    /// Lines with users.
    pub users: Tally,
    /// Lines with relationships.
    pub relationships: Tally,
    /// Relationship types that were registered.
    pub types_added: u64,
    /// The numbers of the rejected lines, and the reasons.
    pub rejected: Vec<(u64, String)>,
}

impl Tally {
    fn plus(self, other: Self) -> Self {
        Self {
            added: self.added + other.added,
            changed: self.changed + other.changed,
            unchanged: self.unchanged + other.unchanged,
            rejected: self.rejected + other.rejected,
        }
    }
}

impl ImportOutcome {
    /// Adds the counts of other lines, without their reasons.
    pub fn add(&mut self, other: &Self) {
        self.users = self.users.plus(other.users);
        self.relationships = self.relationships.plus(other.relationships);
        self.types_added += other.types_added;
    }

    pub(super) fn reject_user(&mut self, number: u64, reason: String) {
        self.users.rejected += 1;
        self.rejected.push((number, reason));
    }

    pub(super) fn reject_relationship(&mut self, number: u64, reason: String) {
        self.relationships.rejected += 1;
        self.rejected.push((number, reason));
    }
}

/// A field cannot hold its value, which the reader of the line should have reported.
pub(super) fn unsuitable_value(field: Field) -> Error {
    Error::Internal(format!("the field {field:?} cannot hold its value"))
}

/// The store reserved fewer ids than requested.
pub(super) fn too_few_ids() -> Error {
    Error::Internal("too few ids were reserved".to_owned())
}
