//! The authenticated user of a request.

use super::id::UserId;
use super::user::AccessLevel;

/// The authenticated, enabled user on whose behalf a request runs.
///
/// Only `auth` makes one. The level is that of the stored user, never that of a credential.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Caller {
    /// The user.
    pub id: UserId,
    /// The access level.
    pub level: AccessLevel,
}

impl Caller {
    /// The operator at the command line, who acts for no user.
    pub const OPERATOR: Self = Self { id: UserId::new(0), level: AccessLevel::Admin };

    /// Whether the caller is an admin.
    #[must_use]
    pub fn is_admin(&self) -> bool {
        self.level == AccessLevel::Admin
    }

    /// The user to whose records the caller is limited; `None` for callers that see everything.
    #[must_use]
    pub fn sees_only(&self) -> Option<UserId> {
        (self.level == AccessLevel::Ext).then_some(self.id)
    }

    /// The author of a change; `None` for the operator.
    #[must_use]
    pub fn author(&self) -> Option<UserId> {
        (self.id.get() > 0).then_some(self.id)
    }
}
