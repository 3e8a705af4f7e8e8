//! Groups and memberships as a caller sees them: listed, found, and what comes along with them.

use super::policy::{self, Action};
use crate::model::caller::Caller;
use crate::model::code::Code;
use crate::model::error::{Culprit, Error, Problem, Result};
use crate::model::filter::{GroupFilter, MemberFilter, UserFilter};
use crate::model::group::{Group, Member};
use crate::model::id::{GroupId, MemberId, UserId};
use crate::model::page::{Page, Slice, Sort};
use crate::model::user::User;
use crate::store::Tx;

/// The most memberships that come along with one document.
pub const MOST_MEMBERS: usize = 1_000;

/// What may come along with groups and memberships.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Path {
    /// The owners of groups.
    Owner,
    /// The memberships in groups.
    Members,
    /// The memberships in groups, and their users.
    MemberUsers,
    /// The groups of memberships.
    Group,
    /// The groups of memberships, and their owners.
    GroupOwner,
    /// The users of memberships.
    User,
}

/// A group and what a caller sees around it.
#[derive(Debug, Clone, PartialEq)]
pub struct SeenGroup {
    /// The group.
    pub group: Group,
    /// Whether the caller may see the owner, if there is one.
    pub is_owner_seen: bool,
    /// The memberships that the caller may see, by id, if they come along.
    pub members: Option<Vec<MemberId>>,
}

/// A membership and what a caller sees around it.
#[derive(Debug, Clone, PartialEq)]
pub struct SeenMember {
    /// The membership.
    pub member: Member,
    /// Whether the caller may see the user.
    pub is_user_seen: bool,
}

/// What comes along, each thing once.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Companions {
    /// Groups.
    pub groups: Vec<SeenGroup>,
    /// Memberships.
    pub members: Vec<SeenMember>,
    /// Users.
    pub users: Vec<User>,
}

impl From<Vec<User>> for Companions {
    fn from(users: Vec<User>) -> Self {
        Self { users, ..Self::default() }
    }
}

/// The groups that match and that the caller may see. What comes along belongs to the part of the page that `shown`
/// leaves.
///
/// # Errors
/// `unsupported-include` where too many memberships would come along.
pub fn list(
    tx: &mut Tx<'_>,
    caller: &Caller,
    filter: &GroupFilter,
    slice: &Slice,
    paths: &[Path],
    shown: impl Fn(&[Group]) -> &[Group],
) -> Result<(Page<SeenGroup>, Companions)> {
    let filter = GroupFilter { seen_by: caller.sees_only(), ..filter.clone() };
    let page = tx.groups(&filter, slice)?;
    let around = Around::groups(tx, caller, shown(&page.items), paths)?;
    let items = page.items.into_iter().map(|group| around.group(group)).collect();
    Ok((Page { items, total: page.total }, around.companions()))
}

/// One group.
///
/// # Errors
/// `not-found` if there is none, or none that the caller may see; else as [`list`].
pub fn get(tx: &mut Tx<'_>, caller: &Caller, id: GroupId, paths: &[Path]) -> Result<(SeenGroup, Companions)> {
    let group = visible(tx, caller, id)?;
    let around = Around::groups(tx, caller, std::slice::from_ref(&group), paths)?;
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
            tx.group_members(&filter, &Slice::default())?.total > 0
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
    slice: &Slice,
    paths: &[Path],
    shown: impl Fn(&[Member]) -> &[Member],
) -> Result<(Page<SeenMember>, Companions)> {
    let filter = MemberFilter { seen_by: caller.sees_only(), ..filter.clone() };
    let page = tx.group_members(&filter, slice)?;
    let around = Around::members(tx, caller, shown(&page.items), paths)?;
    let items = page.items.into_iter().map(|member| around.member(member)).collect();
    Ok((Page { items, total: page.total }, around.companions()))
}

/// One membership.
///
/// # Errors
/// `not-found` if there is none, or none that the caller may see.
pub fn get_member(tx: &mut Tx<'_>, caller: &Caller, id: MemberId, paths: &[Path]) -> Result<(SeenMember, Companions)> {
    let (member, _) = visible_member(tx, caller, id)?;
    let around = Around::members(tx, caller, std::slice::from_ref(&member), paths)?;
    Ok((around.member(member), around.companions()))
}

/// The group of a membership, with what comes along with it.
///
/// # Errors
/// `not-found` if there is no such membership, or none that the caller may see; else as [`list`].
pub fn get_group_of(tx: &mut Tx<'_>, caller: &Caller, id: MemberId, paths: &[Path]) -> Result<(SeenGroup, Companions)> {
    let (_, group) = visible_member(tx, caller, id)?;
    let around = Around::groups(tx, caller, std::slice::from_ref(&group), paths)?;
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

/// What stands around groups or memberships that the caller may see.
struct Around {
    groups: Vec<Group>,
    members: Vec<Member>,
    /// Whether the memberships of groups were asked for.
    has_members: bool,
    /// Users that the caller may see, by id; all that are linked to, or only those that come along.
    users: Vec<User>,
    /// Ids of users that come along, in order.
    wanted: Vec<UserId>,
    /// Whether the caller sees every user.
    sees_all: bool,
}

impl Around {
    fn groups(tx: &mut Tx<'_>, caller: &Caller, groups: &[Group], paths: &[Path]) -> Result<Self> {
        let with_users = paths.contains(&Path::MemberUsers);
        let has_members = with_users || paths.contains(&Path::Members);
        let members = if has_members { members_of(tx, caller, groups)? } else { Vec::new() };
        let owners = groups.iter().filter_map(|group| group.owner);
        let users = members.iter().map(|member| member.user);
        let linked = owners.clone().chain(users.clone()).collect();
        let owners = owners.filter(|_| paths.contains(&Path::Owner));
        let wanted = owners.chain(users.filter(|_| with_users)).collect();
        Self { members, has_members, ..Self::none(caller) }.with_users(tx, caller, linked, wanted)
    }

    fn members(tx: &mut Tx<'_>, caller: &Caller, members: &[Member], paths: &[Path]) -> Result<Self> {
        let with_owners = paths.contains(&Path::GroupOwner);
        let has_groups = with_owners || paths.contains(&Path::Group);
        let ids = once_each(members.iter().map(|member| member.group).filter(|_| has_groups).collect());
        let groups = tx.groups_of(&ids)?;
        let owners: Vec<_> = groups.iter().filter_map(|group| group.owner).collect();
        let users = members.iter().map(|member| member.user);
        let linked = owners.iter().copied().chain(users.clone()).collect();
        let owners = owners.into_iter().filter(|_| with_owners);
        let wanted = owners.chain(users.filter(|_| paths.contains(&Path::User))).collect();
        Self { groups, ..Self::none(caller) }.with_users(tx, caller, linked, wanted)
    }

    fn none(caller: &Caller) -> Self {
        let sees_all = caller.sees_only().is_none();
        Self { groups: vec![], members: vec![], has_members: false, users: vec![], wanted: vec![], sees_all }
    }

    fn with_users(self, tx: &mut Tx<'_>, caller: &Caller, linked: Vec<UserId>, wanted: Vec<UserId>) -> Result<Self> {
        let wanted = once_each(wanted);
        let users = if self.sees_all { tx.users_of(&wanted)? } else { seen_of(tx, caller, once_each(linked))? };
        Ok(Self { users, wanted, ..self })
    }

    fn sees(&self, id: UserId) -> bool {
        self.sees_all || self.users.binary_search_by_key(&id, |user| user.id).is_ok()
    }

    fn group(&self, group: Group) -> SeenGroup {
        let of_group = self.members.iter().filter(|member| member.group == group.id);
        SeenGroup {
            is_owner_seen: group.owner.is_none_or(|owner| self.sees(owner)),
            members: self.has_members.then(|| of_group.map(|member| member.id).collect()),
            group,
        }
    }

    fn member(&self, member: Member) -> SeenMember {
        SeenMember { is_user_seen: self.sees(member.user), member }
    }

    fn companions(self) -> Companions {
        let groups = self.groups.iter().map(|group| self.group(group.clone())).collect();
        let members = self.members.iter().map(|member| self.member(member.clone())).collect();
        let mut users = self.users;
        users.retain(|user| self.wanted.binary_search(&user.id).is_ok());
        Companions { groups, members, users }
    }
}

/// All memberships in some groups that the caller may see.
fn members_of(tx: &mut Tx<'_>, caller: &Caller, groups: &[Group]) -> Result<Vec<Member>> {
    if groups.is_empty() {
        return Ok(Vec::new());
    }
    let groups = groups.iter().map(|group| group.id).collect();
    let filter = MemberFilter { groups, seen_by: caller.sees_only(), ..MemberFilter::default() };
    let members = tx.first_group_members(&filter, i64::try_from(MOST_MEMBERS + 1).unwrap_or(i64::MAX))?;
    if members.len() <= MOST_MEMBERS {
        return Ok(members);
    }
    let detail = format!(
        "these groups have more than {MOST_MEMBERS} members, too many to come along; \
         list `/api/v2/group-members?filter[group]=…` instead"
    );
    Err(Problem::new(Code::UnsupportedInclude, detail).at(Culprit::Include).into())
}

/// Those of some users that the caller may see, by id.
fn seen_of(tx: &mut Tx<'_>, caller: &Caller, ids: Vec<UserId>) -> Result<Vec<User>> {
    if ids.is_empty() {
        return Ok(Vec::new());
    }
    let all = Slice::window(Sort::default(), 0, i64::try_from(ids.len()).unwrap_or(i64::MAX));
    let filter = UserFilter { ids, seen_by: caller.sees_only(), ..UserFilter::default() };
    Ok(tx.users(&filter, &all)?.items)
}

fn once_each<Id: Ord>(mut ids: Vec<Id>) -> Vec<Id> {
    ids.sort_unstable();
    ids.dedup();
    ids
}
