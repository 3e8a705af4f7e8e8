//! Groups of users and their members.

use super::id::{GroupId, MemberId, UserId};
use super::time::Timestamp;

/// What a configured type lets be said of a group, a member or a user: names and JSON values.
pub type Properties = serde_json::Map<String, serde_json::Value>;

/// A stored group.
#[derive(Debug, Clone, PartialEq)]
pub struct Group {
    /// Given by the store, never reused.
    pub id: GroupId,
    /// Raised by each change.
    pub version: i64,
    /// The name of its type.
    pub kind: String,
    /// Whoever created it; nobody once that user is deleted.
    pub owner: Option<UserId>,
    /// What is said of it.
    pub properties: Properties,
    /// When it was stored.
    pub created_at: Timestamp,
    /// When it was last changed.
    pub updated_at: Timestamp,
}

/// A stored membership: one user in one group, at most once.
#[derive(Debug, Clone, PartialEq)]
pub struct Member {
    /// Given by the store, never reused.
    pub id: MemberId,
    /// Raised by each change.
    pub version: i64,
    /// The name of its type.
    pub kind: String,
    /// The group.
    pub group: GroupId,
    /// The user.
    pub user: UserId,
    /// What is said of it.
    pub properties: Properties,
    /// When it was stored.
    pub created_at: Timestamp,
    /// When it was last changed.
    pub updated_at: Timestamp,
}
