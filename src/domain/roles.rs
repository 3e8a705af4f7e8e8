//! The users with a role towards a user, such as its supervisors.

use super::users;
use crate::model::caller::Caller;
use crate::model::code::Code;
use crate::model::error::{Problem, Result};
use crate::model::id::UserId;
use crate::model::page::{Page, PageRequest, Sort};
use crate::model::read_budget::ReadBudget;
use crate::model::relationship_type::TypeName;
use crate::model::role::{RoleEdge, RoleMember, ToOneLinkage};
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

/// The users with a role towards a user.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RoleUsers {
    /// The only one that there may be.
    One(Option<RoleMember>),
    /// A page of them.
    Many(Page<RoleMember>),
}

/// The identifiers of the users with a role towards a user.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RoleLinkage {
    /// The only one that there may be.
    One(ToOneLinkage),
    /// A page of them.
    Many(Page<RoleEdge>),
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

/// The users with a role towards a user, in the order of their relationships. An external caller sees those that are
/// related to it by such a relationship.
///
/// # Errors
/// `not-found` if there is no such role or user, or the caller may not see the user.
pub fn list(
    tx: &mut Tx<'_>,
    caller: &Caller,
    path: &RolePath,
    slice: &PageRequest,
    mut budget: ReadBudget,
) -> Result<RoleUsers> {
    let role = find_visible(tx, caller, path)?;
    if !role.is_to_one() {
        let edges = visible_edges(tx, caller, &role, path.user, slice)?;
        return tx.role_members(edges, slice, &mut budget).map(RoleUsers::Many);
    }
    let edges = visible_edges(tx, caller, &role, path.user, &first())?;
    let mut page = tx.role_members(edges, &first(), &mut budget)?;
    Ok(RoleUsers::One(page.items.pop()))
}

/// The identifiers of the users that [`list`] returns.
///
/// # Errors
/// As [`list`].
pub fn get_linkage(tx: &mut Tx<'_>, caller: &Caller, path: &RolePath, slice: &PageRequest) -> Result<RoleLinkage> {
    let role = find_visible(tx, caller, path)?;
    if !role.is_to_one() {
        return visible_edges(tx, caller, &role, path.user, slice).map(RoleLinkage::Many);
    }
    let edge = visible_edges(tx, caller, &role, path.user, &first())?.items.pop();
    Ok(RoleLinkage::One(ToOneLinkage { user: path.user, kind: role.held.name, edge }))
}

/// Finds a role of a user that the caller may see.
fn find_visible(tx: &mut Tx<'_>, caller: &Caller, path: &RolePath) -> Result<HeldRole> {
    let role = find(tx, &path.role)?;
    users::require_visible(tx, caller, path.user).map(|()| role)
}

fn visible_edges(
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

fn first() -> PageRequest {
    PageRequest::window(Sort::default(), 0, 1)
}
