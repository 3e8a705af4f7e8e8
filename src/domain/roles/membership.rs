//! Adds users to, and removes users from, those with a role towards a user.

use super::linkage::{self, RoleChange};
use super::lookup::{RolePath, find_visible, visible_edges};
use crate::model::caller::Caller;
use crate::model::code::Code;
use crate::model::error::{ErrorSource, Problem, Result};
use crate::model::id::UserId;
use crate::model::page::{DEFAULT_LIMIT, Page, PageRequest, Sort};
use crate::model::role::RoleEdge;
use crate::store::{HeldRole, Tx};

/// The most users that one request adds to a role or removes from it.
pub const MAX_MEMBERS: usize = 1_000;

/// What a request does with users and a role.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MembershipChange {
    /// Gives them the role; those that have it keep it.
    Add,
    /// Takes the role from them; those that do not have it stay without it.
    Remove,
}

/// Refuses a change of a role of many users that the caller may not make.
///
/// # Errors
/// `not-found`, `unsupported-update` for a role of one user, `not-owner`, `not-admin`.
pub fn require_changeable(tx: &mut Tx<'_>, caller: &Caller, path: &RolePath) -> Result<()> {
    find_changeable(tx, caller, path).map(drop)
}

/// Adds or removes at most [`MAX_MEMBERS`] distinct users. Returns the first page of the linkage.
///
/// # Errors
/// Those of [`require_changeable`]; when adding, those of new relationships as well, each with its user as source.
pub fn change(
    tx: &mut Tx<'_>,
    caller: &Caller,
    path: &RolePath,
    change: MembershipChange,
    members: &[UserId],
) -> Result<Page<RoleEdge>> {
    tx.defer_type_counts();
    let role = change_in_job(tx, caller, path, change, members)?;
    tx.write_type_counts()?;
    visible_edges(tx, caller, &role, path.user, &PageRequest::window(Sort::default(), 0, DEFAULT_LIMIT))
}

/// As [`change`], in a job that [defers](Tx::defer_type_counts) the counts of types. Returns the role.
///
/// # Errors
/// As [`change`].
pub(in crate::domain) fn change_in_job(
    tx: &mut Tx<'_>,
    caller: &Caller,
    path: &RolePath,
    change: MembershipChange,
    members: &[UserId],
) -> Result<HeldRole> {
    let role = find_changeable(tx, caller, path)?;
    let of_role = RoleChange { caller, role: &role, user: path.user };
    if change == MembershipChange::Add {
        linkage::require_members(tx, caller, path.user, members, ErrorSource::LinkageItem)?;
    }
    // Changes of several relationships around one user lock them in any order, so they wait for each other before that.
    tx.lock_writers(std::slice::from_ref(&role.held))?;
    tx.lock_user_row(path.user)?;
    match change {
        MembershipChange::Add => {
            of_role.add(tx, members, ErrorSource::LinkageItem)?;
        }
        MembershipChange::Remove => remove(tx, &of_role, members)?,
    }
    Ok(role)
}

fn remove(tx: &mut Tx<'_>, of_role: &RoleChange<'_>, members: &[UserId]) -> Result<()> {
    let held = &of_role.role.held;
    let wanted: Vec<_> = members.iter().map(|member| of_role.ends(*member)).collect();
    for ((owner, target), id) in tx.find_edges(held, &wanted)? {
        let member = if owner == of_role.user { target } else { owner };
        of_role.remove(tx, id, member)?;
    }
    Ok(())
}

fn find_changeable(tx: &mut Tx<'_>, caller: &Caller, path: &RolePath) -> Result<HeldRole> {
    let role = find_visible(tx, caller, path)?;
    linkage::require_change(caller, &role, path.user)?;
    if role.is_to_one() {
        let detail = format!("at most one user has the role `{}`; replace it with PATCH", role.name);
        return Err(Problem::new(Code::UnsupportedUpdate, detail).into());
    }
    Ok(role)
}
