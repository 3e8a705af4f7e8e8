//! Who is asking, once verified.

use super::id::UserId;
use super::user::AccessLevel;

/// A verified, enabled user on whose behalf a request runs.
///
/// Made by `auth` alone; its level is that of the row in `users`, never what a credential claims.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Caller {
    /// The user.
    pub id: UserId,
    /// What it may do.
    pub level: AccessLevel,
}

impl Caller {
    /// The operator at the command line: it acts for no user of its own.
    pub const OPERATOR: Self = Self { id: UserId::new(0), level: AccessLevel::Admin };

    /// Whether the caller may do everything.
    #[must_use]
    pub fn is_admin(&self) -> bool {
        self.level == AccessLevel::Admin
    }

    /// The user that an external caller's view is limited to, `None` for callers that see everything.
    #[must_use]
    pub fn sees_only(&self) -> Option<UserId> {
        (self.level == AccessLevel::Ext).then_some(self.id)
    }

    /// The user to note as the author of a change, `None` for the operator.
    #[must_use]
    pub fn author(&self) -> Option<UserId> {
        (self.id.get() > 0).then_some(self.id)
    }
}
