//! Lists groups and memberships that a caller may see, with included records.

mod related;

use super::policy::{self, Action};
use crate::model::caller::Caller;
use crate::model::error::{Error, Result};
use crate::model::filter::{GroupFilter, MemberFilter};
use crate::model::group::{Group, Member};
use crate::model::id::{GroupId, MemberId};
use crate::model::page::{Page, PageRequest};
use crate::model::user::User;
use crate::store::Tx;

use related::RelatedRecords;
pub use related::{IncludePath, IncludedRecords, Inclusion, MAX_INCLUDED_MEMBERS, VisibleGroup, VisibleMember};

/// Lists the matching groups that the caller may see. Records are included for the part of the page that `shown`
/// returns.
///
/// # Errors
/// `unsupported-include` for too many included memberships, `answer-too-large` if they have too many bytes.
pub fn list(
    tx: &mut Tx<'_>,
    caller: &Caller,
    filter: &GroupFilter,
    slice: &PageRequest,
    inclusion: &Inclusion,
    shown: impl Fn(&[Group]) -> &[Group],
) -> Result<(Page<VisibleGroup>, IncludedRecords)> {
    let filter = GroupFilter { seen_by: caller.sees_only(), ..filter.clone() };
    let page = tx.groups(&filter, slice)?;
    let related = RelatedRecords::groups(tx, caller, shown(&page.items), inclusion)?;
    let items = page.items.into_iter().map(|group| related.group(group)).collect();
    Ok((Page::whole(items, page.total), related.into_included()))
}

/// Returns a group.
///
/// # Errors
/// `not-found` if the group does not exist, or the caller may not see it; otherwise as [`list`].
pub fn get(
    tx: &mut Tx<'_>,
    caller: &Caller,
    id: GroupId,
    inclusion: &Inclusion,
) -> Result<(VisibleGroup, IncludedRecords)> {
    let group = get_visible_group(tx, caller, id)?;
    let related = RelatedRecords::groups(tx, caller, std::slice::from_ref(&group), inclusion)?;
    Ok((related.group(group), related.into_included()))
}

/// Returns the owner of a group, or `None` if that user was deleted.
///
/// # Errors
/// `not-found` if the group does not exist, or the caller may not see it or its owner.
pub fn get_owner(tx: &mut Tx<'_>, caller: &Caller, id: GroupId) -> Result<Option<User>> {
    match get_visible_group(tx, caller, id)?.owner {
        Some(owner) => super::users::get(tx, caller, owner).map(Some),
        None => Ok(None),
    }
}

/// Returns a group that the caller may see, without included records.
///
/// # Errors
/// `not-found`.
pub fn get_visible_group(tx: &mut Tx<'_>, caller: &Caller, id: GroupId) -> Result<Group> {
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

/// Lists the matching memberships that the caller may see; otherwise as [`list`].
///
/// # Errors
/// Those of the store.
pub fn list_members(
    tx: &mut Tx<'_>,
    caller: &Caller,
    filter: &MemberFilter,
    slice: &PageRequest,
    inclusion: &Inclusion,
    shown: impl Fn(&[Member]) -> &[Member],
) -> Result<(Page<VisibleMember>, IncludedRecords)> {
    let filter = MemberFilter { seen_by: caller.sees_only(), ..filter.clone() };
    let page = tx.group_members(&filter, slice)?;
    let related = RelatedRecords::members(tx, caller, shown(&page.items), inclusion)?;
    let items = page.items.into_iter().map(|member| related.member(member)).collect();
    Ok((Page::whole(items, page.total), related.into_included()))
}

/// Returns a membership.
///
/// # Errors
/// `not-found` if the membership does not exist, or the caller may not see it.
pub fn get_member(
    tx: &mut Tx<'_>,
    caller: &Caller,
    id: MemberId,
    inclusion: &Inclusion,
) -> Result<(VisibleMember, IncludedRecords)> {
    let (member, _) = get_visible_member(tx, caller, id)?;
    let related = RelatedRecords::members(tx, caller, std::slice::from_ref(&member), inclusion)?;
    Ok((related.member(member), related.into_included()))
}

/// Returns the group of a membership.
///
/// # Errors
/// `not-found` if the membership does not exist, or the caller may not see it; otherwise as [`list`].
pub fn get_group_of(
    tx: &mut Tx<'_>,
    caller: &Caller,
    id: MemberId,
    inclusion: &Inclusion,
) -> Result<(VisibleGroup, IncludedRecords)> {
    let (_, group) = get_visible_member(tx, caller, id)?;
    let related = RelatedRecords::groups(tx, caller, std::slice::from_ref(&group), inclusion)?;
    Ok((related.group(group), related.into_included()))
}

/// Returns the user of a membership.
///
/// # Errors
/// `not-found` if the membership does not exist, or the caller may not see it or its user.
pub fn get_user_of(tx: &mut Tx<'_>, caller: &Caller, id: MemberId) -> Result<User> {
    let (member, _) = get_visible_member(tx, caller, id)?;
    super::users::get(tx, caller, member.user)
}

/// Returns a membership that the caller may see, and its group.
///
/// # Errors
/// `not-found`.
pub fn get_visible_member(tx: &mut Tx<'_>, caller: &Caller, id: MemberId) -> Result<(Member, Group)> {
    let not_found = || Error::not_found("group member");
    let Some(member) = tx.group_members_of(&[id])?.pop() else { return Err(not_found()) };
    let Some(group) = tx.groups_of(&[member.group])?.pop() else { return Err(not_found()) };
    let may = policy::may(caller, Action::SeeMember { user: member.user, owner: group.owner });
    may.map(|()| (member, group)).map_err(|_| not_found())
}
