//! Changes of groups and memberships.

use super::{Tx, ask};
use crate::model::error::Result;
use crate::model::group::{Group, Member, Properties};
use crate::model::id::{GroupId, MemberId, UserId};
use crate::store::group_rows::text_of_properties;

impl Tx<'_> {
    /// Stores a group.
    pub fn insert_group(&mut self, kind: &str, owner: UserId, properties: &Properties) -> Result<GroupId> {
        let (properties, now) = (text_of_properties(properties), self.micros());
        ask!(self, groups::insert(kind, owner.get(), &properties, now)).map(GroupId::new)
    }

    /// Adds a user to a group; `None` if it is a member already.
    pub fn insert_group_member(
        &mut self,
        kind: &str,
        group: GroupId,
        user: UserId,
        properties: &Properties,
    ) -> Result<Option<MemberId>> {
        let (properties, now) = (text_of_properties(properties), self.micros());
        let ends = (group.get(), user.get());
        Ok(ask!(self, groups::insert_member(kind, ends, &properties, now))?.map(MemberId::new))
    }

    /// The membership of a user in a group.
    pub fn membership(&mut self, group: GroupId, user: UserId) -> Result<Option<MemberId>> {
        Ok(ask!(self, groups::member_id(group.get(), user.get()))?.map(MemberId::new))
    }

    /// Writes the properties of a group that this job has read.
    pub fn update_group(&mut self, old: &Group, properties: &Properties) -> Result<()> {
        let (properties, now) = (text_of_properties(properties), self.micros());
        if ask!(self, groups::update((old.id.get(), old.version), &properties, now))? {
            Ok(())
        } else {
            Err(self.record_conflict())
        }
    }

    /// Writes the ends and properties of a membership that this job has read.
    pub fn update_group_member(
        &mut self,
        old: &Member,
        (group, user): (GroupId, UserId),
        properties: &Properties,
    ) -> Result<()> {
        let (properties, now) = (text_of_properties(properties), self.micros());
        let ends = (group.get(), user.get());
        if ask!(self, groups::update_member((old.id.get(), old.version), ends, &properties, now))? {
            Ok(())
        } else {
            Err(self.record_conflict())
        }
    }

    /// Deletes a group and its memberships; `false` if there is none.
    pub fn delete_group(&mut self, id: GroupId) -> Result<bool> {
        ask!(self, groups::delete(id.get()))
    }

    /// Deletes a membership; `false` if there is none.
    pub fn delete_group_member(&mut self, id: MemberId) -> Result<bool> {
        ask!(self, groups::delete_member(id.get()))
    }
}
