//! Creates, changes and deletes groups and memberships through forms.

use super::accounts::merge;
use super::group_lists::{get_visible_group, get_visible_member};
use super::policy::{self, Action, FormCaller};
use crate::model::caller::Caller;
use crate::model::code::Code;
use crate::model::error::{Error, ErrorSource, Problem, Result};
use crate::model::group::{Group, Member, Properties};
use crate::model::id::{GroupId, MemberId, UserId};
use crate::store::Tx;

/// The ends of a membership to create or change; `None` if unknown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MembershipEnds {
    /// The group.
    pub group: Option<GroupId>,
    /// The user.
    pub user: Option<UserId>,
}

/// Returns a group that the caller may change through a form.
///
/// # Errors
/// `not-found`, `not-owner`.
pub fn get_own(tx: &mut Tx<'_>, by: &FormCaller, id: GroupId) -> Result<Group> {
    let found = get_visible_group(tx, &by.caller, id)?;
    by.require(Action::WriteGroup { owner: found.owner }).map(|()| found)
}

/// Creates a group, whose owner is the caller.
///
/// # Errors
/// `invalid-attribute` if the properties are too large.
pub fn create(tx: &mut Tx<'_>, by: &FormCaller, kind: &str, properties: &Properties) -> Result<GroupId> {
    by.require(Action::CreateGroup)?;
    tx.insert_group(kind, by.caller.id, &merge(&Properties::new(), properties)?)
}

/// Changes properties of a group.
///
/// # Errors
/// As [`get_own`].
pub fn change(tx: &mut Tx<'_>, by: &FormCaller, id: GroupId, sent: &Properties) -> Result<()> {
    let old = get_own(tx, by, id)?;
    let stored = old.properties.parse();
    let properties = merge(&stored, sent)?;
    if properties == stored { Ok(()) } else { tx.update_group(&old, &properties) }
}

/// Deletes a group with its memberships.
///
/// # Errors
/// As [`get_own`].
pub fn delete(tx: &mut Tx<'_>, by: &FormCaller, id: GroupId) -> Result<()> {
    get_own(tx, by, id)?;
    if tx.delete_group(id)? { Ok(()) } else { Err(Error::not_found("group")) }
}

/// Returns a membership that the caller may change through a form.
///
/// # Errors
/// `not-found`, `not-owner`.
pub fn get_own_member(tx: &mut Tx<'_>, by: &FormCaller, id: MemberId) -> Result<Member> {
    let (found, group) = get_visible_member(tx, &by.caller, id)?;
    by.require(Action::WriteMember { user: found.user, owner: group.owner }).map(|()| found)
}

/// Checks whether a membership with these ends can be created. Unknown ends are not checked.
///
/// # Errors
/// `not-owner` of the group; `related-resource-not-found` and `already-exists` with the end that causes it.
pub fn check_ends(tx: &mut Tx<'_>, by: &FormCaller, ends: MembershipEnds) -> Result<()> {
    let mut problems = Vec::new();
    if let Some(id) = ends.group {
        match get_visible_group(tx, &by.caller, id) {
            Ok(group) => by.require(Action::WriteGroup { owner: group.owner })?,
            Err(Error::Refused(_)) => {
                problems.push(Problem::new(Code::RelatedResourceNotFound, "does not exist").at(ErrorSource::Group));
            }
            Err(other) => return Err(other),
        }
    }
    if let Some(id) = ends.user
        && !may_name(tx, &by.caller, id)?
    {
        problems.push(Problem::new(Code::RelatedResourceNotFound, "does not exist").at(ErrorSource::Member));
    }
    if let (MembershipEnds { group: Some(group), user: Some(user) }, true) = (ends, problems.is_empty())
        && tx.membership(group, user)?.is_some()
    {
        problems.push(already_member());
    }
    Error::unless_empty(problems)
}

/// Makes a user a member of a group.
///
/// # Errors
/// As [`check_ends`], and `invalid-attribute` if the properties are too large.
pub fn add_member(
    tx: &mut Tx<'_>,
    by: &FormCaller,
    kind: &str,
    (group, user): (GroupId, UserId),
    properties: &Properties,
) -> Result<MemberId> {
    check_ends(tx, by, MembershipEnds { group: Some(group), user: Some(user) })?;
    let properties = merge(&Properties::new(), properties)?;
    tx.insert_group_member(kind, group, user, &properties)?.ok_or_else(|| already_member().into())
}

/// The ends of a membership after a change; `None` if they stay the same.
#[must_use]
pub fn moved_ends(old: &Member, ends: MembershipEnds) -> Option<(GroupId, UserId)> {
    let (group, user) = (ends.group.unwrap_or(old.group), ends.user.unwrap_or(old.user));
    ((group, user) != (old.group, old.user)).then_some((group, user))
}

/// Changes a membership. To move it, the caller must be allowed to add members to the new group, and to the old group
/// unless the membership is the caller's own.
///
/// # Errors
/// As [`get_own_member`] and [`check_ends`].
pub fn change_member(
    tx: &mut Tx<'_>,
    by: &FormCaller,
    id: MemberId,
    ends: MembershipEnds,
    sent: &Properties,
) -> Result<()> {
    let old = get_own_member(tx, by, id)?;
    let moved = moved_ends(&old, ends);
    if let Some((group, user)) = moved {
        check_ends(tx, by, MembershipEnds { group: Some(group), user: Some(user) })?;
    }
    let stored = old.properties.parse();
    let properties = merge(&stored, sent)?;
    if moved.is_none() && properties == stored {
        return Ok(());
    }
    tx.update_group_member(&old, moved.unwrap_or((old.group, old.user)), &properties)
}

/// Deletes a membership.
///
/// # Errors
/// As [`get_own_member`].
pub fn remove_member(tx: &mut Tx<'_>, by: &FormCaller, id: MemberId) -> Result<()> {
    get_own_member(tx, by, id)?;
    if tx.delete_group_member(id)? { Ok(()) } else { Err(Error::not_found("membership")) }
}

/// Whether the user exists and the caller may use it as a member.
fn may_name(tx: &mut Tx<'_>, caller: &Caller, id: UserId) -> Result<bool> {
    if tx.existing_users(&[id])?.is_empty() {
        return Ok(false);
    }
    let is_related = caller.sees_only().is_some() && tx.are_related(caller.id, id)?;
    Ok(policy::may(caller, Action::NameTarget { id, is_related }).is_ok())
}

fn already_member() -> Problem {
    Problem::new(Code::AlreadyExists, "is a member of the group already").at(ErrorSource::Member)
}
