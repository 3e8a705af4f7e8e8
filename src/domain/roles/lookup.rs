//! Finds roles, and the relationships that give users a role.

use crate::domain::users;
use crate::model::caller::Caller;
use crate::model::code::Code;
use crate::model::error::{Problem, Result};
use crate::model::id::UserId;
use crate::model::page::{Page, PageRequest};
use crate::model::relationship_type::TypeName;
use crate::model::role::{RoleEdge, ToManyLinkage};
use crate::model::text::excerpt;
use crate::store::{HeldRole, Tx};

/// A role of a user, as a URL names it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RolePath {
    /// The user that the role is seen from.
    pub user: UserId,
    /// The name of the role, which may be invalid.
    pub role: String,
}

/// Finds the role with a name, and holds its type.
///
/// # Errors
/// `not-found` if no type has the role.
pub fn find(tx: &mut Tx<'_>, name: &str) -> Result<HeldRole> {
    let role = TypeName::parse(name).map(|name| tx.hold_role(&name)).transpose()?.flatten();
    role.ok_or_else(|| {
        let detail = format!(
            "no relationship type has the role `{}`; `/api/v2/relationship-types` has all roles",
            excerpt(name)
        );
        Problem::new(Code::NotFound, detail).into()
    })
}

/// Finds a role of a user that the caller may see.
///
/// # Errors
/// `not-found`.
pub(in crate::domain) fn find_visible(tx: &mut Tx<'_>, caller: &Caller, path: &RolePath) -> Result<HeldRole> {
    let role = find(tx, &path.role)?;
    users::require_visible(tx, caller, path.user).map(|()| role)
}

/// A page of the relationships that give users a role towards a user that the caller may see.
///
/// # Errors
/// Those of the store.
pub(in crate::domain) fn visible_edges(
    tx: &mut Tx<'_>,
    caller: &Caller,
    role: &HeldRole,
    user: UserId,
    slice: &PageRequest,
) -> Result<Page<RoleEdge>> {
    // Relationships of another user are visible to an external caller if it is at their other end.
    let seen_by = caller.sees_only().filter(|me| *me != user);
    tx.role_edges(role, user, seen_by, slice)
}

/// As [`visible_edges`], as a part of the linkage.
///
/// # Errors
/// Those of the store.
pub(super) fn visible_linkage(
    tx: &mut Tx<'_>,
    caller: &Caller,
    role: &HeldRole,
    user: UserId,
    slice: &PageRequest,
) -> Result<ToManyLinkage> {
    let page = visible_edges(tx, caller, role, user, slice)?;
    Ok(ToManyLinkage { user, kind: role.held.name.clone(), end: role.end, page })
}
