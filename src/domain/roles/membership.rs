//! Adds users to, and removes users from, those with a role towards a user.

use super::linkage::{self, RoleChange};
use super::lookup::{RolePath, find_visible, visible_linkage};
use crate::domain::policy;
use crate::model::caller::Caller;
use crate::model::code::Code;
use crate::model::error::{ErrorSource, Problem, Result};
use crate::model::id::UserId;
use crate::model::page::{DEFAULT_LIMIT, MAX_LIMIT, PageRequest, Sort};
use crate::model::precondition::Precondition;
use crate::model::role::{RoleEdge, ToManyLinkage};
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

/// Refuses a change of a role of many users that the caller may not make, or that an expected state forbids.
///
/// # Errors
/// `not-found`, `unsupported-update` for a role of one user, `not-owner`, `not-admin`, `precondition-failed`.
pub fn require_changeable(
    tx: &mut Tx<'_>,
    caller: &Caller,
    path: &RolePath,
    precondition: &Precondition,
) -> Result<()> {
    let role = find_changeable(tx, caller, path)?;
    require_state(tx, caller, (&role, path.user), precondition)
}

/// Adds or removes at most [`MAX_MEMBERS`] distinct users. Returns the first page of the linkage.
///
/// # Errors
/// Those of [`require_changeable`]; when adding, those of new relationships as well, each with its user as source.
pub fn change(
    tx: &mut Tx<'_>,
    caller: &Caller,
    path: &RolePath,
    (change, members): (MembershipChange, &[UserId]),
    precondition: &Precondition,
) -> Result<ToManyLinkage> {
    tx.defer_type_counts();
    let role = change_in_job(tx, caller, path, (change, members), precondition)?;
    tx.write_type_counts()?;
    visible_linkage(tx, caller, &role, path.user, &first(DEFAULT_LIMIT))
}

/// As [`change`], in a job that [defers](Tx::defer_type_counts) the counts of types. Returns the role.
///
/// # Errors
/// As [`change`].
pub(in crate::domain) fn change_in_job(
    tx: &mut Tx<'_>,
    caller: &Caller,
    path: &RolePath,
    (change, members): (MembershipChange, &[UserId]),
    precondition: &Precondition,
) -> Result<HeldRole> {
    let role = find_changeable(tx, caller, path)?;
    let of_role = RoleChange { caller, role: &role, user: path.user };
    if change == MembershipChange::Add {
        linkage::require_members(tx, caller, path.user, members, ErrorSource::LinkageItem)?;
    }
    // Changes of several relationships around one user lock them in any order, so they wait for each other before that.
    tx.lock_writers(std::slice::from_ref(&role.held))?;
    tx.lock_user_row(path.user)?;
    require_state(tx, caller, (&role, path.user), precondition)?;
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
    let edge = |((owner, target), id)| RoleEdge { id, member: if owner == of_role.user { target } else { owner } };
    let edges: Vec<_> = tx.find_edges(held, &wanted)?.into_iter().map(edge).collect();
    of_role.remove(tx, &edges)
}

fn first(limit: i64) -> PageRequest {
    PageRequest::window(Sort::default(), 0, limit)
}

/// Refuses a change of a linkage whose state the caller does not expect. A tag shows one page, so a linkage that does not
/// fit on one can be compared with none.
fn require_state(
    tx: &mut Tx<'_>,
    caller: &Caller,
    (role, user): (&HeldRole, UserId),
    precondition: &Precondition,
) -> Result<()> {
    if *precondition == Precondition::None {
        return Ok(());
    }
    let linkage = visible_linkage(tx, caller, role, user, &first(MAX_LIMIT))?;
    let source = match precondition {
        Precondition::Except(_) => ErrorSource::Exclusion,
        Precondition::None | Precondition::Match { .. } => ErrorSource::Precondition,
    };
    if linkage.page.total <= MAX_LIMIT {
        return policy::require_state(precondition, &linkage);
    }
    let detail = format!(
        "{} users have the role `{}`, and a tag covers the {MAX_LIMIT} of one page at most; send the request without a \
         precondition",
        linkage.page.total, role.name
    );
    Err(Problem::new(Code::PreconditionFailed, detail).at(source).into())
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
