//! What a traversal is asked for, and what its two ways of finding users return.

use crate::domain::roles::RolePath;
use crate::model::code::Code;
use crate::model::error::{Error, ErrorSource, Problem};
use crate::model::id::UserId;
use crate::model::role::RoleEnd;
use crate::model::rules::MAX_VISITED;
use crate::model::traversal::preorder::path_to_last;
use crate::model::traversal::{Depth, Place, ReachedUser};
use crate::store::HeldRole;

/// A traversal to run.
#[derive(Debug, Clone)]
pub struct Traversal {
    /// The user to start from, and the role of those to find.
    pub path: RolePath,
    /// How far to go.
    pub depth: Depth,
    /// Only these users, unless it is empty.
    pub only: Vec<UserId>,
    /// Only users that are also found from each of these.
    pub shared_with: Vec<UserId>,
    /// Only users after this place.
    pub after: Option<Place>,
    /// The most users to return; 0 for the count alone.
    pub limit: usize,
}

/// The users of a page, before their properties are read.
pub(super) struct ReachedPage {
    /// One more than the limit if more follow.
    pub users: Vec<ReachedUser>,
    pub total: i64,
    pub has_cycle: bool,
    pub places: Places,
}

/// Where the users of a page are in their list.
pub(super) enum Places {
    /// In a walk that was resumed after the user with this path.
    After(Vec<i64>),
    /// One for each user.
    Listed(Vec<Place>),
}

impl Places {
    /// The place of the last of the first users of the page.
    pub fn of_last(&self, users: &[ReachedUser]) -> Option<Place> {
        match self {
            Self::After(_) if users.is_empty() => None,
            Self::After(before) => Some(Place::Path(path_to_last(before, users))),
            Self::Listed(places) => users.len().checked_sub(1).and_then(|last| places.get(last)).cloned(),
        }
    }
}

/// Whether the users with a role are below another one in a tree.
pub(super) fn is_below(role: &HeldRole) -> bool {
    role.held.rules.is_tree() && role.end == RoleEnd::Owner
}

pub(super) fn too_large() -> Error {
    let detail = format!(
        "the traversal would visit more than {MAX_VISITED} users; lower `max-depth`, or start from another user"
    );
    Problem::new(Code::TraversalTooLarge, detail).at(ErrorSource::Parameter("max-depth")).into()
}
