//! Queries of groups and memberships.

use super::{Tx, ask};
use crate::model::error::Result;
use crate::model::filter::{GroupFilter, MemberFilter};
use crate::model::group::{Group, Member};
use crate::model::id::{GroupId, MemberId};
use crate::model::page::{Page, PageRequest};
use crate::model::read_budget::ReadBudget;

/// The number of rows per query where no page limits it.
pub(super) const PART: usize = 100;

impl Tx<'_> {
    /// A page of groups, in order, with the total.
    pub fn groups(&mut self, filter: &GroupFilter, slice: &PageRequest) -> Result<Page<Group>> {
        let (total, rows) = ask!(self, group_pages::groups(filter, slice))?;
        Ok(Page::whole(rows.into_iter().map(Group::from).collect(), total))
    }

    /// A page of memberships, in order, with the total.
    pub fn group_members(&mut self, filter: &MemberFilter, slice: &PageRequest) -> Result<Page<Member>> {
        let (total, rows) = ask!(self, group_pages::members(filter, slice))?;
        Ok(Page::whole(rows.into_iter().map(Member::from).collect(), total))
    }

    /// The groups with these ids, by id; unknown ids are ignored.
    pub fn groups_of(&mut self, ids: &[GroupId]) -> Result<Vec<Group>> {
        if ids.is_empty() {
            return Ok(Vec::new());
        }
        let ids: Vec<_> = ids.iter().map(|id| id.get()).collect();
        Ok(ask!(self, group_pages::find(&ids))?.into_iter().map(Group::from).collect())
    }

    /// The memberships with these ids, by id; unknown ids are ignored.
    pub fn group_members_of(&mut self, ids: &[MemberId]) -> Result<Vec<Member>> {
        let ids: Vec<_> = ids.iter().map(|id| id.get()).collect();
        Ok(ask!(self, group_pages::find_members(&ids))?.into_iter().map(Member::from).collect())
    }

    /// The first `most` memberships that match, ordered by group and id. They are read in parts, as far as the budget
    /// allows.
    pub fn first_group_members(
        &mut self,
        filter: &MemberFilter,
        most: usize,
        budget: &mut ReadBudget,
    ) -> Result<Vec<Member>> {
        let mut members: Vec<Member> = Vec::new();
        loop {
            let after = members.last().map(|last| (last.group.get(), last.id.get()));
            let part = PART.min(most - members.len());
            let rows = ask!(self, group_pages::first_members(filter, after, i64::try_from(part).unwrap_or(i64::MAX)))?;
            let is_last = rows.len() < part;
            for row in rows {
                budget.take_included(row.size())?;
                members.push(row.into());
            }
            if is_last || members.len() >= most {
                return Ok(members);
            }
        }
    }
}
