//! Users.

use super::id::UserId;
use super::time::Timestamp;

pub use super::access_level::AccessLevel;
pub use super::field::{FieldKind, FieldWriter, Held, MAX_EMAIL_BYTES, MAX_ITEM_CHARS, MAX_LIST_ITEMS, Value};
pub use super::user_data::{COMPUTED_ATTRIBUTES, Field, Profile, USER_MEMBERS, USER_RELATIONSHIP_MEMBERS, UserData};

/// A stored user.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct User {
    /// The id, which is never reused.
    pub id: UserId,
    /// The number of the version: each change raises it.
    pub version: i64,
    /// What clients can write.
    pub data: UserData,
    /// Whether some `subordinate` relationship targets the user.
    pub is_supervisor: bool,
    /// The time of creation.
    pub created_at: Timestamp,
    /// The time of the last change.
    pub updated_at: Timestamp,
}
