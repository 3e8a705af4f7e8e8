//! Changes of groups and memberships.

use super::{Tx, ask};
use crate::model::change::{ChangeAction, ChangeSubject};
use crate::model::error::Result;
use crate::model::group::{Group, Member, Properties};
use crate::model::id::{GroupId, MemberId, UserId};
use crate::store::group_rows::text_of_properties;

impl Tx<'_> {
    /// Stores a group.
    pub fn insert_group(&mut self, kind: &str, owner: UserId, properties: &Properties) -> Result<GroupId> {
        let (properties, now) = (text_of_properties(properties), self.micros());
        self.keep_referenced_user(owner)?;
        let id = GroupId::new(ask!(self, groups::insert(kind, owner.get(), &properties, now))?);
        self.log(ChangeAction::Created, ChangeSubject::Group(id), &[]).map(|()| id)
    }

    /// Adds a user to a group; `None` if it is a member already.
    pub fn insert_group_member(
        &mut self,
        kind: &str,
        group: GroupId,
        user: UserId,
        properties: &Properties,
    ) -> Result<Option<MemberId>> {
        self.keep_referenced_user(user)?;
        let (properties, now) = (text_of_properties(properties), self.micros());
        let ends = (group.get(), user.get());
        let Some(id) = ask!(self, groups::insert_member(kind, ends, &properties, now))?.map(MemberId::new) else {
            return Ok(None);
        };
        self.log(ChangeAction::Created, ChangeSubject::GroupMember(id), &[])?;
        Ok(Some(id))
    }

    /// The membership of a user in a group.
    pub fn membership(&mut self, group: GroupId, user: UserId) -> Result<Option<MemberId>> {
        Ok(ask!(self, groups::member_id(group.get(), user.get()))?.map(MemberId::new))
    }

    /// Writes the properties of a group that this job has read.
    pub fn update_group(&mut self, old: &Group, properties: &Properties) -> Result<()> {
        let (properties, now) = (text_of_properties(properties), self.micros());
        if !ask!(self, groups::update((old.id.get(), old.version), &properties, now))? {
            return Err(self.record_conflict());
        }
        self.log(ChangeAction::Updated, ChangeSubject::Group(old.id), &["properties"])
    }

    /// Writes the ends and properties of a membership that this job has read.
    pub fn update_group_member(
        &mut self,
        old: &Member,
        (group, user): (GroupId, UserId),
        properties: &Properties,
    ) -> Result<()> {
        self.keep_referenced_user(user)?;
        let (text, now) = (text_of_properties(properties), self.micros());
        let ends = (group.get(), user.get());
        if !ask!(self, groups::update_member((old.id.get(), old.version), ends, &text, now))? {
            return Err(self.record_conflict());
        }
        let parts = [
            ("group", group != old.group),
            ("user", user != old.user),
            ("properties", *properties != old.properties.parse()),
        ];
        let changed: Vec<_> = parts.into_iter().filter(|(_, is_changed)| *is_changed).map(|(name, _)| name).collect();
        self.log(ChangeAction::Updated, ChangeSubject::GroupMember(old.id), &changed)
    }

    /// Deletes a group and its memberships; `false` if there is none.
    pub fn delete_group(&mut self, id: GroupId) -> Result<bool> {
        let members = ask!(self, groups::delete_members(id.get()))?;
        let members = members.into_iter().map(|id| ChangeSubject::GroupMember(MemberId::new(id)));
        self.log_all(ChangeAction::Deleted, members, &[])?;
        let is_deleted = ask!(self, groups::delete(id.get()))?;
        if is_deleted {
            self.log(ChangeAction::Deleted, ChangeSubject::Group(id), &[])?;
        }
        Ok(is_deleted)
    }

    /// Deletes a membership; `false` if there is none.
    pub fn delete_group_member(&mut self, id: MemberId) -> Result<bool> {
        let is_deleted = ask!(self, groups::delete_member(id.get()))?;
        if is_deleted {
            self.log(ChangeAction::Deleted, ChangeSubject::GroupMember(id), &[])?;
        }
        Ok(is_deleted)
    }
}
