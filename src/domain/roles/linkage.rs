//! Adds and removes relationships that give users a role towards a user.

use crate::domain::admission::{self, Ends, Verdict};
use crate::domain::policy::{self, Action};
use crate::domain::{relationships, trees};
use crate::model::caller::Caller;
use crate::model::code::Code;
use crate::model::error::{Error, ErrorSource, Problem, Result};
use crate::model::id::{RelationshipId, UserId};
use crate::model::relationship::{EdgeData, NewEdge};
use crate::model::role::RoleEnd;
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
                return Err(refusal.at_source(source(index)));
            }
        }
        let mut stored = Vec::with_capacity(edges.len());
        let admitted = edges.iter().zip(&admission.verdicts).filter(|(_, verdict)| **verdict == Verdict::Admitted);
        for ((user, target), _) in admitted {
            let edge = NewEdge { user: *user, target: *target, data: EdgeData::new(held.name.clone()) };
            // Without rules, a relationship that exists is noticed only here.
            stored.extend(tx.insert_relationship(held, &edge, self.caller.author())?.map(|row| row.id));
        }
        admission.record(tx, held).map(|()| stored)
    }

    /// Deletes a relationship that gives a user the role. In types that are trees, other writers are locked out.
    ///
    /// # Errors
    /// The job runs again if the relationship is gone or has another type.
    pub fn remove(&self, tx: &mut Tx<'_>, id: RelationshipId, member: UserId) -> Result<()> {
        let held = &self.role.held;
        if !tx.delete_of_type(held, id)? {
            return Err(tx.run_again());
        }
        let (owner, target) = self.ends(member);
        if held.rules.is_tree() { trees::detach(tx, held, owner, target) } else { Ok(()) }
    }
}
