//! Questions about groups and memberships.

use super::{Tx, ask};
use crate::model::error::Result;
use crate::model::filter::{GroupFilter, MemberFilter};
use crate::model::group::{Group, Member};
use crate::model::id::{GroupId, MemberId};
use crate::model::page::{Page, Slice};

impl Tx<'_> {
    /// The groups of a slice, in order, and how many match in all.
    pub fn groups(&mut self, filter: &GroupFilter, slice: &Slice) -> Result<Page<Group>> {
        let (total, rows) = ask!(self, group_pages::groups(filter, slice))?;
        Ok(Page { items: rows.into_iter().map(Group::from).collect(), total })
    }

    /// The memberships of a slice, in order, and how many match in all.
    pub fn group_members(&mut self, filter: &MemberFilter, slice: &Slice) -> Result<Page<Member>> {
        let (total, rows) = ask!(self, group_pages::members(filter, slice))?;
        Ok(Page { items: rows.into_iter().map(Member::from).collect(), total })
    }

    /// The groups of these ids, by id; ids that name none are passed over.
    pub fn groups_of(&mut self, ids: &[GroupId]) -> Result<Vec<Group>> {
        if ids.is_empty() {
            return Ok(Vec::new());
        }
        let ids: Vec<_> = ids.iter().map(|id| id.get()).collect();
        Ok(ask!(self, group_pages::find(&ids))?.into_iter().map(Group::from).collect())
    }

    /// The memberships of these ids, by id; ids that name none are passed over.
    pub fn group_members_of(&mut self, ids: &[MemberId]) -> Result<Vec<Member>> {
        let ids: Vec<_> = ids.iter().map(|id| id.get()).collect();
        Ok(ask!(self, group_pages::find_members(&ids))?.into_iter().map(Member::from).collect())
    }

    /// The first `most` memberships that match, group after group, each in the order of their ids.
    pub fn first_group_members(&mut self, filter: &MemberFilter, most: i64) -> Result<Vec<Member>> {
        Ok(ask!(self, group_pages::first_members(filter, most))?.into_iter().map(Member::from).collect())
    }
}
