//! The users with a role towards a user, such as its supervisors.

mod assignment;
mod inclusion;
mod linkage;
mod lookup;
mod membership;
mod returned;

pub(in crate::domain) use assignment::reassign_in_job;
pub use assignment::{Reassignment, reassign, require_assignable};
pub use inclusion::{
    MAX_INCLUDED_ROLES, RoleInclusion, include, include_with_one, require_known, require_known_fields,
};
pub use lookup::{RolePath, find};
pub(in crate::domain) use lookup::{find_towards, find_visible, visible_edges};
pub(in crate::domain) use membership::change_in_job;
pub use membership::{MAX_MEMBERS, MembershipChange, change, require_changeable};
pub use returned::{ReturnedLinkage, ReturnedRole, find_changed_roles};

use crate::model::caller::Caller;
use crate::model::error::Result;
use crate::model::page::PageRequest;
use crate::model::read_budget::ReadBudget;
use crate::model::role::{RoleQuery, RoleUsers, ToManyLinkage, ToOneLinkage};
use crate::store::Tx;
use lookup::visible_linkage;

/// The identifiers of the users with a role towards a user.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RoleLinkage {
    /// The only one that there may be.
    One(ToOneLinkage),
    /// A page of them.
    Many(ToManyLinkage),
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
    let (is_to_one, only) = (role.is_to_one(), RoleQuery::only());
    let slice = if is_to_one { &only } else { slice };
    let edges = visible_edges(tx, caller, &role, path.user, slice)?;
    Ok(RoleUsers { is_to_one, page: tx.role_members(edges, slice, &mut budget)? })
}

/// The identifiers of the users that [`list`] returns.
///
/// # Errors
/// As [`list`].
pub fn get_linkage(tx: &mut Tx<'_>, caller: &Caller, path: &RolePath, slice: &PageRequest) -> Result<RoleLinkage> {
    let role = find_visible(tx, caller, path)?;
    if !role.is_to_one() {
        return visible_linkage(tx, caller, &role, path.user, slice).map(RoleLinkage::Many);
    }
    let edge = visible_edges(tx, caller, &role, path.user, &RoleQuery::only())?.items.pop();
    Ok(RoleLinkage::One(ToOneLinkage { user: path.user, kind: role.held.name, edge }))
}
