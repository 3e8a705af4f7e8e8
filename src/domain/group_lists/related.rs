//! Loads the records that are included with groups and memberships, within a budget, if the caller may see them.

use crate::model::caller::Caller;
use crate::model::code::Code;
use crate::model::error::{ErrorSource, Problem, Result};
use crate::model::filter::{MemberFilter, UserFilter};
use crate::model::group::{Group, Member};
use crate::model::id::{MemberId, UserId};
use crate::model::page::{PageRequest, Sort};
use crate::model::read_budget::ReadBudget;
use crate::model::relationship::End;
use crate::model::user::User;
use crate::store::Tx;

/// The most included memberships of a document.
pub const MAX_INCLUDED_MEMBERS: usize = 1_000;

/// Records that can be included with relationships, groups or memberships.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum IncludePath {
    /// The users at an end of relationships.
    End(End),
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

/// The records to include.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Inclusion {
    /// The paths to them.
    pub paths: Vec<IncludePath>,
    /// The bytes that may be read.
    pub budget: ReadBudget,
}

impl Inclusion {
    /// Includes nothing.
    #[must_use]
    pub const fn nothing() -> Self {
        Self { paths: Vec::new(), budget: ReadBudget::for_answer(false) }
    }
}

/// A group, and what the caller sees of the records around it.
#[derive(Debug, Clone, PartialEq)]
pub struct VisibleGroup {
    /// The group.
    pub group: Group,
    /// Whether the caller may see the owner, if there is one.
    pub is_owner_visible: bool,
    /// The ids of the memberships that the caller may see, in order; `None` if they are not included.
    pub members: Option<Vec<MemberId>>,
}

/// A membership, and what the caller sees of the records around it.
#[derive(Debug, Clone, PartialEq)]
pub struct VisibleMember {
    /// The membership.
    pub member: Member,
    /// Whether the caller may see the user.
    pub is_user_visible: bool,
}

/// Included records, each once.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct IncludedRecords {
    /// The groups.
    pub groups: Vec<VisibleGroup>,
    /// The memberships.
    pub members: Vec<VisibleMember>,
    /// The users.
    pub users: Vec<User>,
    /// Users who were deleted, in lists of the past.
    pub deleted_users: Vec<UserId>,
}

impl From<Vec<User>> for IncludedRecords {
    fn from(users: Vec<User>) -> Self {
        Self { users, ..Self::default() }
    }
}

/// The records that groups or memberships of a response refer to.
#[derive(Default)]
pub(super) struct RelatedRecords {
    groups: Vec<Group>,
    members: Vec<Member>,
    /// Whether the memberships of groups are included.
    has_members: bool,
    /// The included users, by id.
    users: Vec<User>,
    /// The sorted ids of linked users that the caller may see; `None` if it sees every user.
    visible: Option<Vec<UserId>>,
}

impl RelatedRecords {
    pub(super) fn groups(tx: &mut Tx<'_>, caller: &Caller, groups: &[Group], inclusion: &Inclusion) -> Result<Self> {
        let (paths, mut budget) = (&inclusion.paths, inclusion.budget);
        let with_users = paths.contains(&IncludePath::MemberUsers);
        let has_members = with_users || paths.contains(&IncludePath::Members);
        let members = if has_members { members_of(tx, caller, groups, &mut budget)? } else { Vec::new() };
        let owners = groups.iter().filter_map(|group| group.owner);
        let users = members.iter().map(|member| member.user);
        let linked = owners.clone().chain(users.clone()).collect();
        let owners = owners.filter(|_| paths.contains(&IncludePath::Owner));
        let included = owners.chain(users.filter(|_| with_users)).collect();
        Self { members, has_members, ..Self::default() }.with_users(tx, caller, linked, included, budget)
    }

    pub(super) fn members(tx: &mut Tx<'_>, caller: &Caller, members: &[Member], inclusion: &Inclusion) -> Result<Self> {
        let paths = &inclusion.paths;
        let with_owners = paths.contains(&IncludePath::GroupOwner);
        let has_groups = with_owners || paths.contains(&IncludePath::Group);
        let ids = sorted_unique(members.iter().map(|member| member.group).filter(|_| has_groups).collect());
        // A page has at most as many groups as memberships, which bounds their properties.
        let groups = tx.groups_of(&ids)?;
        let owners: Vec<_> = groups.iter().filter_map(|group| group.owner).collect();
        let users = members.iter().map(|member| member.user);
        let linked = owners.iter().copied().chain(users.clone()).collect();
        let owners = owners.into_iter().filter(|_| with_owners);
        let included = owners.chain(users.filter(|_| paths.contains(&IncludePath::User))).collect();
        Self { groups, ..Self::default() }.with_users(tx, caller, linked, included, inclusion.budget)
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
            Some(_) => Some(visible_users(tx, caller, sorted_unique(linked))?),
        };
        let mut included = sorted_unique(included);
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
            is_owner_visible: group.owner.is_none_or(|owner| self.sees(owner)),
            members: self.has_members.then(|| of_group.map(|member| member.id).collect()),
            group,
        }
    }

    pub(super) fn member(&self, member: Member) -> VisibleMember {
        VisibleMember { is_user_visible: self.sees(member.user), member }
    }

    pub(super) fn into_included(mut self) -> IncludedRecords {
        let groups = std::mem::take(&mut self.groups).into_iter().map(|group| self.group(group)).collect();
        let members = std::mem::take(&mut self.members).into_iter().map(|member| self.member(member)).collect();
        IncludedRecords { groups, members, users: self.users, ..IncludedRecords::default() }
    }
}

/// The memberships in groups that the caller may see.
fn members_of(tx: &mut Tx<'_>, caller: &Caller, groups: &[Group], budget: &mut ReadBudget) -> Result<Vec<Member>> {
    if groups.is_empty() {
        return Ok(Vec::new());
    }
    let groups = groups.iter().map(|group| group.id).collect();
    let filter = MemberFilter { groups, seen_by: caller.sees_only(), ..MemberFilter::default() };
    let members = tx.first_group_members(&filter, MAX_INCLUDED_MEMBERS + 1, budget)?;
    if members.len() <= MAX_INCLUDED_MEMBERS {
        return Ok(members);
    }
    let detail = format!(
        "these groups have more than {MAX_INCLUDED_MEMBERS} members, which is too many to include; \
         list `/api/v2/group-members?filter[group]=…` instead"
    );
    Err(Problem::new(Code::UnsupportedInclude, detail).at(ErrorSource::Include).into())
}

/// Those of these users that the caller may see, by id.
fn visible_users(tx: &mut Tx<'_>, caller: &Caller, ids: Vec<UserId>) -> Result<Vec<UserId>> {
    if ids.is_empty() {
        return Ok(Vec::new());
    }
    let all = PageRequest::window(Sort::default(), 0, i64::try_from(ids.len()).unwrap_or(i64::MAX));
    let filter = UserFilter { ids, seen_by: caller.sees_only(), ..UserFilter::default() };
    let seen = tx.users(&filter, &all, &mut ReadBudget::for_answer(false))?;
    Ok(seen.items.into_iter().map(|user| user.id).collect())
}

fn sorted_unique<Id: Ord>(mut ids: Vec<Id>) -> Vec<Id> {
    ids.sort_unstable();
    ids.dedup();
    ids
}
