//! The rules of a relationship type.

use super::id::UserId;
use super::manager::Manager;

/// The most edges of a path in a type with [`Rules::is_acyclic`].
pub const MAX_DEPTH: usize = 64;
/// The most users above the target, and below the owner, of a new relationship that are visited to find out how long
/// a path becomes; trees store that instead.
pub const MAX_VISITED: usize = 10_000;

/// What the relationships of a type must obey. The default forbids nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Rules {
    /// Whether both directions are the same relationship.
    pub is_symmetric: bool,
    /// Whether no path along relationships of the type leads back to its start.
    pub is_acyclic: bool,
    /// The most relationships of the type that one user may own.
    pub max_per_user: Option<i16>,
    /// Who may create, change and delete relationships of the type.
    pub managed_by: Manager,
}

impl Rules {
    /// Whether some set of relationships breaks a rule, so that writers of the type must run one at a time.
    #[must_use]
    pub const fn restrict_data(self) -> bool {
        self.is_symmetric || self.is_acyclic || self.max_per_user.is_some()
    }

    /// Whether anybody may own any relationship of the type, as without rules.
    #[must_use]
    pub fn allow_all(self) -> bool {
        self == Self::default()
    }

    /// Whether the type is a tree: each user has at most one target, and no path leads back to its start.
    #[must_use]
    pub fn is_tree(self) -> bool {
        self.is_acyclic && self.max_per_user == Some(1)
    }
}

/// Why a rule refuses a relationship.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Refusal {
    /// It closes a cycle: the users from the owner through the target back to the owner.
    Cycle(Vec<UserId>),
    /// Its owner owns as many relationships of the type as it may.
    TooMany,
    /// A path becomes longer than [`MAX_DEPTH`], or that cannot be ruled out.
    TooDeep,
}

impl Refusal {
    /// The rule, as a label of metrics.
    #[must_use]
    pub const fn rule(&self) -> &'static str {
        match self {
            Self::Cycle(_) => "acyclic",
            Self::TooMany => "max-per-user",
            Self::TooDeep => "depth",
        }
    }
}
