//! Adds and removes relationships that give users a role towards a user.

use crate::domain::admission::{self, Ends, Verdict};
use crate::domain::policy::{self, Action};
use crate::domain::{relationships, trees};
use crate::model::caller::Caller;
use crate::model::code::Code;
use crate::model::error::{Error, ErrorSource, Problem, Result};
use crate::model::id::{RelationshipId, UserId};
use crate::model::relationship::{EdgeData, NewEdge};
use crate::model::role::{RoleEdge, RoleEnd};
use crate::store::{HeldRole, Tx};

/// A change of who has a role towards a user.
pub(super) struct RoleChange<'a> {
    /// Who makes it.
    pub caller: &'a Caller,
    /// The role, whose type is held.
    pub role: &'a HeldRole,
    /// The user that the role is seen from.
    pub user: UserId,
}

/// Refuses a change of a role that the caller may not make.
///
/// # Errors
/// `not-owner`, `not-admin`.
pub(super) fn require_change(caller: &Caller, role: &HeldRole, user: UserId) -> Result<()> {
    let managed_by = role.held.rules.managed_by;
    policy::require(
        caller,
        match role.end {
            RoleEnd::Owner => Action::WriteOwners { managed_by },
            RoleEnd::Target | RoleEnd::Either => Action::WriteRelationship { owner: user, managed_by },
        },
    )
}

/// Refuses users that cannot have a role towards `user`. `source` is that of a user by its index.
///
/// # Errors
/// `self-relationship`, `related-resource-not-found`.
pub(super) fn require_members(
    tx: &mut Tx<'_>,
    caller: &Caller,
    user: UserId,
    members: &[UserId],
    source: impl Fn(usize) -> ErrorSource,
) -> Result<()> {
    let existing: std::collections::HashSet<_> = tx.many_existing_users(members)?.into_iter().collect();
    let mut problems = Vec::new();
    for (index, member) in members.iter().enumerate() {
        if *member == user {
            let detail = "a user cannot have a role towards itself; remove its identifier";
            problems.push(Problem::new(Code::SelfRelationship, detail).at(source(index)));
        } else if !existing.contains(member) || !may_name(tx, caller, *member)? {
            problems.push(policy::refusal(Code::RelatedResourceNotFound).at(source(index)));
        }
    }
    Error::unless_empty(problems)
}

fn may_name(tx: &mut Tx<'_>, caller: &Caller, id: UserId) -> Result<bool> {
    let is_related = caller.sees_only().is_some() && tx.are_related(caller.id, id)?;
    Ok(policy::may(caller, Action::NameTarget { id, is_related }).is_ok())
}

impl RoleChange<'_> {
    /// The owner and the target of the relationship that gives a user the role.
    pub fn ends(&self, member: UserId) -> Ends {
        match self.role.end {
            RoleEnd::Owner => (member, self.user),
            RoleEnd::Target | RoleEnd::Either => (self.user, member),
        }
    }

    /// Gives existing users the role, and returns the ids of the new relationships, in order. Users that have it
    /// already keep it. `source` is that of a user by its index.
    ///
    /// # Errors
    /// Those of the rules of the type.
    pub fn add(
        &self,
        tx: &mut Tx<'_>,
        members: &[UserId],
        source: impl Fn(usize) -> ErrorSource,
    ) -> Result<Vec<RelationshipId>> {
        let held = &self.role.held;
        let edges: Vec<_> = members.iter().map(|member| self.ends(*member)).collect();
        let admission = admission::admit(tx, held, &edges)?;
        for (index, (ends, verdict)) in edges.iter().zip(&admission.verdicts).enumerate() {
            if let Verdict::Refused(_) = verdict
                && let Some(refusal) = relationships::refusal_of(tx, self.caller, held, *ends, Some(verdict))?
            {
                return Err(refusal.at_source(&source(index)));
            }
        }
        let admitted = edges.iter().zip(&admission.verdicts).filter(|(_, verdict)| **verdict == Verdict::Admitted);
        let edge = |(user, target)| NewEdge { user, target, data: EdgeData::new(held.name.clone()) };
        let admitted: Vec<_> = admitted.map(|(ends, _)| edge(*ends)).collect();
        // Without rules, a relationship that exists is noticed only here.
        let stored = tx.insert_relationships(held, &admitted, self.caller.author())?;
        admission.record(tx, held).map(|()| stored)
    }

    /// Deletes relationships that give users the role. In types that are trees, other writers are locked out.
    ///
    /// # Errors
    /// The job runs again if a relationship is gone or has another type.
    pub fn remove(&self, tx: &mut Tx<'_>, edges: &[RoleEdge]) -> Result<()> {
        let held = &self.role.held;
        if edges.is_empty() {
            return Ok(());
        }
        let ids: Vec<_> = edges.iter().map(|edge| edge.id).collect();
        if !tx.delete_of_type(held, &ids)? {
            return Err(tx.run_again());
        }
        if held.rules.is_tree() { self.detach(tx, edges) } else { Ok(()) }
    }

    /// Removes the owners of deleted relationships from below their targets, in a tree.
    fn detach(&self, tx: &mut Tx<'_>, edges: &[RoleEdge]) -> Result<()> {
        let members: Vec<_> = edges.iter().map(|edge| edge.member).collect();
        if self.role.end == RoleEnd::Owner {
            return trees::detach_all(tx, &self.role.held, &members, self.user);
        }
        // There is one, unless an earlier release has stored more.
        members.into_iter().try_for_each(|target| trees::detach(tx, &self.role.held, self.user, target))
    }
}
