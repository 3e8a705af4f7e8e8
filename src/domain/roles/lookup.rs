//! Finds roles, and the relationships that give users a role.

use crate::domain::users;
use crate::model::caller::Caller;
use crate::model::code::Code;
use crate::model::error::{Error, Problem, Result};
use crate::model::id::UserId;
use crate::model::page::{Page, PageRequest};
use crate::model::relationship_type::TypeName;
use crate::model::role::{RoleEdge, ToManyLinkage};
use crate::model::text::excerpt;
use crate::store::{HeldRole, RoleStart, Tx};

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
    role.ok_or_else(|| unknown_role(name))
}

/// Finds the role of a path, and what is stored of its user, who may not exist.
///
/// # Errors
/// `not-found` if no type has the role.
pub(in crate::domain) fn find_towards(tx: &mut Tx<'_>, path: &RolePath) -> Result<(HeldRole, RoleStart)> {
    let name = TypeName::parse(&path.role);
    let found = name.map(|name| tx.read_role_towards(&name, path.user)).transpose()?.flatten();
    found.ok_or_else(|| unknown_role(&path.role))
}

fn unknown_role(name: &str) -> Error {
    let name = excerpt(name);
    let detail = format!("no relationship type has the role `{name}`; `/api/v2/relationship-types` has all roles");
    Problem::new(Code::NotFound, detail).into()
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
