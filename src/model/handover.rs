//! Transfers: the relationships of one type that target a user get another target.

use super::attributes::record;
use super::field::FieldKind;
use super::id::{RelationshipId, TransferId, UserId};
use super::relationship_type::TypeName;
use super::time::Timestamp;

/// The most relationships that one request moves.
pub const MAX_MOVED: i64 = 10_000;

record! {
    /// An attribute of a transfer that clients can write.
    TransferAttribute of
    /// All that clients can write of a transfer but its users.
    TransferData {
        /// The name of the type.
        Relationship = relationship: TypeName, "relationship", FieldKind::TypeName;
        /// Whether the successor also takes the place of the predecessor: it gets the relationships that the
        /// predecessor owns.
        TakePlace = take_place: bool, "take-place", FieldKind::Flag;
    }
}

impl TransferData {
    /// A transfer of relationships of a type.
    #[must_use]
    pub const fn new(relationship: TypeName, take_place: bool) -> Self {
        Self { relationship, take_place }
    }
}

/// A completed transfer. It never changes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Transfer {
    /// The id.
    pub id: TransferId,
    /// What the client sent.
    pub data: TransferData,
    /// The user that the relationships targeted before, who may be deleted.
    pub from: UserId,
    /// The user that they target now, who may be deleted.
    pub to: UserId,
    /// The admin who made it, who may be deleted.
    pub actor: UserId,
    /// What happened to the relationships.
    pub moves: Moves,
    /// The time of the transfer.
    pub created_at: Timestamp,
}

/// The numbers of relationships in a transfer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Moves {
    /// Those that targeted the predecessor and now target the successor.
    pub moved: i64,
    /// Those that were deleted because the successor had them already.
    pub merged: i64,
}

/// A stored relationship of a type, which a job has locked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LockedEdge {
    /// The id.
    pub id: RelationshipId,
    /// The owner and the target.
    pub ends: (UserId, UserId),
}
