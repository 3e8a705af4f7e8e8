//! Replaces the only user with a role towards a user, such as its supervisor.

use super::linkage::{self, RoleChange};
use super::lookup::{RolePath, find_visible};
use crate::domain::policy;
use crate::model::caller::Caller;
use crate::model::change::ChangeReason;
use crate::model::code::Code;
use crate::model::error::{Error, ErrorSource, Problem, Result};
use crate::model::id::{RelationshipId, UserId};
use crate::model::page::{PageRequest, Sort};
use crate::model::precondition::Precondition;
use crate::model::role::{RoleEdge, ToOneLinkage};
use crate::store::{HeldRole, Tx};

/// The most relationships that one reassignment replaces. There is one, unless an earlier release has stored more.
const MOST_REPLACED: i64 = 1_000;

/// The result of a reassignment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reassignment {
    /// The present linkage.
    pub linkage: ToOneLinkage,
    /// The users that had the role before.
    pub previous: Vec<UserId>,
}

/// Refuses a change of a role of one user that the caller may not make, or that an expected state forbids.
///
/// # Errors
/// `not-found`, `unsupported-update` for a role of many users, `not-owner`, `not-admin`, `precondition-failed`.
pub fn require_assignable(
    tx: &mut Tx<'_>,
    caller: &Caller,
    path: &RolePath,
    precondition: &Precondition,
) -> Result<()> {
    let role = find_assignable(tx, caller, path)?;
    let edges = edges_of(tx, &role, path.user)?;
    policy::require_state(precondition, &linkage_of(&role, path.user, edges.first().copied()))
}

/// Gives a role to one user, or to none, in place of the present one. The new relationship replaces the old one in one
/// transaction, under the lock of the type.
///
/// # Errors
/// Those of [`require_assignable`] and of a new relationship, with the linkage as their source.
pub fn reassign(
    tx: &mut Tx<'_>,
    caller: &Caller,
    path: &RolePath,
    member: Option<UserId>,
    precondition: &Precondition,
) -> Result<Reassignment> {
    tx.defer_type_counts();
    let done = reassign_in_job(tx, caller, path, member, precondition)?;
    tx.write_type_counts().map(|()| done)
}

/// As [`reassign`], in a job that [defers](Tx::defer_type_counts) the counts of types.
///
/// # Errors
/// As [`reassign`].
pub(in crate::domain) fn reassign_in_job(
    tx: &mut Tx<'_>,
    caller: &Caller,
    path: &RolePath,
    member: Option<UserId>,
    precondition: &Precondition,
) -> Result<Reassignment> {
    let role = find_assignable(tx, caller, path)?;
    if let Some(member) = member {
        linkage::require_members(tx, caller, path.user, &[member], |_| ErrorSource::Linkage)?;
    }
    tx.lock_writers(std::slice::from_ref(&role.held))?;
    let edges = edges_of(tx, &role, path.user)?;
    policy::require_state(precondition, &linkage_of(&role, path.user, edges.first().copied()))?;
    let previous = edges.iter().map(|edge| edge.member).collect();
    let edge = tx.because(ChangeReason::Reassign, |tx| replace(tx, caller, (&role, path.user), &edges, member))?;
    Ok(Reassignment { linkage: linkage_of(&role, path.user, edge), previous })
}

fn find_assignable(tx: &mut Tx<'_>, caller: &Caller, path: &RolePath) -> Result<HeldRole> {
    let role = find_visible(tx, caller, path)?;
    if !role.is_to_one() {
        let detail = format!(
            "several users may have the role `{}`, so it cannot be replaced as a whole; add users with POST, remove \
             them with DELETE",
            role.name
        );
        return Err(Problem::new(Code::UnsupportedUpdate, detail).into());
    }
    linkage::require_change(caller, &role, path.user).map(|()| role)
}

fn edges_of(tx: &mut Tx<'_>, role: &HeldRole, user: UserId) -> Result<Vec<RoleEdge>> {
    let all = PageRequest::window(Sort::default(), 0, MOST_REPLACED);
    tx.role_edges(role, user, None, &all).map(|page| page.items)
}

fn linkage_of(role: &HeldRole, user: UserId, edge: Option<RoleEdge>) -> ToOneLinkage {
    ToOneLinkage { user, kind: role.held.name.clone(), edge }
}

/// Replaces the relationships of a user by one to `member`; one that leads there already stays.
fn replace(
    tx: &mut Tx<'_>,
    caller: &Caller,
    (role, user): (&HeldRole, UserId),
    edges: &[RoleEdge],
    member: Option<UserId>,
) -> Result<Option<RoleEdge>> {
    let kept = edges.iter().find(|edge| Some(edge.member) == member).copied();
    let change = RoleChange { caller, role, user };
    let replaced: Vec<_> = edges.iter().filter(|edge| Some(**edge) != kept).copied().collect();
    change.remove(tx, &replaced)?;
    let Some(member) = member.filter(|_| kept.is_none()) else { return Ok(kept) };
    let id: Option<RelationshipId> = change.add(tx, &[member], |_| ErrorSource::Linkage)?.pop();
    let id = id.ok_or_else(|| Error::Internal("a new relationship was not stored".to_owned()))?;
    Ok(Some(RoleEdge { id, member }))
}
