//! Groups and memberships as a caller sees them: listed, found, and what comes along with them.

mod around;

use super::policy::{self, Action};
use crate::model::caller::Caller;
use crate::model::error::{Error, Result};
use crate::model::filter::{GroupFilter, MemberFilter};
use crate::model::group::{Group, Member};
use crate::model::id::{GroupId, MemberId};
use crate::model::page::{Page, PageRequest};
use crate::model::user::User;
use crate::store::Tx;

use around::RelatedRecords;
pub use around::{IncludedRecords, MOST_MEMBERS, Path, VisibleGroup, VisibleMember, Wanted};

/// The groups that match and that the caller may see. What comes along belongs to the part of the page that `shown`
/// leaves.
///
/// # Errors
/// `unsupported-include` where too many memberships would come along, `answer-too-large` where they have too many bytes.
pub fn list(
    tx: &mut Tx<'_>,
    caller: &Caller,
    filter: &GroupFilter,
    slice: &PageRequest,
    wanted: &Wanted,
    shown: impl Fn(&[Group]) -> &[Group],
) -> Result<(Page<VisibleGroup>, IncludedRecords)> {
    let filter = GroupFilter { seen_by: caller.sees_only(), ..filter.clone() };
    let page = tx.groups(&filter, slice)?;
    let around = RelatedRecords::groups(tx, caller, shown(&page.items), wanted)?;
    let items = page.items.into_iter().map(|group| around.group(group)).collect();
    Ok((Page::whole(items, page.total), around.companions()))
}

/// One group.
///
/// # Errors
/// `not-found` if there is none, or none that the caller may see; else as [`list`].
pub fn get(tx: &mut Tx<'_>, caller: &Caller, id: GroupId, wanted: &Wanted) -> Result<(VisibleGroup, IncludedRecords)> {
    let group = visible(tx, caller, id)?;
    let around = RelatedRecords::groups(tx, caller, std::slice::from_ref(&group), wanted)?;
    Ok((around.group(group), around.companions()))
}

/// The owner of a group, `None` if that user was deleted.
///
/// # Errors
/// `not-found` if there is no such group, or the caller may not see it, or not its owner.
pub fn get_owner(tx: &mut Tx<'_>, caller: &Caller, id: GroupId) -> Result<Option<User>> {
    match visible(tx, caller, id)?.owner {
        Some(owner) => super::users::get(tx, caller, owner).map(Some),
        None => Ok(None),
    }
}

/// A group that the caller may see.
///
/// # Errors
/// `not-found`.
pub fn visible(tx: &mut Tx<'_>, caller: &Caller, id: GroupId) -> Result<Group> {
    let Some(group) = tx.groups_of(&[id])?.pop() else { return Err(Error::not_found("group")) };
    let is_member = match caller.sees_only() {
        Some(me) => {
            let filter = MemberFilter { groups: vec![id], users: vec![me], ..MemberFilter::default() };
            tx.group_members(&filter, &PageRequest::default())?.total > 0
        }
        None => false,
    };
    let may = policy::may(caller, Action::SeeGroup { owner: group.owner, is_member });
    may.map(|()| group).map_err(|_| Error::not_found("group"))
}

/// The memberships that match and that the caller may see; otherwise as [`list`].
///
/// # Errors
/// Those of the store.
pub fn list_members(
    tx: &mut Tx<'_>,
    caller: &Caller,
    filter: &MemberFilter,
    slice: &PageRequest,
    wanted: &Wanted,
    shown: impl Fn(&[Member]) -> &[Member],
) -> Result<(Page<VisibleMember>, IncludedRecords)> {
    let filter = MemberFilter { seen_by: caller.sees_only(), ..filter.clone() };
    let page = tx.group_members(&filter, slice)?;
    let around = RelatedRecords::members(tx, caller, shown(&page.items), wanted)?;
    let items = page.items.into_iter().map(|member| around.member(member)).collect();
    Ok((Page::whole(items, page.total), around.companions()))
}

/// One membership.
///
/// # Errors
/// `not-found` if there is none, or none that the caller may see.
pub fn get_member(
    tx: &mut Tx<'_>,
    caller: &Caller,
    id: MemberId,
    wanted: &Wanted,
) -> Result<(VisibleMember, IncludedRecords)> {
    let (member, _) = visible_member(tx, caller, id)?;
    let around = RelatedRecords::members(tx, caller, std::slice::from_ref(&member), wanted)?;
    Ok((around.member(member), around.companions()))
}

/// The group of a membership, with what comes along with it.
///
/// # Errors
/// `not-found` if there is no such membership, or none that the caller may see; else as [`list`].
pub fn get_group_of(
    tx: &mut Tx<'_>,
    caller: &Caller,
    id: MemberId,
    wanted: &Wanted,
) -> Result<(VisibleGroup, IncludedRecords)> {
    let (_, group) = visible_member(tx, caller, id)?;
    let around = RelatedRecords::groups(tx, caller, std::slice::from_ref(&group), wanted)?;
    Ok((around.group(group), around.companions()))
}

/// The user of a membership.
///
/// # Errors
/// `not-found` if there is no such membership, or the caller may not see it, or not its user.
pub fn get_user_of(tx: &mut Tx<'_>, caller: &Caller, id: MemberId) -> Result<User> {
    let (member, _) = visible_member(tx, caller, id)?;
    super::users::get(tx, caller, member.user)
}

/// A membership that the caller may see, and its group.
///
/// # Errors
/// `not-found`.
pub fn visible_member(tx: &mut Tx<'_>, caller: &Caller, id: MemberId) -> Result<(Member, Group)> {
    let nothing = || Error::not_found("group member");
    let Some(member) = tx.group_members_of(&[id])?.pop() else { return Err(nothing()) };
    let Some(group) = tx.groups_of(&[member.group])?.pop() else { return Err(nothing()) };
    let may = policy::may(caller, Action::SeeMember { user: member.user, owner: group.owner });
    may.map(|()| (member, group)).map_err(|_| nothing())
}
