//! What a list is narrowed to.

use super::id::{GroupId, MemberId, UserId};
use super::relationship_type::TypeName;
use super::user::AccessLevel;

/// The most ids that one filter may name.
pub const MAX_FILTER_VALUES: usize = 50;

/// Which relationships are asked for; an empty list narrows nothing, several values mean any of them.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct RelationshipFilter {
    /// Owners.
    pub users: Vec<UserId>,
    /// Targets.
    pub targets: Vec<UserId>,
    /// Names of types, registered or not.
    pub relationships: Vec<TypeName>,
    /// Only those that this user owns or is the target of (external callers).
    pub seen_by: Option<UserId>,
}

impl RelationshipFilter {
    /// Whether one index answers the filter with a page of work, whatever the size of the data.
    #[must_use]
    pub fn is_narrow(&self) -> bool {
        self.users.len() + self.targets.len() <= 2 && self.relationships.len() <= 1 && self.seen_by.is_none()
    }
}

/// Which users are asked for; an empty list narrows nothing, several values mean any of them.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct UserFilter {
    /// Ids.
    pub ids: Vec<UserId>,
    /// Whole e-mail addresses, compared without regard to case.
    pub emails: Vec<String>,
    /// Words that must all occur in the names or the e-mail address, without regard to case.
    pub words: Vec<String>,
    /// Enabled, disabled, or both.
    pub enabled: Vec<bool>,
    /// Access levels.
    pub levels: Vec<AccessLevel>,
    /// Only this user and those it shares a relationship with (external callers).
    pub seen_by: Option<UserId>,
}

impl UserFilter {
    /// Whether the filter needs nothing but the kept counts and one index.
    #[must_use]
    pub fn is_counted(&self) -> bool {
        self.ids.is_empty() && self.emails.is_empty() && self.words.is_empty() && self.seen_by.is_none()
    }
}

/// Which groups are asked for; an empty list narrows nothing, several values mean any of them.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct GroupFilter {
    /// Ids.
    pub ids: Vec<GroupId>,
    /// Names of types.
    pub kinds: Vec<String>,
    /// Owners.
    pub owners: Vec<UserId>,
    /// Only those that this user owns or is a member of (external callers).
    pub seen_by: Option<UserId>,
}

/// Which memberships are asked for; an empty list narrows nothing, several values mean any of them.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct MemberFilter {
    /// Ids.
    pub ids: Vec<MemberId>,
    /// Groups.
    pub groups: Vec<GroupId>,
    /// Members.
    pub users: Vec<UserId>,
    /// Only those of this user, and those in groups that it owns (external callers).
    pub seen_by: Option<UserId>,
}
