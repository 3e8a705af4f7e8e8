//! Changes of groups and memberships.

use super::{Tx, ask};
use crate::model::error::Result;
use crate::model::group::Properties;
use crate::model::id::{GroupId, MemberId, UserId};
use crate::store::group_rows::text_of_properties;

impl Tx<'_> {
    /// Stores a group.
    pub fn insert_group(&mut self, kind: &str, owner: UserId, properties: &Properties) -> Result<GroupId> {
        let (properties, now) = (text_of_properties(properties), self.micros());
        ask!(self, groups::insert(kind, owner.get(), &properties, now)).map(GroupId::new)
    }

    /// Makes a user a member of a group; `None` if it is one already.
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
}
