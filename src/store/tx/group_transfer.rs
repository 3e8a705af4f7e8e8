//! Queries of imports and exports for many groups and memberships.

use super::{Tx, ask};
use crate::model::change::{ChangeAction, ChangeSubject};
use crate::model::error::Result;
use crate::model::group::{Group, Member};
use crate::model::id::{GroupId, MemberId, UserId};
use crate::store::rows::Numbered;

impl Tx<'_> {
    /// At most `limit` groups after an id, by id.
    pub fn groups_after(&mut self, id: GroupId, limit: i64) -> Result<Vec<Group>> {
        Ok(ask!(self, group_transfer::groups_after(id.get(), limit))?.into_iter().map(Group::from).collect())
    }

    /// At most `limit` memberships after an id, by id.
    pub fn group_members_after(&mut self, id: MemberId, limit: i64) -> Result<Vec<Member>> {
        Ok(ask!(self, group_transfer::members_after(id.get(), limit))?.into_iter().map(Member::from).collect())
    }

    /// The numbers of groups and of memberships.
    pub fn group_totals(&mut self) -> Result<(i64, i64)> {
        ask!(self, group_transfer::totals())
    }

    /// The groups with these ids, in any order.
    pub fn many_groups(&mut self, ids: &[GroupId]) -> Result<Vec<Group>> {
        let ids: Vec<_> = ids.iter().map(|id| id.get()).collect();
        Ok(ask!(self, group_transfer::groups_of_ids(&ids))?.into_iter().map(Group::from).collect())
    }

    /// Which of these ids belong to a group.
    pub fn many_existing_groups(&mut self, ids: &[GroupId]) -> Result<Vec<GroupId>> {
        let ids: Vec<_> = ids.iter().map(|id| id.get()).collect();
        Ok(ask!(self, group_transfer::existing_groups(&ids))?.into_iter().map(GroupId::new).collect())
    }

    /// The memberships with these groups and users, in any order.
    pub fn many_memberships(&mut self, ends: &[(GroupId, UserId)]) -> Result<Vec<Member>> {
        let ends: Vec<_> = ends.iter().map(|(group, user)| (group.get(), user.get())).collect();
        Ok(ask!(self, group_transfer::memberships(&ends))?.into_iter().map(Member::from).collect())
    }

    /// The largest id that a group had, or more: no group had a larger one.
    pub fn newest_group_id(&mut self) -> Result<GroupId> {
        ask!(self, transfer::newest_id(Numbered::Groups)).map(GroupId::new)
    }

    /// The largest id that a membership had, or more: no membership had a larger one.
    pub fn newest_member_id(&mut self) -> Result<MemberId> {
        ask!(self, transfer::newest_id(Numbered::Members)).map(MemberId::new)
    }

    /// Reserves ids for that many memberships of this job, in ascending order and larger than any id that the job
    /// chooses.
    pub fn reserve_member_ids(&mut self, members: usize, largest: MemberId) -> Result<Vec<MemberId>> {
        let ids = self.reserve(Numbered::Members, members, largest.get())?;
        Ok(ids.into_iter().map(MemberId::new).collect())
    }

    /// Stores groups with their ids and times. The ids must be larger than that of any group before.
    pub fn insert_many_groups(&mut self, groups: &[&Group]) -> Result<()> {
        let Some(largest) = groups.iter().map(|group| group.id.get()).max() else { return Ok(()) };
        self.reserve(Numbered::Groups, 0, largest)?;
        ask!(self, group_transfer::insert_groups(groups))?;
        self.log_all(ChangeAction::Created, groups.iter().map(|group| ChangeSubject::Group(group.id)), &[])
    }

    /// Stores memberships with their ids and times. Ids and ends must be free.
    pub fn insert_many_members(&mut self, members: &[Member]) -> Result<()> {
        if members.is_empty() {
            return Ok(());
        }
        ask!(self, group_transfer::insert_members(members))?;
        self.log_all(ChangeAction::Created, members.iter().map(|member| ChangeSubject::GroupMember(member.id)), &[])
    }

    /// Writes owner and properties of a group that this job has read.
    pub fn replace_group(&mut self, old: &Group, new: &Group) -> Result<()> {
        let (version, now) = ((old.id.get(), old.version), self.micros());
        let properties = new.properties.as_text();
        if !ask!(self, group_transfer::replace_group(version, new.owner.map(UserId::get), properties, now))? {
            return Err(self.record_conflict());
        }
        let parts =
            [("owner", old.owner != new.owner), ("properties", old.properties.parse() != new.properties.parse())];
        let changed: Vec<_> = parts.into_iter().filter(|(_, is_changed)| *is_changed).map(|(name, _)| name).collect();
        self.log(ChangeAction::Updated, ChangeSubject::Group(old.id), &changed)
    }
}
