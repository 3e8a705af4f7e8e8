//! What comes along with groups and memberships: read within a budget, and only what the caller may see.

use crate::model::caller::Caller;
use crate::model::code::Code;
use crate::model::error::{ErrorSource, Problem, Result};
use crate::model::filter::{MemberFilter, UserFilter};
use crate::model::group::{Group, Member};
use crate::model::id::{MemberId, UserId};
use crate::model::page::{PageRequest, Sort};
use crate::model::read_budget::ReadBudget;
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

/// What is to come along, and how many bytes of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wanted {
    /// What.
    pub paths: Vec<Path>,
    /// How much of it is read.
    pub budget: ReadBudget,
}

impl Wanted {
    /// Nothing.
    #[must_use]
    pub const fn nothing() -> Self {
        Self { paths: Vec::new(), budget: ReadBudget::for_answer(false) }
    }
}

/// A group and what a caller sees around it.
#[derive(Debug, Clone, PartialEq)]
pub struct VisibleGroup {
    /// The group.
    pub group: Group,
    /// Whether the caller may see the owner, if there is one.
    pub is_owner_seen: bool,
    /// The memberships that the caller may see, by id, if they come along.
    pub members: Option<Vec<MemberId>>,
}

/// A membership and what a caller sees around it.
#[derive(Debug, Clone, PartialEq)]
pub struct VisibleMember {
    /// The membership.
    pub member: Member,
    /// Whether the caller may see the user.
    pub is_user_seen: bool,
}

/// What comes along, each thing once.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct IncludedRecords {
    /// Groups.
    pub groups: Vec<VisibleGroup>,
    /// Memberships.
    pub members: Vec<VisibleMember>,
    /// Users.
    pub users: Vec<User>,
}

impl From<Vec<User>> for IncludedRecords {
    fn from(users: Vec<User>) -> Self {
        Self { users, ..Self::default() }
    }
}

/// What stands around groups or memberships that the caller may see.
#[derive(Default)]
pub(super) struct RelatedRecords {
    groups: Vec<Group>,
    members: Vec<Member>,
    /// Whether the memberships of groups were asked for.
    has_members: bool,
    /// Users that come along, by id.
    users: Vec<User>,
    /// The ids of all linked users that the caller may see, in order; `None` if it sees every user.
    visible: Option<Vec<UserId>>,
}

impl RelatedRecords {
    pub(super) fn groups(tx: &mut Tx<'_>, caller: &Caller, groups: &[Group], wanted: &Wanted) -> Result<Self> {
        let (paths, mut budget) = (&wanted.paths, wanted.budget);
        let with_users = paths.contains(&Path::MemberUsers);
        let has_members = with_users || paths.contains(&Path::Members);
        let members = if has_members { members_of(tx, caller, groups, &mut budget)? } else { Vec::new() };
        let owners = groups.iter().filter_map(|group| group.owner);
        let users = members.iter().map(|member| member.user);
        let linked = owners.clone().chain(users.clone()).collect();
        let owners = owners.filter(|_| paths.contains(&Path::Owner));
        let included = owners.chain(users.filter(|_| with_users)).collect();
        Self { members, has_members, ..Self::default() }.with_users(tx, caller, linked, included, budget)
    }

    pub(super) fn members(tx: &mut Tx<'_>, caller: &Caller, members: &[Member], wanted: &Wanted) -> Result<Self> {
        let paths = &wanted.paths;
        let with_owners = paths.contains(&Path::GroupOwner);
        let has_groups = with_owners || paths.contains(&Path::Group);
        let ids = once_each(members.iter().map(|member| member.group).filter(|_| has_groups).collect());
        // As many groups as a page has memberships, at most, so that their properties are bounded too.
        let groups = tx.groups_of(&ids)?;
        let owners: Vec<_> = groups.iter().filter_map(|group| group.owner).collect();
        let users = members.iter().map(|member| member.user);
        let linked = owners.iter().copied().chain(users.clone()).collect();
        let owners = owners.into_iter().filter(|_| with_owners);
        let included = owners.chain(users.filter(|_| paths.contains(&Path::User))).collect();
        Self { groups, ..Self::default() }.with_users(tx, caller, linked, included, wanted.budget)
    }

    fn with_users(
        self,
        tx: &mut Tx<'_>,
        caller: &Caller,
        linked: Vec<UserId>,
        included: Vec<UserId>,
        mut budget: ReadBudget,
    ) -> Result<Self> {
        let visible = match caller.sees_only() {
            None => None,
            Some(_) => Some(visible_of(tx, caller, once_each(linked))?),
        };
        let mut included = once_each(included);
        if let Some(visible) = &visible {
            included.retain(|id| visible.binary_search(id).is_ok());
        }
        Ok(Self { users: tx.users_of(&included, &mut budget)?, visible, ..self })
    }

    fn sees(&self, id: UserId) -> bool {
        self.visible.as_ref().is_none_or(|visible| visible.binary_search(&id).is_ok())
    }

    pub(super) fn group(&self, group: Group) -> VisibleGroup {
        let of_group = self.members.iter().filter(|member| member.group == group.id);
        VisibleGroup {
            is_owner_seen: group.owner.is_none_or(|owner| self.sees(owner)),
            members: self.has_members.then(|| of_group.map(|member| member.id).collect()),
            group,
        }
    }

    pub(super) fn member(&self, member: Member) -> VisibleMember {
        VisibleMember { is_user_seen: self.sees(member.user), member }
    }

    pub(super) fn companions(mut self) -> IncludedRecords {
        let groups = std::mem::take(&mut self.groups).into_iter().map(|group| self.group(group)).collect();
        let members = std::mem::take(&mut self.members).into_iter().map(|member| self.member(member)).collect();
        IncludedRecords { groups, members, users: self.users }
    }
}

/// All memberships in some groups that the caller may see.
fn members_of(tx: &mut Tx<'_>, caller: &Caller, groups: &[Group], budget: &mut ReadBudget) -> Result<Vec<Member>> {
    if groups.is_empty() {
        return Ok(Vec::new());
    }
    let groups = groups.iter().map(|group| group.id).collect();
    let filter = MemberFilter { groups, seen_by: caller.sees_only(), ..MemberFilter::default() };
    let members = tx.first_group_members(&filter, MOST_MEMBERS + 1, budget)?;
    if members.len() <= MOST_MEMBERS {
        return Ok(members);
    }
    let detail = format!(
        "these groups have more than {MOST_MEMBERS} members, too many to come along; \
         list `/api/v2/group-members?filter[group]=…` instead"
    );
    Err(Problem::new(Code::UnsupportedInclude, detail).at(ErrorSource::Include).into())
}

/// Those of some users that the caller may see, by id.
fn visible_of(tx: &mut Tx<'_>, caller: &Caller, ids: Vec<UserId>) -> Result<Vec<UserId>> {
    if ids.is_empty() {
        return Ok(Vec::new());
    }
    let all = PageRequest::window(Sort::default(), 0, i64::try_from(ids.len()).unwrap_or(i64::MAX));
    let filter = UserFilter { ids, seen_by: caller.sees_only(), ..UserFilter::default() };
    let seen = tx.users(&filter, &all, &mut ReadBudget::for_answer(false))?;
    Ok(seen.items.into_iter().map(|user| user.id).collect())
}

fn once_each<Id: Ord>(mut ids: Vec<Id>) -> Vec<Id> {
    ids.sort_unstable();
    ids.dedup();
    ids
}
