//! What a traversal is asked for, and what its two ways of finding users return.

use crate::domain::roles::RolePath;
use crate::model::code::Code;
use crate::model::error::{Error, ErrorSource, Problem, Result};
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

/// Refuses a traversal that makes no sense for its role.
///
/// # Errors
/// `invalid-parameter`, and `invalid-cursor` if the place belongs to another order.
pub(super) fn check(role: &HeldRole, traversal: &Traversal) -> Result<()> {
    let refused = |parameter, detail: String| {
        Err(Problem::new(Code::InvalidParameter, detail).at(ErrorSource::Parameter(parameter)).into())
    };
    let name = &role.name;
    if role.held.rules.is_symmetric {
        return refused(
            "max-depth",
            format!("relationships of the role `{name}` have no direction to follow; remove `max-depth`"),
        );
    }
    if !traversal.shared_with.is_empty() && role.end == RoleEnd::Owner {
        let detail =
            format!("`filter[shared-with]` is for roles of targets, and `{name}` is one of owners; remove the filter");
        return refused("filter[shared-with]", detail);
    }
    let is_of_order = match &traversal.after {
        Some(Place::Path(_)) => is_below(role),
        Some(_) => !is_below(role),
        None => true,
    };
    if is_of_order { Ok(()) } else { Err(wrong_place()) }
}

fn wrong_place() -> Error {
    let detail = "`page[after]` is a cursor of this list before the rules of its type changed; start without it";
    Problem::new(Code::InvalidCursor, detail).at(ErrorSource::Parameter("page[after]")).into()
}

pub(super) fn too_large() -> Error {
    let detail = format!(
        "the traversal would visit more than {MAX_VISITED} users; lower `max-depth`, or start from another user"
    );
    Problem::new(Code::TraversalTooLarge, detail).at(ErrorSource::Parameter("max-depth")).into()
}
